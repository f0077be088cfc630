// Package peertest is for tests with resolvers and outside programs ("peers").
//
// programs.go finds and runs outside programs: [Program] skips a test whose program is missing, or
// fails it with DNSEAL_PEERS=required; [Run], [FreeAddr] and [WaitFor] start one and wait for it.
//
// process.go is a program that runs; package authority has name servers that take updates.
//
// peertest.go and kinds.go have resolvers of our own that answer as outside ones were measured to
// (Debian's packages, on loopback), each in front of a hierarchy of package lookuptest. They stand
// in for programs that cannot run next to a system's own resolver, or that would need a wrong
// configuration. Start at [Start]; kinds.go has each [Kind].
//
// # Limitations
//
// It imports the testing package: a failure ends the test. The resolvers of our own are as those
// programs were in the versions that were measured, and only in what the tests need of them.
package peertest

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/lookuptest"
)

// Resolver is a fake that serves.
type Resolver struct {
	kind  Kind
	up    *lookuptest.Server
	asked atomic.Int64
	addr  string
}

// Start serves a kind of resolver on loopback, UDP and TCP, until the test ends. The hierarchy that
// it asks must have been made with Options.Validating; it need not be started.
func Start(tb testing.TB, up *lookuptest.Server, kind Kind) *Resolver {
	tb.Helper()
	tcp, udp := listen(tb)
	r := &Resolver{kind: kind, up: up, addr: tcp.Addr().String()}
	ctx, cancel := context.WithCancel(context.Background())
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, in *dns.Msg) { r.serve(ctx, w, in) })
	var done sync.WaitGroup
	servers := []*dns.Server{{PacketConn: udp, Handler: handler, UDPSize: 4096}, {Listener: tcp, Handler: handler, MaxTCPQueries: -1}}
	for _, s := range servers {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		done.Go(func() { _ = s.ActivateAndServe() })
		<-started
	}
	tb.Cleanup(func() {
		cancel()
		for _, s := range servers {
			_ = s.Shutdown()
		}
		done.Wait()
	})
	return r
}

// Addr is where it listens, host:port.
func (r *Resolver) Addr() string { return r.addr }

// Asked is how many questions came so far.
func (r *Resolver) Asked() int { return int(r.asked.Load()) }

// listen opens the same port for both.
func listen(tb testing.TB) (net.Listener, net.PacketConn) {
	tb.Helper()
	var lc net.ListenConfig
	for range 50 {
		tcp, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		if udp, err := lc.ListenPacket(tb.Context(), "udp", tcp.Addr().String()); err == nil {
			return tcp, udp
		}
		_ = tcp.Close()
	}
	tb.Fatal("no port is free for UDP and TCP")
	return nil, nil
}

func (r *Resolver) serve(ctx context.Context, w dns.ResponseWriter, in *dns.Msg) {
	r.asked.Add(1)
	if len(in.Question) != 1 {
		return
	}
	q := question{Msg: in, ctx: ctx, up: r.up}
	out := r.kind(&q)
	if out == nil {
		return
	}
	limit := dns.MaxMsgSize
	if _, ok := w.RemoteAddr().(*net.UDPAddr); ok {
		limit = dns.MinMsgSize
		if opt := in.IsEdns0(); opt != nil {
			limit = max(limit, min(int(opt.UDPSize()), 1232))
		}
	}
	out.Compress = true
	out.Truncate(limit)
	_ = w.WriteMsg(out)
}
