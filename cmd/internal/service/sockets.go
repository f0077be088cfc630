package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"

	"dnseal/milter"
)

// sockets are the listening sockets of a service. They stay open across reloads: each generation
// has its own descriptors of the same kernel sockets, so no connection in a queue is lost at a
// reload.
type sockets struct {
	bases  map[string]net.Listener // by address
	passed map[string]net.Listener // by systemd, not used yet
	used   map[string]bool         // by the generation being made
	pinned map[string]bool         // the keys of the sockets for metrics and health
	own    map[string]access       // unix sockets that this process made, as they are
	wanted map[string]access       // unix sockets, as the generation being made wants them
}

// access is who may open a unix socket.
type access struct {
	path string
	milter.ListenOptions
}

// inheritSockets starts with the sockets that systemd has opened.
func inheritSockets() (*sockets, error) {
	s := &sockets{bases: map[string]net.Listener{}, passed: map[string]net.Listener{}, used: map[string]bool{}, pinned: map[string]bool{}, own: map[string]access{}}
	list, err := systemdSockets()
	for _, l := range list {
		s.passed[socketKey(l.Addr().Network(), l.Addr().String())] = l
	}
	return s, err
}

// socketKey writes an address in one form: "all interfaces" has three.
func socketKey(network, address string) string {
	if network == "unix" {
		return "unix:" + address
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	// RFC 4291, Section 2.5.2: the unspecified address.
	if host == "0.0.0.0" || host == "::" {
		host = ""
	}
	return net.JoinHostPort(host, port)
}

// filer is a listener that can duplicate its descriptor.
type filer interface{ File() (*os.File, error) }

// open returns a listener for an address: of a socket that is already open, of one that systemd
// passed, or of a new one.
func (s *sockets) open(ctx context.Context, a milter.Address, opts milter.ListenOptions) (net.Listener, error) {
	key := socketKey(a.Network, a.Address)
	base := s.bases[key]
	if base == nil {
		base = s.passed[key]
		delete(s.passed, key)
	}
	if base == nil {
		var err error
		if base, err = milter.Listen(ctx, a, opts); err != nil {
			return nil, fmt.Errorf("listen %s: %w", a, explainListen(err))
		}
		s.own[key] = access{a.Address, opts}
	}
	if s.bases[key] = base; a.Network == "unix" {
		s.wanted[key] = access{a.Address, opts}
	}
	s.used[key] = true
	duplicable, ok := base.(filer)
	if !ok {
		return nil, fmt.Errorf("listen %s: a %T cannot be shared", a, base)
	}
	f, err := duplicable.File()
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", a, err)
	}
	l, err := net.FileListener(f)
	_ = f.Close()
	return l, err
}

// explainListen adds advice to the common errors.
func explainListen(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return errors.New("the port is in use by another process; stop that one, or choose another address")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return errors.New("this machine has no such address; use one of its addresses, or \":PORT\" for all of them")
	case errors.Is(err, syscall.EACCES):
		return errors.New("not allowed; for ports below 1024 start by systemd (AmbientCapabilities=CAP_NET_BIND_SERVICE) or let it pass the socket, for a unix socket check the owner of its folder")
	case errors.Is(err, syscall.EPERM):
		return errors.New("the process may not give the socket to that group; make its user a member (systemd: SupplementaryGroups=)")
	case errors.Is(err, syscall.ENOENT):
		return errors.New("the folder of the socket does not exist; make it, or use RuntimeDirectory= of systemd")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "milter: "))
}

// keep marks a socket as used, without opening it again.
func (s *sockets) keep(a milter.Address, opts milter.ListenOptions) {
	key := socketKey(a.Network, a.Address)
	if s.used[key] = true; a.Network == "unix" {
		s.wanted[key] = access{a.Address, opts}
	}
}

// keepUsed closes the sockets that the current configuration does not name.
func (s *sockets) keepUsed() {
	for key, l := range s.bases {
		if !s.used[key] && !s.pinned[key] {
			_ = l.Close()
			delete(s.bases, key)
			delete(s.own, key)
		}
	}
}

// forget closes the sockets that were opened for a generation that could not be made.
func (s *sockets) forget(before map[string]bool) {
	for key, l := range s.bases {
		if !before[key] {
			_ = l.Close()
			delete(s.bases, key)
			delete(s.own, key)
		}
	}
}

// begin starts a new generation, and returns the sockets that are open before it.
func (s *sockets) begin() map[string]bool {
	s.used, s.wanted = map[string]bool{}, map[string]access{}
	out := map[string]bool{}
	for key := range s.bases {
		out[key] = true
	}
	return out
}

// warnUnused closes the sockets from systemd that no listener names, with a warning.
func (s *sockets) warnUnused(log *slog.Logger) {
	for key, l := range s.passed {
		log.Warn("systemd passed a socket that no listener of the configuration names; it is closed", slog.String("address", key))
		_ = l.Close()
		delete(s.passed, key)
	}
}

func (s *sockets) closeAll() {
	for _, l := range s.bases {
		_ = l.Close()
	}
	for _, l := range s.passed {
		_ = l.Close()
	}
}
