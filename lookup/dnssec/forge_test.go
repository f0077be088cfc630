package dnssec_test

import (
	"context"
	"crypto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// forger is a resolver that lies: it alters what the hierarchy says before it hands it out. It has
// all keys.
type forger struct {
	tb     testing.TB
	s      *lookuptest.Server
	now    time.Time
	change func(f *forger, q dns.Question, m *dns.Msg)
	keys   *spareKeys // made on the way
}

// spareKeys are keys that the hierarchy does not have.
type spareKeys struct {
	mu   sync.Mutex
	keys map[string]spareKey
}

type spareKey struct {
	record *dns.DNSKEY
	signer crypto.Signer
}

// Exchange implements dnssec.Exchanger.
func (f *forger) Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
	m, err := f.s.Exchange(ctx, name, qtype, cd)
	if err != nil {
		return nil, err
	}
	if f.change != nil {
		f.change(f, m.Question[0], m)
	}
	wire, err := m.Pack()
	if err != nil {
		return nil, err
	}
	in := new(dns.Msg)
	return in, in.Unpack(wire)
}

// validator validates what the forger says, by its clock.
func (f *forger) validator() *dnssec.Validator {
	f.tb.Helper()
	a, err := dnssec.ParseAnchors(f.s.Anchor(), "anchor")
	if err != nil {
		f.tb.Fatal(err)
	}
	return &dnssec.Validator{Exchanger: f, Anchors: a, Now: func() time.Time { return f.now }}
}

// rr reads a record.
func (f *forger) rr(text string) dns.RR {
	rr, err := dns.NewRR(text)
	if err != nil || rr == nil {
		f.tb.Errorf("record %q: %v", text, err)
	}
	return rr
}

// rrs reads records, one a string.
func (f *forger) rrs(texts ...string) []dns.RR {
	var out []dns.RR
	for _, t := range texts {
		out = append(out, f.rr(t))
	}
	return out
}

// sign signs as the zone does, with what change alters before.
func (f *forger) sign(zone string, rrs []dns.RR, change ...func(*dns.RRSIG)) *dns.RRSIG {
	record, signer, err := f.s.Key(zone)
	if err != nil {
		f.tb.Error(err)
		return nil
	}
	return f.signBy(spareKey{record, signer}, rrs, change...)
}

func (f *forger) signBy(k spareKey, rrs []dns.RR, change ...func(*dns.RRSIG)) *dns.RRSIG {
	h := rrs[0].Header()
	labels := dns.CountLabel(h.Name)
	if strings.HasPrefix(h.Name, "*.") {
		labels--
	}
	sig := &dns.RRSIG{
		Hdr:         dns.RR_Header{Name: h.Name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: h.Ttl},
		TypeCovered: h.Rrtype, Algorithm: k.record.Algorithm, Labels: uint8(labels), OrigTtl: h.Ttl,
		Inception: uint32(f.now.Add(-time.Hour).Unix()), Expiration: uint32(f.now.Add(14 * 24 * time.Hour).Unix()),
		KeyTag: dnssec.KeyTag(k.record), SignerName: k.record.Hdr.Name,
	}
	for _, c := range change {
		c(sig)
	}
	if err := dnssec.SignExactly(rrs, sig, k.signer); err != nil {
		f.tb.Error(err)
	}
	return sig
}

// spare makes a key for a zone, the same one each time it is asked for.
func (f *forger) spare(id, zone string, algorithm uint8, flags uint16, bits int) spareKey {
	f.keys.mu.Lock()
	defer f.keys.mu.Unlock()
	if k, ok := f.keys.keys[id]; ok {
		return k
	}
	k := f.newKey(zone, algorithm, flags, bits)
	if f.keys.keys == nil {
		f.keys.keys = map[string]spareKey{}
	}
	f.keys.keys[id] = k
	return k
}

func (f *forger) newKey(zone string, algorithm uint8, flags uint16, bits int) spareKey {
	record := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300},
		Flags: flags, Protocol: 3, Algorithm: algorithm,
	}
	private, err := record.Generate(bits)
	if err != nil {
		f.tb.Error(err)
	}
	return spareKey{record, private.(crypto.Signer)}
}

// collision returns a key with the tag of the zone's own: unused flags move the tag.
func (f *forger) collision(zone string) spareKey {
	own, _, _ := f.s.Key(zone)
	f.keys.mu.Lock()
	defer f.keys.mu.Unlock()
	id := "collision " + zone
	for f.keys.keys[id].record == nil {
		bits := map[uint8]int{dns.RSASHA256: 1024, dns.RSASHA512: 1024, dns.ECDSAP384SHA384: 384}[own.Algorithm]
		if bits == 0 {
			bits = 256
		}
		k := f.newKey(zone, own.Algorithm, dns.ZONE, bits)
		want := dnssec.KeyTag(own)
		for carry := range uint16(3) {
			moved := *k.record
			moved.Flags = dns.ZONE + want - dnssec.KeyTag(k.record) + carry - 1
			if f.keys.keys == nil {
				f.keys.keys = map[string]spareKey{}
			}
			if dnssec.KeyTag(&moved) == want && moved.Flags&dns.ZONE != 0 && moved.Flags&dns.REVOKE == 0 {
				f.keys.keys[id] = spareKey{&moved, k.signer}
			}
		}
	}
	return f.keys.keys[id]
}

// put replaces the set of the owner and type of rrs in a section, with its signatures.
func put(section []dns.RR, rrs []dns.RR, sigs ...*dns.RRSIG) []dns.RR {
	h := rrs[0].Header()
	section = append(without(section, h.Name, h.Rrtype), rrs...)
	for _, sig := range sigs {
		section = append(section, sig)
	}
	return section
}

// without drops a set and its signatures.
func without(section []dns.RR, owner string, t uint16) []dns.RR {
	return slices.DeleteFunc(slices.Clone(section), func(rr dns.RR) bool { return isOf(rr, owner, t) })
}

// unsigned drops the signatures over a set.
func unsigned(section []dns.RR, owner string, t uint16) []dns.RR {
	return slices.DeleteFunc(slices.Clone(section), func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeRRSIG && isOf(rr, owner, t)
	})
}

// isOf reports whether rr belongs to a set or signs it.
func isOf(rr dns.RR, owner string, t uint16) bool {
	if dns.CanonicalName(rr.Header().Name) != dns.CanonicalName(owner) {
		return false
	}
	if sig, ok := rr.(*dns.RRSIG); ok {
		return sig.TypeCovered == t || t == dns.TypeRRSIG
	}
	return rr.Header().Rrtype == t
}

// setOf returns a set without signatures.
func setOf(section []dns.RR, owner string, t uint16) []dns.RR {
	return slices.DeleteFunc(slices.Clone(section), func(rr dns.RR) bool {
		return !isOf(rr, owner, t) || rr.Header().Rrtype == dns.TypeRRSIG
	})
}

// renamed copies records to another owner.
func renamed(rrs []dns.RR, owner string) []dns.RR {
	var out []dns.RR
	for _, rr := range rrs {
		c := dns.Copy(rr)
		c.Header().Name = owner
		out = append(out, c)
	}
	return out
}

// ask returns what the hierarchy itself says.
func (f *forger) ask(name string, qtype uint16) *dns.Msg {
	m, err := f.s.Exchange(context.Background(), name, qtype, true)
	if err != nil {
		f.tb.Error(err)
		return new(dns.Msg)
	}
	return m
}
