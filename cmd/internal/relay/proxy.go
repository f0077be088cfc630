package relay

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"
)

// Bounds of a PROXY protocol header.
const (
	proxyTimeout = 10 * time.Second
	proxyPrefix  = 16   // signature, command, family, length
	proxyRest    = 2048 // addresses and TLVs
)

// proxied replaces the address of the connection by the one that a proxy on the list tells (PROXY protocol version 2).
// Such a proxy must tell; from anybody else a header is a syntax error like any other.
func (s *session) proxied() error {
	if !s.srv.isProxy(s.peer.addr.Addr()) {
		return nil
	}
	s.in.limit(proxyTimeout, proxyTimeout)
	raw, err := s.in.proxyHeader()
	if err != nil {
		return err
	}
	h, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return err
	}
	if h.Command.IsLocal() {
		return nil // the proxy itself, to see whether we live
	}
	src := addrPort(h.SourceAddr)
	if !src.IsValid() {
		return fmt.Errorf("PROXY header tells no TCP address but %v", h.SourceAddr)
	}
	s.peer.addr, s.peer.local = src, addrPort(h.DestinationAddr)
	return nil
}

func (s *Server) isProxy(a netip.Addr) bool {
	for _, p := range s.opts.Proxies {
		if a.IsValid() && p.Contains(a) {
			return true
		}
	}
	return false
}

var errNoProxy = errors.New("relay: no PROXY protocol header of version 2")

// proxyHeader takes exactly one header from the connection.
func (in *input) proxyHeader() ([]byte, error) {
	prefix, err := in.peek(proxyPrefix)
	if err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(prefix[14:]))
	if !bytes.Equal(prefix[:12], proxyproto.SIGV2) || length > proxyRest {
		return nil, errNoProxy
	}
	header, err := in.peek(proxyPrefix + length)
	if err != nil {
		return nil, err
	}
	header = bytes.Clone(header)
	in.r += len(header)
	return header, nil
}

// peek waits for n bytes and leaves them where they are.
func (in *input) peek(n int) ([]byte, error) {
	for in.buffered() < n {
		if err := in.grow(); err != nil {
			return nil, err
		}
	}
	return in.buf[in.r : in.r+n], nil
}
