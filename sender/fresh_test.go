package sender

import (
	"context"
	"testing"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// only answers with one record for every name.
type only struct{ record dane.Record }

func (o only) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	return &lookup.Result{Name: name, Type: t, Status: dnssec.Secure, Presence: dane.Present, Records: []dane.Record{o.record}}
}

func (o only) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return o.Lookup(ctx, name, t)
}

// TestSwitchedKey: where the record is that of a key which became the active one a moment ago, the
// message is signed by it; without Fresh it is deferred.
func TestSwitchedKey(t *testing.T) {
	t.Parallel()
	now := identities(t)["alice@example.org"]
	record, err := now.Record(3, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, fresh := range []bool{false, true} {
		s := newSender(t, func(o *Options) {
			o.Lookup = only{record}
			if fresh {
				o.Fresh = func(string) (*identity.Identity, error) { return now, nil }
			}
		})
		m := read(t, "From: alice@example.org\r\n"+plainText)
		out := s.Handle(t.Context(), m, &message.Envelope{Submitter: message.Submitter{User: "alice"}, MailFrom: "alice@example.org", Rcpt: []string{"bob@example.net"}})
		want := string(ClassKeyNotPublished)
		if fresh {
			want = ResultSigned
		}
		if out.Result != want {
			t.Errorf("fresh %v: %s %v", fresh, out.Result, out.Attrs)
		}
		_ = out.Close()
	}
}

// TestMLDSAKeyIsPublished: nothing is signed by an ML-DSA key beside another while no record is its
// own, as nothing is by any other key; a record that came a moment ago counts.
func TestMLDSAKeyIsPublished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var records []dane.Record
	for _, algorithm := range []string{"p256", "ml-dsa-44"} {
		id, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{Algorithm: algorithm})
		if err != nil {
			t.Fatal(err)
		}
		r, err := id.Record(3, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	id, err := identity.Load(dir, "alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	answer := func(rs ...dane.Record) *lookup.Result {
		return &lookup.Result{Status: dnssec.Secure, Presence: dane.Present, Records: rs}
	}
	for _, tt := range []struct {
		name          string
		cached, fresh *lookup.Result
		want          string
	}{
		{"both", answer(records...), nil, ResultSigned},
		{"both a minute ago", answer(records[0]), answer(records...), ResultSigned},
		{"the other alone", answer(records[0]), answer(records[0]), string(ClassKeyNotPublished)},
		{"the ML-DSA key alone", answer(records[1]), answer(records[1]), string(ClassKeyNotPublished)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSender(t, func(o *Options) {
				o.Lookup = &dnsOf{cached: tt.cached, fresh: tt.fresh}
				o.Identities = func(string) (*identity.Identity, error) { return id, nil }
			})
			m := read(t, "From: alice@example.org\r\n"+plainText)
			out := s.Handle(t.Context(), m, &message.Envelope{Submitter: message.Submitter{User: "alice"}})
			defer out.Close()
			if out.Result != tt.want {
				t.Errorf("%s (%v), want %s", out.Result, out.Attrs, tt.want)
			}
		})
	}
}
