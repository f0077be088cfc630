package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// FuzzParse: no text makes the reader panic, every mistake has its place in the text, and every key
// that the decoder sees outside inline tables is found by places, too.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/mistakes/*.toml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("a = \"\"\"x\"\"\"\"\nb = 1\n")
	f.Add("a.\"b\".'c' = \"\"\"\n[x]\n\"\"\" # \"\n[[t]]\n[t.u]\nv = [[1,\n2], '''\n]''']\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines := 1 + strings.Count(text, "\n")
		_, n := parse(text, "f")
		for _, m := range n.found {
			if m.Line < 0 || m.Line > lines || strings.ContainsAny(m.Text, "\r\n") {
				t.Errorf("mistake %q at line %d of %d", m.Text, m.Line, lines)
			}
		}
		var any map[string]any
		meta, err := toml.Decode(text, &any)
		if err != nil || strings.ContainsAny(text, "{\\") {
			return
		}
		seen := map[string]bool{}
		for _, p := range places(text) {
			seen[p.bare] = true
		}
		for _, key := range meta.Keys() {
			if bare := strings.Join(key, "."); !seen[bare] && !strings.ContainsAny(bare, "[].") {
				t.Errorf("places does not find %q", bare)
			}
		}
	})
}
