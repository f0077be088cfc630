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
				Deliver: receiver.Decryption{
					For: func(a message.Address) []string {
						if pattern.MatchAddress(a) {
							return []string{"bob"}
						}
						return nil
					},
					Keys: func(string) []cmsenveloped.Key { return []cmsenveloped.Key{{Private: key, Certificate: bob}} },
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

// TestHandleDecryptedForOthers: who may have mail decrypted does not get others' mail decrypted,
// also not by naming himself beside them, and the one form of a milter is for nobody who cannot.
func TestHandleDecryptedForOthers(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	keys := map[string]cmsenveloped.Key{}
	for i, name := range []string{"bob", "eve", "shared"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		cert := &x509.Certificate{SerialNumber: big.NewInt(int64(i)), RawIssuer: []byte{0x30, 0}, PublicKey: key.Public()}
		if cert.RawSubjectPublicKeyInfo, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
			t.Fatal(err)
		}
		keys[name] = cmsenveloped.Key{Private: key, Certificate: cert}
	}
	for _, tt := range []struct {
		to, rcpt, shared string
		around           string // who can open another encryption around it; "": there is none
		oneForm          bool
		clear            string // who can read it
		kept             int
	}{
		{to: "bob", rcpt: "bob", clear: "bob", kept: 1},
		{to: "bob", rcpt: "eve"},
		{to: "bob", rcpt: "eve bob", clear: "bob", kept: 1},
		{to: "bob", rcpt: "bob eve", clear: "bob", kept: 1},
		{to: "bob", rcpt: "bob eve", oneForm: true},
		{to: "bob eve", rcpt: "bob eve", clear: "bob eve", kept: 1},
		{to: "bob eve", rcpt: "bob eve", oneForm: true, clear: "bob eve", kept: 1},
		{to: "bob eve", rcpt: "bob eve carol", clear: "bob eve", kept: 1},
		{to: "bob eve", rcpt: "shared eve carol bob", clear: "eve bob", kept: 1},
		{to: "bob eve", rcpt: "carol bob eve", oneForm: true},
		{to: "shared", rcpt: "bob eve", clear: ""},
		{to: "bob eve", around: "bob eve", rcpt: "bob eve", clear: "bob eve", kept: 1},
		{to: "bob", around: "bob eve", rcpt: "bob eve", clear: "bob", kept: 1},
		{to: "bob eve", around: "bob", rcpt: "eve bob", clear: "bob", kept: 1},
		{to: "bob", around: "eve", rcpt: "eve bob"}, // only both together
		{to: "shared", rcpt: "bob eve", shared: "shared", clear: "bob eve", kept: 1},
		{to: "shared", rcpt: "bob eve", shared: "shared", oneForm: true, clear: "bob eve", kept: 1},
	} {
		dns := newFakeDNS()
		publish(t, dns.cached, c.alice)
		kept := 0
		r, err := receiver.New(receiver.Options{
			Lookup: dns, AuthservID: "mx.example.net", Now: func() time.Time { return clock },
			Deliver: receiver.Decryption{
				For: func(a message.Address) (names []string) {
					if _, there := keys[a.Local]; there {
						names = append(names, a.Local)
					}
					if tt.shared != "" {
						names = append(names, tt.shared)
					}
					return names
				},
				Keys: func(name string) []cmsenveloped.Key { return []cmsenveloped.Key{keys[name]} },
				Keep: func(context.Context, *message.Message) error { kept++; return nil },
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		to := func(who string) *smime.EncryptOptions {
			opts := &smime.EncryptOptions{Cipher: cmsenveloped.AES128GCM, Again: true}
			for name := range strings.FieldsSeq(who) {
				opts.Recipients = append(opts.Recipients, cmsenveloped.Recipient{Certificate: keys[name].Certificate})
			}
			return opts
		}
		m := parse(t, signed(t, mail("alice@example.org"), smime.SignOptions{Encrypt: to(tt.to)}, c.alice))
		if tt.around != "" {
			m = parse(t, encryptedAgain(t, m, *to(tt.around)))
		}
		env := &message.Envelope{OneForm: tt.oneForm}
		for name := range strings.FieldsSeq(tt.rcpt) {
			env.Rcpt = append(env.Rcpt, name+"@example.net")
		}
		out := r.Handle(t.Context(), m, env)
		if len(out.Forms) > 1 {
			t.Errorf("%+v: %d forms of one content", tt, len(out.Forms))
		}
		var clear []string
		for _, rcpt := range env.Rcpt {
			edit := out.Edit
			for _, f := range out.Forms {
				if slices.Contains(f.Rcpt, rcpt) {
					edit = f.Edit
				}
			}
			var after bytes.Buffer
			if _, err := m.WriteEdited(&after, edit); err != nil {
				t.Fatal(err)
			}
			pass := strings.HasPrefix(after.String(), "Authentication-Results: mx.example.net; smime=pass")
			if strings.Contains(after.String(), "100 euros") != pass {
				t.Errorf("%+v: %s gets\n%s", tt, rcpt, after.String())
			}
			if pass {
				clear = append(clear, strings.TrimSuffix(rcpt, "@example.net"))
			}
		}
		if got := strings.Join(clear, " "); got != tt.clear || kept != tt.kept || out.Action != message.Accept {
			t.Errorf("%+v: %s, %q can read it, kept %d times", tt, out.Action, got, kept)
		}
		_ = out.Close()
	}
}

// encryptedAgain is a message encrypted once more.
func encryptedAgain(t *testing.T, m *message.Message, opts smime.EncryptOptions) string {
	t.Helper()
	edit, err := smime.Encrypt(t.Context(), m, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer edit.Close()
	var out bytes.Buffer
	if _, err = m.WriteEdited(&out, edit); err != nil {
		t.Fatal(err)
	}
	return out.String()
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
