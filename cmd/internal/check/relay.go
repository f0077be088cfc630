package check

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/relay"
	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// relay checks one relay: its server certificate and its next hops.
func (k *checker) relay(ctx context.Context, key string, r *config.Relay) {
	if cert := k.config.ServerCertificate(r); cert != nil && cert.Leaf != nil {
		k.server(ctx, key, r, cert.Leaf, cert.Certificate)
	}
	if hint := crowdHint(r); hint != "" {
		k.note("relay %s: %s", r.Listen, hint)
	}
	if r.QuarantineAs != "" {
		k.ok("relay %s: in place of quarantine, %s: %s", r.Listen, r.QuarantineAs, cmp.Or(strings.Join(k.config.Quarantined(), ", "), "no class is quarantined"))
	}
	opts := k.config.RelayOptions(r, config.Wiring{Lookup: k.dns})
	found, err := relay.Probe(ctx, opts)
	if err != nil {
		k.wrong(k.config.At(key), "relay %s: %v", r.Listen, err)
		return
	}
	for _, p := range found {
		k.hop(key, r, p)
	}
}

// crowdHint says what to look at where clients are many, or "".
func crowdHint(r *config.Relay) string {
	if len(r.Crowds) > 0 || r.MaxPerClient != 0 || !slices.ContainsFunc(r.Clients, func(s string) bool { return strings.Contains(s, "*") }) {
		return ""
	}
	return "clients has a star, and one address may have 100 connections at a time; where many devices share one (NAT, a balancer without PROXY protocol), name it in crowds, or set max-per-client"
}

// hop reports what the probe of a next hop found.
func (k *checker) hop(key string, r *config.Relay, p nexthop.Probed) {
	how := "without TLS"
	if p.Encrypted {
		how = "with TLS, proven by policy"
	}
	if p.LoggedIn {
		how += ", and lets us in as " + cmp.Or(r.NextHopUser, r.NextHopIdentity)
	}
	switch {
	case p.Relays && p.LoggedIn && p.Err == nil:
		k.note("relay %s: next hop %s answers, %s; it accepts mail for other domains (%s) from whoever is logged in, as we are, so that recipients alone decides what this relay passes on", r.Listen, p.Hop, how, p.Foreign)
	case p.Relays:
		k.wrong(k.config.At(key+".next-hop"), "relay %s: the next hop %s accepts mail of unknown clients for other domains (%s), so this relay would be an open relay; pass it the client's address (pass-client), or let it trust this host less (Postfix: mynetworks)", r.Listen, p.Hop, p.Foreign)
	case p.Err != nil && p.Foreign != "":
		k.unsure(k.config.At(key+".next-hop"), "relay %s: %s", r.Listen, cli.Plain(p.Err))
	case p.Err != nil:
		k.wrong(k.config.At(key+".next-hop"), "relay %s: %s%s", r.Listen, cli.Plain(p.Err), hopAdvice(p.Err))
	case p.Foreign != "":
		k.ok("relay %s: next hop %s answers, %s; it refuses mail of unknown clients for other domains: %s", r.Listen, p.Hop, how, p.Foreign)
	default:
		k.ok("relay %s: next hop %s answers, %s", r.Listen, p.Hop, how)
	}
}

// hopAdvice is what to do about a next hop that cannot be reached, after a semicolon; empty when
// the error has it.
func hopAdvice(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "; is the name right, and does the resolver of this machine know it?"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "; name its roots in next-hop-roots, or use its TLSA records with next-hop-tls = \"dane\""
	}
	if _, ok := errors.AsType[*nexthop.LoginError](err); ok {
		return "; are next-hop-user and next-hop-password-file what it knows?"
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "; is it running, and does it listen there?"
	case errors.Is(err, syscall.ENOENT):
		return "; is it running, and is that its socket?"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "; is there a firewall on the way?"
	}
	return ""
}

// server checks the relay's own certificate: dates, and how clients can verify it.
func (k *checker) server(ctx context.Context, key string, r *config.Relay, leaf *x509.Certificate, raw [][]byte) {
	until := leaf.NotAfter.UTC().Format(time.DateOnly)
	switch {
	case k.now.After(leaf.NotAfter), k.now.Before(leaf.NotBefore):
		k.wrong(k.config.At(key+".certificate"), "relay %s: the certificate %s is not valid now (from %s to %s); renew it", r.Listen, r.Certificate, leaf.NotBefore.UTC().Format(time.DateOnly), until)
	case leaf.NotAfter.Sub(k.now) < soon:
		k.note("relay %s: the certificate %s ends on %s; renew it", r.Listen, r.Certificate, until)
	default:
		k.ok("relay %s: the certificate %s is valid until %s", r.Listen, r.Certificate, until)
	}
	byRoots := k.byRoots(leaf, raw)
	byTLSA := k.byTLSA(ctx, key, r, leaf, raw)
	switch {
	case byRoots == nil:
		k.ok("relay %s: the certificate is valid for %s by the roots of this machine", r.Listen, k.config.Hostname)
	case byTLSA:
		k.note("relay %s: the certificate is not valid for %s by the roots of this machine (%v); clients must use TLSA", r.Listen, k.config.Hostname, byRoots)
	default:
		k.wrong(k.config.At(key+".certificate"), "relay %s: clients cannot verify that it is %s: no TLSA record matches, and by the roots of this machine: %v; %sget a certificate for that name", r.Listen, k.config.Hostname, byRoots, publishOr(r, k.config.Hostname, leaf))
	}
}

// byRoots verifies the certificate as most clients do (RFC 5280, Section 6; RFC 9525, Section 6).
func (k *checker) byRoots(leaf *x509.Certificate, raw [][]byte) error {
	intermediates := x509.NewCertPool()
	for _, c := range afterLeaf(raw) {
		intermediates.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: k.config.Hostname, Intermediates: intermediates, CurrentTime: k.now})
	return err
}

// afterLeaf parses the certificates after the leaf.
func afterLeaf(raw [][]byte) []*x509.Certificate {
	var out []*x509.Certificate
	for _, der := range raw[min(1, len(raw)):] {
		if c, err := x509.ParseCertificate(der); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// tlsa is the record of a relay's certificate, and its owner; both are empty for a unix socket.
func tlsa(r *config.Relay, host string, leaf *x509.Certificate) (owner, record string) {
	_, port, err := net.SplitHostPort(r.Listen)
	if err != nil {
		return "", ""
	}
	owner = "_" + port + "._tcp." + strings.TrimSuffix(host, ".") + "."
	digest := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return owner, fmt.Sprintf("%s IN TLSA 3 1 1 %s", owner, hex.EncodeToString(digest[:]))
}

// publishOr is the advice to publish the record, where there can be one.
func publishOr(r *config.Relay, host string, leaf *x509.Certificate) string {
	if _, record := tlsa(r, host, leaf); record != "" {
		return "publish: " + record + ", or "
	}
	return ""
}

// byTLSA verifies it by its TLSA records, _port._tcp.hostname (RFC 6698, Section 3).
func (k *checker) byTLSA(ctx context.Context, key string, r *config.Relay, leaf *x509.Certificate, raw [][]byte) bool {
	owner, record := tlsa(r, k.config.Hostname, leaf)
	if owner == "" {
		return false
	}
	publish := "publish: " + record
	res := k.dns.Lookup(ctx, owner, dane.TLSA)
	switch {
	case res.Status != dnssec.Secure:
		k.note("relay %s: TLSA at %s is %s: %s; to let clients verify it by the DNS, %s", r.Listen, owner, res.Status, res.Reason, publish)
		return false
	case res.Presence != dane.Present:
		k.note("relay %s: there is no TLSA at %s; to let clients verify it by the DNS, %s", r.Listen, owner, publish)
		return false
	}
	_, matched, _ := dane.Match(ctx, res.Records, dane.MatchOptions{
		Certificate: leaf, Chain: afterLeaf(raw), At: k.now,
		NameOK: func(c *x509.Certificate) bool { return c.VerifyHostname(k.config.Hostname) == nil },
	})
	if !matched {
		k.wrong(k.config.At(key+".certificate"), "relay %s: no TLSA record at %s matches the certificate %s: clients that use DANE will refuse it; %s", r.Listen, owner, r.Certificate, publish)
		return false
	}
	k.ok("relay %s: a TLSA record at %s matches its certificate, DNSSEC secure", r.Listen, owner)
	return true
}
