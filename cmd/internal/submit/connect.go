package submit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"dnseal/sender/identity"
)

// Options say where and how messages are handed in.
type Options struct {
	Server Server
	TLS    TLSPolicy
	// Roots are the CAs that the server's certificate may be from; nil: the system's.
	Roots *x509.CertPool
	// Client is the identity whose certificate is shown, and under whose TLSA owner name we log in
	// (SASL EXTERNAL) where the server offers that; nil: none. It has a certificate, and is no mail
	// address.
	Client *identity.Identity
	// User and Password log in by PLAIN, or by LOGIN where only that is offered.
	User, Password string
	// VerifyServer checks the server of TLSDANE.
	VerifyServer func(ctx context.Context, s Server, state tls.ConnectionState) error
	// Step limits one read or write, Total a whole connection, Dial the way to it; 0: the defaults.
	Dial, Step, Total time.Duration
}

// Limits of time. RFC 5321, Section 4.5.3.2 has minutes for each reply; the reply to the content
// may need them.
const (
	defaultDial  = 30 * time.Second
	defaultStep  = 5 * time.Minute
	defaultTotal = time.Hour
	quitTime     = 5 * time.Second
)

func or(d, usual time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return usual
}

// session is a connection that is secured and logged in.
type session struct {
	*smtp.Client
	server Server
	conn   *limited
	broken bool // what comes next could be a reply to something else
	stop   func() bool
}

// connect opens a session. Errors: a *Failure.
func connect(ctx context.Context, o *Options) (*session, error) {
	dialer := net.Dialer{Timeout: or(o.Dial, defaultDial)}
	raw, err := dialer.DialContext(ctx, "tcp", o.Server.String())
	if err != nil {
		return nil, failed(o.Server, "connection", dialCause(err))
	}
	conn := &limited{Conn: raw, step: or(o.Step, defaultStep), until: time.Now().Add(or(o.Total, defaultTotal))}
	s := &session{server: o.Server, conn: conn, stop: context.AfterFunc(ctx, func() { _ = raw.Close() })}
	err = s.open(ctx, o)
	if err == nil {
		err = s.logIn(o)
	}
	if err != nil {
		s.broken = true
		s.close()
		if ctx.Err() != nil {
			err = &Failure{Cause: ctx.Err()}
		}
		return nil, err
	}
	return s, nil
}

// dialCause leaves out the addresses, which the name stands for already.
func dialCause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok && !e.Timeout() {
		return e.Err
	}
	return err
}

// open gets through greeting, TLS and EHLO.
func (s *session) open(ctx context.Context, o *Options) error {
	switch {
	case o.TLS == TLSNone:
		s.Client = smtp.NewClient(s.conn)
	case o.Server.Implicit:
		secured := tls.Client(s.conn, o.tlsConfig(ctx))
		if err := secured.HandshakeContext(ctx); err != nil {
			return failed(o.Server, "TLS", err)
		}
		s.Client = smtp.NewClient(secured)
	default:
		if err := s.startTLS(ctx, o); err != nil {
			return err
		}
	}
	if err := s.Hello(localName(s.conn)); err != nil {
		step := "EHLO"
		if _, said := errors.AsType[*smtp.SMTPError](err); !said && o.TLS != TLSNone {
			step = "TLS" // STARTTLS is only done with the first command
		}
		return failed(o.Server, step, err)
	}
	return nil
}

// startTLS secures the connection, and goes on in no other way (RFC 8314, Section 4.1: no fallback
// to clear text).
func (s *session) startTLS(ctx context.Context, o *Options) error {
	client, err := smtp.NewClientStartTLS(s.conn, o.tlsConfig(ctx))
	switch _, said := errors.AsType[*smtp.SMTPError](err); {
	case err == nil:
	// The library has no value for it.
	case !said && strings.HasSuffix(err.Error(), "server doesn't support STARTTLS"):
		return &Failure{Cause: fmt.Errorf("%s does not offer STARTTLS", o.Server), Permanent: true, hint: "nothing is sent without TLS; where the server begins with TLS write --server tls:" + o.Server.String()}
	default:
		return failed(o.Server, "the start (greeting, EHLO, STARTTLS)", err)
	}
	s.Client = client
	return nil
}

// localName is what we call ourselves: an address literal, which needs no name (RFC 5321, Section
// 4.1.4).
func localName(conn net.Conn) string {
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	ip := net.ParseIP(host)
	switch {
	case err != nil || ip == nil:
		return "localhost"
	case ip.To4() == nil:
		return "[IPv6:" + ip.String() + "]"
	}
	return "[" + ip.String() + "]"
}

func (o *Options) tlsConfig(ctx context.Context) *tls.Config {
	// RFC 8996, Sections 4 and 5: no TLS below 1.2.
	conf := &tls.Config{ServerName: o.Server.Host, RootCAs: o.Roots, MinVersion: tls.VersionTLS12}
	if o.Client != nil {
		chain := [][]byte{o.Client.Certificate.Raw}
		for _, c := range o.Client.Chain {
			chain = append(chain, c.Raw)
		}
		certificate := &tls.Certificate{Certificate: chain, PrivateKey: o.Client.Key, Leaf: o.Client.Certificate}
		// Whatever CAs the server names: the certificate is bound by the DNS.
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	if o.TLS == TLSDANE {
		conf.InsecureSkipVerify = true // RFC 7672, Section 3.1: the records alone decide
		conf.VerifyConnection = func(state tls.ConnectionState) error { return o.VerifyServer(ctx, o.Server, state) }
	}
	return conf
}

// logIn logs in as far as the options say.
func (s *session) logIn(o *Options) error {
	switch {
	case o.User != "":
		return s.password(o)
	case o.Client != nil && s.SupportsAuth(sasl.External):
		if err := s.Auth(sasl.NewExternalClient(o.Client.Name)); err != nil {
			return failed(s.server, "AUTH EXTERNAL as "+o.Client.Name, err)
		}
	}
	return nil
}

func (s *session) password(o *Options) error {
	var client sasl.Client
	switch {
	case s.SupportsAuth(sasl.Plain):
		client = sasl.NewPlainClient("", o.User, o.Password)
	case s.SupportsAuth(sasl.Login):
		client = &login{answers: []string{o.User, o.Password}}
	default:
		_, offered := s.Extension("AUTH")
		return &Failure{Cause: fmt.Errorf("%s offers neither AUTH PLAIN nor LOGIN, but %q", s.server, offered), Permanent: true}
	}
	if err := s.Auth(client); err != nil {
		return failed(s.server, "the login of "+o.User, err)
	}
	return nil
}

// login is AUTH LOGIN (draft-murchison-sasl-login): servers differ in their prompts, and not all
// take an initial response.
type login struct{ answers []string }

// Start implements [sasl.Client].
func (*login) Start() (string, []byte, error) { return sasl.Login, nil, nil }

// Next implements [sasl.Client].
func (l *login) Next([]byte) ([]byte, error) {
	if len(l.answers) == 0 {
		return nil, sasl.ErrUnexpectedServerChallenge
	}
	answer := l.answers[0]
	l.answers = l.answers[1:]
	return []byte(answer), nil
}

// close ends the session.
func (s *session) close() {
	if !s.broken {
		s.conn.until = time.Now().Add(quitTime)
		_ = s.Quit() // the messages are done, whatever the server answers
	}
	_ = s.conn.Close()
	s.stop()
}
