package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/miekg/dns"
)

// Server is the address of a recursive resolver.
type Server struct {
	Addr string // host:port
	TLS  bool   // DNS over TLS (RFC 7858)
	Name string // that its certificate must carry (RFC 8310, Section 8.1); with TLS only
}

// String returns the form that Parse reads.
func (s Server) String() string {
	if s.TLS {
		return "tls://" + s.Addr + "#" + s.Name
	}
	return s.Addr
}

// Loopback reports whether the server is on this machine.
func (s Server) Loopback() bool {
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// Parse reads "host", "host:port" or "tls://host:port#name". The default port is 53, with TLS 853.
// Without "#name" the certificate must carry the host. It fails on spaces, on another scheme, on a
// name without tls://, on an empty host or name, and on a port that is not from 1 to 65535.
func Parse(text string) (Server, error) {
	rest, isTLS := strings.CutPrefix(text, "tls://")
	rest, name, hasName := strings.Cut(rest, "#")
	switch {
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == utf8.RuneError }):
		return Server{}, fmt.Errorf("resolver %q: it holds a space or something that cannot be printed", text)
	case strings.Contains(rest, "://"):
		return Server{}, fmt.Errorf("resolver %q: want host:port or tls://host:853#name", text)
	case hasName && !isTLS:
		return Server{}, fmt.Errorf("resolver %q: a name after # goes with tls:// only", text)
	case hasName && name == "":
		return Server{}, fmt.Errorf("resolver %q: no name after #", text)
	}
	port := "53"
	if isTLS {
		// RFC 7858, Section 3.1.
		port = "853"
	}
	host, port, err := splitHostPort(rest, port)
	if err != nil {
		return Server{}, fmt.Errorf("resolver %q: %w", text, err)
	}
	if isTLS && !hasName {
		name = host
	}
	return Server{Addr: net.JoinHostPort(host, port), TLS: isTLS, Name: name}, nil
}

// splitHostPort is net.SplitHostPort with a default port; an IPv6 address needs no brackets then.
func splitHostPort(s, port string) (string, string, error) {
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	if addr, err := netip.ParseAddr(bare); err == nil && !strings.ContainsAny(addr.Zone(), "/[]:") {
		return addr.String(), port, nil
	}
	if strings.Contains(s, ":") {
		var err error
		if s, port, err = net.SplitHostPort(s); err != nil {
			return "", "", err
		}
	}
	if s == "" || strings.ContainsAny(s, "/[]") {
		return "", "", errors.New("no host")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", fmt.Errorf("port %q: want 1 to 65535", port)
	}
	return s, port, nil
}

// maxServers is how many nameserver lines count, as in the C library.
const maxServers = 3

// FromResolvConf reads the servers of a resolv.conf(5) file.
func FromResolvConf(path string) ([]Server, error) {
	config, err := dns.ClientConfigFromFile(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s does not exist: name a resolver", path)
		}
		return nil, err
	}
	var out []Server
	for _, host := range config.Servers {
		s, err := Parse(net.JoinHostPort(host, config.Port))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(out) < maxServers {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s names no resolver", path)
	}
	return out, nil
}
