package dnssec

import (
	"context"
	"time"

	"github.com/miekg/dns"
)

// Validator validates. All fields may stay zero but Exchanger. It is safe for concurrent use and
// must not be changed after its first use.
type Validator struct {
	// Exchanger asks the resolver. Required. It is called from several goroutines at once, all of
	// which have returned when Resolve returns; it must end with its context.
	Exchanger Exchanger
	// Anchors; nil means RootAnchors. Those that are valid at the time of the clock count.
	Anchors *Anchors
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Skew is the tolerance for signature times; 0 means 5 minutes.
	Skew time.Duration
	// MayFollow, when set, is asked before an alias is followed to its target; an error ends
	// the lookup as indeterminate.
	MayFollow func(target string) error
	// AllowSHA1 validates algorithms 5 and 7 and DS digest 1 instead of treating them as insecure
	// (RFC 9905).
	AllowSHA1 bool
	// Keys caches what was proven about zones; nil means no cache. A cache belongs to one set of
	// anchors.
	Keys ZoneCache
	// Signatures remembers signatures that were verified; nil means that each is verified again.
	Signatures SignatureCache

	extra map[uint8]algorithm // for tests of old vectors
}

// ZoneCache keeps proven zone keys and proven unsigned delegations. Entries may be dropped at any
// time, and must be after their Expires. It is safe for concurrent use.
type ZoneCache interface {
	Get(zone string) (*Zone, bool)
	Put(zone string, z *Zone)
}

// SignatureCache remembers signatures that were right, each by a hash over key, signature and
// signed data. That never changes, so entries need no expiry, only a bound on their number. It is
// safe for concurrent use.
type SignatureCache interface {
	Has(id [32]byte) bool
	Add(id [32]byte)
}

// Zone is what was proven about a zone: its keys, or that it is not signed. It is immutable.
type Zone struct {
	Name    string
	Status  Status // Secure: Keys are proven; Insecure: proven unsigned
	Keys    []*dns.DNSKEY
	Link    Link
	Expires time.Time

	name    name
	parent  *Zone // nil at an anchor
	keys    []*zoneKey
	verdict verdict
	proof   proof // DS, DNSKEY, or the proof that there is no DS; times include those of parent
}

// Size estimates the octets that the zone holds in memory, its parents not counted: zones are
// chosen by the senders of mail, so a cache is bounded by more than their number.
func (z *Zone) Size() int {
	// for a record's structures; its data as text, as octets and taken apart
	const each, text = 512, 4
	size := each + len(z.Name)
	for _, s := range z.proof.sets {
		for _, rr := range s.set.rrs {
			size += each + text*dns.Len(rr)
		}
		for _, sig := range s.set.sigs {
			size += each + text*dns.Len(sig)
		}
	}
	return size
}

const defaultSkew = 5 * time.Minute

// Resolve asks for (name, qtype) and validates. It never returns nil, and every failure is in the
// Answer. The budget of ctx counts the work; without one the default limits hold for this call.
//
// After SERVFAIL a question is asked once more with CD=1, and what comes then is validated as
// anything is: the resolver may have an old root key, a wrong clock or a negative trust anchor.
// When nothing comes, CodeServfail is the answer.
func (v *Validator) Resolve(ctx context.Context, name string, qtype uint16) *Answer {
	l := v.newLookup(ctx, qtype)
	defer l.asker.close()
	n, err := parseName(name)
	if err != nil || isMeta(qtype) {
		l.answer.Name, l.answer.Type = name, qtype
		return l.finish(indeterminate(noEDE, CodeMalformed, "%q %s cannot be asked for", name, typeName(qtype)))
	}
	l.answer.Name = n.String()
	l.prefetch(n, true)
	return l.finish(l.clock(n, l.follow(n)))
}

// isMeta reports types that are no data (RFC 6895, Section 3.1), and RRSIG, which is never signed
// (RFC 4035, Section 2.2).
func isMeta(t uint16) bool {
	return t == 0 || t == dns.TypeRRSIG || t == dns.TypeOPT || t >= 128 && t <= 255
}

func (v *Validator) newLookup(ctx context.Context, qtype uint16) *lookup {
	b := BudgetFrom(ctx)
	if b == nil {
		b = NewBudget(Limits{})
	}
	l := &lookup{
		v: v, anchors: v.Anchors, now: time.Now(), skew: v.Skew, qtype: qtype,
		spent: spending{Budget: b}, asker: newAsker(ctx, v.Exchanger),
		zones: make(map[name]zoneResult), hashes: make(map[hashed]hash), answer: &Answer{Type: qtype, EDE: noEDE},
	}
	if l.anchors == nil {
		l.anchors = builtIn()
	}
	if v.Now != nil {
		l.now = v.Now()
	}
	if l.skew == 0 {
		l.skew = defaultSkew
	}
	l.anchors = l.anchors.At(l.now)
	return l
}
