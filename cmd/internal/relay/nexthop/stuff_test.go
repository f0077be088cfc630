package nexthop

import (
	"bytes"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"

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
		body, rest := peertest.Undot(wire.String())
		if body != want || rest != "" {
			t.Fatalf("%q became %q, rest %q; want %q", writes, body, rest, want)
		}
	})
}
