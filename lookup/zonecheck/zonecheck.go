// Package zonecheck looks at a zone that publishes identities as a stranger can, and says what is
// wrong with it: whether absence is proven and so revocation works, for how long an old answer can
// live, who can list the names, whether all name servers agree.
//
// Start at [Run]. It finds the zones of a domain (zones.go) and their name servers (servers.go),
// checks the chain of trust (delegation.go), each server (probe.go, agree.go), proofs of absence
// (denial.go, hides.go), walks NSEC (walk.go, listing.go), reads identity records (records.go,
// contents.go, wildcard.go), holds times to the wished ones (times.go), and compares with
// identities that are held here (identities.go). Each result is a [Finding] with a stable [Code];
// [Kinds] describes all codes (codes.go, kinds.go). text.go writes a report for people.
//
// Everything comes from the network of strangers. Name servers are asked directly (package
// transport); what counts is validated by package dnssec, with the parents of the zone asked
// through resolvers. Names, questions, time and the rate of questions are bounded, and a walk goes
// only forward and only inside its zone.
//
// # Limitations
//
// NSEC and NSEC3 records of a walk are not validated: whoever can change them on the way can change
// the list. Names are seen from this machine only: an anycast name server has other instances.
// Zone transfers are not tried.
package zonecheck

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/internal/transport"
)

// Options say what is checked. Only Domain must be set.
type Options struct {
	// Domain may hold U-labels. Its zone is checked, and those of _smimecert, _device and _user
	// below it where these are zones of their own.
	Domain string
	// Revocation is the time after which a withdrawn record should count for nobody; 0: none is
	// wished, times are held to 1 day, and signatures that live longer (CodeReplay) are a note.
	Revocation time.Duration
	// NameServers ("host:port", "host") are asked instead of those in the NS records.
	NameServers []string
	// Walk is how many names are listed at most; 0: 1000; negative: no walk.
	Walk int
	// Identities are those that are held here; Names are other identities to look at.
	Identities []Identity
	Names      []Name
	// Resolvers ("host:port", "tls://host:853#name") are asked for everything above the zone and
	// for the addresses of name servers; empty: those of /etc/resolv.conf.
	Resolvers []string
	// Anchors; nil: the built-in root anchors.
	Anchors *dnssec.Anchors
	// RootCAs authenticate tls:// resolvers; nil: the system's roots.
	RootCAs *x509.CertPool
	// Timeout is for one question to one server; 0: 2 s. Total is for everything; 0: 5 min, and
	// as long as the walk needs.
	Timeout, Total time.Duration
	// Interval is the time between two questions for many names; 0: 10 ms.
	Interval time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// port is that of name servers, for tests; "": 53.
	port string
	// Progress, when set, is called with the number of names that were listed or read in addition.
	Progress func(names int)
}

// Name is the owner of identity records.
type Name struct {
	Name  string // as people write it
	Owner string // absolute owner name
	Type  dane.Type
}

// Identity is one that is held here.
type Identity struct {
	Name
	// Match says what its records are compared with.
	Match dane.MatchOptions
}

const (
	defaultWalk     = 1000
	maxWalk         = 1_000_000
	defaultInterval = 10 * time.Millisecond
	defaultTotal    = 5 * time.Minute
	day             = 24 * time.Hour
	recheckAfter    = 2 * time.Second
)

// check is one run.
type check struct {
	opts      Options
	wished    bool // Options.Revocation was set
	resolvers *transport.Client
	keys      *zoneCache
	report    *Report
	next      time.Time // when the next question for many names may go out
}

// Run checks a domain. It fails when the options make no sense: no domain, a resolver or name
// server that cannot be read, no resolver in /etc/resolv.conf. What is wrong with the zone, and
// what could not be told, are findings. When ctx ends it returns what was found and the error of
// ctx.
func Run(ctx context.Context, opts Options) (*Report, error) {
	c, err := newCheck(opts)
	if err != nil {
		return nil, err
	}
	defer c.resolvers.Close()
	limited, cancel := context.WithTimeout(ctx, c.opts.Total)
	defer cancel()
	for _, place := range c.findZones(limited) {
		if err := c.checkZone(limited, place); err != nil {
			return nil, err
		}
	}
	c.elsewhere()
	if limited.Err() != nil {
		c.add(c.report.Domain, CodeUndecided, c.report.Domain, "the check was ended after %s; what was not checked by then is missing here", c.opts.Total.Round(time.Second))
	}
	c.report.sortFindings()
	return c.report, ctx.Err()
}

func newCheck(opts Options) (*check, error) {
	domain, err := dane.Domain(opts.Domain)
	if err != nil {
		return nil, err
	}
	servers, err := parseServers(opts.Resolvers)
	if err != nil {
		return nil, err
	}
	if len(servers) == 0 {
		if servers, err = transport.FromResolvConf("/etc/resolv.conf"); err != nil {
			return nil, err
		}
	}
	if _, err := parseServers(opts.NameServers); err != nil {
		return nil, err
	}
	wished := opts.Revocation > 0
	opts.setDefaults()
	return &check{
		opts:      opts,
		wished:    wished,
		resolvers: transport.New(transport.Options{Servers: servers, Timeout: opts.Timeout, RootCAs: opts.RootCAs}),
		keys:      newZoneCache(),
		report:    &Report{Domain: domain},
	}, nil
}

func (o *Options) setDefaults() {
	o.Revocation = cmp.Or(max(o.Revocation, 0), day)
	o.Walk = min(cmp.Or(o.Walk, defaultWalk), maxWalk)
	o.Timeout = cmp.Or(max(o.Timeout, 0), 2*time.Second)
	o.port = cmp.Or(o.port, "53")
	o.Interval = cmp.Or(max(o.Interval, 0), defaultInterval)
	o.Total = cmp.Or(max(o.Total, 0), defaultTotal+time.Duration(max(o.Walk, 0))*(o.Interval+50*time.Millisecond))
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = func(int) {}
	}
}

func parseServers(texts []string) ([]transport.Server, error) {
	var out []transport.Server
	for _, text := range texts {
		s, err := transport.Parse(text)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// checkZone makes all checks of one zone.
func (c *check) checkZone(ctx context.Context, at place) error {
	z := &zone{check: c, place: at}
	c.report.Zones = append(c.report.Zones, z.apex)
	if err := z.findServers(ctx); err != nil {
		return err
	}
	defer z.close()
	defer z.countFailures()
	if len(z.servers) == 0 {
		return nil
	}
	z.probeServers(ctx)
	if len(z.good()) == 0 {
		z.add(CodeUndecided, z.apex, "no name server of %s could be asked; nothing else was checked", show(z.apex))
		return nil
	}
	if z.delegation(ctx); z.unsigned {
		return nil
	}
	z.denials(ctx)
	z.list(ctx)
	z.read(ctx)
	z.wildcards(ctx)
	z.contents(ctx)
	z.times(ctx)
	z.hides(ctx)
	z.agree(ctx)
	z.compare(ctx)
	return nil
}

// pace waits until the next question for many names may go out; false: ctx has ended.
func (c *check) pace(ctx context.Context) bool {
	now := time.Now()
	wait := c.next.Sub(now)
	c.next = now.Add(max(wait, 0) + c.opts.Interval)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// randomLabel is a label that no zone has.
func randomLabel() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // it never fails
	return "x" + hex.EncodeToString(b[:])
}

// show is a name for people: without its final dot, and of the hash of a mail address (RFC 8162,
// Section 3) the beginning.
func show(name string) string {
	if name == "." {
		return "the root"
	}
	name = strings.TrimSuffix(name, ".")
	const hash, start = 56, 8
	if at := strings.Index(name, "._smimecert."); at == hash {
		name = name[:start] + "…" + name[at:]
	}
	return name
}

// plural is a number and what it counts.
func plural(n int, what string) string {
	if n != 1 {
		switch stem, y := strings.CutSuffix(what, "y"); {
		case y:
			what = stem + "ies"
		case strings.HasSuffix(what, "s"):
			what += "es"
		default:
			what += "s"
		}
	}
	return fmt.Sprintf("%d %s", n, what)
}
