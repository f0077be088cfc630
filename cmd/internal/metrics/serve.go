package metrics

import (
	"container/list"
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// state is the answer of /readyz.
type state struct{ ready atomic.Bool }

// Ready sets whether new clients should come: from when the listeners are open until the service
// drains or they close.
func (m *Metrics) Ready(yes bool) {
	if m != nil {
		m.state.ready.Store(yes)
	}
}

// Serve answers on l until ctx ends, and closes it. It returns nil then, and the listener's error
// else.
func (m *Metrics) Serve(ctx context.Context, l net.Listener) error {
	mux := m.health()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /devices", m.devices.serve)
	return serve(ctx, l, mux)
}

// ServeHealth is Serve for the health checks alone, which everybody may ask.
func (m *Metrics) ServeHealth(ctx context.Context, l net.Listener) error {
	return serve(ctx, l, m.health())
}

// maxStates is how many connections are open at a time on such a listener. Those above take the
// place of the oldest, so that strangers who hold many do not keep a balancer's checks out.
const maxStates = 256

func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	l = &bounded{Listener: l, most: maxStates}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = srv.Close()
	})
	err := srv.Serve(l)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (m *Metrics) health() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !m.state.ready.Load() {
			// RFC 9110, Section 15.6.4.
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	return mux
}

// bounded is a listener with so many connections at a time.
type bounded struct {
	net.Listener
	most int

	mu   sync.Mutex
	open list.List // of *boundedConn, oldest first
}

type boundedConn struct {
	net.Conn
	of *bounded
	at *list.Element // nil: it is not counted any more; guarded by of.mu
}

// Accept implements net.Listener. It closes the oldest connection where there would be too many.
func (b *bounded) Accept() (net.Conn, error) {
	conn, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &boundedConn{Conn: conn, of: b}
	b.mu.Lock()
	c.at = b.open.PushBack(c)
	var oldest *boundedConn
	if b.open.Len() > b.most {
		oldest = b.open.Front().Value.(*boundedConn)
	}
	b.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close()
	}
	return c, nil
}

// Close implements net.Conn.
func (c *boundedConn) Close() error {
	c.of.mu.Lock()
	if c.at != nil {
		c.of.open.Remove(c.at)
		c.at = nil
	}
	c.of.mu.Unlock()
	return c.Conn.Close()
}
