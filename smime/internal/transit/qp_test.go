package transit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"dnseal/smime/internal/entity"
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

// FuzzQuotedPrintable wants the encoder's output to decode to its input, and to be safe.
func FuzzQuotedPrintable(f *testing.F) {
	for _, s := range []string{"Grüße \r\n", "From x\r\n.\r\n", strings.Repeat("x ", 60), "a=b=\r\n=3d\r\n", "\x00\xff\r"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, repair bool) {
		var out bytes.Buffer
		q := QPWriter{W: &out, Repair: repair}
		lines := entity.NewLineReader(context.Background(), strings.NewReader(s), 0, int64(len(s)))
		defer lines.Close()
		var canonical strings.Builder
		for {
			l, err := lines.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err = errors.Join(err, q.Line(l), writeCanonical(&canonical, l)); err != nil {
				t.Fatal(err)
			}
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		var m entity.Meter
		check := entity.NewLineReader(context.Background(), bytes.NewReader(out.Bytes()), 0, int64(out.Len()))
		defer check.Close()
		for l, err := check.Next(); err == nil; l, err = check.Next() {
			m.Add(l)
		}
		if m.Hazards != 0 {
			t.Fatalf("%q became %q: %s", s, out.String(), m.Hazards)
		}
		if repair {
			return
		}
		got, err := io.ReadAll(quotedprintable.NewReader(&out))
		if err != nil || string(got) != canonical.String() {
			t.Fatalf("%q decodes to %q, %v", canonical.String(), got, err)
		}
	})
}
