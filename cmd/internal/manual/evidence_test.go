package manual

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"dnseal/receiver/evidence"
)

// TestEvidencePage: dnseal-evidence(5) has every field of every line, and no other.
func TestEvidencePage(t *testing.T) {
	t.Parallel()
	types := map[string][]any{
		"header": {evidence.Header{}}, "anchors": nil, "policy": {evidence.Policy{}, evidence.Domain{}}, "set": {evidence.Set{}},
		"lookup": {evidence.Lookup{}}, "message": {evidence.Message{}}, "seal": {evidence.Seal{}},
	}
	page := evidencePage()
	for _, l := range evidenceLines {
		var want, got []string
		for _, v := range types[l.name] {
			for f := range reflect.TypeOf(v).Fields() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				want = append(want, name)
			}
		}
		for _, f := range l.fields {
			got = append(got, f.name)
			if !strings.Contains(page, ".B "+roff(f.name)+"\n") {
				t.Errorf("%s: no %s", l.name, f.name)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("line %s: fields %q, want %q", l.name, got, want)
		}
		delete(types, l.name)
	}
	if len(types) > 0 {
		t.Errorf("no lines %v", types)
	}
}
