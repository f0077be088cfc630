package publish

import (
	"fmt"
	"testing"
	"time"

	"dnseal/lookup/dane"
)

// TestTogether: of so many changes that several messages are under way at a time, each is made.
func TestTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	var list []Change
	const n = 12 * maxRecords
	for i := range n {
		list = append(list, Change{
			Owner: fmt.Sprintf("d%d._smimecert.example.org.", i), Type: dane.SMIMEA, TTL: time.Minute, Expect: []dane.Record{},
			Add: []dane.Record{{Usage: 3, Selector: 1, MatchingType: 1, Data: fmt.Appendf(nil, "%032d", i)}},
		})
	}
	if err := w.Apply(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, alone*maxRecords + 1, n / 2, n - 1} {
		has, err := w.at(t.Context(), []string{w.sandbox.Addr()}, list[i].Owner, dane.SMIMEA)
		if err != nil || !has.shows(&list[i]) {
			t.Errorf("%s: %+v, %v", list[i].Owner, has, err)
		}
	}
}
