package transport

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// cookies are the DNS cookies shared with one server (RFC 7873, Section 4). The client half has 64
// random bits, which the server repeats in every reply. The server makes its half from them and our
// address, and we repeat it in every question. An attacker who cannot see our questions cannot
// answer them. They go with UDP only, where answers can be forged. The halves are hexadecimal, as
// the library has them.
type cookies struct {
	mu      sync.Mutex
	from    string // our address that they belong to
	client  string
	server  string // "": the server gave none yet, or none lately
	refused bool   // the server does not answer questions that carry one
}

// The lengths of the halves in hexadecimal (RFC 7873, Section 4).
const (
	clientHalf    = 16
	minServerHalf = 16
	maxServerHalf = 64
)

// next returns the cookie for a question from an address. Another address gets another cookie,
// which does not show that both are ours. RFC 7873, Section 4.1; RFC 9018, Section 3.
func (c *cookies) next(from net.Addr) (client, server string) {
	host, _, _ := net.SplitHostPort(from.String())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused {
		return "", ""
	}
	if c.client == "" || c.from != host {
		var random [clientHalf / 2]byte
		_, _ = rand.Read(random[:]) // it never fails
		c.from, c.client, c.server = host, hex.EncodeToString(random[:]), ""
	}
	return c.client, c.server
}

// learn keeps the server's half of a reply to a.
func (c *cookies) learn(a *packed, m *dns.Msg) {
	server := strings.TrimPrefix(cookieOf(m), a.client)
	c.mu.Lock()
	defer c.mu.Unlock()
	// RFC 7873, Section 4: 8 to 32 octets.
	if c.client == a.client && len(server) >= minServerHalf && len(server) <= maxServerHalf {
		c.server = server
	}
}

// forget drops the server half: replies need no cookie until the server gives one again.
func (c *cookies) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server = ""
}

// refuse stops sending cookies to this server.
func (c *cookies) refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = true
}

// cookieOf returns the cookie of a message, "" when there is none.
func cookieOf(m *dns.Msg) string {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if c, ok := o.(*dns.EDNS0_COOKIE); ok {
				return c.Cookie
			}
		}
	}
	return ""
}

var (
	errNoCookie      = errors.New("the reply lacks the cookie that this server gives")
	errRefusesCookie = errors.New("it does not understand questions with a cookie")
)

// checkCookie compares a reply with the cookie of the question. A reply with another client half,
// or without a cookie where the server gives them, is discarded. RFC 7873, Section 5.3.
func (a *packed) checkCookie(m *dns.Msg) error {
	switch got := cookieOf(m); {
	case a.client == "":
	case got == "" && a.server != "":
		return errNoCookie
	case got == "" && (noEDNS(m) || isRefusal(m)):
		return errRefusesCookie
	case got != "" && !strings.HasPrefix(got, a.client):
		return errNotOurs
	}
	return nil
}
