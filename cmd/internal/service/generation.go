package service

import (
	"context"
	"reflect"
	"sync"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/metrics"
	"dnseal/lookup"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
	"dnseal/sender"
	"dnseal/sender/identity/provision"
	"dnseal/smime/message"
)

// generation is everything made of one reading of the configuration.
type generation struct {
	config     *config.Config
	client     *lookup.Client
	dns        lookup.Resolver         // the client, with metrics and warnings
	sign       map[bool]*sender.Sender // by observe
	dkim       *dkimSigner             // nil: nothing is signed by DKIM
	verify     map[config.Verifying]*receiver.Receiver
	listeners  []*listener
	messages   sync.WaitGroup      // that the handlers process
	publisher  provision.Publisher // for the keeper; nil: there is none
	endKeeper  func()              // ends the keeper and waits for it; nil: there is none
	journal    *evidence.Journal   // nil: no evidence is kept
	endJournal func()              // gives the journal back; nil: there is none
	useJournal func()              // has the journal sign by this generation; nil: there is none
}

// generation makes all servers and opens their listeners; none serves yet. On an error nothing has
// changed.
func (s *service) generation(ctx context.Context, c *config.Config) (*generation, error) {
	client, err := c.LookupClient()
	if err != nil {
		return nil, err
	}
	g := &generation{config: c, client: client, dns: s.metrics.Resolver(newWarner(client, s.log))}
	wanted := s.sockets.wanted
	before := s.sockets.begin()
	if g.publisher, err = publisherOf(c, client); err == nil {
		err = g.handlers(s.memory)
	}
	if err == nil {
		err = s.openListeners(ctx, g)
	}
	if err == nil {
		err = s.openJournal(g)
	}
	if err == nil {
		err = s.sockets.setAccess(s.log)
	}
	if err != nil {
		g.discard()
		s.sockets.forget(before)
		s.sockets.wanted = wanted
		return nil, err
	}
	s.sockets.warnAccess(wanted, s.log)
	return g, nil
}

// handlers makes the senders and receivers, which share memory.
func (g *generation) handlers(memory *message.Memory) error {
	c, r := g.config, g.dns
	var err error
	g.sign, g.verify = map[bool]*sender.Sender{}, map[config.Verifying]*receiver.Receiver{}
	for _, observe := range []bool{false, true} {
		o := c.SenderOptions(r)
		o.Observe, o.Memory = observe, memory
		if g.sign[observe], err = sender.New(o); err != nil {
			return err
		}
	}
	g.dkim = newDKIM(c)
	for _, how := range verifyings() {
		opts := c.ReceiverOptions(r, how)
		opts.Keep = g.keepEvidence(&opts)
		opts.Deliver.Keep, opts.Decrypt.Memory = keepEncrypted(c.Verify.KeepEncrypted), memory
		if g.verify[how], err = receiver.New(opts); err != nil {
			return err
		}
	}
	return nil
}

// verifyings are all ways to verify: a server of the generation before may ask for any.
func verifyings() (all []config.Verifying) {
	for _, as := range append([]string{""}, config.QuarantineActions...) {
		for _, restore := range []bool{false, true} {
			for _, observe := range []bool{false, true} {
				all = append(all, config.Verifying{Observe: observe, RestoreHeader: restore, QuarantineAs: as})
			}
		}
	}
	return all
}

// listenerFor returns the listener of an address if it has the same settings, else nil.
func (g *generation) listenerFor(address string, settings any) *listener {
	if g == nil {
		return nil
	}
	for _, l := range g.listeners {
		if l.address == address && reflect.DeepEqual(l.settings, settings) {
			return l
		}
	}
	return nil
}

// discard closes what was made, after an error.
func (g *generation) discard() {
	for _, l := range g.listeners {
		if !l.serving {
			_ = l.socket.Close()
		}
	}
	g.giveBack()
}

// giveBack ends what the generation looked names up with and kept evidence by.
func (g *generation) giveBack() {
	if g.endJournal != nil {
		g.endJournal() // it may look up names for its seal
	}
	_ = g.client.Close()
}

// close closes the listeners that next does not keep. Close of a Go listener returns only when no
// Accept is running, so the next connection in the kernel's queue is accepted by another listener
// of the same socket.
func (g *generation) close(next *generation) {
	for _, l := range g.listeners {
		if next.listenerFor(l.address, l.settings) != l {
			l.retired.Store(true)
			_ = l.socket.Close()
		}
	}
}

// retire waits until the connections and messages of this generation end; when stopping is closed
// it ends them. It leaves alone the listeners that next keeps.
func (g *generation) retire(stopping <-chan struct{}, next *generation) {
	var wg sync.WaitGroup
	for _, l := range g.listeners {
		if next.listenerFor(l.address, l.settings) != l {
			wg.Go(func() { l.retire(stopping) })
		}
	}
	wg.Wait()
	g.messages.Wait()
	g.giveBack()
}

// certificateEnds returns when each certificate expires, for the metrics.
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
