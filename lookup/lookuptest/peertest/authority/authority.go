//go:build unix

// Package authority runs authoritative name servers for tests: BIND, Knot, PowerDNS (on SQLite or
// PostgreSQL) and YADIFA as
// primaries that sign while they run and take RFC 2136 updates by TSIG, BIND and NSD as secondaries
// of them, and unbound as the validating resolver in front. Each lives in a private folder, on a
// high port of loopback, from [Start] to the end of the test. A program that is missing skips the
// test, see package peertest. The sandbox of package lookuptest is one of them, so that one table
// of tests runs on all.
//
// Start at [Start] and [Resolver]. One file a program has its configuration.
//
// # Limitations
//
// It is for tests: a failure ends the test. Servers answer on loopback alone.
package authority

import (
	"cmp"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// Kind is one program.
type Kind string

// Programs.
const (
	BIND     Kind = "bind"
	Knot     Kind = "knot"
	PowerDNS Kind = "powerdns"
	// PowerDNSPostgres is PowerDNS with its data in PostgreSQL.
	PowerDNSPostgres Kind = "powerdns-postgresql"
	YADIFA           Kind = "yadifa" // its zones are not signed
	NSD              Kind = "nsd"    // as a secondary only
	// Sandbox is package lookuptest, in the process of the test.
	Sandbox Kind = "sandbox"
)

// Signing lists the primaries that sign their zones.
func Signing() []Kind { return []Kind{BIND, Knot, PowerDNS, Sandbox} }

// Denial is how a zone proves that something is not there.
type Denial string

// Denials. The zero value is NSEC.
const (
	NSEC   Denial = ""
	NSEC3  Denial = "nsec3"
	Narrow Denial = "narrow" // NSEC3 made for each question: PowerDNS only
	// Online is NSEC made for each question (mod-onlinesign): Knot only. The zone takes no updates.
	Online Denial = "online"
)

// Options for [Start]. The zero value is fine.
type Options struct {
	Denial Denial
	// Inline has BIND sign a copy of the zone (inline-signing yes).
	Inline bool
	// TTL in seconds, of all records and of denials; 0: 1.
	TTL uint32
	// Records are further ones, in master-file form relative to the zone.
	Records string
	// Secondaries that will be started: the primary tells them of changes.
	Secondaries []Kind
	// Limit has PowerDNS let the key Limited do what it may, by a policy script; the others always
	// do. It replaces PowerDNS's own checks of TSIG keys.
	Limit bool
	// Addr is host:port to answer at; "": a free port, of 127.0.0.1 for BIND, else of another
	// loopback address.
	Addr string
	// Durable has PostgreSQL wait for the disk.
	Durable bool
	// Big gives servers the time and the room that hundreds of thousands of Records need.
	Big bool
	// Statements of named.conf that declare the zone, with the file "zone", and its keys; "": ours.
	Statements string
}

// Server is one that runs.
type Server struct {
	Kind Kind
	// Zone is absolute, in lower case.
	Zone string
	// Addr is where it answers, UDP and TCP: host:port.
	Addr string
	// Dir holds its files.
	Dir string
	// Key may change everything in the zone, and transfer it.
	Key Key
	// Limited may change only what is at the name [Server.LimitedName].
	Limited Key
	// Anchor has the zone's DS record, in master-file form: as a trust anchor or for the parent.
	// Empty when the zone is not signed.
	Anchor string
	// Secondaries are the addresses of those that Options names, in that order. See
	// [Server.Secondary].
	Secondaries []string
	// Postgres is where PowerDNSPostgres has its data; else nil.
	Postgres *peertest.Postgres

	opts      Options
	program   string
	args      []string
	process   *peertest.Process
	sandbox   *lookuptest.Server
	secondary bool
}

// LimitedName is the one owner name that the key Limited may change.
func (s *Server) LimitedName() string { return "only._device." + s.Zone }

// Start runs a primary for one zone and waits until it answers, signed. The zone has an SOA, one NS
// (ns.ZONE, at the host of Addr) and Options.Records.
func Start(tb testing.TB, kind Kind, zone string, opts Options) *Server {
	tb.Helper()
	if opts.TTL == 0 {
		opts.TTL = 1
	}
	s := &Server{Kind: kind, Zone: dns.CanonicalName(zone), Key: NewKey("upd"), Limited: NewKey("limited"), opts: opts}
	for _, second := range opts.Secondaries {
		s.Secondaries = append(s.Secondaries, freeAddr(tb, second))
	}
	if kind == Sandbox {
		s.startSandbox(tb)
		return s
	}
	software := map[Kind]func(testing.TB, *Server) []string{BIND: bind, Knot: knot, PowerDNS: powerDNS, PowerDNSPostgres: powerDNS, YADIFA: yadifa}[kind]
	if software == nil {
		tb.Fatalf("no primary of kind %q", kind)
	}
	s.program = peertest.Program(tb, programs[kind])
	s.start(tb, func() { s.args = software(tb, s) })
	return s
}

var programs = map[Kind]string{BIND: "named", Knot: "knotd", PowerDNS: "pdns_server", PowerDNSPostgres: "pdns_server", YADIFA: "yadifad", NSD: "nsd"}

// start runs the program, with another address when it ends at once; configure writes its files.
func (s *Server) start(tb testing.TB, configure func()) {
	tb.Helper()
	for range 5 {
		s.Dir = peertest.ShortDir(tb)
		if !s.secondary {
			s.Addr = cmp.Or(s.opts.Addr, freeAddr(tb, s.Kind))
		}
		configure()
		if s.run(tb) {
			return
		}
	}
	tb.Fatalf("%s does not start", s.program)
}

// freeAddr is where a program can listen: BIND does so on addresses of interfaces only.
func freeAddr(tb testing.TB, kind Kind) string {
	tb.Helper()
	if kind == BIND {
		return peertest.FreeLocalhost(tb)
	}
	return peertest.FreeAddr(tb)
}

// run starts the program with the files that are there, and is false when it ended.
func (s *Server) run(tb testing.TB) bool {
	tb.Helper()
	s.process = peertest.Run(tb, s.program, s.args...)
	return s.ready(tb)
}

// Kill ends it as a crash would (SIGKILL); the sandbox stops answering.
func (s *Server) Kill() {
	if s.sandbox != nil {
		_ = s.sandbox.Close()
		return
	}
	s.process.Kill()
}

// Pause stops it (SIGSTOP) until Resume: it takes connections and answers nothing. Not the sandbox.
func (s *Server) Pause() { s.process.Pause() }

// Resume is the end of a Pause.
func (s *Server) Resume() { s.process.Resume() }

// ended is closed when the program has ended.
func (s *Server) ended() <-chan struct{} {
	if s.process == nil {
		return nil
	}
	return s.process.Ended()
}

// Restart runs it again after Kill, with the same files at the same address, and waits until it
// answers. The sandbox cannot.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	if !s.run(tb) {
		tb.Fatalf("%s does not start again", s.program)
	}
}

// signed says whether the zone is to be signed.
func (s *Server) signed() bool { return s.Kind != YADIFA && s.Kind != NSD }

// path is a file in its folder.
func (s *Server) path(name string) string { return filepath.Join(s.Dir, name) }

// host and port of where it answers.
func (s *Server) hostPort() (host, port string) {
	host, port, _ = net.SplitHostPort(s.Addr)
	return host, port
}

// zoneText is the zone as it starts.
func (s *Server) zoneText() string {
	host, _ := s.hostPort()
	return fmt.Sprintf(`$ORIGIN %s
$TTL %d
@ SOA ns hostmaster 1 3600 600 86400 %[2]d
@ NS ns
ns A %s
%s
`, s.Zone, s.opts.TTL, host, s.opts.Records)
}

// bare is the zone without the dot at its end.
func (s *Server) bare() string { return strings.TrimSuffix(s.Zone, ".") }
