package view

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"dnseal/cmd/internal/cli"
)

// listen opens a loopback address.
func listen(ctx context.Context, address string) (net.Listener, error) {
	address = cmp.Or(address, "127.0.0.1:0")
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, cli.Hint(fmt.Errorf("--listen %s is no address", address), "write host:port, such as 127.0.0.1:8025")
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, noIP := netip.ParseAddr(host); noIP != nil || !ip.IsLoopback() {
		return nil, cli.Hint(fmt.Errorf("--listen %s is no loopback address", address), "the page is for this machine alone: 127.0.0.1 or [::1]; from another one go through ssh, with the same port: ssh -L 8025:127.0.0.1:8025 HOST")
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, cli.Hint(fmt.Errorf("address %s is in use", address), "another program, perhaps another dnseal view, has this port; without --listen a free one is chosen")
	case errors.Is(err, syscall.EACCES):
		return nil, cli.Hint(fmt.Errorf("no permission to use address %s", address), "ports below 1024 are for root; without --listen a free one is chosen")
	case err != nil:
		return nil, fmt.Errorf("address %s cannot be used: %w", address, reason(err))
	}
	return ln, nil
}

// reason is the cause alone, without the address again.
func reason(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// ownListener closes connections of other users' programs unread.
type ownListener struct{ net.Listener }

func (l ownListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || own(c) {
			return c, err
		}
		_ = c.Close()
	}
}
