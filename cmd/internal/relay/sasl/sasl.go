// Package sasl logs clients of a relay in (RFC 4422). It has the mechanisms and what they need of
// users; the AUTH command itself (RFC 4954) is the server's.
//
// Start at sasl.go: an [Authenticator] offers the [Mechanism]s that a connection can use. plain.go
// is PLAIN (RFC 4616) and login.go LOGIN, against a file of password hashes (passwd.go), dovecot.go
// passes mechanisms through to Dovecot, external.go is EXTERNAL by TLS client certificate and TLSA
// record (draft-ietf-dance-client-auth). zones.go has whose turn it is to ask the DNS (cuts.go: in
// which zone, gate.go: in which order), guesses.go slows down those who guess passwords.
//
// # Limitations
//
// Nothing is offered without TLS. Acting as another user (authorization identity) is refused.
// Channel binding (RFC 5929, RFC 9266) is not supported, so no mechanism whose name ends in -PLUS
// is offered. EXTERNAL needs TLS 1.3, because older versions send the client certificate in clear;
// with TLS12 it is offered all the same. Counts of failed logins are per process and are lost with
// it. Where many zones of one domain do not answer, those that do again are noticed one after the
// other. The caller must pause after failures, and must give the client one reply for every cause.
package sasl

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
)

// Options say how clients log in, always inside TLS. The zero value: not at all.
type Options struct {
	// Users is a file of names and password hashes ([readUsers]) for SASL PLAIN and LOGIN. It is
	// read once, by New.
	Users string
	// Dovecot is the path of a Dovecot auth socket (auth-client) whose mechanisms are offered and
	// passed through. Where there are Users too, PLAIN and LOGIN are theirs.
	Dovecot string
	// Clients are the DNS names (stars for any characters) that may log in by TLS client
	// certificate and TLSA record (SASL EXTERNAL). No other name is ever looked up.
	Clients []string
	// TLS12 offers EXTERNAL over TLS 1.2 too, which proves the key of the certificate as well (RFC
	// 5246, Section 7.4.8) but shows the certificate, and so the device's name, to whoever listens.
	TLS12 bool
	// Lookup fetches the TLSA records; needed with Clients.
	Lookup lookup.Resolver
	// DNS limits the work of one login.
	DNS dnssec.Limits
	// Roots are for TLSA records of usages 0 and 1; nil: those cannot be used.
	Roots []*x509.Certificate
	// MaxLookups is how many logins may ask the DNS at once, half of them in one registrable
	// domain, an eighth in one zone; the others wait for their turn; 0: 128. LookupTimeout is for
	// one, and for the wait before it; 0: 15 s.
	MaxLookups    int
	LookupTimeout time.Duration
	// MaxFailures is how many failed logins end a connection; 0: 3. Pause is before the answer to
	// the first, and twice as long with each further one; 0: 1 s.
	MaxFailures int
	Pause       time.Duration
}

// Errors of a login. The client learns only which of them it is (RFC 4422, Section 3.6).
var (
	ErrDenied      = errors.New("relay: login refused")
	ErrUnavailable = errors.New("relay: login cannot be checked now")
	ErrResponse    = errors.New("relay: malformed SASL response")
)

// Causes of an [ErrDenied], for the operator.
const (
	causeName     = "no-name"      // no name that can own records
	causeUnlisted = "not-a-client" // Options.Clients
	causeDenied   = "denied"       // on the deny list
	causeInsecure = "insecure"     // a zone without DNSSEC
	causeNoRecord = "no-record"    // no TLSA record
	causeNoMatch  = "no-match"     // none that matches the certificate
	causePassword = "password"     // wrong, or no such user
	causeActsAs   = "acts-as"      // another user
)

// deniedError is an [ErrDenied].
type deniedError struct {
	cause string
	error
}

func (e *deniedError) Unwrap() []error { return []error{ErrDenied, e.error} }

func (e *deniedError) Error() string { return ErrDenied.Error() + ": " + e.error.Error() }

// Cause is a word for why a login was refused, and empty for any other error.
func Cause(err error) string {
	if e, ok := errors.AsType[*deniedError](err); ok {
		return e.cause
	}
	return ""
}

func denied(cause, format string, args ...any) error {
	return &deniedError{cause, fmt.Errorf(format, args...)}
}

func unavailable(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrUnavailable, fmt.Errorf(format, args...))
}

// Principal is what a login proved.
type Principal struct {
	User    string // a SASL user (RFC 4422, Section 2)
	TLSName string // a DNS name, by its TLSA records
}

// Client is the connection that logs in.
type Client struct {
	TLS  *tls.ConnectionState // nil: not encrypted
	Addr netip.AddrPort       // zero: a unix socket
	// Claim is called with the user or DNS name that a login is for, before anything is proven.
	// Its error ends the login. Not called where Dovecot checks the login; nil: not called.
	Claim func(name string) error
}

func (c Client) claim(name string) error {
	if c.Claim == nil {
		return nil
	}
	return c.Claim(name)
}

// Exchange is one login in progress (RFC 4422, Section 3.4). Step gets the client's response, nil
// when there is none yet, and returns the next challenge, or who it is. Errors: [ErrDenied],
// [ErrUnavailable], [ErrResponse].
type Exchange interface {
	Step(ctx context.Context, response []byte) (challenge []byte, proven *Principal, err error)
	Close()
}

// Mechanism begins exchanges. Errors of Begin: [ErrUnavailable].
type Mechanism struct {
	Name  string
	Begin func(ctx context.Context, c Client) (Exchange, error)
}

// Authenticator holds what all sessions of a server share for logins.
type Authenticator struct {
	Options
	passwd   *passwords
	dovecot  *dovecot
	external *tlsaLogin
	// Guesses are failed logins by password. Those by certificate are apart, in Keys: there is
	// nothing to guess, and a stranger's wrong passwords must keep nobody out who has the key.
	Guesses, Keys Guesses
	// Strangers are those by certificate too, by address alone: they make only refusals slower.
	Strangers Guesses
}

// New returns an Authenticator. denied reports the DNS names that are refused before any lookup.
// Errors: the users file cannot be used, a name in Clients is none, or there is no resolver for
// them.
func New(opts Options, denied func(name string) bool) (*Authenticator, error) {
	opts.MaxLookups = cmp.Or(opts.MaxLookups, 128)
	opts.LookupTimeout = cmp.Or(opts.LookupTimeout, 15*time.Second)
	opts.MaxFailures = cmp.Or(opts.MaxFailures, 3)
	opts.Pause = cmp.Or(opts.Pause, time.Second)
	a := &Authenticator{Options: opts}
	if opts.Users != "" {
		users, err := readUsers(opts.Users)
		if err != nil {
			return nil, err
		}
		a.passwd = newPasswords(users)
	}
	if opts.Dovecot != "" {
		a.dovecot = &dovecot{path: opts.Dovecot}
	}
	if len(opts.Clients) > 0 {
		var err error
		if a.external, err = newTLSALogin(opts, denied); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// maxChain is how many certificates a client may send.
const maxChain = 16

// RequestCertificate makes the server request client certificates where EXTERNAL is configured. No
// client is refused for its certificate here: the login checks it. tls.RequestClientCert proves
// possession of the key only (RFC 8446, Section 4.4.3).
func (a *Authenticator) RequestCertificate(c *tls.Config) *tls.Config {
	if c == nil || a.external == nil {
		return c
	}
	c = c.Clone()
	c.ClientAuth = tls.RequestClientCert
	// RFC 8446, Section 2.2: a resumed session brings the certificate without a new proof.
	c.SessionTicketsDisabled = true
	c.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error {
		if len(raw) > maxChain {
			return fmt.Errorf("relay: client sends %d certificates, at most %d are accepted", len(raw), maxChain)
		}
		return nil
	}
	return c
}

// Mechanisms are those that this client can use now (RFC 4422, Section 3.2). Error: Dovecot does
// not answer, so there may be more.
func (a *Authenticator) Mechanisms(ctx context.Context, c Client) ([]Mechanism, error) {
	if c.TLS == nil {
		// RFC 4954, Section 4: no mechanism that sends a password in clear. We offer none at all.
		return nil, nil
	}
	var ms []Mechanism
	if a.external != nil && len(c.TLS.PeerCertificates) > 0 && !a.HidesExternal(c.TLS) {
		ms = append(ms, Mechanism{External, a.external.begin})
	}
	if a.passwd != nil {
		ms = append(ms, Mechanism{"PLAIN", a.passwd.begin}, Mechanism{"LOGIN", a.passwd.beginLogin})
	}
	if a.dovecot == nil {
		return ms, nil
	}
	names, err := a.dovecot.mechanisms(ctx)
	for _, name := range names {
		if !slices.ContainsFunc(ms, func(m Mechanism) bool { return m.Name == name }) {
			ms = append(ms, Mechanism{name, a.dovecot.mechanism(name)})
		}
	}
	return ms, err
}

// External is SASL EXTERNAL (RFC 4422, Appendix A).
const External = "EXTERNAL"

// ErrVersion says why EXTERNAL is not offered to a client that sent a certificate.
var ErrVersion = errors.New("the client speaks no TLS 1.3, and EXTERNAL is offered to no older version")

// HidesExternal reports whether EXTERNAL is configured and not offered because TLS is too old:
// only TLS 1.3 encrypts the client certificate (RFC 8446, Section 1.2). Without resumption, which
// RequestCertificate turns off, TLS 1.2 proves the key as well.
func (a *Authenticator) HidesExternal(c *tls.ConnectionState) bool {
	return a.external != nil && c != nil && c.Version < tls.VersionTLS13 && !a.TLS12
}

// HasUser reports whether the users file has the name.
func (a *Authenticator) HasUser(name string) bool {
	if a.passwd == nil {
		return false
	}
	_, ok := a.passwd.users[name]
	return ok
}

// Configured reports whether there is any way to log in.
func (a *Authenticator) Configured() bool {
	return a.passwd != nil || a.dovecot != nil || a.external != nil
}
