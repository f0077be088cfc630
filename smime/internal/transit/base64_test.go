package transit

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is written in lines is read again.
func TestBase64Writer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var out bytes.Buffer
		var want []byte
		w := NewBase64Writer(&out)
		for range rapid.IntRange(0, 5).Draw(t, "writes") {
			p := bytes.Repeat([]byte{rapid.Byte().Draw(t, "octet")}, rapid.IntRange(0, 20000).Draw(t, "size"))
			if n, err := w.Write(p); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
			want = append(want, p...)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		text := base64.StdEncoding.EncodeToString(want)
		var wrapped strings.Builder
		for len(text) > 76 {
			wrapped.WriteString(text[:76] + "\r\n")
			text = text[76:]
		}
		if text != "" {
			wrapped.WriteString(text + "\r\n")
		}
		if out.String() != wrapped.String() {
			t.Fatalf("%d octets were written as\n%s", len(want), out.String())
		}
	})
}
