package relay

import (
	"strings"
	"testing"
)

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"<a@b.c> SIZE=1", `<"a>\" b"@c.d>`, "<@x:a@b>", "<>", "<ä@ö> SMTPUTF8"} {
		f.Add(s)
	}
	f.Add("a@b.c SIZE=1")
	f.Fuzz(func(t *testing.T, s string) {
		path, params, ok := parsePath(s)
		if !ok {
			path, params, ok = parseUnbracketed(s)
		}
		if !ok {
			return
		}
		line := "<" + path + ">"
		for _, p := range params {
			line += " " + p.String()
		}
		if strings.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("%q goes on as %q", s, line)
		}
		again, params2, ok := parsePath(line)
		if !ok || again != path || len(params2) != len(params) {
			t.Errorf("%q goes on as %q, which is read as %q %v %v", s, line, again, params2, ok)
		}
	})
}
