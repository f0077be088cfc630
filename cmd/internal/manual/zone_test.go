package manual

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestZoneCodesPage: dnseal-zone-codes(7) has every code of package zonecheck.
func TestZoneCodesPage(t *testing.T) {
	t.Parallel()
	page := zoneCodesPage()
	codes := codesIn(t, filepath.Join("..", "..", "..", "lookup", "zonecheck"))
	if len(codes) < 50 {
		t.Errorf("only %d codes in the package", len(codes))
	}
	for _, code := range codes {
		if !strings.Contains(page, ".BR "+roff(code)+" \" [") {
			t.Errorf("no entry for %q", code)
		}
	}
}
