package manual

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/sender/identity"
)

// TestConfigExamples: each example of dnseal.toml(5) is a configuration that loads, with a folder
// of this test.
func TestConfigExamples(t *testing.T) {
	t.Parallel()
	for _, e := range configExamples {
		dir := t.TempDir()
		if _, err := identity.Create(filepath.Join(dir, "keys"), "alice@example.org", identity.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(e.text, "/var/lib/dnseal/identities", filepath.Join(dir, "keys"))
		file := filepath.Join(dir, "dnseal.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(file); err != nil {
			t.Errorf("%s %v", e.purpose, cli.Plain(err))
		}
	}
}

// TestWhatToDo: each code has a remedy.
func TestWhatToDo(t *testing.T) {
	t.Parallel()
	for _, q := range verdictCodes {
		for _, c := range q.codes {
			if c.do == "" && c.word != "ca-not-in-message" {
				t.Errorf("%s: nothing to do", c.word)
			}
		}
	}
	for _, causes := range dnsCauses {
		for _, c := range causes.words {
			if c.do == "" {
				t.Errorf("%s: nothing to do", c.word)
			}
		}
	}
	for _, c := range signingCodes {
		if c.do == "" {
			t.Errorf("%s: nothing to do", c.word)
		}
	}
}
