package sasl

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dnseal/lookup"
	lookupchain "dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/smime/message"
)

// tlsaLogin is SASL EXTERNAL (RFC 4422, Appendix A) by DNS-bound TLS client identity: the client
// names the owner of its TLSA records, and has proved by TLS 1.3 that it has the key of
// its certificate.
type tlsaLogin struct {
	opts    Options
	clients []message.Pattern
	zones   *zones
	denied  func(name string) bool
}

func newTLSALogin(opts Options, denied func(name string) bool) (*tlsaLogin, error) {
	if opts.Lookup == nil {
		return nil, errors.New("relay: clients that log in by TLSA need a resolver")
	}
	l := &tlsaLogin{opts: opts, denied: denied, zones: newZones(opts.MaxLookups)}
	for _, c := range opts.Clients {
		p, err := message.ParsePattern(c)
		if err == nil && p.IsAddress() {
			err = errors.New("want a DNS name, not a mail address")
		}
		if err != nil {
			return nil, fmt.Errorf("relay: client %q: %w", c, err)
		}
		l.clients = append(l.clients, p)
	}
	return l, nil
}

func (l *tlsaLogin) begin(_ context.Context, c Client) (Exchange, error) {
	return &tlsaExchange{login: l, client: c}, nil
}

type tlsaExchange struct {
	login  *tlsaLogin
	client Client
}

func (x *tlsaExchange) Close() {}

// Step implements Exchange. The response is the name; an empty one means the certificate's
// only dNSName.
func (x *tlsaExchange) Step(ctx context.Context, response []byte) ([]byte, *Principal, error) {
	if response == nil {
		return []byte{}, nil, nil
	}
	if len(response) > 512 {
		return nil, nil, ErrResponse
	}
	leaf := x.client.TLS.PeerCertificates[0]
	name := string(response)
	// RFC 4422, Appendix A: an empty response leaves the name to the certificate.
	if name == "" {
		if len(leaf.DNSNames) != 1 {
			return nil, nil, denied(causeName, "no name given, and the certificate has %d dNSNames", len(leaf.DNSNames))
		}
		name = leaf.DNSNames[0]
	}
	owner, err := dane.TLSAName(name)
	if err != nil {
		return nil, nil, denied(causeName, "%w", err)
	}
	name = strings.TrimSuffix(owner, ".")
	// No stranger may cause DNS queries (draft-ietf-dance-architecture, Security
	// Considerations).
	if !x.login.listed(name) {
		return nil, nil, denied(causeUnlisted, "%s is not among the clients", name)
	}
	if err := x.client.claim(name); err != nil {
		return nil, nil, err
	}
	if x.login.denied(name) {
		return nil, nil, denied(causeDenied, "%s is on the deny list", name)
	}
	if err := x.login.prove(ctx, owner, x.client.TLS.PeerCertificates); err != nil {
		return nil, nil, err
	}
	if x.login.denied(name) { // since the lookup began
		return nil, nil, denied(causeDenied, "%s is on the deny list", name)
	}
	return nil, &Principal{TLSName: name}, nil
}

func (l *tlsaLogin) listed(name string) bool {
	return slices.ContainsFunc(l.clients, func(p message.Pattern) bool { return p.MatchName(name) })
}

// prove looks up the records and matches them. Before it refuses, it looks them up once more
// without our cache.
func (l *tlsaLogin) prove(ctx context.Context, owner string, chain []*x509.Certificate) error {
	waiting, cancel := context.WithTimeout(ctx, l.opts.LookupTimeout)
	defer cancel()
	return l.zones.turn(waiting, owner, func() (string, error) {
		asking, done := context.WithTimeout(ctx, l.opts.LookupTimeout)
		defer done()
		asking = dnssec.WithBudget(asking, dnssec.NewBudget(l.opts.DNS))
		res := l.opts.Lookup.Lookup(asking, owner, dane.TLSA)
		err := l.verify(asking, res, chain)
		if errors.Is(err, ErrDenied) {
			res = l.opts.Lookup.LookupFresh(asking, owner, dane.TLSA)
			err = l.verify(asking, res, chain)
		}
		return res.Zone(), err
	})
}

// verify needs a secure record that matches. Errors: ErrUnavailable where the DNS gave no answer,
// else ErrDenied.
func (l *tlsaLogin) verify(ctx context.Context, res *lookup.Result, chain []*x509.Certificate) error {
	switch res.Status {
	case dnssec.Secure:
	// RFC 6698, Section 4.1: records of an unsigned zone are not used.
	case dnssec.Insecure:
		return denied(causeInsecure, "%s is in a zone without DNSSEC", res.Name)
	// RFC 6698, Section 4.1: a bogus answer never falls back to no DANE.
	case dnssec.Bogus, dnssec.Indeterminate:
		if res.Code == lookupchain.CodeBusy {
			return unavailable("TLSA records of %s: %w: %s", res.Name, errBusy, res.Reason)
		}
		return unavailable("TLSA records of %s are %s: %s", res.Name, res.Status, res.Reason)
	default:
		return unavailable("TLSA records of %s: unknown status", res.Name)
	}
	switch res.Presence {
	case dane.Present:
	case dane.Absent:
		return denied(causeNoRecord, "%s has no TLSA records", res.Name)
	case dane.Unknown:
		return unavailable("TLSA records of %s: %s", res.Name, res.Reason)
	}
	results, matched, _ := dane.Match(ctx, res.Records, dane.MatchOptions{
		Certificate: chain[0],
		Chain:       chain[1:],
		// draft-ietf-dance-client-auth: for usages 0 to 2 the name must be a dNSName of the
		// certificate.
		NameOK:    func(c *x509.Certificate) bool { return hasDNSName(c, res.Name) },
		Roots:     l.opts.Roots,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		At:        time.Now(),
	})
	switch {
	case matched:
		return nil
	case ctx.Err() != nil:
		return unavailable("TLSA records of %s: %v", res.Name, ctx.Err())
	}
	return denied(causeNoMatch, "no TLSA record of %s matches the certificate: %s", res.Name, dane.Reasons(results))
}

// hasDNSName reports whether the certificate carries exactly this name; a wildcard identifies no
// client.
func hasDNSName(c *x509.Certificate, owner string) bool {
	return slices.ContainsFunc(c.DNSNames, func(n string) bool {
		name, err := dane.TLSAName(n)
		return err == nil && name == owner
	})
}
