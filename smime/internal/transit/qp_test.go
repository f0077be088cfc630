package transit

import (
	"bytes"
	"testing"
)

// Every octet at every place of the words that are looked at together.
func TestLiteralLength(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		for at := range 20 {
			b := bytes.Repeat([]byte("a"), 20)
			b[at] = byte(c)
			want := at
			if qpLiteral[c] {
				want = len(b)
			}
			if n := literalLength(b); n != want {
				t.Fatalf("octet %#x at %d: %d, want %d", c, at, n, want)
			}
		}
	}
}
