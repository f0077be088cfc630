package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/metrics"
	"dnseal/cmd/internal/systemd"
	"dnseal/milter"
)

// Time limits of a service.
const (
	stopTime   = 30 * time.Second // for messages under way when the service ends
	retireTime = time.Hour        // for clients that stay on with an old configuration
)

// service runs a door, "relay" or "milter", by a configuration file. Its life:
// open everything, tell systemd, reload at each SIGHUP, and at SIGTERM stop
// listening, finish what is under way, end.
//
// A reload is all or nothing: the file and all it names are read, and all
// servers made, before the first change; on any error the old set goes on.
// Messages under way, from their MAIL command on, finish by the configuration they began with; only
// deny holds at once.
type service struct {
	door     string
	file     string
	stderr   io.Writer // for the log
	log      *slog.Logger
	metrics  *metrics.Metrics
	sockets  *sockets
	newest   newest
	broken   chan error     // errors of listeners
	stopping chan struct{}  // closed when the service ends
	retired  sync.WaitGroup // generations on their way out
	wg       sync.WaitGroup // listeners
}

func newService(door, file string, stderr io.Writer) *service {
	return &service{
		door: door, file: file, stderr: stderr, metrics: metrics.New(nil), log: newLog(stderr, "text"), broken: make(chan error, 1), stopping: make(chan struct{}),
	}
}

// newLog makes the log of a daemon: a line is a message decided or something an operator should
// know.
func newLog(w io.Writer, format string) *slog.Logger {
	if format == "json" {
		return slog.New(slog.NewJSONHandler(plainJSON{w}, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

// serve is run with the signals of this process.
func (s *service) serve(ctx context.Context) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	return s.run(ctx, hup)
}

// run is the whole life of the service: until ctx ends, with a reload at each hup.
func (s *service) run(ctx context.Context, hup <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(ctx)
	defer s.wg.Wait()
	defer cancel()
	c, err := s.load()
	if err != nil {
		return err
	}
	s.log = newLog(s.stderr, c.Log.Format)
	if s.sockets, err = inheritSockets(); err != nil {
		return err
	}
	defer s.sockets.closeAll()
	first, err := s.generation(ctx, c)
	if err != nil {
		return err
	}
	if err = s.serveMetrics(ctx, c); err != nil {
		return err
	}
	s.sockets.warnUnused(s.log)
	s.start(first)
	s.tell(systemd.Ready)
	s.log.Info("ready", slog.String("door", s.door), slog.String("config", s.file), slog.Int("listeners", len(first.doors)))
	err = s.wait(ctx, hup)
	s.stop()
	return err
}

func (s *service) load() (*config.Config, error) {
	c, err := config.Load(s.file)
	if err != nil {
		return nil, err
	}
	return c, c.NeedListeners(s.door, s.file)
}

// wait serves until the context ends or a listener breaks.
func (s *service) wait(ctx context.Context, hup <-chan os.Signal) error {
	var beat <-chan time.Time
	if every := systemd.Beat(); every > 0 {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		beat = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.broken:
			return err
		case <-hup:
			s.reload(ctx)
		case <-beat:
			s.tell(systemd.Watchdog)
		}
	}
}

// reload goes over to what the file says now, or stays.
func (s *service) reload(ctx context.Context) {
	s.tell(systemd.Reloading)
	defer s.tell(systemd.Ready)
	c, err := s.load()
	var next *generation
	if err == nil {
		next, err = s.generation(ctx, c)
	}
	s.metrics.Reload(err == nil)
	if err != nil {
		for _, e := range each(err) {
			s.log.Error("not reloaded, the old configuration stays", slog.String("error", e.Error()))
		}
		return
	}
	s.start(next)
	s.sockets.keepUsed()
	s.log.Info("reloaded", slog.String("config", s.file), slog.Int("listeners", len(next.doors)))
}

// each takes an error apart where it is a list of mistakes.
func each(err error) []error {
	var ms config.Mistakes
	if !errors.As(err, &ms) {
		return []error{err}
	}
	out := make([]error, len(ms))
	for i, m := range ms {
		out[i] = m
	}
	return out
}

// start puts a generation in the place of the one before, which retires. New connections are for
// the new one when it returns.
func (s *service) start(next *generation) {
	old := s.newest.change(next)
	s.metrics.Certificates(next.certificateEnds())
	for _, d := range next.doors {
		if d.serving {
			continue // taken over from the generation before
		}
		d.serving = true
		s.wg.Go(func() {
			if err := d.server.Serve(d.listener); err != nil && !d.retired.Load() {
				select {
				case s.broken <- fmt.Errorf("listener %s: %w", d.address, err):
				default:
				}
			}
		})
	}
	s.metrics.Ready(true)
	if old != nil {
		old.denyAs(next)
		old.close(next)
		s.retired.Go(func() { old.retire(s.stopping, next) })
	}
}

// stop ends all generations and waits for them.
func (s *service) stop() {
	s.tell(systemd.Stopping)
	s.metrics.Ready(false)
	s.log.Info("stopping")
	close(s.stopping)
	s.retired.Go(func() { s.newest.current().retire(s.stopping, nil) })
	// Whoever comes now is refused and asks somewhere else; in the queue of an open socket it
	// would wait for nobody.
	s.sockets.closeAll()
	s.retired.Wait()
	s.log.Info("stopped")
}

// serveMetrics opens the metrics listener; it stays as it is over reloads.
func (s *service) serveMetrics(ctx context.Context, c *config.Config) error {
	if c.Metrics.Listen == "" {
		return nil
	}
	a, err := config.ParseListen(c.Metrics.Listen)
	if err != nil {
		return err
	}
	l, err := s.sockets.open(ctx, a, milter.ListenOptions{})
	if err != nil {
		return fmt.Errorf("%s: %w", c.At("metrics.listen"), err)
	}
	s.sockets.pinned = socketKey(a.Network, a.Address)
	s.wg.Go(func() {
		if err := s.metrics.Serve(ctx, l); err != nil {
			s.log.Error("metrics listener", slog.String("error", err.Error()))
		}
	})
	return nil
}

func (s *service) tell(state string) {
	if err := systemd.Notify(state); err != nil {
		s.log.Warn("systemd cannot be told", slog.String("error", err.Error()))
	}
}
