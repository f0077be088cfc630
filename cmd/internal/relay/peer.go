package relay

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pires/go-proxyproto"
)

// peer is the client whose mail a next-hop connection carries.
type peer struct {
	addr  netip.AddrPort // zero: a unix socket
	local netip.AddrPort // where it connected to
	hello string
	esmtp bool
}

// key is what a connection that names its client may be shared by.
func (p peer) key() string { return p.addr.String() + " " + p.hello }

// writeProxy says who the client is by PROXY protocol version 2.
func (p peer) writeProxy(conn net.Conn) error {
	h := &proxyproto.Header{Version: 2, Command: proxyproto.LOCAL}
	if p.addr.IsValid() {
		h = proxyproto.HeaderProxyFromAddrs(2, net.TCPAddrFromAddrPort(p.addr), sameFamily(p.local, p.addr))
	}
	_, err := h.WriteTo(conn)
	return err
}

// sameFamily makes the destination of a PROXY header fit the family of its source.
func sameFamily(dst, src netip.AddrPort) *net.TCPAddr {
	switch {
	case dst.IsValid() && dst.Addr().Is4() == src.Addr().Is4():
		return net.TCPAddrFromAddrPort(dst)
	case src.Addr().Is4():
		return &net.TCPAddr{IP: net.IPv4zero, Port: int(dst.Port())}
	}
	return &net.TCPAddr{IP: net.IPv6zero, Port: int(dst.Port())}
}

// introduce tells the next hop by XCLIENT whose mail comes (Postfix, XCLIENT_README), where that is
// wanted.
func (c *client) introduce(who peer, hello string) error {
	if c.opts.Pass != "xclient" || c.peer == who.key() {
		return nil
	}
	attrs, ok := c.ext["XCLIENT"]
	if !ok {
		return fmt.Errorf("does not offer XCLIENT to us; list this host there (Postfix: smtpd_authorized_xclient_hosts), or set pass-client")
	}
	r, err := c.command("XCLIENT" + xclientAttributes(strings.Fields(strings.ToUpper(attrs)), who))
	if err != nil {
		return err
	}
	if !r.ok() {
		return fmt.Errorf("answers XCLIENT with %s", r)
	}
	c.peer = who.key()
	// The session starts anew, with the client's own name.
	if who.hello != "" {
		hello = who.hello
	}
	return c.hello(hello)
}

func xclientAttributes(offered []string, who peer) string {
	values := map[string]string{"NAME": "[UNAVAILABLE]", "ADDR": "[UNAVAILABLE]", "PROTO": "SMTP"}
	if who.addr.IsValid() {
		values["ADDR"] = xclientAddr(who.addr.Addr())
		values["PORT"] = strconv.Itoa(int(who.addr.Port()))
	}
	if who.esmtp {
		values["PROTO"] = "ESMTP"
	}
	if who.hello != "" {
		values["HELO"] = xtext(who.hello)
	}
	var b strings.Builder
	for _, name := range offered {
		if v, ok := values[name]; ok {
			fmt.Fprintf(&b, " %s=%s", name, v)
		}
	}
	return b.String()
}

func xclientAddr(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	return "IPV6:" + a.String()
}

// xtext encodes by RFC 3461, Section 4.
func xtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > ' ' && c <= '~' && c != '+' && c != '=' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "+%02X", s[i])
		}
	}
	return b.String()
}
