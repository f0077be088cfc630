package dnssec

import (
	"time"

	"github.com/miekg/dns"
)

// rrset is one RRset of a reply with the signatures that came along, before or after validation.
type rrset struct {
	owner  name
	typ    uint16
	rrs    []dns.RR
	sigs   []*dns.RRSIG
	answer bool // from the answer section
	asked  question

	datas [][]byte // canonical, on first use
	tried []trial
}

// trial remembers a verification, so that nothing is verified or counted twice.
type trial struct {
	zone *Zone
	by   *dns.RRSIG
	verdict
}

func (r *rrset) canonical() ([][]byte, error) {
	if r.datas != nil {
		return r.datas, nil
	}
	datas, err := canonical(r.rrs)
	if err == nil {
		r.datas = datas
	}
	return datas, err
}

// public is the form handed out: only the signature that was verified, if one was.
func (r *rrset) public(by *dns.RRSIG) RRset {
	out := RRset{Records: r.rrs, Signatures: r.sigs, Name: r.asked.name.String(), Type: r.asked.qtype}
	if by != nil {
		out.Signatures = []*dns.RRSIG{by}
	}
	return out
}

// ttl is the shortest TTL of the records (RFC 2181, Section 5.2).
func (r *rrset) ttl() time.Duration {
	least := r.rrs[0].Header().Ttl
	for _, rr := range r.rrs {
		least = min(least, rr.Header().Ttl)
	}
	return time.Duration(least) * time.Second
}

type rrsetKey struct {
	owner name
	typ   uint16
}

// reply is a message taken apart into RRsets. Sections other than answer and authority count only
// for the RRSIGs in them.
type reply struct {
	asked   question
	msg     *dns.Msg
	sets    []*rrset
	byKey   map[rrsetKey][]*rrset
	failure verdict // when there was no usable message
	failed  bool
	ad      bool // the resolver calls it authentic
}

// rrset returns the RRset of type t at n, nil when there is none in the section.
func (r *reply) rrset(n name, t uint16, inAnswer bool) *rrset {
	for _, s := range r.byKey[rrsetKey{n, t}] {
		if s.answer == inAnswer {
			return s
		}
	}
	return nil
}

// dnameAbove returns the DNAME RRset of the closest name above n, nil when there is none.
func (r *reply) dnameAbove(n name) *rrset {
	for n != root {
		n = n.parent()
		if s := r.rrset(n, dns.TypeDNAME, true); s != nil {
			return s
		}
	}
	return nil
}

// denials returns the NSEC and NSEC3 RRsets.
func (r *reply) denials() []*rrset {
	var out []*rrset
	for _, s := range r.sets {
		if s.typ == dns.TypeNSEC || s.typ == dns.TypeNSEC3 {
			out = append(out, s)
		}
	}
	return out
}

// newReply splits the reply to q into RRsets. Records of another class, with a name that does not
// parse, or an OPT are left out.
func newReply(q question, m *dns.Msg) *reply {
	r := &reply{asked: q, msg: m, byKey: make(map[rrsetKey][]*rrset)}
	r.add(m.Answer, true)
	r.add(m.Ns, false)
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		r.addSignatures(section)
	}
	return r
}

func (r *reply) add(section []dns.RR, answer bool) {
	for _, rr := range section {
		if rr == nil {
			continue
		}
		h := rr.Header()
		if h.Class != dns.ClassINET || h.Rrtype == dns.TypeRRSIG || h.Rrtype == dns.TypeOPT {
			continue
		}
		owner, err := parseName(h.Name)
		if err != nil {
			continue
		}
		r.addRecord(owner, rr, answer)
	}
}

// addRecord adds a record to its set (RFC 2181, Section 5). NSEC and NSEC3 records are sets by
// themselves: at a delegation there is one of the parent and one of the child, which differ by
// their signatures (RFC 4035, Section 2.3). Of other sets only the section counts that came first.
func (r *reply) addRecord(owner name, rr dns.RR, answer bool) {
	k := rrsetKey{owner, rr.Header().Rrtype}
	sets := r.byKey[k]
	if len(sets) > 0 && k.typ != dns.TypeNSEC && k.typ != dns.TypeNSEC3 {
		if s := sets[0]; s.answer == answer {
			s.rrs = append(s.rrs, rr)
		}
		return
	}
	s := &rrset{owner: owner, typ: k.typ, rrs: []dns.RR{rr}, answer: answer, asked: r.asked}
	r.byKey[k] = append(sets, s)
	r.sets = append(r.sets, s)
}

func (r *reply) addSignatures(section []dns.RR) {
	for _, rr := range section {
		sig, ok := rr.(*dns.RRSIG)
		if !ok || sig.Hdr.Class != dns.ClassINET {
			continue
		}
		owner, err := parseName(sig.Hdr.Name)
		if err != nil {
			continue
		}
		for _, s := range r.byKey[rrsetKey{owner, sig.TypeCovered}] {
			s.sigs = append(s.sigs, sig)
		}
	}
}
