package service

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/logline"
	"dnseal/cmd/internal/relay"
	"dnseal/milter"
)

// listener is a server with the socket it serves.
type listener struct {
	address  string
	server   server
	socket   net.Listener
	settings any // of the configuration
	serving  bool
	retired  atomic.Bool
}

// server is a relay or a milter.
type server interface {
	// Serve accepts connections until the server retires or shuts down.
	Serve(net.Listener) error
	// Retire accepts no new connections. It returns when the old ones have ended, or when ctx is
	// done.
	Retire(context.Context) error
	// Shutdown ends all connections, after the messages in progress.
	Shutdown(context.Context) error
}

// openListeners makes the servers and opens their listeners.
func (s *service) openListeners(ctx context.Context, g *generation) error {
	if s.kind == "milter" {
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
	w := s.wiring(g, r.Role, config.Verifying{Observe: r.Observe, RestoreHeader: r.RestoreHeader, QuarantineAs: r.QuarantineAs})
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
	g.listeners = append(g.listeners, &listener{address: r.Listen, server: srv, socket: l, settings: *r})
	return nil
}

// openMilter keeps the milter of the generation before if its settings are the same, so that the
// connections of MTAs continue.
func (s *service) openMilter(ctx context.Context, g *generation, m *config.Milter) error {
	a, err := m.Address()
	if err != nil {
		return err
	}
	if old := s.current.get().listenerFor(m.Listen, *m); old != nil {
		s.sockets.keep(a, m.Socket())
		g.listeners = append(g.listeners, old)
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
	g.listeners = append(g.listeners, &listener{address: m.Listen, server: &milterServer{Server: srv, listener: l}, socket: l, settings: *m})
	return nil
}

func (s *service) wiring(g *generation, role string, how config.Verifying) config.Wiring {
	return config.Wiring{
		Handler: s.metrics.Handler(handler{&s.current, role, how}, s.kind, role),
		Lookup:  g.dns,
		Metrics: s.metrics,
		Log:     s.log.With(slog.String(logline.Role, role)),
	}
}

// milterServer adds Retire to a milter.
type milterServer struct {
	*milter.Server
	listener net.Listener
}

func (m *milterServer) Retire(ctx context.Context) error {
	_ = m.listener.Close()
	<-ctx.Done()
	return nil
}

// retire serves the clients that are there until they go, for retireTime at most or until stopping
// is closed; the messages in progress then have stopTime.
func (l *listener) retire(stopping <-chan struct{}) {
	l.retired.Store(true)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = l.server.Retire(ctx)
	}()
	over := time.NewTimer(retireTime)
	defer over.Stop()
	select {
	case <-gone:
		return
	case <-stopping:
	case <-over.C:
	}
	end, done := context.WithTimeout(context.Background(), stopTime)
	defer done()
	_ = l.server.Shutdown(end)
	cancel()
	<-gone
}
