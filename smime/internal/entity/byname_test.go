package entity

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnseal/smime/message"
)

// Fields are found by their names in whatever case and order, those of one name as they stand;
// lines that are no fields too.
func TestByName(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.SampledFrom([]string{"a: 1", "A: 2", "B : 3", "b: 4", "ab: 5", "", "no field", "Ä: 6"})).Draw(t, "lines")
		var fields []message.Field
		for _, l := range lines {
			fields = append(fields, message.Field{Raw: []byte(l + "\r\n")})
		}
		b := SortByName(fields)
		for _, f := range append(fields, message.Field{Raw: []byte("c: x\r\n")}) {
			var want []int
			for i, g := range fields {
				if strings.EqualFold(g.Name(), f.Name()) {
					want = append(want, i)
				}
			}
			got := b.Called(f)
			if len(got) != len(want) {
				t.Fatalf("called(%q) = %v, want %v", f.Raw, got, want)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("called(%q) = %v, want %v", f.Raw, got, want)
				}
			}
			if first := b.First(f); len(want) > 0 && first != want[0] || len(want) == 0 && first != -1 {
				t.Fatalf("first(%q) = %d of %v", f.Raw, first, want)
			}
		}
	})
}
