//go:build !submit

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeCompiles builds the Go snippets of README.md, each as a package of its own.
func TestReadmeCompiles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	must(t, err)
	imports := "import (\n\"context\"\n\"io\"\n\"dnseal/lookup\"\n\"dnseal/receiver\"\n\"dnseal/smime/message\"\n)\n"
	for i, snippet := range strings.Split(string(text), "```go\n")[1:] {
		code, _, _ := strings.Cut(snippet, "```")
		// An overlay gives the snippet a place inside the module, where no file is written.
		dir := t.TempDir()
		file := filepath.Join(dir, "snippet.go")
		must(t, os.WriteFile(file, []byte("package snippet\n"+imports+code+"var _ = verify\n"), 0o600))
		place, err := filepath.Abs(filepath.Join("..", "..", fmt.Sprintf("readme%d", i), "snippet.go"))
		must(t, err)
		overlay := filepath.Join(dir, "overlay.json")
		must(t, os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace":{%q:%q}}`, place, file), 0o600))
		cmd := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "./"+filepath.Base(filepath.Dir(place)))
		cmd.Dir = filepath.Dir(filepath.Dir(place))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("snippet %d: %v\n%s", i, err, out)
		}
	}
}
