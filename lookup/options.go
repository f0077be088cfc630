package lookup

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/internal/transport"
)

// Mode says who validates answers.
type Mode string

// Modes.
const (
	Validate Mode = "validate" // every answer is validated here; the resolver can only withhold
	Both     Mode = "both"     // and the resolver must set AD (RFC 4035, Section 3.2.3)
	ADOnly   Mode = "ad-only"  // the resolver is believed (RFC 4035, Section 4.9.3)
)

// Options configure a Client. The zero value validates from the root through the resolvers of
// /etc/resolv.conf.
type Options struct {
	// Resolvers: "host:port", "host" or "tls://host:853#name"; empty: from /etc/resolv.conf, also
	// when that changes (but in mode ad-only).
	Resolvers []string
	Mode      Mode // empty: Validate
	// Anchors (RFC 4035, Section 4.4); nil: the built-in root anchors.
	Anchors *dnssec.Anchors
	// Allow and Deny list signer domains (and everything below them), and where aliases may
	// lead; empty Allow: any.
	Allow, Deny []string
	// Timeout for one lookup; 0: 5 s. Two fifths of it, and 2 s at least, are one resolver's for
	// one question.
	Timeout time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Trace, when set, is called with every query and its duration. It is called from several
	// goroutines.
	Trace func(q Query)
	// NoCache switches the cache off.
	NoCache bool
	// RootCAs authenticate tls:// resolvers (RFC 8310, Section 8.1); nil: the system's roots.
	RootCAs *x509.CertPool
	// Limits bound what the client does at a time.
	Limits Limits
	// CacheBytes bounds the cache of results; 0: 64 MiB. Zones and their keys get half as much
	// in addition.
	CacheBytes int
	// Probe is the apex of a zone that is bogus on purpose, for mode ad-only; "":
	// dnssec-failed.org.
	Probe string
	// AllowSHA1 validates algorithms 5 and 7 instead of treating them as insecure (RFC 9905).
	AllowSHA1 bool
}

const (
	defaultTimeout = 5 * time.Second
	serverTime     = 2 * time.Second // the least time for a resolver to answer one question
	resolvConf     = "/etc/resolv.conf"
)

// setDefaults fills in what is zero.
func (o *Options) setDefaults() error {
	switch o.Mode {
	case "":
		o.Mode = Validate
	case Validate, Both, ADOnly:
	default:
		return fmt.Errorf("%w %q: want %s, %s or %s", ErrMode, o.Mode, Validate, Both, ADOnly)
	}
	o.Limits = o.Limits.withDefaults()
	o.Timeout = cmp.Or(max(o.Timeout, 0), defaultTimeout)
	o.CacheBytes = cmp.Or(max(o.CacheBytes, 0), defaultCacheBytes)
	if o.Now == nil {
		o.Now = time.Now
	}
	probe, err := dane.Domain(cmp.Or(o.Probe, defaultProbe))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProbe, err)
	}
	o.Probe = probe
	return nil
}

// servers are the resolvers to ask.
func (o *Options) servers() ([]transport.Server, error) {
	if len(o.Resolvers) == 0 {
		return transport.FromResolvConf(resolvConf)
	}
	var out []transport.Server
	for _, text := range o.Resolvers {
		s, err := transport.Parse(text)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (o *Options) trace() func(transport.Query) {
	if o.Trace == nil {
		return nil
	}
	return func(q transport.Query) { o.Trace(Query(q)) }
}

// Query is one question asked, for Trace.
type Query struct {
	Name     string
	Type     uint16
	CD       bool
	Server   string
	Duration time.Duration
	Rcode    int
	Err      error
}

// String is one line for people.
func (q Query) String() string {
	outcome := dns.RcodeToString[q.Rcode]
	if q.Err != nil {
		outcome = q.Err.Error()
	}
	cd := ""
	if q.CD {
		cd = " CD"
	}
	return fmt.Sprintf("%s %s %s%s: %s in %s", q.Server, q.Name, dns.Type(q.Type), cd, outcome, q.Duration.Round(10*time.Microsecond))
}
