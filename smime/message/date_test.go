package message

import (
	"strings"
	"testing"
	"time"
)

func TestDate(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for field, want := range map[string]time.Time{
		"Date: Tue, 24 Nov 2026 13:00:00 +0100":                             noon,
		"Date: 24 Nov 2026 12:00 -0000":                                     noon,
		"Date:\r\n Tue, 24 Nov 2026 12:00:00 GMT":                           noon,
		"Date: Tue, 24 Nov 2026 07:00:00 EST":                               noon,
		"Date: Tue, 24 Nov 2026 05:00:00 PDT":                               noon,
		"Date: Tue, 24 Nov 2026 12:00:00 UT":                                noon,
		"Date: Tue, 24 Nov 2026 08:00:00 EDT":                               noon,
		"Date: Tue, 24 Nov 2026 07:00:00 CDT":                               noon,
		"Date: Tue, 24 Nov 2026 06:00:00 CST":                               noon,
		"Date: Tue, 24 Nov 2026 06:00:00 MDT":                               noon,
		"Date: Tue, 24 Nov 2026 05:00:00 MST":                               noon,
		"Date: Tue, 24 Nov 2026 04:00:00 PST":                               noon,
		"Date: Tue, 24 Nov 2026 13:00:00 +0100 (Mitteleurop\xe4ische Zeit)": noon,
		"Date: Tue, 24 Nov 2026 13:00:00 MEZ":                               {},
		"Date: yesterday":                                                   {},
		"Date:":                                                             {},
		"Subject: no date":                                                  {},
		"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000": {},
	} {
		m, err := Read(strings.NewReader("From: a@example.org\r\n"+field+"\r\n\r\nx\r\n"), ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Date(); !got.Equal(want) || got.IsZero() != want.IsZero() {
			t.Errorf("%q: %v, want %v", field, got, want)
		}
		m.Close()
	}
}
