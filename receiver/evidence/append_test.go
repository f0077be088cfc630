package evidence

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestAppendMessage: a line about a message is what encoding/json writes.
func TestAppendMessage(t *testing.T) {
	t.Parallel()
	all := []Message{{}, {Signatures: []string{}, Lookups: []string{"a", "b"}}}
	for i, text := range []string{"plain", "", `<"a\b">&'`, "a\tb\x00\x1b[m\x7f", "bad \xff\xc3", "\u202eübär\u2028", strings.Repeat("x", 5000)} {
		m := Message{CheckedAt: clockOf(i)}
		v := reflect.ValueOf(&m).Elem()
		for i := range v.NumField() {
			switch f := v.Field(i); f.Interface().(type) {
			case string:
				f.SetString(fmt.Sprint(i, text))
			case []string:
				f.Set(reflect.ValueOf([]string{text, fmt.Sprint(i)}))
			case int64:
				f.SetInt(int64(1000 + i))
			case time.Time:
			default:
				t.Fatalf("a field of a kind that is new: %s", v.Type().Field(i).Name)
			}
		}
		all = append(all, m)
	}
	for _, m := range all {
		want, err := marshal(&record{Message: &m})
		if got, ok := appendMessage(nil, &m); err != nil || !ok || string(got) != string(want) {
			t.Errorf("%v\n%s\n%s", err, got, want)
		}
	}
	if _, ok := appendMessage(nil, &Message{CheckedAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}); ok {
		t.Error("a year of five digits")
	}
}

// clockOf is some time, with and without fractions of a second.
func clockOf(i int) time.Time {
	return time.Unix(rand.Int64N(4e9), int64(i%3)*120_000_000).UTC()
}
