// Package service runs the daemons of the program, the relay and the milter:
// their life from start to stop, reloads, the log and the notification of systemd.
//
// service.go waits for signals and reloads at SIGHUP; health.go answers metrics and health checks,
// and drains; generation.go has all that one reading of the
// configuration makes; listener.go and sockets.go have what stays open across a reload.
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

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/logline"
	"dnseal/cmd/internal/metrics"
	"dnseal/smime/message"
)

// Time limits of a service.
const (
	stopTime   = 30 * time.Second // for messages in progress when the service ends
	retireTime = time.Hour        // for clients still connected with an old configuration
)

// service runs one daemon: it opens everything, notifies systemd, and reloads at
// each SIGHUP. At SIGTERM it tells balancers, stops listening, finishes the messages
// in progress and ends.
//
// A reload is all or nothing: the file and all files it names are read, and all
// servers made, before the first change. On any error the old configuration
// stays. A message in progress, from its MAIL command on, finishes with the
// configuration it began with; only deny applies at once.
type service struct {
	kind     string // "relay" or "milter"
	file     string
	stderr   io.Writer // for the log
	log      *slog.Logger
	metrics  *metrics.Metrics
	sockets  *sockets
	current  current
	living   living
	journals journals
	memory   *message.Memory // for the content of encrypted messages, of all generations
	broken   chan error      // errors of listeners
	stopping chan struct{}   // closed when the service ends
	after    func(time.Duration) <-chan time.Time
	retired  sync.WaitGroup // generations that have been replaced
	wg       sync.WaitGroup // listeners
}

// Run runs a daemon, "relay" or "milter", with a configuration file. It reloads the file at each
// hup, logs on stderr, and returns after ctx ends. Errors: those of [config.Load], of a listener
// that cannot be opened or that fails, and of sockets from systemd that cannot be used.
func Run(ctx context.Context, kind, file string, stderr io.Writer, hup <-chan os.Signal) error {
	return newService(kind, file, stderr).run(ctx, hup)
}

func newService(kind, file string, stderr io.Writer) *service {
	return &service{
		kind: kind, file: file, stderr: stderr, metrics: metrics.New(nil), log: logline.New(stderr, "text", kind),
		memory: message.NewMemory(message.DefaultMemory), broken: make(chan error, 1), stopping: make(chan struct{}),
		after: time.After,
	}
}

// run runs the service until ctx ends, with a reload at each hup.
func (s *service) run(ctx context.Context, hup <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(ctx)
	defer s.wg.Wait()
	defer cancel()
	// What goes on while the service drains.
	beside, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	c, err := s.load(ctx, nil)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // it was stopped before it began
	}
	if err != nil {
		return err
	}
	s.log = logline.New(s.stderr, c.Log.Format, s.kind)
	if s.sockets, err = inheritSockets(); err != nil {
		return err
	}
	defer s.sockets.closeAll()
	first, err := s.generation(ctx, c)
	if err != nil {
		return err
	}
	if err = s.serveStates(beside, c); err != nil {
		return err
	}
	s.sockets.warnUnused(s.log)
	s.start(first)
	s.wg.Go(func() { s.watchDeny(beside) })
	s.notify(daemon.SdNotifyReady)
	s.log.Info("ready", slog.String("config", s.file), slog.Int("listeners", len(first.listeners)))
	if err = s.wait(ctx, hup); err == nil {
		s.drain()
	}
	s.stop()
	return err
}

// load reads the file, and the files and tokens that it names. That can take long, where a token
// does not answer: systemd is notified at each beat meanwhile.
func (s *service) load(ctx context.Context, beat <-chan time.Time) (*config.Config, error) {
	var c *config.Config
	done := make(chan error, 1)
	go func() {
		var err error
		if c, err = config.Load(s.file); err == nil {
			err = c.NeedListeners(s.kind, s.file)
		}
		done <- err
	}()
	for {
		select {
		case err := <-done:
			return c, err
		case <-beat:
			s.notify(daemon.SdNotifyWatchdog)
		case <-ctx.Done():
			return nil, ctx.Err() // the process ends, and nothing waits for a token
		}
	}
}

// wait returns when the context ends or a listener fails.
func (s *service) wait(ctx context.Context, hup <-chan os.Signal) error {
	beat, end := heartbeat()
	defer end()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.broken:
			return err
		case <-hup:
			s.reload(ctx, beat)
		case <-beat:
			s.notify(daemon.SdNotifyWatchdog)
		}
	}
}

// reload changes to the configuration that the file has now; on an error the old one stays.
func (s *service) reload(ctx context.Context, beat <-chan time.Time) {
	s.notify(daemon.SdNotifyReloading)
	defer s.notify(daemon.SdNotifyReady)
	c, err := s.load(ctx, beat)
	if ctx.Err() != nil {
		return
	}
	var next *generation
	if err == nil {
		c.KeepDenied(s.current.get().config)
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
	s.log.Info("reloaded", slog.String("config", s.file), slog.Int("listeners", len(next.listeners)))
}

// start replaces the current generation, which retires. When it returns, new connections go to the
// new one.
func (s *service) start(next *generation) {
	old := s.current.replace(next)
	s.living.add(next)
	if next.useJournal != nil {
		next.useJournal()
	}
	s.metrics.Certificates(next.certificateEnds)
	s.metrics.ChecksRecords(next.config.ChecksRecords())
	if next.config.SignsWithoutRule(s.kind) {
		s.log.Warn("nothing is signed by S/MIME: a listener signs, but there is no [[sign.rule]]; write one (dnseal.toml(5)), unless all clients sign their mail themselves")
	}
	for _, address := range next.config.SignsNothing(s.kind) {
		s.log.Warn("this listener only observes: it signs and refuses nothing", slog.String("listen", address))
	}
	for _, l := range next.listeners {
		if l.serving {
			continue // kept from the generation before
		}
		l.serving = true
		s.wg.Go(func() {
			if err := l.server.Serve(l.socket); err != nil && !l.retired.Load() {
				select {
				case s.broken <- fmt.Errorf("listener %s: %w", l.address, err):
				default:
				}
			}
		})
	}
	s.metrics.Ready(true)
	if old != nil && old.endKeeper != nil {
		old.endKeeper()
	}
	s.keep(next)
	if old != nil {
		s.living.updateDeny(next.config)
		old.close(next)
		s.retired.Go(func() {
			old.retire(s.stopping, next)
			s.living.remove(old)
		})
	}
}

// stop ends all generations and waits for them.
func (s *service) stop() {
	s.notify(daemon.SdNotifyStopping)
	s.metrics.Ready(false)
	s.log.Info("stopping")
	close(s.stopping)
	if end := s.current.get().endKeeper; end != nil {
		end()
	}
	s.retired.Go(func() { s.current.get().retire(s.stopping, nil) })
	// A new client is refused at once and can try another server (RFC 5321, Section 5.1); in the
	// queue of an open socket it would wait in vain.
	s.sockets.closeAll()
	s.retired.Wait()
	s.log.Info("stopped")
}

func (s *service) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd cannot be notified", slog.String("error", err.Error()))
	}
}
