// Package lookuptest builds a signed DNS hierarchy in memory from zone-file
// text and serves it on loopback as one recursive resolver: for every test,
// for the demo and for "dnseal sandbox". It can break a zone on purpose.
//
// Start at [New]: it reads the zones (zonefile.go), makes up their parents to
// the root (hierarchy.go), and answers from them: inside one zone (answer.go,
// nsec.go, nsec3.go), across zones (resolve.go), over the network (serve.go).
// Signatures are made when they are first asked for (sign.go). With
// [Options].UpdateKeys the zones can be changed by RFC 2136 (update.go,
// prerequisite.go, change.go), in memory only.
//
// The server is no cache: it hands out the data as it is, with AD=0 unless
// [Options].Validating is set. To questions without RD it answers as the name
// server of the zone does (AA). It follows RFC 4035, Section 3 and RFC 5155,
// Section 7. It must not be reachable by strangers.
//
// It imports no testing package.
//
// # Limitations
//
// It is for tests, the demo and trying things out: all data is in memory, and keys are new at each
// start. It answers for its own zones and their parents alone, and asks no other server.
package lookuptest

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// Zone is one zone to serve. Text is the only field that must be set.
type Zone struct {
	// Text is the zone in master-file form (RFC 1035, 5); the owner of its SOA is its name. DNSSEC
	// records other than DS in it (RRSIG, NSEC, NSEC3, DNSKEY, CDS …) are left out, because the
	// server signs itself.
	Text string
	// File names the text in errors; empty: "zone".
	File string
	// Origin is where relative names in Text start before any $ORIGIN. When it is set and Text
	// holds no SOA, a zone of that name is made up around the records. Empty: Text says it all.
	Origin string
	// Break makes the zone wrong on purpose.
	Break Break
	// Algorithm is the DNSSEC algorithm number: 8, 10, 13, 14 or 15; 0 means 13 (ECDSAP256SHA256).
	Algorithm uint8
	// NSEC3 denies by NSEC3 instead of NSEC.
	NSEC3 bool
	// Narrow makes denials for each question, as servers do that sign while they answer: NSEC3
	// records that cover one hash (RFC 7129, Appendix B), or without NSEC3 compact denial (RFC
	// 9824).
	Narrow bool
	// OptOut sets the opt-out flag: unsigned delegations have no NSEC3 of their own (RFC 5155, 6).
	// Only with NSEC3.
	OptOut bool
	// Iterations of the NSEC3 hash; RFC 9276 wants 0. At most 2500.
	Iterations uint16
	// Salt of the NSEC3 hash in hex, at most 255 octets; empty: none.
	Salt string
	// Unsigned leaves the zone without signatures and without DS.
	Unsigned bool
	// Validity is the lifetime of its signatures; 0: 14 days. They start one hour before they are
	// made.
	Validity time.Duration
}

// Break is what is wrong with a zone.
type Break string

// Ways to break a zone. The zero value breaks nothing.
const (
	Expired Break = "expired" // signatures expired a week ago
	NotYet  Break = "not-yet" // signatures start in a week
	// WrongSignature flips one bit of each signature, except those over the keys.
	WrongSignature Break = "wrong-signature"
	MissingRRSIG   Break = "missing-rrsig"  // answers (but the keys) come without signatures
	MissingDenial  Break = "missing-denial" // NSEC and NSEC3 records are left out
	Unreachable    Break = "unreachable"    // the resolver answers SERVFAIL
	Slow           Break = "slow"           // no answer at all
	WrongDS        Break = "wrong-ds"       // the parent's DS fits no key
)

// Breaks lists all ways to break a zone, for flags and usage texts.
func Breaks() []Break {
	return []Break{Expired, NotYet, WrongSignature, MissingRRSIG, MissingDenial, Unreachable, Slow, WrongDS}
}

// Options for New. The zero value is fine.
type Options struct {
	// Now is the clock signatures are made by; nil: time.Now.
	Now func() time.Time
	// Validating answers as a validating resolver would: AD on secure answers, SERVFAIL on bogus
	// ones without CD.
	Validating bool
	// Delay is added to every answer (a simulated round trip).
	Delay time.Duration
	// Asked, when set, is called with every question. It is called from several goroutines.
	Asked func(name string, qtype uint16)
	// UpdateKeys may change all zones given to New or Replace by dynamic updates (RFC 2136).
	// Without any, updates are refused.
	UpdateKeys []UpdateKey
}

// Server serves a hierarchy. All parents up to the root are made up around the zones.
// It is safe for concurrent use.
type Server struct {
	opts Options
	keys keyStore
	mu   sync.Mutex // for Replace, SetBreak and updates
	view atomic.Pointer[view]
	net  network
}

// view is the hierarchy at one moment; it is never changed.
type view struct {
	given  []source // the zones that are not made up
	zones  map[string]*zone
	breaks map[string]Break
}

// New builds and signs the hierarchy. Errors in zone text name file and line ("FILE:LINE: what").
func New(zones []Zone, opts Options) (*Server, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if err := checkUpdateKeys(opts.UpdateKeys); err != nil {
		return nil, err
	}
	s := &Server{opts: opts, net: network{closed: make(chan struct{})}}
	if err := s.Replace(zones); err != nil {
		return nil, err
	}
	return s, nil
}

// Replace re-reads and re-signs with new zones; keys of zones that stay are kept. The breaks are
// those of the new zones. On error the server goes on with what it had. Errors are those of New.
func (s *Server) Replace(zones []Zone) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	given, err := readZones(zones)
	if err != nil {
		return err
	}
	built, err := buildHierarchy(given, &s.keys)
	if err != nil {
		return err
	}
	breaks := map[string]Break{}
	for name, z := range built {
		if err := checkBreak(z.spec.Break); err != nil {
			return err
		}
		breaks[name] = z.spec.Break
	}
	s.view.Store(&view{given: given, zones: built, breaks: breaks})
	return nil
}

// SetBreak breaks or repairs (with an empty Break) one zone while serving; also a made-up parent,
// also "." itself. It fails when there is no such zone or no such break.
func (s *Server) SetBreak(zone string, b Break) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := dns.CanonicalName(zone)
	v := s.view.Load()
	if v.zones[name] == nil {
		return fmt.Errorf("lookuptest: no zone %s", name)
	}
	if err := checkBreak(b); err != nil {
		return err
	}
	breaks := maps.Clone(v.breaks)
	breaks[name] = b
	s.view.Store(&view{given: v.given, zones: v.zones, breaks: breaks})
	return nil
}

func checkBreak(b Break) error {
	if b == "" || slices.Contains(Breaks(), b) {
		return nil
	}
	return fmt.Errorf("lookuptest: no way %q to break a zone (one of %q)", b, Breaks())
}
