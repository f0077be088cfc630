package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/metrics"
	"dnseal/cmd/internal/relay"
	"dnseal/lookup"
	"dnseal/milter"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/smime/message"
)

// generation is everything made of one reading of the configuration.
type generation struct {
	config   *config.Config
	client   *lookup.Client
	dns      lookup.Resolver // the client, counted and heeded
	sign     message.Handler
	verify   *receiver.Receiver
	observe  *receiver.Receiver // the same, without doing anything
	doors    []*door
	messages sync.WaitGroup // in the handlers
}

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
	// Retire takes no new connections and lets those that are there go on until they end, or ctx does.
	Retire(context.Context) error
	// Shutdown ends all connections, after the messages under way.
	Shutdown(context.Context) error
}

// generation makes everything, and opens listeners; nothing serves yet. On an error all is as before.
func (s *service) generation(ctx context.Context, c *config.Config) (*generation, error) {
	client, err := lookup.New(c.LookupOptions())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.At("dns"), err)
	}
	g := &generation{config: c, client: client, dns: s.metrics.Resolver(newWarner(client, s.log))}
	before := s.sockets.begin()
	if err = g.handlers(); err == nil {
		err = s.openDoors(ctx, g)
	}
	if err != nil {
		g.abandon()
		s.sockets.forget(before)
		return nil, err
	}
	return g, nil
}

func (g *generation) handlers() error {
	c, r := g.config, g.dns
	if c.Identities != "" {
		signer, err := sender.New(c.SenderOptions(r))
		if err != nil {
			return err
		}
		g.sign = signer
	}
	judge, err := receiver.New(c.ReceiverOptions(r, false))
	if err != nil {
		return err
	}
	watcher, err := receiver.New(c.ReceiverOptions(r, true))
	if err != nil {
		return err
	}
	g.verify, g.observe = judge, watcher
	return nil
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
	w := s.wiring(g, r.Role, r.Observe)
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

// openMilter takes a milter over from the generation before when its settings are the same: connections of MTAs go on.
func (s *service) openMilter(ctx context.Context, g *generation, m *config.Milter) error {
	a, err := m.Address()
	if err != nil {
		return err
	}
	if old := s.board.current().doorOf(m.Listen, *m); old != nil {
		s.sockets.keep(a)
		g.doors = append(g.doors, old)
		return nil
	}
	opts := g.config.MilterOptions(m, s.wiring(g, m.Role, m.Observe))
	opts.Unfit = desk{&s.board, m.Role, m.Observe}.unfit
	srv, err := milter.New(opts)
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

func (s *service) wiring(g *generation, role string, observe bool) config.Wiring {
	return config.Wiring{
		Handler: s.metrics.Handler(desk{&s.board, role, observe}, s.door, role),
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

// doorOf returns the door of an address if it was made of the same settings.
func (g *generation) doorOf(address string, settings any) *door {
	if g == nil {
		return nil
	}
	for _, d := range g.doors {
		if d.address == address && reflect.DeepEqual(d.settings, settings) {
			return d
		}
	}
	return nil
}

// abandon closes what was made for nothing.
func (g *generation) abandon() {
	for _, d := range g.doors {
		if !d.serving {
			_ = d.listener.Close()
		}
	}
	_ = g.client.Close()
}

// close ends listening at the doors that next has not taken over. Go's Close of a listener returns only when no Accept is
// under way, so that the next connection in the kernel's queue is for whoever else has the same socket.
func (g *generation) close(next *generation) {
	for _, d := range g.doors {
		if next.doorOf(d.address, d.settings) != d {
			d.retired.Store(true)
			_ = d.listener.Close()
		}
	}
}

// retire waits for what goes on by this generation, and ends it when stopping is closed. Doors that next has taken over
// are none of its business.
func (g *generation) retire(stopping <-chan struct{}, next *generation) {
	var wg sync.WaitGroup
	for _, d := range g.doors {
		if next.doorOf(d.address, d.settings) != d {
			wg.Go(func() { d.retire(stopping) })
		}
	}
	wg.Wait()
	g.messages.Wait()
	_ = g.client.Close()
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

// certificateEnds are the last days of all certificates, for the metrics.
func (g *generation) certificateEnds() map[metrics.Certificate]time.Time {
	ends := map[metrics.Certificate]time.Time{}
	for _, name := range g.config.IdentityNames() {
		if id, err := g.config.Identity(name); err == nil && id.Certificate != nil {
			ends[metrics.Certificate{Kind: "identity", Name: name}] = id.Certificate.NotAfter
		}
	}
	for i := range g.config.Relays {
		r := &g.config.Relays[i]
		if cert := g.config.ServerCertificate(r); cert != nil && cert.Leaf != nil {
			ends[metrics.Certificate{Kind: "server", Name: r.Certificate}] = cert.Leaf.NotAfter
		}
	}
	return ends
}
