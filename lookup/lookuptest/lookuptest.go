// Package lookuptest builds a signed DNS hierarchy in memory from zone-file
// text and serves it on loopback as one recursive resolver: for every test,
// for the demo and for "dnseal sandbox". It can break a zone on purpose.
//
// It imports no testing package.
package lookuptest

import (
	"time"
)

// Zone is one zone to serve.
type Zone struct {
	// Text is the zone in master-file form (RFC 1035, 5); the owner of its SOA is its name.
	Text string
	// File names the text in errors.
	File string
	// Break makes the zone wrong on purpose.
	Break Break
	// Algorithm is the DNSSEC algorithm number; 0 means 13 (ECDSAP256SHA256).
	Algorithm uint8
	// NSEC3 denies by NSEC3 instead of NSEC.
	NSEC3 bool
	// Unsigned leaves the zone without signatures and without DS.
	Unsigned bool
}

// Break says what is wrong with a zone.
type Break string

// Ways to break a zone. The zero value breaks nothing.
const (
	Expired        Break = "expired"         // signatures have expired
	WrongSignature Break = "wrong-signature" // one bit of each leaf signature is flipped
	MissingRRSIG   Break = "missing-rrsig"   // answers come without signatures
	Unreachable    Break = "unreachable"     // the resolver answers SERVFAIL
	Slow           Break = "slow"            // no answer at all
	WrongDS        Break = "wrong-ds"        // the parent's DS fits no key
)

// Options for New. The zero value is fine.
type Options struct {
	// Now is the clock signatures are made by; nil: time.Now.
	Now func() time.Time
	// Validating answers as a validating resolver would: AD on secure answers, SERVFAIL on bogus ones without CD.
	Validating bool
	// Delay is added to every answer (a simulated round trip).
	Delay time.Duration
}

// Server serves a hierarchy. All parents up to the root are made up around the zones.
type Server struct{}

// New builds and signs the hierarchy. Errors in zone text name file and line.
func New(zones []Zone, opts Options) (*Server, error) { panic("unwritten") }

// Start listens on addr, UDP and TCP ("127.0.0.1:0" for any free port; the same port for both), and serves until Close.
func (s *Server) Start(addr string) error { panic("unwritten") }

// Addr is the listening address, "127.0.0.1:port".
func (s *Server) Addr() string { panic("unwritten") }

// Anchor returns the root's trust anchor as DNSKEY and DS records in zone-file form.
func (s *Server) Anchor() string { panic("unwritten") }

// Replace re-reads and re-signs with new zones; keys of zones that stay are kept.
func (s *Server) Replace(zones []Zone) error { panic("unwritten") }

// SetBreak breaks or mends one zone while serving.
func (s *Server) SetBreak(zone string, b Break) error { panic("unwritten") }

// Close stops serving.
func (s *Server) Close() error { panic("unwritten") }
