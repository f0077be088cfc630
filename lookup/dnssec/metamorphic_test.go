package dnssec_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// signatureMap is a SignatureCache without bounds.
type signatureMap struct {
	mu   sync.Mutex
	seen map[[32]byte]bool
}

func (m *signatureMap) Has(id [32]byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen[id]
}

func (m *signatureMap) Add(id [32]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil {
		m.seen = map[[32]byte]bool{}
	}
	m.seen[id] = true
}

// said is what an answer tells its reader.
func said(a *dnssec.Answer) string {
	var data []string
	for _, rr := range a.Records {
		data = append(data, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	slices.Sort(data)
	return fmt.Sprintf("%v %q", a.Exists, slices.Compact(data))
}

// TestMetamorphic removes or alters each record of each reply that a secure answer rests on.
// Whatever comes of it, it is never secure with other data, and never insecure either.
func TestMetamorphic(t *testing.T) {
	t.Parallel()
	s := newServer(t, vectorHierarchy(), lookuptest.Options{Now: vectorNow})
	signatures := new(signatureMap)
	for _, q := range []question{
		{"www.example.org.", dns.TypeA},
		{"two.example.org.", dns.TypeA},
		{"alice._smimecert.example.org.", dns.TypeSMIMEA},
		{"zoe._smimecert.nsec3.org.", dns.TypeSMIMEA},
		{"x.y.wild.example.org.", dns.TypeA},
		{"away.nsec3.org.", dns.TypeA},
		{"www.d.example.org.", dns.TypeA},
		{"www.example.org.", dns.TypeTXT},
		{"www.nsec3.org.", dns.TypeTXT},
		{"ent.example.org.", dns.TypeA},
		{"x.wild.nsec3.org.", dns.TypeAAAA},
		{"no.no.example.org.", dns.TypeA},
		{"no.no.nsec3.org.", dns.TypeA},
		{"www.child.nsec3.org.", dns.TypeA},
	} {
		honest := (&forger{tb: t, s: s, now: vectorTime})
		rec := &recorder{Exchanger: honest}
		v := honest.validator()
		v.Exchanger, v.Signatures = rec, signatures
		a := v.Resolve(t.Context(), q.name, q.qtype)
		if a.Status != dnssec.Secure {
			t.Fatalf("%v: %v (%s)", q, a.Status, a.Reason)
		}
		want := said(a)
		for asked, m := range rec.seen {
			for _, altered := range alterations(m) {
				r := replies{Exchanger: honest, question: asked, reply: altered.Msg}
				v.Exchanger = r
				b := v.Resolve(t.Context(), q.name, q.qtype)
				if b.Status == dnssec.Insecure || b.Status == dnssec.Secure && said(b) != want || b.Status == dnssec.Secure && b.TTL > a.TTL {
					t.Errorf("%s %s, with %s in the reply to %s %s = %v %q %s TTL %v, was %s TTL %v",
						q.name, dns.Type(q.qtype), altered.how, asked.Name, dns.Type(asked.Qtype), b.Status, b.Code, said(b), b.TTL, want, a.TTL)
				}
			}
		}
	}
}

// alteration is a message that is a little wrong.
type alteration struct {
	*dns.Msg
	how string
}

// alterations removes each record, gives it another owner, and flips bits all over its data and its
// TTL.
func alterations(m *dns.Msg) []alteration {
	var out []alteration
	for _, rcode := range []int{dns.RcodeSuccess, dns.RcodeNameError} {
		c := m.Copy()
		c.Rcode = rcode
		out = append(out, alteration{c, "rcode " + dns.RcodeToString[rcode]})
	}
	for section := range 2 {
		for i, rr := range *sectionOf(m, section) {
			c := m.Copy()
			in := sectionOf(c, section)
			*in = slices.Delete(*in, i, i+1)
			out = append(out, alteration{c, fmt.Sprintf("no %v", rr)})
			for _, changed := range changes(rr) {
				c := m.Copy()
				(*sectionOf(c, section))[i] = changed
				out = append(out, alteration{c, fmt.Sprintf("%v for %v", changed, rr)})
			}
		}
	}
	return out
}

func sectionOf(m *dns.Msg, i int) *[]dns.RR {
	if i == 0 {
		return &m.Answer
	}
	return &m.Ns
}

// changes returns variants of a record.
func changes(rr dns.RR) []dns.RR {
	other := dns.Copy(rr)
	other.Header().Name = "other." + rr.Header().Name
	longer := dns.Copy(rr)
	longer.Header().Ttl = 1 << 30
	out := []dns.RR{other, longer}
	wire := make([]byte, 4096)
	n, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return out
	}
	start := n - int(rr.Header().Rdlength)
	for at := start; at < n; at += max(1, (n-start)/6) {
		wire[at] ^= 1 << (at % 8)
		if changed, _, err := dns.UnpackRR(wire[:n], 0); err == nil {
			out = append(out, changed)
		}
		wire[at] ^= 1 << (at % 8)
	}
	return out
}

// replies answers one question with one message, and all others as before.
type replies struct {
	dnssec.Exchanger
	question dns.Question
	reply    *dns.Msg
}

// Exchange implements dnssec.Exchanger.
func (r replies) Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
	if dns.CanonicalName(name) != r.question.Name || qtype != r.question.Qtype {
		return r.Exchanger.Exchange(ctx, name, qtype, cd)
	}
	wire, err := r.reply.Pack()
	if err != nil {
		return nil, err
	}
	m := new(dns.Msg)
	return m, m.Unpack(wire)
}

func vectorNow() time.Time { return vectorTime }
