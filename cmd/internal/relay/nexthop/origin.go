package nexthop

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pires/go-proxyproto"
)

// Origin is the client whose mail a next-hop connection carries.
type Origin struct {
	Addr  netip.AddrPort // zero: a unix socket
	Local netip.AddrPort // where it connected to
	Hello string
	ESMTP bool
}

// key is what a connection that names its client may be shared by.
func (o Origin) key() string { return o.Addr.String() + " " + o.Hello }

// writeProxy names the client by PROXY protocol version 2.
func (o Origin) writeProxy(conn net.Conn) error {
	h := &proxyproto.Header{Version: 2, Command: proxyproto.LOCAL}
	if o.Addr.IsValid() {
		h = proxyproto.HeaderProxyFromAddrs(2, net.TCPAddrFromAddrPort(o.Addr), sameFamily(o.Local, o.Addr))
	}
	_, err := h.WriteTo(conn)
	return err
}

// sameFamily gives the destination of a PROXY header the family of its source.
func sameFamily(dst, src netip.AddrPort) *net.TCPAddr {
	switch {
	case dst.IsValid() && dst.Addr().Is4() == src.Addr().Is4():
		return net.TCPAddrFromAddrPort(dst)
	case src.Addr().Is4():
		return &net.TCPAddr{IP: net.IPv4zero, Port: int(dst.Port())}
	}
	return &net.TCPAddr{IP: net.IPv6zero, Port: int(dst.Port())}
}

// introduce names the client by XCLIENT (Postfix, XCLIENT_README), where that is configured.
func (c *Client) introduce(from Origin, hello string) error {
	if c.opts.Pass != "xclient" || c.announced == from.key() {
		return nil
	}
	attrs, ok := c.ext["XCLIENT"]
	if !ok {
		return fmt.Errorf("does not offer XCLIENT to this host; list this host there (Postfix: smtpd_authorized_xclient_hosts), or set pass-client")
	}
	r, err := c.Command("XCLIENT" + xclientAttributes(strings.Fields(strings.ToUpper(attrs)), from))
	if err != nil {
		return err
	}
	if !r.OK() {
		return fmt.Errorf("answers XCLIENT with %s", r)
	}
	c.announced = from.key()
	// The session starts again, with the client's own name.
	if from.Hello != "" {
		hello = from.Hello
	}
	if err := c.hello(hello); err != nil {
		return err
	}
	// Postfix forgets the login with all else.
	return c.logIn()
}

func xclientAttributes(offered []string, from Origin) string {
	values := map[string]string{"NAME": "[UNAVAILABLE]", "ADDR": "[UNAVAILABLE]", "PROTO": "SMTP"}
	if from.Addr.IsValid() {
		values["ADDR"] = xclientAddr(from.Addr.Addr())
		values["PORT"] = strconv.Itoa(int(from.Addr.Port()))
	}
	if from.ESMTP {
		values["PROTO"] = "ESMTP"
	}
	if from.Hello != "" {
		values["HELO"] = xtext(from.Hello)
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
	// RFC 5321, Section 4.1.3, has the tag; Postfix wants it in capitals here.
	return "IPV6:" + a.String()
}

// xtext encodes by RFC 3461, Section 4.
func xtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		// RFC 3461, Section 4: xchar is any printable ASCII character but "+" and "=".
		if c := s[i]; c > ' ' && c <= '~' && c != '+' && c != '=' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "+%02X", s[i])
		}
	}
	return b.String()
}
