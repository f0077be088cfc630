package dnssec_test

import (
	"context"
	"encoding/base32"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

var writeVectors = flag.Bool("write-vectors", false, "make the files of testdata that are missing, with new keys")

var base32Hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// TestForgeries asks about each forgery live; with -write-vectors the messages of new ones are kept
// as replay files.
func TestForgeries(t *testing.T) {
	t.Parallel()
	servers := map[time.Time]*lookuptest.Server{}
	serve := func(at time.Time) *lookuptest.Server {
		if servers[at] == nil {
			servers[at] = newServer(t, vectorHierarchy(), lookuptest.Options{Now: func() time.Time { return at }})
		}
		return servers[at]
	}
	keys := &spareKeys{keys: map[string]spareKey{}}
	for _, tt := range forgeries() {
		at, signed := vectorTime, vectorTime
		c := circumstances[tt.id]
		if !c.clock.IsZero() {
			at, signed = c.clock, c.clock
		}
		if !c.signed.IsZero() {
			signed = c.signed
		}
		f := &forger{tb: t, s: serve(signed), now: signed, change: tt.change, keys: keys}
		rec := &recorder{Exchanger: f}
		v := f.validator()
		v.Exchanger = rec
		v.Now = func() time.Time { return at }
		anchors := f.s.Anchor()
		if c.anchor != nil {
			anchors = c.anchor(f)
			var err error
			if v.Anchors, err = dnssec.ParseAnchors(anchors, tt.id); err != nil {
				t.Fatal(err)
			}
		}
		a := v.Resolve(t.Context(), tt.name, tt.qtype)
		if a.Status != tt.want || tt.code != "" && a.Code != tt.code {
			t.Errorf("%s: %v %q (%s), want %v %q", tt.id, a.Status, a.Code, a.Reason, tt.want, tt.code)
		}
		if *writeVectors {
			// Resolvers ask for the end of an alias by itself.
			for _, alias := range a.Aliases {
				v.Resolve(t.Context(), alias, tt.qtype)
			}
			if err := rec.write(tt, a, anchors, at); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestVectors replays the files of testdata, which anybody's validator can take.
func TestVectors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "*.rpl"))
	if err != nil || len(files) < 40 {
		t.Fatalf("%d vectors (%v), want at least 40", len(files), err)
	}
	for _, file := range files {
		s, err := readScenario(file)
		if err != nil {
			t.Fatal(err)
		}
		anchors, err := dnssec.ParseAnchors(s.anchors.String(), file)
		if err != nil {
			t.Fatal(err)
		}
		r := &recursor{scenario: s, step: 1}
		v := &dnssec.Validator{Exchanger: r, Anchors: anchors, Now: func() time.Time { return s.now }}
		query := s.steps[0].rplEntry
		a := v.Resolve(t.Context(), query.name, query.qtype)
		if got := strings.TrimSpace(a.Status.String() + " " + string(a.Code)); got != s.want {
			t.Errorf("%s: %s (%s), want %s", file, got, a.Reason, s.want)
		}
		if ok, want := agrees(a, query, s.steps[1].rplEntry); !ok {
			t.Errorf("%s: %v, but its script says %v", file, a.Status, want)
		}
	}
}

// recorder keeps the replies to all questions.
type recorder struct {
	dnssec.Exchanger
	mu    sync.Mutex
	order []dns.Question
	seen  map[dns.Question]*dns.Msg
}

// Exchange implements dnssec.Exchanger.
func (r *recorder) Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
	m, err := r.Exchanger.Exchange(ctx, name, qtype, cd)
	if err != nil {
		return nil, err
	}
	q := m.Question[0]
	q.Name = dns.CanonicalName(q.Name)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[dns.Question]*dns.Msg{}
	}
	if r.seen[q] == nil {
		r.order = append(r.order, q)
	}
	r.seen[q] = m
	return m, nil
}

// write makes a replay file.
func (r *recorder) write(tt forgery, a *dnssec.Answer, anchors string, at time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, "; %s\nserver:\n", tt.why)
	for line := range strings.Lines(anchors) {
		if rr, err := dns.NewRR(line); err == nil && rr != nil {
			fmt.Fprintf(&b, "\ttrust-anchor: \"%s\"\n", strings.ReplaceAll(rr.String(), "\t", " "))
		}
	}
	fmt.Fprintf(&b, "\tval-override-timestamp: \"%d\"\nCONFIG_END\n\nSCENARIO_BEGIN %s\nRANGE_BEGIN 0 100\n\tADDRESS 192.0.2.53\n", at.Unix(), tt.id)
	slices.SortFunc(r.order, func(a, b dns.Question) int { return strings.Compare(a.String(), b.String()) })
	for _, q := range r.order {
		writeEntry(&b, q, r.seen[q])
	}
	rcode, flags := "NOERROR", "QR RD RA DO"
	switch tt.want {
	case dnssec.Secure:
		flags += " AD"
		if m := r.seen[dns.Question{Name: dns.CanonicalName(tt.name), Qtype: tt.qtype, Qclass: dns.ClassINET}]; m != nil {
			rcode = dns.RcodeToString[m.Rcode]
		}
	case dnssec.Bogus, dnssec.Indeterminate:
		rcode = "SERVFAIL"
	case dnssec.Insecure:
	}
	fmt.Fprintf(&b, "RANGE_END\n\nSTEP 1 QUERY\nENTRY_BEGIN\nREPLY RD DO\nSECTION QUESTION\n%s IN %s\nENTRY_END\n\n", tt.name, dns.Type(tt.qtype))
	fmt.Fprintf(&b, ";want %s\nSTEP 10 CHECK_ANSWER\nENTRY_BEGIN\nMATCH rcode flags question\nREPLY %s %s\nSECTION QUESTION\n%s IN %s\nENTRY_END\n\nSCENARIO_END\n",
		strings.TrimSpace(a.Status.String()+" "+string(a.Code)), flags, rcode, tt.name, dns.Type(tt.qtype))
	path := filepath.Join("testdata", tt.id+".rpl")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

func writeEntry(b *strings.Builder, q dns.Question, m *dns.Msg) {
	fmt.Fprintf(b, "\nENTRY_BEGIN\nMATCH opcode qtype qname\nADJUST copy_id\nREPLY QR RD RA %s\nSECTION QUESTION\n%s IN %s\n", dns.RcodeToString[m.Rcode], q.Name, dns.Type(q.Qtype))
	for _, s := range []struct {
		name string
		rrs  []dns.RR
	}{{"ANSWER", m.Answer}, {"AUTHORITY", m.Ns}} {
		if len(s.rrs) == 0 {
			continue
		}
		fmt.Fprintf(b, "SECTION %s\n", s.name)
		for _, rr := range s.rrs {
			fmt.Fprintln(b, strings.ReplaceAll(rr.String(), "\t", " "))
		}
	}
	fmt.Fprintln(b, "ENTRY_END")
}
