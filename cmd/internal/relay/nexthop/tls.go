package nexthop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// tlsConfig makes the client configuration for one hop by its policy.
func (o Options) tlsConfig(ctx context.Context, hop Hop) *tls.Config {
	conf := &tls.Config{}
	if o.TLS != nil {
		conf = o.TLS.Clone()
	}
	// RFC 8996, Sections 4 and 5: no TLS below 1.2.
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	// RFC 7672, Section 8.1: the name in SNI is the TLSA base domain.
	conf.ServerName = hop.Host()
	if o.policyFor(hop) != TLSDANE {
		return conf
	}
	// RFC 7672, Section 3.1: the records alone decide about the chain.
	conf.InsecureSkipVerify = true
	conf.VerifyConnection = func(cs tls.ConnectionState) error { return o.VerifyDANE(ctx, hop, cs) }
	return conf
}

// VerifyDANE checks the certificate of a hop against its TLSA records. Before it refuses, it looks
// them up once more without our cache.
func (o Options) VerifyDANE(ctx context.Context, hop Hop, cs tls.ConnectionState) error {
	_, port, err := net.SplitHostPort(hop.Address)
	if err != nil {
		return err
	}
	if len(cs.PeerCertificates) == 0 {
		return errors.New("no certificate")
	}
	// RFC 7672, Section 2.2.3.
	name := "_" + port + "._tcp." + hop.Host() + "."
	if err = checkCertificate(ctx, o.Lookup.Lookup(ctx, name, dane.TLSA), hop.Host(), cs.PeerCertificates); err != nil {
		err = checkCertificate(ctx, o.Lookup.LookupFresh(ctx, name, dane.TLSA), hop.Host(), cs.PeerCertificates)
	}
	return err
}

// checkCertificate needs a secure record that matches; the error says what to do about it.
func checkCertificate(ctx context.Context, res *lookup.Result, host string, chain []*x509.Certificate) error {
	// RFC 7672, Section 2.2: only records that DNSSEC proves count.
	if res.Status != dnssec.Secure {
		return fmt.Errorf("TLSA records at %s are %s: %s", res.Name, res.Status, res.Reason)
	}
	var usable []dane.Record
	for _, r := range res.Records {
		// RFC 7672, Section 3.1.3: SMTP clients treat usages 0 and 1 as unusable.
		if r.Usage == dane.DANETA || r.Usage == dane.DANEEE {
			usable = append(usable, r)
		}
	}
	// RFC 7672, Section 6: where DANE is mandatory, no usable record means no delivery.
	if res.Presence != dane.Present || len(usable) == 0 {
		return fmt.Errorf("no usable TLSA records at %s; publish one with usage 3 or 2, or do not ask for DANE", res.Name)
	}
	results, matched, _ := dane.Match(ctx, usable, dane.MatchOptions{
		Certificate: chain[0],
		Chain:       chain[1:],
		// RFC 7672, Section 3.2.2: names count for usage 2 only.
		NameOK:    func(c *x509.Certificate) bool { return c.VerifyHostname(host) == nil },
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		At:        time.Now(),
	})
	if !matched {
		return fmt.Errorf("certificate of %s matches none of its TLSA records: %s", host, dane.Reasons(results))
	}
	return nil
}
