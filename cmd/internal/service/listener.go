package service

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/relay"
	"dnseal/milter"
)

// door is a server on its listener.
type door struct {
	address  string
	server   server
	listener net.Listener
	settings any // what it was made of
	serving  bool
	retired  atomic.Bool
}

// server is a relay or a milter.
type server interface {
	// Serve takes connections until the server retires or shuts down.
	Serve(net.Listener) error
	// Retire takes no new connections and lets those that are there go on until they end, or ctx
	// does.
	Retire(context.Context) error
	// Shutdown ends all connections, after the messages under way.
	Shutdown(context.Context) error
}

// openDoors makes the servers and opens their listeners.
func (s *service) openDoors(ctx context.Context, g *generation) error {
	if s.door == "milter" {
		for i := range g.config.Milters {
			if err := s.openMilter(ctx, g, &g.config.Milters[i]); err != nil {
				return fmt.Errorf("%s: %w", g.config.At(fmt.Sprintf("milter[%d].listen", i)), err)
			}
		}
		return nil
	}
	for i := range g.config.Relays {
		if err := s.openRelay(ctx, g, &g.config.Relays[i]); err != nil {
			return fmt.Errorf("%s: %w", g.config.At(fmt.Sprintf("relay[%d].listen", i)), err)
		}
	}
	return nil
}

func (s *service) openRelay(ctx context.Context, g *generation, r *config.Relay) error {
	w := s.wiring(g, r.Role, config.Verifying{Observe: r.Observe, RestoreHeader: r.RestoreHeader})
	srv, err := relay.New(g.config.RelayOptions(r, w))
	if err != nil {
		return fmt.Errorf("relay on %s: %w", r.Listen, err)
	}
	a, err := r.Address()
	if err != nil {
		return err
	}
	l, err := s.sockets.open(ctx, a, r.Socket())
	if err != nil {
		return err
	}
	g.doors = append(g.doors, &door{address: r.Listen, server: srv, listener: l, settings: *r})
	return nil
}

// openMilter takes a milter over from the generation before when its settings are the same:
// connections of MTAs go on.
func (s *service) openMilter(ctx context.Context, g *generation, m *config.Milter) error {
	a, err := m.Address()
	if err != nil {
		return err
	}
	if old := s.newest.current().doorOf(m.Listen, *m); old != nil {
		s.sockets.keep(a)
		g.doors = append(g.doors, old)
		return nil
	}
	w := s.wiring(g, m.Role, config.Verifying{Observe: m.Observe, RestoreHeader: m.RestoreHeader})
	srv, err := milter.New(g.config.MilterOptions(m, w))
	if err != nil {
		return err
	}
	l, err := s.sockets.open(ctx, a, m.Socket())
	if err != nil {
		return err
	}
	g.doors = append(g.doors, &door{address: m.Listen, server: &milterServer{Server: srv, listener: l}, listener: l, settings: *m})
	return nil
}

func (s *service) wiring(g *generation, role string, how config.Verifying) config.Wiring {
	return config.Wiring{
		Handler: s.metrics.Handler(doorHandler{&s.newest, role, how}, s.door, role),
		Lookup:  g.dns,
		Metrics: s.metrics,
		Log:     s.log.With(slog.String("role", role)),
	}
}

// milterServer gives a milter the means to retire.
type milterServer struct {
	*milter.Server
	listener net.Listener
}

func (m *milterServer) Retire(ctx context.Context) error {
	_ = m.listener.Close()
	<-ctx.Done()
	return nil
}

func (d *door) retire(stopping <-chan struct{}) {
	d.retired.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), retireTime)
	defer cancel()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = d.server.Retire(ctx)
	}()
	select {
	case <-gone:
	case <-stopping:
		end, done := context.WithTimeout(context.Background(), stopTime)
		defer done()
		_ = d.server.Shutdown(end)
		cancel()
		<-gone
	}
}
