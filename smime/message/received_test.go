package message

import (
	"testing"
	"time"
)

func TestParseReceived(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]Received{
		"from a.example (a.example [192.0.2.1]) by mx.example.net with esmtps id 7 for <b@example.net>; Tue, 24 Nov 2026 11:00:00 +0100": {By: "mx.example.net", With: "ESMTPS", At: at},
		"from a.example (TLSv1.3; verified) BY mx.example.net; Tue, 24 Nov 2026 10:00:00 +0000 (UTC)":                                    {By: "mx.example.net", At: at},
		"by a.example by b.example with SMTP with LMTP; yesterday":                                                                       {By: "a.example", With: "SMTP"},
		"by mx.example.net; Tue, 24 Nov 2026 10:00:00 +0000 (UTC; the clock of the host)":                                                {By: "mx.example.net"},
		"by mx.example.net with SMTP;Tue, 24 Nov 2026 10:00:00 +0000 (a; b)":                                                             {By: "mx.example.net", With: "SMTP"},
		"by ; Tue, 24 Nov 2026 10:00:00 +0000 (a; b)":                                                                                    {},
		"from a.example by": {},
		"":                  {},
	} {
		if got := ParseReceived(value); got != want {
			t.Errorf("%q: %+v, want %+v", value, got, want)
		}
	}
}
