package metrics

import (
	"context"
	"errors"
	"net"
	"net/http"
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

func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: h, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
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
