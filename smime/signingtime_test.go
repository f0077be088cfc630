package smime

import (
	"fmt"
	"testing"
	"time"

	"dnseal/smime/cms"
)

// Thunderbird calls a signature invalid whose time is more than 3600 seconds from Date, or without
// a Date that it can read: such a message is signed without a time.
func TestSigningTime(t *testing.T) {
	t.Parallel()
	in := func(seconds int) string {
		return "Date: " + signedAt.Add(time.Duration(seconds)*time.Second).Format(time.RFC1123Z) + "\r\n"
	}
	for _, c := range []struct {
		header string
		stated bool
	}{
		{in(0), true},
		{in(3600), true},
		{in(-3600), true},
		{in(3601), false},
		{in(-3601), false},
		{in(400 * 24 * 3600), false},
		{"Date: Tue, 24 Nov 2026 05:00:00 -0500 (EST)\r\n", true},
		{"Date: 24 Nov 26 10:00 GMT\r\n", true},
		{"Date: Tue, 24 Nov 2026 10:00:00 XYZ\r\n", false},
		{"Date: now\r\n", false},
		{"Date:\r\n", false},
		{"", false},
		{in(0) + in(0), false},
	} {
		for _, opaque := range []bool{false, true} {
			var result SignResult
			signed := sign(t, "From: a@example.org\r\n"+c.header+"\r\nx\r\n", SignOptions{Opaque: opaque, FullSelfCheck: true, Result: &result})
			want := time.Time{}
			if c.stated {
				want = signedAt
			}
			if s := holds(t, signed).Signatures[0]; !s.SigningTime.Equal(want) || result.NoSigningTime == c.stated {
				t.Errorf("%q, opaque %v: signing time %v, left out %v", c.header, opaque, s.SigningTime, result.NoSigningTime)
			}
		}
	}
}

// The time is needed even where it is not stated.
func TestSigningTimeRequired(t *testing.T) {
	t.Parallel()
	for _, date := range []string{"", fmt.Sprintf("Date: %s\r\n", signedAt.Format(time.RFC1123Z))} {
		m := mustRead(t, "From: a@example.org\r\n"+date+"\r\nx\r\n")
		if _, err := Sign(t.Context(), m, SignOptions{Signers: []cms.Signer{alice()}}); err == nil {
			t.Errorf("%q: signed without a time", date)
		}
	}
}
