package lookuptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// network is the listening side of a Server.
type network struct {
	mu      sync.Mutex
	addr    string
	servers []*dns.Server
	started bool
	closed  chan struct{} // made by New
	done    sync.WaitGroup
}

// Start listens on addr, UDP and TCP ("127.0.0.1:0" for any free port; the same port for both), and
// serves until Close. It answers when Start returns.
func (s *Server) Start(addr string) error {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.net.started {
		return errors.New("lookuptest: already started")
	}
	udp, tcp, err := listen(addr)
	if err != nil {
		return err
	}
	s.net.addr = tcp.Addr().String()
	s.net.started = true
	s.net.servers = []*dns.Server{
		{PacketConn: udp, Handler: dns.HandlerFunc(s.serveUDP), UDPSize: 4096},
		{Listener: tcp, Handler: dns.HandlerFunc(s.serveTCP), MaxTCPQueries: -1},
	}
	for _, server := range s.net.servers {
		server.MsgAcceptFunc, server.TsigSecret = acceptUpdates, s.updateSecrets()
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		s.net.done.Go(func() {
			// It ends with an error only when the socket is gone, which is Close.
			_ = server.ActivateAndServe()
		})
		<-started
	}
	return nil
}

// listen opens the same port for UDP and TCP.
func listen(addr string) (net.PacketConn, net.Listener, error) {
	const attempts = 20
	var lc net.ListenConfig
	ctx := context.Background()
	var last error
	for range attempts {
		tcp, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, nil, fmt.Errorf("lookuptest: %w", err)
		}
		udp, err := lc.ListenPacket(ctx, "udp", tcp.Addr().String())
		if err == nil {
			return udp, tcp, nil
		}
		last = errors.Join(err, tcp.Close())
		if _, port, _ := net.SplitHostPort(addr); port != "0" {
			break
		}
	}
	return nil, nil, fmt.Errorf("lookuptest: %w", last)
}

// Addr is the listening address, "127.0.0.1:port"; empty before Start.
func (s *Server) Addr() string {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	return s.net.addr
}

// Close stops serving and waits for all its goroutines. It may be called at any time, also twice.
func (s *Server) Close() error {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.net.servers == nil {
		return nil
	}
	close(s.net.closed)
	var errs []error
	for _, server := range s.net.servers {
		errs = append(errs, server.Shutdown())
	}
	s.net.servers = nil
	s.net.done.Wait()
	return errors.Join(errs...)
}

func (s *Server) serveUDP(w dns.ResponseWriter, in *dns.Msg) {
	limit := dns.MinMsgSize // RFC 1035, Section 4.2.1
	// RFC 6891, Section 6.2.3.
	if opt := in.IsEdns0(); opt != nil {
		limit = min(max(limit, int(opt.UDPSize())), udpSize)
	}
	s.serve(w, in, limit)
}

func (s *Server) serveTCP(w dns.ResponseWriter, in *dns.Msg) { s.serve(w, in, dns.MaxMsgSize) }

func (s *Server) serve(w dns.ResponseWriter, in *dns.Msg, limit int) {
	out := s.reply(in, w.TsigStatus(), limit)
	if out == nil || s.wait(context.Background()) != nil {
		return
	}
	// The client may be gone.
	_ = w.WriteMsg(out)
}

// wait is the simulated round trip.
func (s *Server) wait(ctx context.Context) error {
	if s.opts.Delay <= 0 {
		return nil
	}
	timer := time.NewTimer(s.opts.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.net.closed:
		return errClosed
	}
}
