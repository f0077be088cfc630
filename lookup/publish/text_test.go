package publish

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// TestText publishes, replaces and withdraws TXT records longer than a character-string, and reads
// them back.
func TestText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	const owner = "s1._domainkey.example.org"
	first, second := Text("v=DKIM1; k=rsa; p="+strings.Repeat("QUJD", 90)), Text(`v=DKIM1; n=a \ and a "; p=`)
	for _, step := range []struct {
		change Change
		want   []string
	}{
		{Change{Add: []dane.Record{first}}, []string{string(first.Data)}},
		{Change{Add: []dane.Record{second}, Remove: []dane.Record{first}, Expect: []dane.Record{first}}, []string{string(second.Data)}},
		{Change{Remove: []dane.Record{second}}, nil},
	} {
		step.change.Owner, step.change.Type, step.change.TTL = owner, dane.TXT, 300*time.Second
		if err := w.Apply(t.Context(), step.change); err != nil {
			t.Fatal(err)
		}
		seen, err := w.ReadBack(t.Context(), step.change)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range seen[0].Records {
			got = append(got, string(r.Data))
		}
		if seen[0].Status != dnssec.Secure || !slices.Equal(got, step.want) {
			t.Errorf("%s: %q, want %q", seen[0].Status, got, step.want)
		}
	}
	for _, bad := range []dane.Record{Text(""), Text("ä"), {Usage: 3, Data: []byte("x")}} {
		if err := w.Apply(t.Context(), Change{Owner: owner, Type: dane.TXT, Add: []dane.Record{bad}}); err == nil {
			t.Errorf("%q is published", bad.Data)
		}
	}
}
