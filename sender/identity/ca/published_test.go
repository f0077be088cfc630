package ca_test

import (
	"testing"

	"dnseal/lookup/dane"
	"dnseal/sender"
	"dnseal/sender/identity/ca"
)

// TestRecords: a sender looks where receivers do, and counts what they count: at "_user" a CA
// alone.
func TestRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ca.Options{})
	owner, typ, err := w.alice.OwnerName()
	if err != nil {
		t.Fatal(err)
	}
	own, err := w.alice.Record(3, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	const user = "_user.example.org."
	for _, tt := range []struct {
		what    string
		dns     published
		name    string
		records int
	}{
		{"her own", published{owner, typ, []dane.Record{own}}, owner, 1},
		{"the CA of users", w.publish(t, user, dane.TLSA, 1, 1), user, 1},
		{"her key at _user", published{user, dane.TLSA, []dane.Record{own}}, user, 0},
		{"none", published{}, owner, 0},
	} {
		res, err := sender.Records(t.Context(), tt.dns.Lookup, w.alice)
		if err != nil || res.Name != tt.name || len(res.Records) != tt.records {
			t.Errorf("%s: %+v, %v", tt.what, res, err)
		}
	}
}
