package service

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	gomilter "github.com/d--j/go-milter"
	godkim "github.com/emersion/go-msgauth/dkim"

	"dnseal/cmd/internal/dkim"
	"dnseal/cmd/internal/worldtest"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// dkimConfig is a [dkim] with one key for example.org, and what verifies by it.
func (w *world) dkimConfig() (toml string, verified func(text string) error) {
	w.T.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(w.T, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	must(w.T, err)
	w.Write("dkim.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	k := dkim.Key{Domain: "example.org", Selector: "ed", Private: private}
	return "\n[dkim]\nsign = [{ domain = \"example.org\", selector = \"ed\", key = \"DIR/dkim.pem\" }]\n", func(text string) error {
		found, err := godkim.VerifyWithOptions(strings.NewReader(text), &godkim.VerifyOptions{LookupTXT: func(string) ([]string, error) { return []string{k.Record()}, nil }})
		if err == nil && len(found) != 1 {
			err = fmt.Errorf("%d signatures in\n%s", len(found), text)
		}
		if err == nil {
			err = found[0].Err
		}
		return err
	}
}

// TestDKIMRelay: a relay signs by DKIM what it signs by S/MIME, and what it passes on without; the
// log says so.
func TestDKIMRelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conf, verified := w.dkimConfig()
	w.config(worldtest.OneRelay + conf)
	r := w.start("relay")
	for from, want := range map[string]receiver.Verdict{"alice@example.org": receiver.Pass, "bob@example.org": receiver.None} {
		must(t, w.submit(from))
		got := <-w.Mailbox.Mail
		if v := w.verdict(got); v != want {
			t.Errorf("%s: the verdict is %s", from, v)
		}
		if err := verified(string(got)); err != nil {
			t.Errorf("%s: DKIM: %v", from, err)
		}
	}
	must(t, w.submit("carol@example.com"))
	if got := <-w.Mailbox.Mail; strings.Contains(string(got), "DKIM-Signature") {
		t.Errorf("another domain is signed:\n%s", got)
	}
	if n := strings.Count(r.log.String(), "dkim=example.org/ed"); n != 2 {
		t.Errorf("%d of 2 signatures are logged:\n%s", n, r.log)
	}
	must(t, r.stop())
}

// TestDKIMMilter: a milter puts its signatures on top, for those who submit; one that observes says
// what it would sign.
func TestDKIMMilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conf, _ := w.dkimConfig()
	w.config(oneMilter + conf)
	r := w.start("milter")
	m := w.connectMTA()
	for from, want := range map[string]bool{"alice@example.org": true, "bob@example.org": true, "carol@example.com": false} {
		acts, _ := m.send(from)
		signed := slices.ContainsFunc(acts, func(a gomilter.ModifyAction) bool { return a.HeaderName == "DKIM-Signature" })
		if signed != want {
			t.Errorf("%s: signed %t: %v", from, signed, acts)
		}
	}
	must(t, r.stop())
	w.config(oneMilter + "observe = true\n" + conf)
	r = w.start("milter")
	m = w.connectMTA()
	if acts, _ := m.send("alice@example.org"); len(acts) > 0 || !strings.Contains(r.log.String(), "would_dkim=example.org/ed") {
		t.Errorf("%v\n%s", acts, r.log)
	}
	must(t, r.stop())
}

// TestDKIMWho: a signature is for those who are known to submit and may use their From, and a key
// that fails is of class sign-failed.
func TestDKIMWho(t *testing.T) {
	t.Parallel()
	m, err := message.Read(strings.NewReader("From: a@example.org\r\n\r\nHi\r\n"), message.ReadOptions{})
	must(t, err)
	defer m.Close()
	key := dkim.Key{Domain: "example.org", Selector: "s", Private: noToken{ed25519.NewKeyFromSeed(make([]byte, 32))}}
	d := &dkimSigner{dkim.NewSigner([]dkim.Key{key}, "mx"), func(s message.Submitter) bool { return s.User != "" }, message.Defer, ""}
	user := &message.Envelope{Submitter: message.Submitter{User: "u"}}
	for _, c := range []struct {
		out  message.Outcome
		env  *message.Envelope
		want bool
	}{
		{message.Outcome{Action: message.Accept, Result: "signed"}, user, true},
		{message.Outcome{Action: message.Accept, Result: "unsigned"}, user, true},
		{message.Outcome{Action: message.Accept, Result: "not-allowed"}, user, false},
		{message.Outcome{Action: message.Accept, Result: "encrypted", Attrs: []slog.Attr{slog.String("class", "not-allowed")}}, user, false},
		{message.Outcome{Action: message.Accept, Result: "encrypted", Attrs: []slog.Attr{slog.String("class", "no-rule")}}, user, true},
		{message.Outcome{Action: message.Accept, Result: "unsigned"}, &message.Envelope{}, false},
		{message.Outcome{Action: message.Reject, Result: "no-rule"}, user, false},
		{message.Outcome{Action: message.Accept, Result: "observe:signed"}, user, false},
	} {
		if d.add(&c.out, m, c.env); (c.out.Finish != nil) != c.want {
			t.Errorf("%s of %+v: signed %t", c.out.Result, c.env.Submitter, !c.want)
		}
	}
	for action, reply := range map[message.Action]int{message.Defer: 451, message.Reject: 550, message.Accept: 0} {
		d.failed = action
		out := &message.Outcome{Action: message.Accept, Result: "signed"}
		d.add(out, m, user)
		_, err := out.Finish(t.Context(), m, nil)
		if (err == nil) != (action == message.Accept) || out.Action != action || out.Reply.Code != reply || len(out.Attrs) != 1 || !strings.Contains(out.Attrs[0].String(), "dkim_error=dkim: s._domainkey.example.org: no token") {
			t.Errorf("%s: %v, %+v", action, err, out)
		}
	}
}

type noToken struct{ ed25519.PrivateKey }

func (noToken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("no token")
}
