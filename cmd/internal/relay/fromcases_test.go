package relay

import (
	"context"
	"strings"
	"testing"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime/message"

	"dnseal/lookup/lookuptest/peertest"
)

// noDNS is a resolver without answers.
type noDNS struct{}

func (noDNS) Lookup(context.Context, string, dane.Type) *lookup.Result { return &lookup.Result{} }
func (noDNS) LookupFresh(context.Context, string, dane.Type) *lookup.Result {
	return &lookup.Result{}
}

// TestDomainBypass: unsigned mail whose From some readers show as of a domain that requires
// signatures is refused by the inbound relay as that which all show so.
func TestDomainBypass(t *testing.T) {
	t.Parallel()
	verifier, err := receiver.New(receiver.Options{Lookup: noDNS{}, AuthservID: "mx.example.net", Domains: []receiver.Domain{{
		Names: []string{"bank.example"}, Require: "signature", On: map[receiver.Class]message.Action{receiver.ClassNoSignature: message.Reject},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	r := startRelay(t, Options{Inbound: true, Recipients: []string{"example.net"}, Handler: verifier})
	for name, text := range peertest.Mail(t, "a-domain-bypass") {
		want := "550 5.7.1 From requires a signature by its owner over the whole message; sign it, or use your own address"
		if strings.HasPrefix(name, "control-accepted") {
			want = "250 "
		}
		if got := submitted(t, r.addr, text); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %s", name, got, want)
		}
	}
}

// TestFromUnreadable: mail that no rule names is passed on unsigned, however From is written, and
// refused with a word about From where a reader may be shown an address that a rule names.
func TestFromUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	relay := func(from string) string {
		signer, err := sender.New(sender.Options{
			Identities: func(name string) (*identity.Identity, error) { return identity.Load(dir, name) },
			Rules:      []sender.Rule{{Who: []string{"net:127.0.0.0/8"}, From: []string{from}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		next := (&scriptedHop{words: []string{"8BITMIME"}}).start(t)
		return startRelay(t, Options{NextHop: []string{next.address()}, Trusted: loopback, Handler: signer}).addr
	}
	billing, alice := relay("billing@example.org"), relay("*@example.org")
	for name, text := range peertest.Mail(t, "d-from-unreadable") {
		want := "250 "
		if strings.HasPrefix(name, "refused-") {
			want = "550 5.7.1 The From field"
		}
		if got := submitted(t, billing, text); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %s", name, got, want)
		}
		// The rule names this address too, and there is no identity but the one in lower
		// case.
		if got := submitted(t, alice, text); name == "capital-local-part" && !strings.HasPrefix(got, "550 5.7.1 The local part of From") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// submitted hands in a message and returns the reply to its content.
func submitted(t *testing.T, addr, text string) string {
	t.Helper()
	k := dial(t, addr)
	k.do("EHLO client.example", "250")
	k.do("MAIL FROM:<a@example.org> BODY=8BITMIME", "250")
	k.do("RCPT TO:<b@example.net>", "250")
	return k.content(text)
}
