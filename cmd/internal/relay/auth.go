package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
)

// AuthOptions say how clients log in, always inside TLS. The zero value: not at all.
type AuthOptions struct {
	// Users is a file of names and password hashes ([ReadUsers]) for SASL PLAIN. It is read once,
	// by New.
	Users string
	// Dovecot is the path of a Dovecot auth socket (auth-client) whose mechanisms are offered and
	// passed through. Where there are Users too, PLAIN is theirs.
	Dovecot string
	// Clients are the DNS names (stars for any characters) that may log in by TLS client
	// certificate and TLSA record (SASL EXTERNAL). No other name is ever looked up.
	Clients []string
	// Lookup fetches the TLSA records; needed with Clients.
	Lookup lookup.Resolver
	// DNS limits the work of one login.
	DNS dnssec.Limits
	// Roots judge TLSA records of usages 0 and 1; nil: those cannot be used.
	Roots []*x509.Certificate
	// MaxLookups is how many logins may wait for the DNS at once, the others are deferred; 0: 16.
	// LookupTimeout is for one; 0: 15 s.
	MaxLookups    int
	LookupTimeout time.Duration
	// MaxFailures is how many failed logins end a connection; 0: 3. Pause is before the answer to
	// the first, and twice as long with each further one; 0: 1 s.
	MaxFailures int
	Pause       time.Duration
}

// Errors of a login. The peer learns only which of them it is.
var (
	errDenied      = errors.New("relay: login refused")
	errUnavailable = errors.New("relay: login cannot be judged now")
	errResponse    = errors.New("relay: malformed SASL response")
)

func denied(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errDenied, fmt.Errorf(format, args...))
}

func unavailable(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errUnavailable, fmt.Errorf(format, args...))
}

// who is what a login proved.
type who struct {
	user    string // a SASL user
	tlsName string // a DNS name, by its TLSA records
}

// exchange is one login in progress. step takes the client's response, nil when there is none yet,
// and returns the next challenge, or who it is. Errors: errDenied, errUnavailable, errResponse.
type exchange interface {
	step(ctx context.Context, response []byte) (challenge []byte, proven *who, err error)
	close()
}

// mechanism is how one is begun.
type mechanism struct {
	name  string
	begin func(ctx context.Context, s *session) (exchange, error)
}

// authenticator holds what all sessions of a server share for logins.
type authenticator struct {
	opts     AuthOptions
	passwd   *passwords
	dovecot  *dovecot
	external *tlsaLogin
	guesses  guesses
}

func newAuthenticator(opts AuthOptions) (*authenticator, error) {
	opts.MaxLookups = defaultTo(opts.MaxLookups, 16)
	opts.LookupTimeout = defaultTo(opts.LookupTimeout, 15*time.Second)
	opts.MaxFailures = defaultTo(opts.MaxFailures, 3)
	opts.Pause = defaultTo(opts.Pause, time.Second)
	a := &authenticator{opts: opts}
	if opts.Users != "" {
		users, err := ReadUsers(opts.Users)
		if err != nil {
			return nil, err
		}
		a.passwd = newPasswords(users)
	}
	if opts.Dovecot != "" {
		a.dovecot = &dovecot{path: opts.Dovecot}
	}
	if len(opts.Clients) > 0 {
		external, err := newTLSALogin(opts)
		if err != nil {
			return nil, err
		}
		a.external = external
	}
	return a, nil
}

// maxChain is how many certificates a client may send.
const maxChain = 16

// askForCertificate makes the server ask for client certificates where those can be of use. Nobody
// is refused for his certificate here: judging it is the login's business (RequestClientCert proves
// possession of the key only).
func (a *authenticator) askForCertificate(c *tls.Config) *tls.Config {
	if c == nil || a.external == nil {
		return c
	}
	c = c.Clone()
	c.ClientAuth = tls.RequestClientCert
	// A resumed session would bring the certificate without a new proof.
	c.SessionTicketsDisabled = true
	c.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error {
		if len(raw) > maxChain {
			return fmt.Errorf("relay: client sends %d certificates, at most %d are taken", len(raw), maxChain)
		}
		return nil
	}
	return c
}

// offers are the mechanisms this client can use now. An error says that there may be more.
func (a *authenticator) offers(ctx context.Context, s *session) ([]mechanism, error) {
	if s.tls == nil {
		// RFC 4954, Section 4: nothing that shows a password in clear; we offer nothing at all
		return nil, nil
	}
	var ms []mechanism
	if a.external != nil && len(s.tls.PeerCertificates) > 0 && !a.hidesExternal(s.tls) {
		ms = append(ms, mechanism{mechanismExternal, a.external.begin})
	}
	if a.passwd != nil {
		ms = append(ms, mechanism{"PLAIN", a.passwd.begin})
	}
	if a.dovecot == nil {
		return ms, nil
	}
	names, err := a.dovecot.mechanisms(ctx)
	for _, name := range names {
		if !slices.ContainsFunc(ms, func(m mechanism) bool { return m.name == name }) {
			ms = append(ms, mechanism{name, a.dovecot.mechanism(name)})
		}
	}
	return ms, err
}

// mechanismExternal is SASL EXTERNAL (RFC 4422, Appendix A).
const mechanismExternal = "EXTERNAL"

var errVersion = errors.New("the client speaks no TLS 1.3, and EXTERNAL is offered to no older version")

// hidesExternal reports whether EXTERNAL is configured and not offered because TLS is too old: a
// client certificate of versions before 1.3 travels in clear.
func (a *authenticator) hidesExternal(c *tls.ConnectionState) bool {
	return a.external != nil && c != nil && c.Version < tls.VersionTLS13
}

// configured reports whether there is any way to log in.
func (a *authenticator) configured() bool {
	return a.passwd != nil || a.dovecot != nil || a.external != nil
}
