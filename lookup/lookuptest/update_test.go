package lookuptest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

var testKey = UpdateKey{Name: "upd.", Algorithm: "hmac-sha256", Secret: base64.StdEncoding.EncodeToString([]byte("thirty-two octets of a secret :-)"))}

var updated = "$ORIGIN example.org.\n@ SOA ns hostmaster 7 7200 3600 1209600 60\n@ NS ns\nns A 127.0.0.1\n" +
	"a TLSA 3 1 1 " + one + "\nalias CNAME a\ntwo TLSA 3 1 1 " + one + "\ntwo TLSA 3 1 1 " + two + "\n"

var one, two = strings.Repeat("11", 32), strings.Repeat("22", 32)

func records(t *testing.T, texts ...string) []dns.RR {
	t.Helper()
	var out []dns.RR
	for _, text := range texts {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rr)
	}
	return out
}

// send signs an update with a key and returns the response, whose MAC the library checks.
func send(t *testing.T, s *Server, m *dns.Msg, key UpdateKey) (*dns.Msg, error) {
	t.Helper()
	c := dns.Client{Net: "tcp", Timeout: time.Minute}
	if key.Name != "" {
		c.TsigSecret = map[string]string{key.Name: key.Secret}
		m.SetTsig(key.Name, dns.Fqdn(key.Algorithm), 300, time.Now().Unix())
	}
	in, _, err := c.ExchangeContext(t.Context(), m, s.Addr())
	return in, err
}

func newUpdate(zone string) *dns.Msg { return new(dns.Msg).SetUpdate(zone) }

// answers returns the data of a name and type as text.
func answers(t *testing.T, s *Server, name string, qtype uint16) string {
	t.Helper()
	m, err := exchange(t.Context(), t, s, "tcp", name, qtype, 4096)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, rr := range m.Answer {
		if rr.Header().Rrtype == qtype {
			out = append(out, fmt.Sprintf("%d %s", rr.Header().Ttl, strings.TrimPrefix(rr.String(), rr.Header().String())))
		}
	}
	return strings.Join(out, "; ")
}

// TestUpdates applies each operation of RFC 2136, Section 2.5, under each prerequisite.
func TestUpdates(t *testing.T) {
	t.Parallel()
	a, b := "a.example.org. 60 TLSA 3 1 1 "+one, "a.example.org. 60 TLSA 3 1 1 "+two
	tests := []struct {
		name string
		make func(m *dns.Msg)
		code int
		want string // TLSA at a
		same bool   // the serial stays
	}{
		{"add", func(m *dns.Msg) { m.Insert(records(t, b)) }, 0, "60 3 1 1 " + one + "; 60 3 1 1 " + two, false},
		{"the same again", func(m *dns.Msg) { m.Insert(records(t, strings.Replace(a, "60", "300", 1))) }, 0, "300 3 1 1 " + one, true},
		{"another TTL", func(m *dns.Msg) { m.Insert(records(t, a)) }, 0, "60 3 1 1 " + one, false},
		{"delete one", func(m *dns.Msg) { m.Remove(records(t, a)) }, 0, "", false},
		{"delete another", func(m *dns.Msg) { m.Remove(records(t, b)) }, 0, "300 3 1 1 " + one, true},
		{"delete the set", func(m *dns.Msg) { m.RemoveRRset(records(t, a)) }, 0, "", false},
		{"delete the name", func(m *dns.Msg) { m.RemoveName(records(t, a)) }, 0, "", false},
		{"replace", func(m *dns.Msg) { m.Remove(records(t, a)); m.Insert(records(t, b)) }, 0, "60 3 1 1 " + two, false},
		{"set exists", func(m *dns.Msg) { m.RRsetUsed(records(t, a)); m.Remove(records(t, a)) }, 0, "", false},
		{"set does not exist", func(m *dns.Msg) { m.RRsetNotUsed(records(t, a)); m.Remove(records(t, a)) }, dns.RcodeYXRrset, "300 3 1 1 " + one, true},
		{"name in use", func(m *dns.Msg) { m.NameUsed(records(t, "b.example.org. TLSA 3 1 1 "+one)) }, dns.RcodeNameError, "300 3 1 1 " + one, true},
		{"name not in use", func(m *dns.Msg) { m.NameNotUsed(records(t, a)) }, dns.RcodeYXDomain, "300 3 1 1 " + one, true},
		{"values", func(m *dns.Msg) { m.Used(records(t, a)); m.Insert(records(t, b)) }, 0, "60 3 1 1 " + one + "; 60 3 1 1 " + two, false},
		{"other values", func(m *dns.Msg) { m.Used(records(t, b)); m.Insert(records(t, b)) }, dns.RcodeNXRrset, "300 3 1 1 " + one, true},
		{"more values", func(m *dns.Msg) { m.Used(records(t, a, b)); m.Insert(records(t, b)) }, dns.RcodeNXRrset, "300 3 1 1 " + one, true},
		{"fewer values", func(m *dns.Msg) { m.Used(records(t, "two.example.org. TLSA 3 1 1 "+one)); m.Insert(records(t, b)) }, dns.RcodeNXRrset, "300 3 1 1 " + one, true},
		{"set of another type exists", func(m *dns.Msg) { m.RRsetUsed(records(t, "a.example.org. A 192.0.2.1")); m.Insert(records(t, b)) }, dns.RcodeNXRrset, "300 3 1 1 " + one, true},
		{"prerequisite outside", func(m *dns.Msg) { m.NameNotUsed(records(t, "a.example.net. A 192.0.2.1")); m.Insert(records(t, b)) }, dns.RcodeNotZone, "300 3 1 1 " + one, true},
		{"values with a TTL", func(m *dns.Msg) { m.Used(records(t, a)); m.Answer[0].Header().Ttl = 60; m.Insert(records(t, b)) }, dns.RcodeFormatError, "300 3 1 1 " + one, true},
		{"set exists with a TTL", func(m *dns.Msg) { m.RRsetUsed(records(t, a)); m.Answer[0].Header().Ttl = 60; m.Insert(records(t, b)) }, dns.RcodeFormatError, "300 3 1 1 " + one, true},
		{"deletion with a TTL", func(m *dns.Msg) { m.Remove(records(t, a)); m.Ns[0].Header().Ttl = 60 }, dns.RcodeFormatError, "300 3 1 1 " + one, true},
		{"deletion of a set with a TTL", func(m *dns.Msg) { m.RemoveRRset(records(t, a)); m.Ns[0].Header().Ttl = 60 }, dns.RcodeFormatError, "300 3 1 1 " + one, true},
		{"zone by another type", func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeA; m.Insert(records(t, b)) }, dns.RcodeFormatError, "300 3 1 1 " + one, true},
		{"zone of another class", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS; m.Insert(records(t, b)) }, dns.RcodeNotAuth, "300 3 1 1 " + one, true},
		{"delete the apex", func(m *dns.Msg) { m.RemoveName(records(t, "example.org. A 192.0.2.1")) }, 0, "300 3 1 1 " + one, true},
		{"at an alias", func(m *dns.Msg) { m.Insert(records(t, "alias.example.org. TLSA 3 1 1 "+one)) }, 0, "300 3 1 1 " + one, true},
		{"outside", func(m *dns.Msg) { m.Insert(records(t, "a.example.net. TLSA 3 1 1 "+one)) }, dns.RcodeNotZone, "300 3 1 1 " + one, true},
		{"all or nothing", func(m *dns.Msg) { m.Remove(records(t, a)); m.Insert(records(t, "a.example.net. A 192.0.2.1")) }, dns.RcodeNotZone, "300 3 1 1 " + one, true},
		{"the SOA", func(m *dns.Msg) { m.Insert(records(t, "example.org. SOA ns.example.org. h.example.org. 99 1 1 1 1")) }, dns.RcodeRefused, "300 3 1 1 " + one, true},
		{"a key", func(m *dns.Msg) { m.Insert(records(t, "example.org. DNSKEY 257 3 13 AAAA")) }, dns.RcodeRefused, "300 3 1 1 " + one, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, []Zone{{Text: updated}}, Options{UpdateKeys: []UpdateKey{testKey}})
			m := newUpdate("example.org.")
			tt.make(m)
			out, err := send(t, s, m, testKey)
			// To the library every NOTAUTH is a failed authentication.
			if err != nil && !errors.Is(err, dns.ErrAuth) || out.Rcode != tt.code || out.IsTsig() == nil {
				t.Fatalf("%v, want %s: %v", err, dns.RcodeToString[tt.code], out)
			}
			if got := answers(t, s, "a.example.org.", dns.TypeTLSA); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if soa := answers(t, s, "example.org.", dns.TypeSOA); strings.Contains(soa, " 7 7200") != tt.same {
				t.Errorf("SOA %s", soa)
			}
		})
	}
}

// TestUpdateRefused has updates from those who may not.
func TestUpdateRefused(t *testing.T) {
	t.Parallel()
	wrong, other, weak := testKey, testKey, testKey
	wrong.Secret = base64.StdEncoding.EncodeToString([]byte("another secret of thirty-two oct"))
	other.Name = "other."
	weak.Algorithm = "hmac-sha512"
	for _, tt := range []struct {
		name string
		keys []UpdateKey
		by   UpdateKey
		zone string
		code int
		tsig uint16
	}{
		{"no keys here", nil, UpdateKey{}, "example.org.", dns.RcodeRefused, 0},
		{"no TSIG", []UpdateKey{testKey}, UpdateKey{}, "example.org.", dns.RcodeRefused, 0},
		{"wrong secret", []UpdateKey{testKey}, wrong, "example.org.", dns.RcodeNotAuth, dns.RcodeBadSig},
		{"unknown key", []UpdateKey{testKey}, other, "example.org.", dns.RcodeNotAuth, dns.RcodeBadKey},
		{"other algorithm", []UpdateKey{testKey}, weak, "example.org.", dns.RcodeNotAuth, dns.RcodeBadKey},
		{"zone not here", []UpdateKey{testKey}, testKey, "example.net.", dns.RcodeNotAuth, 0},
		{"made-up parent", []UpdateKey{testKey}, testKey, "org.", dns.RcodeNotAuth, 0},
		{"below the zone", []UpdateKey{testKey}, testKey, "a.example.org.", dns.RcodeNotAuth, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, []Zone{{Text: updated}}, Options{UpdateKeys: tt.keys})
			m := newUpdate(tt.zone)
			m.Insert(records(t, "x."+tt.zone+" A 192.0.2.1"))
			out, err := send(t, s, m, tt.by)
			// To the library every NOTAUTH is a failed authentication.
			if err != nil && !errors.Is(err, dns.ErrAuth) {
				t.Fatal(err)
			}
			if out.Rcode != tt.code || tt.tsig != 0 && out.IsTsig().Error != tt.tsig {
				t.Errorf("want %s %d: %v", dns.RcodeToString[tt.code], tt.tsig, out)
			}
			if got := answers(t, s, "x.example.org.", dns.TypeA); got != "" {
				t.Errorf("x is there: %s", got)
			}
		})
	}
}

// TestUpdateOfMadeUpZone changes a zone that had no records, and keeps its key.
func TestUpdateOfMadeUpZone(t *testing.T) {
	t.Parallel()
	s := start(t, []Zone{{Origin: "example.org."}}, Options{UpdateKeys: []UpdateKey{testKey}})
	before := s.Anchor()
	m := newUpdate("example.org.")
	m.Insert(records(t, "a.example.org. 60 TLSA 3 1 1 "+one))
	if out, err := send(t, s, m, testKey); err != nil || out.Rcode != 0 {
		t.Fatal(err, out)
	}
	if got := answers(t, s, "a.example.org.", dns.TypeTLSA); got != "60 3 1 1 "+one {
		t.Errorf("got %q", got)
	}
	if soa := answers(t, s, "example.org.", dns.TypeSOA); !strings.Contains(soa, " 2 7200") || s.Anchor() != before {
		t.Errorf("SOA %s", soa)
	}
}

// TestUpdatesAtOnce changes and asks at the same time.
func TestUpdatesAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, []Zone{{Text: updated}}, Options{UpdateKeys: []UpdateKey{testKey}})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := fmt.Sprintf("n%d.example.org.", i)
			m := newUpdate("example.org.")
			m.Insert(records(t, name+" 60 TLSA 3 1 1 "+one))
			if out, err := send(t, s, m, testKey); err != nil || out.Rcode != 0 {
				t.Error(err, out)
			}
			if got := answers(t, s, name, dns.TypeTLSA); got != "60 3 1 1 "+one {
				t.Errorf("%s: %q", name, got)
			}
		})
	}
	wg.Wait()
	if soa := answers(t, s, "example.org.", dns.TypeSOA); !strings.Contains(soa, " 15 7200") {
		t.Errorf("SOA %s", soa)
	}
}

func TestUpdateKeys(t *testing.T) {
	t.Parallel()
	for _, k := range []UpdateKey{{}, {Name: "k", Algorithm: "hmac-md5", Secret: "AAAA"}, {Name: "k", Algorithm: "hmac-sha256", Secret: "?"}, {Name: "k", Algorithm: "hmac-sha256"}} {
		if _, err := New([]Zone{{Text: updated}}, Options{UpdateKeys: []UpdateKey{k}}); err == nil {
			t.Errorf("%+v was accepted", k)
		}
	}
}

// FuzzUpdate applies messages that no client sends.
func FuzzUpdate(f *testing.F) {
	m := newUpdate("example.org.")
	rr, _ := dns.NewRR("a.example.org. TLSA 3 1 1 " + one)
	m.Used([]dns.RR{rr})
	m.Insert([]dns.RR{rr})
	wire, _ := m.Pack()
	f.Add(wire)
	f.Fuzz(func(t *testing.T, wire []byte) {
		in := new(dns.Msg)
		if in.Unpack(wire) != nil {
			return
		}
		s, err := New([]Zone{{Text: updated}}, Options{UpdateKeys: []UpdateKey{testKey}})
		if err != nil {
			t.Fatal(err)
		}
		if code := s.apply(in); code == dns.RcodeSuccess {
			if _, err := s.Records("example.org."); err != nil {
				t.Fatal(err)
			}
		}
	})
}
