package service

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// slowServer is a server with a message that takes some seconds to end.
type slowServer struct {
	ended chan struct{}
	cut   bool // in the middle of it
}

func (s *slowServer) Serve(net.Listener) error { return nil }

func (s *slowServer) Retire(ctx context.Context) error { return s.wait(ctx) }

func (s *slowServer) Shutdown(ctx context.Context) error {
	go func() {
		time.Sleep(stopTime / 2)
		close(s.ended)
	}()
	return s.wait(ctx)
}

func (s *slowServer) wait(ctx context.Context) error {
	select {
	case <-s.ended:
		return nil
	case <-ctx.Done():
		s.cut = true
		return ctx.Err()
	}
}

// TestRetireEndsMessages lets a message that is under way when the time of old connections is over
// end: one that is cut after the next hop took it would come twice.
func TestRetireEndsMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &slowServer{ended: make(chan struct{})}
		start := time.Now()
		(&listener{server: server}).retire(nil)
		if took := time.Since(start); server.cut || took != retireTime+stopTime/2 {
			t.Errorf("retired after %v, the message cut: %v", took, server.cut)
		}
	})
}
