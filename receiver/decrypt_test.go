package receiver_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/receiver"
	"dnseal/smime"
	cmsenveloped "dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

// TestHandleDecrypted: who gets a message decrypted, and with which result.
func TestHandleDecrypted(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bob := &x509.Certificate{SerialNumber: big.NewInt(1), RawIssuer: []byte{0x30, 0}, PublicKey: key.Public()}
	if bob.RawSubjectPublicKeyInfo, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
		t.Fatal(err)
	}
	sealed := func(cipher cmsenveloped.Cipher) string {
		to := &smime.EncryptOptions{Recipients: []cmsenveloped.Recipient{{Certificate: bob}}, Cipher: cipher}
		return signed(t, mail("alice@example.org"), smime.SignOptions{Encrypt: to}, c.alice)
	}
	cbc, gcm := sealed(""), sealed(cmsenveloped.AES128GCM)
	damaged := flipLast(gcm)
	const pass = "Authentication-Results: mx.example.net; smime=pass\r\n (DANE-EE 3 1 1, DNSSEC secure, header protected, decrypted "
	for _, tt := range []struct {
		name, text    string
		rcpt          []string
		oneForm       bool
		keep          error
		action        message.Action
		edit, form    string // how the message then begins for those in no form, and in one
		clear, clear2 bool   // it is readable
	}{
		{name: "for him", text: cbc, rcpt: []string{"bob@example.net"}, action: message.Accept, edit: pass + "aes-128-cbc without", clear: true},
		{name: "authenticated", text: gcm, rcpt: []string{"bob@example.net"}, oneForm: true, action: message.Accept, edit: pass + "aes-128-gcm)", clear: true},
		{name: "for others", text: cbc, rcpt: []string{"carol@example.org"}, action: message.Accept, edit: "Authentication-Results: mx.example.net; smime=none (encrypted)"},
		{name: "for both", text: cbc, rcpt: []string{"carol@example.org", "bob@example.net"}, action: message.Accept, edit: "Authentication-Results: mx.example.net; smime=none (encrypted)", form: pass, clear2: true},
		{name: "for both in one form", text: cbc, rcpt: []string{"carol@example.org", "bob@example.net"}, oneForm: true, action: message.Accept, edit: "Authentication-Results: mx.example.net; smime=none (encrypted)"},
		{name: "damaged", text: damaged, rcpt: []string{"bob@example.net"}, action: message.Accept, edit: "Authentication-Results: mx.example.net; smime=none (encrypted)"},
		{name: "not kept", text: cbc, rcpt: []string{"bob@example.net"}, keep: errors.New("disk full"), action: message.Defer, edit: "Authentication-Results: mx.example.net; smime=temperror"},
		{name: "not encrypted", text: mail("alice@example.org"), rcpt: []string{"bob@example.net"}, action: message.Accept, edit: "Authentication-Results: mx.example.net; smime=none\r\n", clear: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dns := newFakeDNS()
			publish(t, dns.cached, c.alice)
			pattern, err := message.ParsePattern("*@example.net")
			if err != nil {
				t.Fatal(err)
			}
			kept := 0
			r, err := receiver.New(receiver.Options{
				Lookup: dns, AuthservID: "mx.example.net", Now: func() time.Time { return clock },
				Decrypt: smime.DecryptOptions{Keys: []cmsenveloped.Key{{Private: key, Certificate: bob}}},
				Deliver: receiver.Decryption{
					For:  pattern.MatchAddress,
					Keep: func(context.Context, *message.Message) error { kept++; return tt.keep },
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			m := parse(t, tt.text)
			out := r.Handle(t.Context(), m, &message.Envelope{Rcpt: tt.rcpt, OneForm: tt.oneForm})
			defer out.Close()
			if out.Action != tt.action || (len(out.Forms) > 0) != (tt.form != "") {
				t.Fatalf("%s, %d forms (%v)", out.Action, len(out.Forms), out.Attrs)
			}
			check := func(edit *message.Edit, begins string, clear bool) {
				var after bytes.Buffer
				if _, err := m.WriteEdited(&after, edit); err != nil {
					t.Fatal(err)
				}
				if got := after.String(); !strings.HasPrefix(got, begins) || strings.Contains(got, "100 euros") != clear {
					t.Errorf("the message is:\n%s", got)
				}
			}
			check(out.Edit, tt.edit, tt.clear)
			for _, f := range out.Forms {
				check(f.Edit, tt.form, tt.clear2)
				if !slices.Equal(f.Rcpt, []string{"bob@example.net"}) {
					t.Errorf("for %q", f.Rcpt)
				}
			}
			if opened := tt.clear && tt.text != mail("alice@example.org") || tt.clear2 || tt.keep != nil; (kept == 1) != opened {
				t.Errorf("kept %d times", kept)
			}
		})
	}
}

// flipLast changes a letter near the end of a base64 body.
func flipLast(msg string) string {
	at := len(msg) - 30
	other := byte('A')
	if msg[at] == other {
		other = 'B'
	}
	return msg[:at] + string(other) + msg[at+1:]
}
