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

// cookies are the DNS cookies shared with one server (RFC 7873): 64 bits of ours, which it repeats
// in every reply, and what it made of them and our address, which we repeat in every question. Who
// cannot see our questions cannot answer them. They go with UDP only, where answers can be forged.
// The halves are hexadecimal, as the library has them.
type cookies struct {
	mu      sync.Mutex
	from    string // our address that they belong to
	client  string
	server  string // "": the server gave none yet, or none lately
	refused bool   // it does not understand questions that carry one
}

// The lengths of the halves in hexadecimal (RFC 7873, Section 4).
const (
	clientHalf    = 16
	minServerHalf = 16
	maxServerHalf = 64
)

// next returns what a question from an address carries. Another address gets another cookie, so
// that nobody can tell by it that both are ours (RFC 9018, Section 3).
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
func (c *cookies) learn(a *asked, m *dns.Msg) {
	server := strings.TrimPrefix(cookieOf(m), a.client)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client == a.client && len(server) >= minServerHalf && len(server) <= maxServerHalf {
		c.server = server
	}
}

// forget expects no cookie until the server gives one again.
func (c *cookies) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server = ""
}

// refuse sends none any more.
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

// checkCookie holds a reply to the cookie of the question (RFC 7873, Section 5.3): one that repeats
// another, or none though the server gives them, is not the server's.
func (a *asked) checkCookie(m *dns.Msg) error {
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
