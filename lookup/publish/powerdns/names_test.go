package powerdns

import (
	"errors"
	"slices"
	"testing"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
)

// TestParents: names between a name and its zone; an identity can be at the zone itself.
func TestParents(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"a.b.example.net.": {"b.example.net."},
		"a.example.net.":   nil,
		"example.net.":     nil,
	} {
		if got := parents(name, "example.net."); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestText: a TXT record is refused, and not written in the form of a SMIMEA.
func TestText(t *testing.T) {
	t.Parallel()
	c := publish.Change{Owner: "s._domainkey.example.org", Type: dane.TXT, Add: []dane.Record{publish.Text("v=DKIM1; p=")}}
	client, err := New(Options{URL: "postgres://nobody@127.0.0.1:1/none", Lookup: new(lookup.Client)})
	if err != nil {
		t.Fatal(err)
	}
	_, scripted := client.Script(t.Context(), c)
	for _, err := range []error{client.Apply(t.Context(), c), scripted} {
		if r, ok := errors.AsType[*publish.Refusal](err); !ok || r.Code != publish.OtherError {
			t.Errorf("got %v", err)
		}
	}
}
