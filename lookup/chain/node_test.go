package chain

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// nodesOf are the zones and sets of an answer, "below>above" each.
func nodesOf(r *Result) (found []string, nodes []*Node) {
	nodes = r.Nodes(goldenTime)
	for _, n := range nodes {
		if n.Anchored {
			found = append(found, n.Zone)
		}
		for _, c := range n.Children {
			name := c.Zone
			if c.Set != nil {
				name = c.Set.Records[0].Header().Name
			}
			found = append(found, name+">"+n.Zone)
		}
	}
	return found, nodes
}

func rr(t *testing.T, text string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

// TestNodes: a zone is below the next one above it, or has an anchor of its own; a set is below the
// zone that signed it.
func TestNodes(t *testing.T) {
	t.Parallel()
	signed := dnssec.RRset{
		Records:    []dns.RR{rr(t, "a.sub.example. 60 IN TLSA 3 1 1 00")},
		Signatures: []*dns.RRSIG{rr(t, "a.sub.example. 60 IN RRSIG TLSA 13 3 60 20260601000000 20260401000000 11 Example. AAAA").(*dns.RRSIG)},
	}
	soa := dnssec.RRset{Records: []dns.RR{rr(t, "example. 60 IN SOA ns.example. h.example. 1 2 3 4 5")}}
	for _, tt := range []struct {
		name  string
		links []dnssec.Link
		sets  []dnssec.RRset
		want  []string
	}{
		{"two anchors", []dnssec.Link{{Zone: "example."}, {Zone: "test."}, {Zone: "a.b.test."}}, nil, []string{"example.", "test.", "a.b.test.>test."}},
		{"signed by the zone above", []dnssec.Link{{Zone: "example."}, {Zone: "sub.example."}}, []dnssec.RRset{signed, soa}, []string{"example.", "sub.example.>example.", "a.sub.example.>example."}},
	} {
		a := &dnssec.Answer{Name: "a.sub.example.", Type: dns.TypeTLSA, Status: dnssec.Secure, Links: tt.links, RRsets: tt.sets}
		if got, _ := nodesOf(New(a.Name, dane.TLSA, a)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestFault: what is wrong is said once, at the zone that is bogus or else at the end of the chain.
func TestFault(t *testing.T) {
	t.Parallel()
	for _, status := range []dnssec.Status{dnssec.Secure, dnssec.Bogus} {
		a := &dnssec.Answer{Name: "a.example.", Type: dns.TypeTLSA, Status: dnssec.Bogus, Reason: "it is wrong", Links: []dnssec.Link{{Zone: "example.", Status: status, Reason: "the zone"}}}
		_, nodes := nodesOf(New(a.Name, dane.TLSA, a))
		if want := map[dnssec.Status]string{dnssec.Secure: "it is wrong"}[status]; nodes[0].Fault != want {
			t.Errorf("%s: fault %q, want %q", status, nodes[0].Fault, want)
		}
	}
}

// TestDescribe: the DS records of a zone are shown where no key matches one.
func TestDescribe(t *testing.T) {
	t.Parallel()
	for _, matched := range []bool{true, false} {
		n := &Node{Zone: "example.", Keys: []Key{{Tag: 1, Algorithm: 13, Matched: matched}}, DS: []DS{{Tag: 2, Algorithm: 13, DigestType: 2}}}
		p := &page{width: 80, now: goldenTime}
		if n.draw(p, "", ""); strings.Contains(p.String(), "DS record of its parent: key 2") == matched {
			t.Errorf("matched %t:\n%s", matched, p.String())
		}
	}
}

// TestMoment: 32 bits of seconds are the time nearest to now (RFC 4034, Section 3.1.5).
func TestMoment(t *testing.T) {
	t.Parallel()
	wrap := time.Unix(1<<32, 0).UTC()
	for now, want := range map[time.Time]time.Time{goldenTime: time.Unix(100, 0).UTC(), wrap.Add(-time.Hour): wrap.Add(100 * time.Second), wrap: wrap.Add(100 * time.Second)} {
		if got := moment(100, now); !got.Equal(want) {
			t.Errorf("at %s: %s, want %s", now, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	for _, d := range []time.Duration{119 * time.Second, 2 * time.Minute, 119 * time.Minute, 2 * time.Hour, 47 * time.Hour, 48 * time.Hour} {
		out.WriteString(span(d) + "; ")
	}
	if want := "119 seconds; 2 minutes; 119 minutes; 2 hours; 47 hours; 2 days; "; out.String() != want {
		t.Errorf("%s, want %s", &out, want)
	}
}
