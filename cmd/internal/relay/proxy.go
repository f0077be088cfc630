package relay

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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

// proxied replaces the address of the connection by the one that a proxy on the list tells (PROXY
// protocol version 2). Such a proxy must tell; from anybody else a header is a syntax error like
// any other.
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
	header := make([]byte, proxyPrefix)
	if err := in.exactly(header); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(header[14:]))
	if !bytes.Equal(header[:12], proxyproto.SIGV2) || length > proxyRest {
		return nil, errNoProxy
	}
	header = append(header, make([]byte, length)...)
	return header, in.exactly(header[proxyPrefix:])
}

// exactly fills p and reads no byte behind it: where TLS is implicit, all that follows is TLS, and
// nothing sent ahead in clear may ever count as a command inside it.
func (in *input) exactly(p []byte) error {
	if err := in.arm(); err != nil {
		return err
	}
	_, err := io.ReadFull(in.conn, p)
	return err
}
