package entity

import (
	"strings"
	"testing"
)

// FuzzMediaType reads and writes Content-Type values.
func FuzzMediaType(f *testing.F) {
	for _, s := range []string{
		"text/plain", "text/plain; charset=utf-8", `multipart/mixed; boundary="a\"b"; x=y`, "a/b; (c) n*0=x; n*1=y", "a/b; n*=utf-8''%C3%BC", "text/plain (c; hp=clear", ";", "a/b; n=\"x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := ParseMediaType(s)
		if a.Ambiguous || a.Name == "" || strings.ContainsAny(s, "\r\n\x00") {
			return
		}
		b := ParseMediaType(a.String())
		if b.Name != a.Name || b.Ambiguous {
			t.Fatalf("%q became %q", s, a.String())
		}
		for _, p := range a.Params {
			if !strings.Contains(p.Name, "*") && IsASCII(p.Value) && b.Get(p.Name) != p.Value {
				t.Fatalf("%q became %q: %s", s, a.String(), p.Name)
			}
		}
	})
}
