package receiver_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"dnseal/receiver"
	"dnseal/smime/message"
)

// TestHostileHeaders: headers of a megabyte that are built to cost work. What takes time with the
// square of their length would take minutes to hours, and run into the time limit of the test run.
func TestHostileHeaders(t *testing.T) {
	t.Parallel()
	c := newCast(t)
	many := newPerson(t, "alice@example.org", "alice", person{}, func(x *x509.Certificate) {
		for i := range 2500 {
			x.EmailAddresses = append(x.EmailAddresses, fmt.Sprintf("m%d@mallory.example", i))
		}
	})
	signedPart := clear(bare, signedBy(bare, c.alice, nil))
	whole := header("alice@example.org") + signedPart
	from := func(value string) string { return "From: " + value + " <alice@example.org>\r\n" + signedPart }
	han := func() string {
		var b strings.Builder
		for i := range 200_000 {
			b.WriteRune(rune(0x4e00 + i%20_000))
		}
		return b.String()
	}()
	for _, tt := range []struct {
		name, text string
		want       receiver.Verdict
	}{
		{"From fields", strings.Repeat("From: a@b.example\r\n", 50_000) + whole, receiver.Policy},
		{"From addresses", "From: " + strings.Repeat("a@b.example,\r\n ", 60_000) + "a@b.example\r\n" + signedPart, receiver.Policy},
		{"nested comments", "From: " + strings.Repeat("(", 400_000) + strings.Repeat(")", 400_000) + " alice@example.org\r\n" + signedPart, receiver.Pass},
		{"addresses in the display name", from(`"` + strings.Repeat("alice@example.org ", 50_000) + `"`), receiver.Pass},
		{"quoted pairs and comments in the display name", from(`"` + strings.Repeat(`\@%4 (x)`, 100_000) + `"`), receiver.Pass},
		{"encoded words in encoded words", from(strings.Repeat("=?utf-8?q?=3D=3Futf-8=3Fq=3Fa=3F=3D?= x ", 20_000)), receiver.Pass},
		{"a From that cannot be read", "From: " + strings.Repeat(`\@=?utf-8?q?=40?=(x)%40"`, 700) + "\r\n" + signedPart, receiver.PermError},
		{"the same, longer", "From: " + strings.Repeat(`\@=?utf-8?q?=40?=(x)%40"`, 30_000) + "\r\n" + signedPart, receiver.PermError},
		{"ligatures in the display name", from(`"` + strings.Repeat("\ufdfa", 300_000) + `"`), receiver.Pass},
		{"encoded words", from(strings.Repeat("=?utf-8?q?a?= ", 60_000)), receiver.Pass},
		{"a domain of many characters", "From: alice@" + han + "\r\n" + signedPart, receiver.PermError},
		{"a display name with such a domain", from(`"x@` + han + `"`), receiver.Pass},
		{"Received fields", strings.Repeat("Received: from x by y; Tue, 24 Nov 2026 11:00:00 +0000\r\n", 18_000) + whole, receiver.Pass},
		{"forged results", strings.Repeat("Authentication-Results: mx.example.net; x\r\n", 24_000) + whole, receiver.Pass},
		{"a forged result of comments", "Authentication-Results: " + strings.Repeat("(", 1_000_000) + "\r\n" + whole, receiver.Pass},
		{"names in the certificate", header("alice@example.org") + clear(bare, signedBy(bare, many, func(sd *signedData) {
			for range 7 {
				sd.signers = append(sd.signers, sd.signers[0])
			}
		})), receiver.Pass},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dns := newFakeDNS()
			publish(t, dns.cached, c.alice)
			r, err := receiver.New(receiver.Options{Lookup: dns, AuthservID: "mx.example.net", Now: func() time.Time { return clock }})
			if err != nil {
				t.Fatal(err)
			}
			m := parse(t, tt.text)
			out := r.Handle(t.Context(), m, &message.Envelope{})
			defer out.Close()
			if out.Result != string(tt.want) {
				t.Errorf("%s, want %s (%.300v)", out.Result, tt.want, out.Attrs)
			}
			var after bytes.Buffer
			if _, err := m.WriteEdited(&after, out.Edit); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(after.String(), "mx.example.net; x"); n != 0 {
				t.Errorf("%d forged results left", n)
			}
		})
	}
}
