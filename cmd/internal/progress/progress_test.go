package progress

import (
	"bytes"
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		width, done, total int
		want               string
	}{
		{80, 150, 300, "[" + strings.Repeat("=", 20) + strings.Repeat(" ", 20) + "] 150 of 300 messages"},
		{80, 300, 300, "[" + strings.Repeat("=", 40) + "] 300 of 300 messages"},
		{24, 1, 2, "1 of 2 messages"},
		{80, 0, 0, "0 of 0 messages"},
	} {
		b := &Bar{width: tt.width, done: tt.done, total: tt.total, what: "messages"}
		if got := b.line(); got != tt.want {
			t.Errorf("%d of %d in %d columns: %q, want %q", tt.done, tt.total, tt.width, got, tt.want)
		}
	}
}

// TestBar draws at most ten times a second, and clears what it drew.
func TestBar(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := &Bar{w: &out, width: 80, what: "messages"}
	b.Expect(1000)
	for range 1000 {
		b.Done(1)
	}
	// a machine that takes ten seconds for this would be a very slow one
	if n := strings.Count(out.String(), "\r"); n == 0 || n > 100 {
		t.Errorf("drawn %d times for 1000 messages", n)
	}
	b.Clear()
	if !strings.HasSuffix(out.String(), "\r\x1b[K") {
		t.Errorf("not cleared: %q", out.String())
	}
}

// TestNoTerminal: nothing is shown where nobody looks.
func TestNoTerminal(t *testing.T) {
	t.Parallel()
	b := New(&bytes.Buffer{}, "messages")
	b.Expect(1)
	b.Done(1)
	b.Clear()
	if b != nil {
		t.Error("a bar for a buffer")
	}
}
