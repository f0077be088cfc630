package message

import (
	"net/mail"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// FuzzAddresses compares ParseAddressList with net/mail: of the lists that both read, none has
// another address in one than in the other. What only one of them reads is allowed: net/mail
// refuses comments around the @ and dots (obsolete syntax, RFC 5322, Section 4.4) and unknown
// charsets, and accepts domains that no host has. Of the same address these differences of form are
// allowed, and undone here: net/mail keeps the case of a domain, and U-labels in it, where ours are
// lower-case A-labels; and it does not bring a local part into NFC.
func FuzzAddresses(f *testing.F) {
	for _, s := range []string{
		"alice@example.org", `"a b"@example.org`, "Alice <alice@Example.ORG>, bob@example.org",
		"=?utf-8?q?Alice?= <alice@example.org>", "Group: a@example.org, b@example.org;", "Nobody:;",
		`"bob@example.org" <alice@example.org>`, "a@[192.0.2.1]", "a.b.c@bücher.example",
		"alice@example.org (Alice)", "Alice\r\n <alice@example.org>", "<@relay.example:alice@example.org>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		theirs, err := mail.ParseAddressList(s)
		if err != nil {
			return
		}
		ours, err := ParseAddressList(s)
		if err != nil {
			return
		}
		if len(ours) != len(theirs) {
			t.Fatalf("%q: %d addresses, net/mail reads %d", s, len(ours), len(theirs))
		}
		for i, a := range theirs {
			at := strings.LastIndexByte(a.Address, '@')
			domain, err := normalDomain(a.Address[at+1:])
			if err != nil {
				t.Fatalf("%q: the domain of %q: %v", s, a.Address, err)
			}
			if want := (Address{Local: norm.NFC.String(a.Address[:at]), Domain: domain}); ours[i] != want {
				t.Fatalf("%q: %+v, net/mail reads %+v", s, ours[i], want)
			}
		}
	})
}
