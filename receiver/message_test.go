package receiver

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestRepeats: a report names the message by its header, decoded and cut to limits.
func TestRepeats(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 5000)
	m := read(t, "From: a@example.org\r\nTo: Bob <bob@example.net>, \"x, y\" <c@example.net>\r\nTo: d@example.net\r\n"+
		"Message-ID: <1@example.org>\r\nDate: Mon, 30 Nov 2026 01:02:03 +0100\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n\r\n")
	r := reportOn(m)
	if r.MessageID != "<1@example.org>" || r.Subject != "café" || r.Date == nil || r.Date.UTC().Hour() != 0 ||
		strings.Join(r.To, " ") != "bob@example.net c@example.net d@example.net" {
		t.Errorf("%q %q %v %q", r.MessageID, r.Subject, r.Date, r.To)
	}
	r = reportOn(read(t, "From: a@example.org\r\nSubject: "+long+"\xff\r\nDate: never\r\nTo: "+manyTo(200)+"b@example.org\r\n\r\n"))
	if n := utf8.RuneCountInString(r.Subject); n != maxRepeated || !utf8.ValidString(r.Subject) || r.Date != nil || len(r.To) != maxAddressed {
		t.Errorf("%d characters, %v, %d addresses", n, r.Date, len(r.To))
	}
}

// TestRepeatsOnce: an address in To is told once, in however many ways the field can be read.
func TestRepeatsOnce(t *testing.T) {
	t.Parallel()
	r := reportOn(read(t, "From: a@example.org\r\nTo: =?utf-8?B?15PXldeTINeb15TXnw==?= <bob@example.net>, c@example.net\r\nTo: bob@example.net\r\n\r\n"))
	if strings.Join(r.To, " ") != "bob@example.net c@example.net" {
		t.Errorf("%q", r.To)
	}
}

// manyTo are n addresses, each with a comma.
func manyTo(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "a%d@example.org,\r\n ", i)
	}
	return out.String()
}
