// Package service runs the daemons of the program, the relay and the milter:
// their life from start to stop, reloads, the log and the notification of systemd.
package service

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/metrics"
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

// Run runs the daemon door, "relay" or "milter", by a configuration file until ctx ends, and reloads
// the file at each hup. It logs on stderr.
func Run(ctx context.Context, door, file string, stderr io.Writer, hup <-chan os.Signal) error {
	return newService(door, file, stderr).run(ctx, hup)
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
		return slog.New(slog.NewJSONHandler(cli.JSON{W: w}, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
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
	s.notify(daemon.SdNotifyReady)
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
	if every := watchdogInterval(); every > 0 {
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
			s.notify(daemon.SdNotifyWatchdog)
		}
	}
}

// reload goes over to what the file says now, or stays.
func (s *service) reload(ctx context.Context) {
	s.notify(daemon.SdNotifyReloading)
	defer s.notify(daemon.SdNotifyReady)
	c, err := s.load()
	var next *generation
	if err == nil {
		next, err = s.generation(ctx, c)
	}
	s.metrics.Reload(err == nil)
	if err != nil {
		for _, e := range config.Each(err) {
			s.log.Error("not reloaded, the old configuration stays", slog.String("error", e.Error()))
		}
		return
	}
	s.start(next)
	s.sockets.keepUsed()
	s.log.Info("reloaded", slog.String("config", s.file), slog.Int("listeners", len(next.doors)))
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
	s.notify(daemon.SdNotifyStopping)
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

func (s *service) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd cannot be notified", slog.String("error", err.Error()))
	}
}
