package mailbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkWalk finds the messages of an mbox of 20,000 messages of 4 KiB, and of one whose
// messages say how long they are.
func BenchmarkWalk(b *testing.B) {
	for _, kind := range []string{"plain", "content-length"} {
		b.Run(kind, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "box")
			body := strings.Repeat(strings.Repeat("x", 70)+"\n", 55)
			var text strings.Builder
			for i := range 20000 {
				fmt.Fprintf(&text, "From alice@example.org Sat Nov 28 20:00:00 2026\nFrom: alice@example.org\nSubject: %d\n", i)
				if kind == "content-length" {
					fmt.Fprintf(&text, "Content-Length: %d\n", len(body))
				}
				text.WriteString("\n" + body + "\n")
			}
			if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				if err := Walk(path, func(Message) error { n++; return nil }); err != nil || n != 20000 {
					b.Fatal(n, err)
				}
			}
		})
	}
}
