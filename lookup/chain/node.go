package chain

import (
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// Node is a zone of a chain of trust, or a set of records in one. Every form of a chain is written
// from it. The JSON form, which has zones only, is stable: fields are only ever added.
type Node struct {
	Zone      string        `json:"zone"` // empty: a set of records
	Status    dnssec.Status `json:"status"`
	Reason    string        `json:"reason"`
	Keys      []Key         `json:"keys"`
	DS        []DS          `json:"ds"`
	Signature *Signature    `json:"signature,omitempty"` // over the keys

	Set      *dnssec.RRset `json:"-"` // nil: a zone
	Children []*Node       `json:"-"` // zones, then sets
	// Anchored: it is below no other zone of the chain, so a trust anchor names its keys.
	Anchored bool `json:"-"`
	// Fault is why the result is bogus although no zone is, at the end of the chain.
	Fault string `json:"-"`
}

// Key is a DNSKEY record (RFC 4034, Section 2.1).
type Key struct {
	Tag       uint16 `json:"tag"`
	Algorithm uint8  `json:"algorithm"`
	SEP       bool   `json:"sep"`     // RFC 4034, Section 2.1.1
	Revoked   bool   `json:"revoked"` // RFC 5011, Section 2.1
	Matched   bool   `json:"matched"` // by a DS or trust anchor
}

// DS is a DS record (RFC 4034, Section 5.1).
type DS struct {
	Tag        uint16 `json:"tag"`
	Algorithm  uint8  `json:"algorithm"`
	DigestType uint8  `json:"digest_type"`
	Digest     string `json:"digest"` // hexadecimal
}

// Signature is an RRSIG record, without the data (RFC 4034, Section 3.1).
type Signature struct {
	Tag        uint16    `json:"tag"`
	Algorithm  uint8     `json:"algorithm"`
	Inception  time.Time `json:"inception"`
	Expiration time.Time `json:"expiration"`
}

// Nodes returns the zones in the order in which they were established, each with what is below it.
// Times of signatures are those nearest to now; nothing is decided by them.
func (r *Result) Nodes(now time.Time) []*Node {
	out, zones, broken := []*Node{}, map[string]*Node{}, false
	var last *Node
	for i := range r.Answer.Links {
		last = newZone(&r.Answer.Links[i], now)
		last.Anchored = !place(last, zones, last.Zone)
		out, zones[last.Zone] = append(out, last), last
		broken = broken || last.Status == dnssec.Bogus
	}
	for i := range r.Answer.RRsets {
		set := &r.Answer.RRsets[i]
		h := set.Records[0].Header()
		asked := h.Rrtype == uint16(r.Type)
		switch h.Rrtype {
		case dns.TypeCNAME, dns.TypeDNAME, dns.TypeNSEC, dns.TypeNSEC3:
		default: // DS and DNSKEY belong to their zones; the SOA only says for how long.
			if !asked {
				continue
			}
		}
		n, zone := &Node{Status: r.Status, Set: set}, h.Name
		for _, sig := range set.Signatures {
			zone = dns.CanonicalName(sig.SignerName)
		}
		place(n, zones, zone)
		if asked {
			last = n
		}
	}
	if last != nil && r.Status == dnssec.Bogus && !broken {
		last.Fault = r.Reason
	}
	return out
}

func newZone(l *dnssec.Link, now time.Time) *Node {
	n := &Node{Zone: l.Zone, Status: l.Status, Reason: l.Reason, Keys: []Key{}, DS: []DS{}}
	for _, k := range l.Keys {
		n.Keys = append(n.Keys, Key(k))
	}
	for _, ds := range l.DS {
		n.DS = append(n.DS, DS{ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest})
	}
	if l.Signature != nil {
		n.Signature = newSignature(l.Signature, now)
	}
	return n
}

func newSignature(sig *dns.RRSIG, now time.Time) *Signature {
	return &Signature{sig.KeyTag, sig.Algorithm, moment(sig.Inception, now), moment(sig.Expiration, now)}
}

// moment is the time nearest to now that a 32-bit time can mean (RFC 4034, Section 3.1.5).
func moment(serial uint32, now time.Time) time.Time {
	return now.Add(time.Duration(int32(serial-uint32(now.Unix()))) * time.Second).UTC().Truncate(time.Second)
}

// place adds n to the deepest zone above or at name, if there is one.
func place(n *Node, zones map[string]*Node, name string) bool {
	zone := zones["."]
	for at, end := 0, false; !end; at, end = dns.NextLabel(name, at) {
		if z := zones[name[at:]]; z != nil {
			zone = z
			break
		}
	}
	if zone != nil {
		zone.Children = append(zone.Children, n)
	}
	return zone != nil
}
