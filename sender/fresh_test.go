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
