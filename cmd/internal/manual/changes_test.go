package manual

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"dnseal/smime"
)

// TestChanges: dnseal-verdicts(7) has every word of explain, once.
func TestChanges(t *testing.T) {
	t.Parallel()
	var words []smime.Change
	for _, c := range changes {
		words = append(words, c.word)
	}
	var all []smime.Change
	for _, folder := range []string{"smime", "smime/internal/undo"} {
		files, err := filepath.Glob(filepath.Join("../../..", folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`\tChange\w+ +Change += "([^"]+)"`).FindAllSubmatch(source, -1) {
				all = append(all, smime.Change(m[1]))
			}
		}
	}
	slices.Sort(words)
	slices.Sort(all)
	if !slices.Equal(words, all) {
		t.Errorf("the page has %q, want %q", words, all)
	}
}
