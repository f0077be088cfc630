package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
)

// tlsConfig makes the client configuration for one hop by its policy.
func (o HopOptions) tlsConfig(ctx context.Context, hop NextHop) (*tls.Config, error) {
	conf := &tls.Config{}
	if o.TLS != nil {
		conf = o.TLS.Clone()
	}
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	conf.ServerName = hop.Host()
	if o.policyFor(hop) != TLSDANE {
		return conf, nil
	}
	records, err := o.tlsaRecords(ctx, hop)
	if err != nil {
		return nil, err
	}
	// The chain is judged by the records alone (RFC 7672, Section 3.1).
	conf.InsecureSkipVerify = true
	conf.VerifyConnection = func(cs tls.ConnectionState) error { return matchHop(records, cs, hop.Host()) }
	return conf, nil
}

// tlsaRecords fetches the usable TLSA records of a hop, _port._tcp.host (RFC 7672, Section 2.2.3).
func (o HopOptions) tlsaRecords(ctx context.Context, hop NextHop) ([]lookup.Record, error) {
	_, port, err := net.SplitHostPort(hop.Address)
	if err != nil {
		return nil, err
	}
	name := "_" + port + "._tcp." + hop.Host() + "."
	res := o.Lookup.Lookup(ctx, name, lookup.TLSA)
	if res.Status != dnssec.Secure {
		return nil, fmt.Errorf("TLSA records at %s are %s: %s", name, res.Status, res.Reason)
	}
	var usable []lookup.Record
	for _, r := range res.Records {
		// RFC 7672, Section 3.1.3: SMTP clients treat usages 0 and 1 as unusable.
		if r.Usage >= 2 {
			usable = append(usable, r)
		}
	}
	if res.Presence != lookup.Present || len(usable) == 0 {
		return nil, fmt.Errorf("no usable TLSA records at %s; publish one with usage 3 or 2, or set next-hop-tls", name)
	}
	return usable, nil
}

func matchHop(records []lookup.Record, cs tls.ConnectionState, host string) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("no certificate")
	}
	_, matched, usable := lookup.Match(records, lookup.MatchOptions{
		Certificate: cs.PeerCertificates[0],
		Chain:       cs.PeerCertificates[1:],
		NameOK:      func(c *x509.Certificate) bool { return c.VerifyHostname(host) == nil },
		At:          time.Now(),
	})
	switch {
	case matched:
		return nil
	case !usable:
		return fmt.Errorf("no TLSA record of %s can be used", host)
	default:
		return fmt.Errorf("certificate of %s matches none of its TLSA records", strings.TrimSuffix(host, "."))
	}
}
