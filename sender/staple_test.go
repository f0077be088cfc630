package sender

import (
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence/staple"
	"dnseal/lookup/lookuptest"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// newZone serves example.org with the record of an identity.
func newZone(tb testing.TB, id *identity.Identity) (*lookup.Client, *dnssec.Anchors) {
	tb.Helper()
	owner, typ, err := id.OwnerName()
	if err != nil {
		tb.Fatal(err)
	}
	r, err := id.Record(3, 1, 1)
	if err != nil {
		tb.Fatal(err)
	}
	line, err := identity.FormatRecord(owner, typ, r, time.Minute, "zone")
	if err != nil {
		tb.Fatal(err)
	}
	s, err := lookuptest.New([]lookuptest.Zone{{Origin: "example.org.", Text: line + "\n"}}, lookuptest.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	if err = s.Start("127.0.0.1:0"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	anchors, err := dnssec.ParseAnchors(s.Anchor(), "lab")
	if err != nil {
		tb.Fatal(err)
	}
	c, err := lookup.New(lookup.Options{Resolvers: []string{s.Addr()}, Anchors: anchors, Timeout: 30 * time.Second})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c, anchors
}

// TestHandleStaple: the chain of the signer goes with each form of the message; where there is none
// the message is signed without, and the outcome says why.
func TestHandleStaple(t *testing.T) {
	t.Parallel()
	ids := identities(t)
	alice := ids["alice@example.org"]
	client, anchors := newZone(t, alice)
	record, err := alice.Record(3, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		from  string
		r     lookup.Resolver
		attr  string
		fails bool
	}{
		"stapled":     {"alice@example.org", client, "", false},
		"no record":   {"billing@example.org", client, "nothing to staple: no record is published", true},
		"no verifier": {"alice@example.org", only{record}, "cannot validate", true},
	} {
		s := newSender(t, func(o *Options) {
			o.Staple, o.Rules = want.r, []Rule{{Who: []string{"user:alice"}, From: []string{"*@example.org"}, Identity: "{from}"}}
			o.Identities = func(name string) (*identity.Identity, error) { return ids[name], nil }
			o.Now = time.Now
		})
		m := read(t, "From: "+want.from+"\r\n"+plainText)
		out := s.Handle(t.Context(), m, &message.Envelope{Submitter: message.Submitter{User: "alice"}, Rcpt: []string{"bob@example.net", "x@opaque.example"}})
		if out.Action != message.Accept || out.Result != ResultSigned || len(out.Forms) != 1 {
			t.Fatalf("%s: %+v", name, out)
		}
		said := ""
		for _, a := range out.Attrs {
			if a.Key == "staple" {
				said = a.Value.String()
			}
		}
		if want.fails != (said != "") || !strings.Contains(said, want.attr) {
			t.Errorf("%s: staple=%q", name, said)
		}
		for _, edit := range []*message.Edit{out.Edit, out.Forms[0].Edit} {
			checkStaple(t, edited(t, m, edit), alice, anchors, want.fails)
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	}
}

// checkStaple verifies offline, and wants a proof unless there is to be none.
func checkStaple(t *testing.T, m *message.Message, id *identity.Identity, anchors *dnssec.Anchors, none bool) {
	t.Helper()
	report, err := smime.Verify(t.Context(), m)
	if err != nil || len(report.Signatures) != 1 || report.Signatures[0].Integrity != smime.IntegrityGood {
		t.Fatalf("%+v, %v", report, err)
	}
	values, err := report.Signatures[0].Unsigned(cms.OIDStaple)
	if none {
		if len(values) > 0 || err != nil {
			t.Errorf("%d staples, %v", len(values), err)
		}
		return
	}
	owner, typ, _ := id.OwnerName()
	r := staple.NewResolver(values, err, staple.Options{Validator: &dnssec.Validator{Anchors: anchors}}).Lookup(t.Context(), owner, typ)
	if r.Status != dnssec.Secure || r.Presence != dane.Present {
		t.Errorf("%s, %q: %s", r.Status, r.Code, r.Reason)
	}
}

// BenchmarkStaple takes the staple of an answer in the cache, as Handle does for each message.
func BenchmarkStaple(b *testing.B) {
	alice := identities(b)["alice@example.org"]
	client, _ := newZone(b, alice)
	var s staples
	for b.Loop() {
		if _, err := s.of(b.Context(), client, alice, dnssec.Limits{}, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}
