package manual

import (
	"strings"
	"testing"

	"dnseal/cmd/internal/logline"
)

// TestLogPage: dnseal-log(5) has every field and every kind of line.
func TestLogPage(t *testing.T) {
	t.Parallel()
	page := logPage()
	for _, s := range logline.Sections {
		for _, f := range s.Fields {
			if !strings.Contains(page, "\n.B "+roff(f.Name)+"\n") {
				t.Errorf("no entry for %s", f.Name)
			}
		}
	}
	for _, e := range logline.Events {
		if !strings.Contains(page, "\n.B "+roff(e.Msg)) {
			t.Errorf("no entry for %q", e.Msg)
		}
	}
}
