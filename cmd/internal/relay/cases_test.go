package relay

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// TestCases hands in the messages whose text was lost, which were deferred for ever, or which went
// opaque for no reason: each is signed so that it passes, or is refused for good.
func TestCases(t *testing.T) {
	t.Parallel()
	id, err := identity.Create(t.TempDir(), "alice@example.org", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	resolver := publish(t, id)
	signer, err := sender.New(sender.Options{
		Identities: func(string) (*identity.Identity, error) { return id, nil },
		Rules:      []sender.Rule{{Who: []string{"net:127.0.0.0/8"}, From: []string{"alice@example.org"}}}, Lookup: resolver,
	})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := receiver.New(receiver.Options{Lookup: resolver})
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("../../../testdata/cases/mail/[bej]-*/*.eml")
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		hop := &scriptedHop{}
		want := "554 5.6.3" // unsigned, and not to be converted
		switch filepath.Base(name) {
		case "root-name-twice.eml":
			want = "550 5.6.0 Message cannot be signed: Content-Type can be read in two ways"
		case "7-wrong.eml", "7-premature.eml":
		default:
			want, hop.words = "250", []string{"8BITMIME"}
		}
		hop.start(t)
		r := startRelay(t, Options{NextHop: []string{hop.address()}, Trusted: loopback, Handler: signer, SevenBit: sevenBitOrNone})
		k := dial(t, r.addr)
		k.do("EHLO c", "250")
		k.do("MAIL FROM:<alice@example.org> BODY=8BITMIME", "250")
		k.do("RCPT TO:<b@example.net>", "250")
		if reply := k.content(string(raw)); !strings.HasPrefix(reply, want) {
			t.Errorf("%s: reply = %q, want %s", name, reply, want)
		}
		if want != "250" {
			continue
		}
		if got := hop.got()[0].data; !strings.Contains(got, "multipart/signed") || verdictOf(t, verifier, got) != receiver.Pass {
			t.Errorf("%s: %s, want pass:\n%s", name, verdictOf(t, verifier, got), got)
		}
	}
}

// sevenBitOrNone is the conversion as the program wires it.
func sevenBitOrNone(ctx context.Context, m *message.Message) (*message.Edit, error) {
	edit, err := smime.SevenBit(ctx, m)
	if _, ok := errors.AsType[*smime.ContentError](err); ok {
		return nil, ErrEightBit
	}
	return edit, err
}
