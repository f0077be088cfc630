package nexthop

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"dnseal/lookup"
)

// Hop says where mail goes. The zero value of each field but Address is the default.
type Hop struct {
	// Network is "tcp" (default) or "unix".
	Network string
	// Address is host:port, or the path of a unix socket.
	Address string
	// LMTP speaks LMTP (RFC 2033) instead of SMTP.
	LMTP bool
	// Implicit starts TLS at once (RFC 8314, Section 3.3) instead of by STARTTLS.
	Implicit bool
}

// Parse reads "host:port", "unix:/path", each after an optional "lmtp:" and an optional "tls:" (in
// that order). IPv6 addresses are in brackets. The host is not looked up and the port not checked.
// Errors name s: no host or port, an empty path, or tls: before unix:.
func Parse(s string) (Hop, error) {
	h := Hop{Network: "tcp"}
	rest, lmtp := strings.CutPrefix(s, "lmtp:")
	h.LMTP = lmtp
	rest, h.Implicit = strings.CutPrefix(rest, "tls:")
	if path, ok := strings.CutPrefix(rest, "unix:"); ok {
		if h.Implicit || path == "" {
			return Hop{}, fmt.Errorf("relay: next hop %q: want unix:/path, without tls", s)
		}
		h.Network, h.Address = "unix", path
		return h, nil
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil || host == "" || port == "" {
		return Hop{}, fmt.Errorf("relay: next hop %q: want host:port or unix:/path, with lmtp: or tls: before it if needed", s)
	}
	h.Address = rest
	return h, nil
}

// String is the form Parse reads.
func (h Hop) String() string {
	var b strings.Builder
	if h.LMTP {
		b.WriteString("lmtp:")
	}
	if h.Implicit {
		b.WriteString("tls:")
	}
	if h.Network == "unix" {
		b.WriteString("unix:")
	}
	b.WriteString(h.Address)
	return b.String()
}

// Host is the name a certificate must carry; empty for a unix socket.
func (h Hop) Host() string {
	if h.Network == "unix" {
		return ""
	}
	host, _, _ := net.SplitHostPort(h.Address)
	return strings.TrimSuffix(host, ".")
}

// Local reports whether the hop is on this machine by its address.
func (h Hop) Local() bool {
	if h.Network == "unix" || h.Host() == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(h.Host())
	return err == nil && ip.IsLoopback()
}

// TLSPolicy says how the next hop must prove itself. The zero value verifies
// everything that is not on this machine.
type TLSPolicy string

// Policies.
const (
	// TLSDefault is TLSVerify, and TLSNone for loopback and unix sockets.
	TLSDefault TLSPolicy = ""
	// TLSNone uses no TLS (an implicit-TLS hop stays one, and is verified).
	TLSNone TLSPolicy = "none"
	// TLSVerify needs TLS and a certificate for the hop's name from the roots.
	TLSVerify TLSPolicy = "verify"
	// TLSDANE needs TLS and a certificate that matches secure TLSA records (RFC 7672).
	TLSDANE TLSPolicy = "dane"
)

// Options configure connections to next hops. The zero value is fine for one on this machine.
type Options struct {
	// Policy for TLS.
	Policy TLSPolicy
	// TLS is the base for client connections: RootCAs, and GetClientCertificate for our own DANCE
	// identity. Nil: the system's roots and no certificate.
	TLS *tls.Config
	// Name is the owner name of the TLSA records of that certificate. Where the next hop offers
	// AUTH EXTERNAL we log in under it. Empty: no login.
	Name string
	// User and Password log in at every next hop by PLAIN, or by LOGIN where only that is offered.
	// An empty User: no such login.
	User     string
	Password Secret
	// ClearLogin sends the password without TLS to other machines too.
	ClearLogin bool
	// Lookup is for Policy TLSDANE.
	Lookup lookup.Resolver
	// Pass says how the client's address reaches the next hop: "" (not), "xclient" or "proxy".
	Pass string
	// Dial makes a connection; nil: as net.Dialer does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// DialTimeout covers connecting, TLS and greeting; 0: 10 s.
	DialTimeout time.Duration
	// CommandTimeout is for each reply but the last; 0: 60 s. RFC 5321, Section 4.5.3.2, has
	// minutes: a relay answers its client meanwhile.
	CommandTimeout time.Duration
	// FinalTimeout is for the reply after the message; 0: 5 min (a client waits 10: RFC 5321,
	// Section 4.5.3.2.6).
	FinalTimeout time.Duration
	// MaxOpen is how many connections may be open at once; 0: 500. IdleTimeout is for how long
	// unused ones are kept; 0: 30 s.
	MaxOpen     int
	IdleTimeout time.Duration
}

func (o Options) withDefaults() (Options, error) {
	o.DialTimeout = cmp.Or(o.DialTimeout, 10*time.Second)
	o.CommandTimeout = cmp.Or(o.CommandTimeout, time.Minute)
	o.FinalTimeout = cmp.Or(o.FinalTimeout, 5*time.Minute)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 30*time.Second)
	o.MaxOpen = cmp.Or(o.MaxOpen, 500)
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	switch o.Policy {
	case TLSDefault, TLSNone, TLSVerify:
	case TLSDANE:
		if o.Lookup == nil {
			return o, errors.New("relay: next hop: TLS policy dane needs a resolver")
		}
	default:
		return o, fmt.Errorf("relay: next hop: unknown TLS policy %q", o.Policy)
	}
	if o.Pass != "" && o.Pass != "xclient" && o.Pass != "proxy" {
		return o, fmt.Errorf("relay: next hop: cannot pass the client's address by %q", o.Pass)
	}
	return o, nil
}

// policyFor is the policy for one hop. A unix socket never leaves this machine.
func (o Options) policyFor(h Hop) TLSPolicy {
	if h.Network == "unix" {
		return TLSNone
	}
	if o.Policy != TLSDefault {
		return o.Policy
	}
	if h.Local() {
		return TLSNone
	}
	return TLSVerify
}
