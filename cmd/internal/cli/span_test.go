package cli

import (
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want time.Duration
		back string
	}{
		{"7d", 7 * day, "7d"},
		{"168h", 7 * day, "7d"},
		{"12h", 12 * time.Hour, "12h"},
		{"90m", 90 * time.Minute, "90m"},
		{"1h30m10s", 90*time.Minute + 10*time.Second, "1h30m10s"},
		{"0s", 0, ""},
		{"0d", 0, ""},
	} {
		s := Span(time.Second)
		if err := s.Set(tt.text); err != nil || time.Duration(s) != tt.want || s.String() != tt.back {
			t.Errorf("%s: %v %q, %v", tt.text, time.Duration(s), s.String(), err)
		}
	}
	for _, text := range []string{"", "3", "d", "-1h", "-1d", "1.5d", "65536d", "1d12h", "7 d", "9999999h9999999h"} {
		s := Span(time.Second)
		if err := s.Set(text); err == nil || time.Duration(s) != time.Second {
			t.Errorf("%q: %v, %v", text, time.Duration(s), err)
		}
	}
}
