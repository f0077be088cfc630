package relay

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/pires/go-proxyproto"

	"dnseal/cmd/internal/relay/wire"
)

// Bounds of a PROXY protocol header.
const (
	proxyTimeout = 10 * time.Second
	proxyPrefix  = 16   // signature, command, family, length
	proxyRest    = 2048 // addresses and TLVs
)

// proxied replaces the address of the connection by the one that a proxy on the list sends (PROXY
// protocol version 2). Such a proxy must send it; from any other client a header is a syntax error.
func (s *session) proxied() error {
	if !s.srv.isProxy(s.peer.Addr.Addr()) {
		return nil
	}
	s.in.Limit(proxyTimeout, proxyTimeout)
	raw, err := proxyHeader(s.in)
	if err != nil {
		return err
	}
	h, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return err
	}
	if h.Command.IsLocal() {
		return nil // a health check of the proxy itself
	}
	src := addrPort(h.SourceAddr)
	if !src.IsValid() {
		return fmt.Errorf("PROXY header has no TCP address but %v", h.SourceAddr)
	}
	s.peer.Addr, s.peer.Local = src, addrPort(h.DestinationAddr)
	return nil
}

func (s *Server) isProxy(a netip.Addr) bool {
	return slices.ContainsFunc(s.opts.Proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

var errNoProxy = errors.New("relay: no PROXY protocol header of version 2")

// proxyHeader reads exactly one header from the connection.
func proxyHeader(in *wire.Input) ([]byte, error) {
	header := make([]byte, proxyPrefix)
	if err := in.ReadFull(header); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(header[14:]))
	if !bytes.Equal(header[:12], proxyproto.SIGV2) || length > proxyRest {
		return nil, errNoProxy
	}
	header = append(header, make([]byte, length)...)
	return header, in.ReadFull(header[proxyPrefix:])
}
