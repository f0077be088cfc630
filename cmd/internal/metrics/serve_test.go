package metrics

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are handed to it.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// TestHealthIsBounded answers a check although strangers hold as many connections as there may be,
// idle, in the middle of a header, or without reading; the oldest of them are closed, and the
// others when their time is over.
func TestHealthIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, l := New(nil), &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		m.Ready(true)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- m.ServeHealth(ctx, l) }()
		connect := func(send string) net.Conn {
			client, server := net.Pipe()
			l.conns <- server
			_, _ = io.WriteString(client, send)
			return client
		}
		var strangers []net.Conn
		for i := range 2 * maxStates {
			strangers = append(strangers, connect([]string{"", "GET /readyz HT"}[i%2]))
		}
		synctest.Wait()
		check := connect("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
		if resp, err := http.ReadResponse(bufio.NewReader(check), nil); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("the check of a balancer: %v, %v", resp, err)
		}
		start := time.Now()
		for i, conn := range strangers {
			_, _ = io.Copy(io.Discard, conn)
			if took := time.Since(start); took > 10*time.Second || i <= maxStates && took > 0 {
				t.Errorf("connection %d was open for %v", i, took)
				break
			}
		}
		_, _ = io.Copy(io.Discard, check)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("an idle connection was open for %v", took)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
