package nexthop

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestStufferProperty checks that what the stuffer writes is read back as it was, however it was
// cut.
func TestStufferProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		writes := rapid.SliceOfN(rapid.SampledFrom([]string{"\r\n", "\r", "\n", ".", "\r\n.", "a", "\n.", ".\r\n", ""}), 0, 40).Draw(t, "writes")
		var wire bytes.Buffer
		s := newStuffer(&wire)
		for _, w := range writes {
			if n, err := s.Write([]byte(w)); n != len(w) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		want := strings.Join(writes, "")
		if want != "" && !strings.HasSuffix(want, "\r\n") {
			want += "\r\n"
		}
		body, rest := slowData(wire.String())
		if body != want || rest != "" {
			t.Fatalf("%q became %q, rest %q; want %q", writes, body, rest, want)
		}
	})
}

// slowData is RFC 5321, Section 4.5.2 line by line, where only CRLF ends a line.
func slowData(s string) (body, rest string) {
	var b strings.Builder
	for {
		line, more, _ := strings.Cut(s, "\r\n")
		if line == "." {
			return b.String(), more
		}
		b.WriteString(strings.TrimPrefix(line, ".") + "\r\n")
		s = more
	}
}
