package submitfile

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestRead(t *testing.T) {
	t.Parallel()
	got, err := Read(strings.NewReader("# a comment\n\nserver = \"relay.example.net\" # another\n\tspool-bytes=4_000_000\nopaque = true\nroots = 'C:\\x'\nfrom = \"a\\\"b\"\r\n"))
	want := []Setting{{"server", "relay.example.net", 3}, {"spool-bytes", "4000000", 4}, {"opaque", "true", 5}, {"roots", `C:\x`, 6}, {"from", `a"b`, 7}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for in, want := range map[string]string{
		"x":                            "line 1: want key",
		"\nserver = relay":             "line 2: want key",
		"[relay]":                      "line 1: want key",
		"a = 1.5":                      "line 1: want key",
		"a = -1":                       "line 1: want key",
		"a = 1\na = 2":                 "line 2: a stands twice",
		`a = "x`:                       "line 1: the quotation mark at the end is missing",
		`a = "\u0041"`:                 `line 1: after \ want one of`,
		`a = """x"""`:                  "line 1: want key",
		`a = ["x"]`:                    "line 1: want key",
		"a.b = 1":                      "line 1: want key",
		"a = \"\xff\"":                 "line 1: it is not UTF-8",
		strings.Repeat("# x\n", 20000): "the file is larger than 65536 bytes",
		"a = 1\r":                      "line 1: want key",
	} {
		if got, err := Read(strings.NewReader(in)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: %v, %v, want %s", in, got, err, want)
		}
	}
}

// FuzzRead: what is accepted is TOML, and means the same there.
func FuzzRead(f *testing.F) {
	f.Add("server = \"relay.example.net\" # x\nspool-bytes = 4_000\nopaque = true\nroots = 'C:\\x'\n")
	f.Add("a = \"\\\"\\\\\"\r\nb=\"\"\n")
	f.Add("a = ''\nb = 0\n")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := Read(strings.NewReader(in))
		if err != nil {
			return
		}
		var want map[string]any
		if _, err := toml.Decode(in, &want); err != nil {
			t.Fatalf("%q is no TOML: %v", in, err)
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %v, %v", in, got, want)
		}
		for _, s := range got {
			if fmt.Sprint(want[s.Key]) != s.Value {
				t.Fatalf("%q: %+v, %v", in, s, want[s.Key])
			}
		}
	})
}
