// Package submit signs one message and hands it in by SMTP: for devices and programs that send
// reports, without a mail server of their own. It keeps what cannot be handed in now in package
// spool, and tries again.
//
// server.go says where mail goes, connect.go how the connection is secured and who logs in,
// transaction.go hands a message in, failure.go says what a failure means; prepare.go and
// complete.go make the message that is signed; deliver.go goes through the spool.
//
// Standards: RFC 6409 (submission), RFC 8314 (TLS), RFC 4954 (AUTH), RFC 4422, Appendix A
// (EXTERNAL), RFC 1870 (SIZE), RFC 6531 (SMTPUTF8).
package submit

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/identity"
)

// Server is a submission server.
type Server struct {
	Host, Port string
	Implicit   bool // TLS from the start (RFC 8314, Section 3.3)
}

// ParseServer reads "HOST", "HOST:PORT" and either after "tls:", as next hops of the relay are
// written. IPv6 addresses are in brackets. The port is 587 (RFC 6409, Section 3.1), and 465 after
// tls: (RFC 8314, Section 3.3). Every error means that s is no such form.
func ParseServer(s string) (Server, error) {
	rest, implicit := strings.CutPrefix(s, "tls:")
	server := Server{Port: "587", Implicit: implicit}
	if implicit {
		server.Port = "465"
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil { // no port
		host = rest
		if bare, ok := strings.CutPrefix(rest, "["); ok {
			host = strings.TrimSuffix(bare, "]")
		} else if strings.Contains(rest, ":") {
			host = ""
		}
	} else {
		server.Port = port
	}
	server.Host = host
	if host == "" || server.Port == "" || strings.ContainsAny(host+server.Port, "/ []") {
		return Server{}, fmt.Errorf("server %q: want HOST, HOST:PORT or tls:HOST:PORT", s)
	}
	return server, nil
}

// String is host and port.
func (s Server) String() string { return net.JoinHostPort(s.Host, s.Port) }

// loopback reports whether the server is on this machine by its address.
func (s Server) loopback() bool {
	ip, err := netip.ParseAddr(s.Host)
	return s.Host == "localhost" || err == nil && ip.IsLoopback()
}

// TLSPolicy says how the server must prove itself.
type TLSPolicy string

// Policies. The zero value is TLSVerify.
const (
	TLSVerify TLSPolicy = "verify" // a certificate for its name from the roots
	TLSDANE   TLSPolicy = "dane"   // one that matches its secure TLSA records (RFC 7672)
	TLSNone   TLSPolicy = "none"   // no TLS: servers on this machine only
)

// Check refuses options that would send a message or a password in clear through a network.
func (o *Options) Check() error {
	switch o.TLS {
	case "", TLSVerify:
	case TLSDANE:
		if o.VerifyServer == nil {
			return errors.New("submit: this build cannot look up TLSA records of servers")
		}
	case TLSNone:
		if !o.Server.loopback() {
			return fmt.Errorf("submit: %s is not on this machine: nothing is sent there without TLS", o.Server)
		}
		if o.Server.Implicit {
			return errors.New("submit: tls: before the server and no TLS contradict each other")
		}
	default:
		return fmt.Errorf("submit: TLS by %q: want verify, dane or none", o.TLS)
	}
	switch {
	case o.User == "" && o.Password != "":
		return errors.New("submit: a password without a user")
	case o.User != "" && o.Password == "":
		return identity.WithHint(fmt.Errorf("submit: the user %s without a password", o.User), "give --password-file FILE, of which the first line is the password")
	}
	return nil
}

// ReadRoots reads a file of CAs in PEM.
func ReadRoots(name string) (*x509.CertPool, error) {
	text, err := cli.ReadFile(name, 8<<20)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", name)
	}
	return pool, nil
}
