package config

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"dnseal/cmd/internal/dkim"
	"dnseal/cmd/internal/metrics"
	"dnseal/cmd/internal/relay"
	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/cmd/internal/relay/sasl"
	"dnseal/lookup"
	"dnseal/milter"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// LookupOptions returns the options of [dns].
func (c *Config) LookupOptions() lookup.Options {
	return lookup.Options{
		Resolvers: c.DNS.Resolvers, Mode: lookup.Mode(c.DNS.Mode), Anchors: c.loaded.anchors,
		Allow: c.DNS.Allow, Deny: c.DNS.Deny, Timeout: time.Duration(c.DNS.Timeout),
		CacheBytes: c.DNS.CacheBytes.int(), AllowSHA1: c.DNS.AllowSHA1, Probe: c.DNS.Probe,
		Limits: lookup.Limits{
			Lookups: c.DNS.Lookups, DomainLookups: c.DNS.DomainLookups,
			Positive: time.Duration(c.DNS.MaxTTL), FirstPause: time.Duration(c.DNS.ResolverPause),
		},
	}
}

// LookupClient makes the client of [dns]. Its error has the line of the file, and advice.
func (c *Config) LookupClient() (*lookup.Client, error) {
	client, err := lookup.New(c.LookupOptions())
	if err == nil {
		return client, nil
	}
	advice := ""
	if errors.Is(err, lookup.ErrNotTrusted) {
		advice = "; write mode = \"validate\", which does not trust the resolver, or name one that validates"
	}
	return nil, fmt.Errorf("%s: %s%s", c.At("dns.mode"), strings.TrimPrefix(err.Error(), "lookup: "), advice)
}

// SenderOptions returns the options of [sign], [[route]] and [on]; r looks up the signer's own
// records and the keys of recipients.
func (c *Config) SenderOptions(r lookup.Resolver) sender.Options {
	o := sender.Options{
		Identities:         c.Identity,
		Fresh:              c.loaded.live.Fresh,
		Opaque:             c.Sign.Form == "opaque",
		OpaqueFor:          c.Sign.OpaqueFor,
		PlainFor:           c.Sign.PlainFor,
		NoHeaderProtection: c.Sign.HeaderProtection != nil && !*c.Sign.HeaderProtection,
		FullSelfCheck:      c.Sign.SelfCheck == "full",
		SignReports:        c.Sign.SignReports,
		Control:            c.Sign.Control,
		MaxBytes:           int64(c.Sign.MaxBytes),
		On:                 c.On.signing(),
		ReplyTexts:         c.ReplyText.signing(),
		Limits:             c.dnsLimits(),
		Hostname:           c.Hostname,
		AuthservID:         c.AuthservID,
	}
	if c.ChecksRecords() {
		o.Lookup = r
	}
	if c.Sign.Staple {
		o.Staple = r
	}
	c.addRoutes(&o, r)
	for _, rule := range c.Sign.Rules {
		o.Rules = append(o.Rules, sender.Rule(rule))
	}
	return o
}

// Identity returns one of the identities that were loaded, as its folder is now; [fs.ErrNotExist]
// when there is none of this name, [identity.ErrRevoked] for one that was revoked.
func (c *Config) Identity(name string) (*identity.Identity, error) {
	id, err := c.loaded.live.Get(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	if err := identity.InAnotherCase(name, c.IdentityNames()); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("config: no identity %s: %w", name, fs.ErrNotExist)
}

// IdentityNames are the names of all identities, sorted.
func (c *Config) IdentityNames() []string {
	var names []string
	for name := range c.loaded.identities {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ChecksRecords reports whether the record of a signer is looked up before each signature.
func (c *Config) ChecksRecords() bool { return c.Sign.CheckRecord == nil || *c.Sign.CheckRecord }

// Verifying is how a listener verifies; one that signs can observe too.
type Verifying struct {
	Observe       bool // change nothing
	RestoreHeader bool
	// QuarantineAs is the word of an action that a relay takes instead of quarantine; "": none.
	QuarantineAs string
}

// ReceiverOptions returns the options of [on] and [[domain]]; r looks up signers' records.
func (c *Config) ReceiverOptions(r lookup.Resolver, how Verifying) receiver.Options {
	o := receiver.Options{
		Lookup: r, Limits: c.dnsLimits(), On: c.On.verifyingAs(how.QuarantineAs), ReplyTexts: c.ReplyText.verifying(),
		PKIXRoots: c.loaded.roots, AuthservID: c.AuthservID, Observe: how.Observe, RestoreHeader: how.RestoreHeader,
		MaxBytes: int64(c.Verify.MaxBytes), Timeout: time.Duration(c.Verify.Timeout),
	}
	if c.DKIM.Verify && r != nil {
		o.DKIM = (&dkim.Verifier{Lookup: r}).Verify
	}
	c.addDecryption(&o)
	for _, d := range c.Domains {
		o.Domains = append(o.Domains, receiver.Domain{Names: d.Names, Require: receiver.Requirement(d.Require), Devices: d.Devices, On: d.On.verifyingAs(how.QuarantineAs), ReplyTexts: d.ReplyText.verifying()})
	}
	return o
}

// Wiring is what a relay or a milter needs in addition to its configuration.
type Wiring struct {
	Handler message.Handler
	Lookup  lookup.Resolver
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// count counts one message.
func (w Wiring) count(door, role, result string, digit int, size int64, took time.Duration) {
	w.Metrics.Message(metrics.Message{Door: door, Role: role, Result: result, Reply: digit, Bytes: size, Seconds: took.Seconds()})
}

// loggedIn counts one login, and remembers whose.
func (w Wiring) loggedIn(role string, l relay.Login) {
	w.Metrics.Login(role, l.Mechanism, l.Result)
	a := metrics.Activity{Name: cmp.Or(l.TLSName, l.User), Device: l.TLSName != "", Login: true}
	if l.Result != "done" {
		a.Refused = "login " + cmp.Or(l.Cause, l.Result)
	}
	w.Metrics.Activity(a)
}

// handedIn remembers whose message it was, where the client had logged in.
func (w Wiring) handedIn(d *message.Record, digit int) {
	who := d.Envelope.Submitter
	a := metrics.Activity{Name: cmp.Or(who.TLSName, who.User), Device: who.TLSName != ""}
	if digit != 2 {
		a.Refused = "message " + d.Result
	}
	w.Metrics.Activity(a)
}

// sevenBit is smime.SevenBit with relay.ErrEightBit for a message that cannot or must not be
// converted.
func sevenBit(ctx context.Context, m *message.Message) (*message.Edit, error) {
	edit, err := smime.SevenBit(ctx, m)
	_, limit := errors.AsType[*smime.LimitError](err)
	if limit || errors.Is(err, smime.ErrNotTransitProof) || errors.Is(err, smime.ErrAmbiguous) {
		return nil, fmt.Errorf("%w: %w", relay.ErrEightBit, err)
	}
	return edit, err
}

// RelayOptions returns the options of one [[relay]].
func (c *Config) RelayOptions(r *Relay, w Wiring) relay.Options {
	t := r.Timeouts
	o := relay.Options{
		Hostname: c.Hostname, Inbound: r.Role == RoleInbound, LMTP: r.Protocol == "lmtp",
		Implicit: r.TLS == "implicit", Handler: w.Handler, SevenBit: sevenBit, NextHop: r.NextHop, Recipients: r.Recipients,
		Hop: nexthop.Options{
			Policy: nexthop.TLSPolicy(r.NextHopTLS), Lookup: w.Lookup, Pass: r.PassClient,
			DialTimeout: time.Duration(t.HopConnect), CommandTimeout: time.Duration(t.HopCommand),
			FinalTimeout: time.Duration(t.HopFinal), IdleTimeout: time.Duration(t.HopIdle),
		},
		Limits: relay.Limits{
			MaxBytes: int64(r.MaxBytes), MaxRecipients: r.MaxRecipients,
			MaxConnections: r.MaxConnections, MaxWaiting: r.MaxWaiting, MaxPerClient: r.MaxPerClient, MaxInFlight: int64(r.MaxInFlight), WaitTimeout: time.Duration(t.Wait),
			CommandTimeout: time.Duration(t.Command), ReadTimeout: time.Duration(t.Read), DataTimeout: time.Duration(t.Data),
			HandleTimeout: time.Duration(t.Handle), AnswerTimeout: time.Duration(t.Answer),
		},
		Log: w.Log,
		OnDecision: func(d *message.Record, digit int) {
			w.count("relay", r.Role, d.Result, digit, d.Size, d.Took)
			w.handedIn(d, digit)
		},
		OnRefused: func(reason string) { w.Metrics.Refused("relay", r.Role, reason) },
		OnLogin:   func(l relay.Login) { w.loggedIn(r.Role, l) },
	}
	o.Auth = sasl.Options{
		Users: r.Users, Dovecot: r.Dovecot, Clients: r.Clients, TLS12: r.ExternalTLS12, Lookup: w.Lookup,
		DNS: c.dnsLimits(), Roots: c.loaded.roots, LookupTimeout: time.Duration(t.Login),
	}
	o.UnbracketedAddresses, o.NormalizeNewlines = r.UnbracketedAddresses, r.BareNewline == bareNormalize
	o.Deny = c.Deny(r)
	o.Proxies, _ = prefixes(r.Proxies)
	o.Crowds, _ = prefixes(r.Crowds)
	if !o.Inbound {
		o.Trusted, _ = c.trusted()
	}
	// RFC 8996, Sections 4 and 5: neither TLS 1.0 nor TLS 1.1.
	if cert := c.ServerCertificate(r); cert != nil {
		o.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12}
	}
	o.Hop.User, o.Hop.Password, o.Hop.ClearLogin = r.NextHopUser, c.loaded.passwords[r.NextHopPasswordFile], r.NextHopLoginInClear
	o.Hop.TLS = &tls.Config{RootCAs: c.loaded.hopRoots[r.NextHopRoots], MinVersion: tls.VersionTLS12}
	if r.NextHopIdentity != "" {
		o.Hop.Name = canonical(r.NextHopIdentity)
		o.Hop.TLS.GetClientCertificate = c.clientCertificate(o.Hop.Name)
	}
	return o
}

// ServerCertificate returns the certificate of a relay, nil when it has none.
func (c *Config) ServerCertificate(r *Relay) *tls.Certificate { return c.loaded.servers[r.Certificate] }

func canonical(name string) string {
	_, name, _ = identity.ParseName(name)
	return name
}

// clientCertificate returns that of an identity as its folder is at each handshake: what a rollover
// switched to, none where the server does not take it, and an error for one that was revoked.
func (c *Config) clientCertificate(name string) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		id, err := c.Identity(name)
		if err != nil {
			return nil, err
		}
		cert := certificateOf(id)
		if info.SupportsCertificate(&cert) != nil {
			return new(tls.Certificate), nil // RFC 8446, Section 4.4.2.
		}
		return &cert, nil
	}
}

func certificateOf(id *identity.Identity) tls.Certificate {
	cert := tls.Certificate{PrivateKey: id.Key, Leaf: id.Certificate}
	if id.Certificate != nil {
		cert.Certificate = append(cert.Certificate, id.Certificate.Raw)
	}
	for _, above := range id.Chain {
		cert.Certificate = append(cert.Certificate, above.Raw)
	}
	return cert
}

// MilterOptions returns the options of one [[milter]].
func (c *Config) MilterOptions(m *Milter, w Wiring) milter.Options {
	return milter.Options{
		Handler:  w.Handler,
		Daemons:  m.Daemons,
		MaxBytes: int64(m.MaxBytes), MaxHeaderBytes: m.MaxHeaderBytes.int(), MaxSessions: m.MaxSessions, Timeout: time.Duration(m.Timeout), Logger: w.Log,
		OnDecision: func(d milter.Decision) { w.count("milter", m.Role, d.Result, replyDigit(d.Action), d.Size, d.Took) },
	}
}

// replyDigit is the first digit of the SMTP reply that an action leads to.
func replyDigit(a message.Action) int {
	switch a {
	case message.Reject:
		return 5
	case message.Accept, message.Quarantine:
		return 2
	case message.Defer:
	}
	return 4
}

// SignsWithoutRule reports whether a listener of a daemon, "relay" or "milter", signs, and there is
// no [[sign.rule]]: all its mail is then of class no-rule.
func (c *Config) SignsWithoutRule(daemon string) bool {
	return len(c.Sign.Rules) == 0 &&
		(daemon == "relay" && slices.ContainsFunc(c.Relays, func(r Relay) bool { return r.Role == RoleSubmission }) ||
			daemon == "milter" && slices.ContainsFunc(c.Milters, func(m Milter) bool { return m.Role == RoleSign }))
}

// SignsNothing returns the listeners of a daemon, "relay" or "milter", that are to sign, and only
// observe.
func (c *Config) SignsNothing(daemon string) []string {
	var out []string
	for _, r := range c.Relays {
		if daemon == "relay" && r.Role == RoleSubmission && r.Observe {
			out = append(out, r.Listen)
		}
	}
	for _, m := range c.Milters {
		if daemon == "milter" && m.Role == RoleSign && m.Observe {
			out = append(out, m.Listen)
		}
	}
	return out
}

// NeedListeners returns an error when there is no listener for a daemon, "relay" or "milter".
func (c *Config) NeedListeners(daemon, file string) error {
	if daemon == "relay" && len(c.Relays) == 0 || daemon == "milter" && len(c.Milters) == 0 {
		return fmt.Errorf("%s: there is no [[%s]] in it, so there is nothing to do; write one (dnseal.toml(5))", file, daemon)
	}
	return nil
}
