package service

import (
	"context"
	"reflect"
	"sync"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/metrics"
	"dnseal/cmd/internal/relay"
	"dnseal/lookup"
	"dnseal/receiver"
	"dnseal/sender"
)

// generation is everything made of one reading of the configuration.
type generation struct {
	config   *config.Config
	client   *lookup.Client
	dns      lookup.Resolver // the client, counted and heeded
	sign     *sender.Sender  // nil without identities
	verify   map[config.Verifying]*receiver.Receiver
	doors    []*door
	messages sync.WaitGroup // in the handlers
}

// generation makes everything, and opens listeners; nothing serves yet. On an error all is as
// before.
func (s *service) generation(ctx context.Context, c *config.Config) (*generation, error) {
	client, err := c.LookupClient()
	if err != nil {
		return nil, err
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
	signer, err := sender.New(c.SenderOptions(r))
	if err != nil {
		return err
	}
	g.sign, g.verify = signer, map[config.Verifying]*receiver.Receiver{}
	for _, how := range []config.Verifying{{}, {RestoreHeader: true}, {Observe: true}, {Observe: true, RestoreHeader: true}} {
		if g.verify[how], err = receiver.New(c.ReceiverOptions(r, how)); err != nil {
			return err
		}
	}
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

// denyAs gives servers whose connections go on the deny list that next has for their address: who
// is shut out now may not stay because of an old connection.
func (g *generation) denyAs(next *generation) {
	for _, d := range g.doors {
		server, ok := d.server.(*relay.Server)
		if !ok {
			continue
		}
		for i := range next.config.Relays {
			if r := &next.config.Relays[i]; r.Listen == d.address {
				server.SetDeny(next.config.Deny(r))
			}
		}
	}
}

// close ends listening at the doors that next has not taken over. Go's Close of a listener returns
// only when no Accept is under way, so that the next connection in the kernel's queue is for
// whoever else has the same socket.
func (g *generation) close(next *generation) {
	for _, d := range g.doors {
		if next.doorOf(d.address, d.settings) != d {
			d.retired.Store(true)
			_ = d.listener.Close()
		}
	}
}

// retire waits for what goes on by this generation, and ends it when stopping is closed. Doors that
// next has taken over are none of its business.
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
