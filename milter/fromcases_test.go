//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	gomilter "github.com/d--j/go-milter"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/smime/message"
)

// TestDomainBypass: unsigned mail whose From some readers show as of a domain that requires
// signatures is refused by the verifying milter as that which all show so.
func TestDomainBypass(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	r := serve(t, Options{Handler: always(o.verifier(receiver.Options{Domains: []receiver.Domain{{
		Names: []string{"bank.example"}, Require: "signature", On: map[receiver.Class]message.Action{receiver.ClassNoSignature: message.Reject},
	}}}).Handle)})
	for name, raw := range peertest.Mail(t, "a-domain-bypass") {
		_, a := r.connect(t).send(mail{from: "x@example.com", raw: raw})
		refused := a.Type == gomilter.ActionRejectWithCode && a.SMTPCode == 550
		if accepted := a.Type == gomilter.ActionAccept; accepted != strings.HasPrefix(name, "control-accepted") || refused == accepted {
			t.Errorf("%s: %v", name, a)
		}
	}
}

// alices are the cases of d-from-unreadable in which all readers find alice@example.org.
var alices = []string{
	"address-as-name", "at-in-name", "brackets", "colon", "comma", "latin1-name", "mailto", "paren-escaped", "same-twice",
	"sender-local-only", "sender-no-domain", "single-quoted-address",
}

// TestFromUnreadable: mail that no rule names is passed on unsigned, however From is written, and
// refused with a word about From where a reader may be shown an address that a rule names. Where
// all readers find the same address, its rule signs.
func TestFromUnreadable(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	submitters := []string{"net:192.0.2.0/24"}
	billing := []sender.Rule{{Who: submitters, From: []string{"billing@example.org"}}}
	alice := []sender.Rule{{Who: submitters, From: []string{author}}}
	for name, raw := range peertest.Mail(t, "d-from-unreadable") {
		want := "accepted"
		if strings.HasPrefix(name, "refused-") {
			want = "550 The From field"
		}
		if got := o.signs(t, billing, raw); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if got := o.signs(t, alice, raw); (got == "signed") != slices.Contains(alices, name) {
			t.Errorf("%s: %s", name, got)
		} else if name == "capital-local-part" && !strings.HasPrefix(got, "550 The local part of From") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// signs hands a message to a signing milter and says what becomes of it.
func (o *office) signs(t *testing.T, rules []sender.Rule, raw string) string {
	t.Helper()
	r := serve(t, Options{Handler: always(o.signer(sender.Options{Rules: rules}).Handle)})
	changes, a := r.connect(t).send(mail{from: author, raw: raw})
	for _, c := range changes {
		if c.Type == gomilter.ActionReplaceBody {
			return "signed"
		}
	}
	if a.Type == gomilter.ActionAccept {
		return "accepted"
	}
	_, text, _ := strings.Cut(a.SMTPReply, " 5.7.1 ")
	return fmt.Sprintf("%d %s", a.SMTPCode, text)
}
