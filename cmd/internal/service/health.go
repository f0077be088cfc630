package service

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"dnseal/cmd/internal/config"
	"dnseal/milter"
)

// serveStates opens the listeners for metrics and for health checks. A reload does not change them.
func (s *service) serveStates(ctx context.Context, c *config.Config) error {
	key, address := c.MetricsListen(s.kind)
	devices := c.Metrics.Devices
	if address == "" {
		devices = -1 // nobody could ask
	}
	s.metrics.RememberDevices(devices)
	if err := s.serveState(ctx, c, key, address, s.metrics.Serve); err != nil {
		return err
	}
	return s.serveState(ctx, c, "service.health", c.Service.Health, s.metrics.ServeHealth)
}

func (s *service) serveState(ctx context.Context, c *config.Config, key, listen string, serve func(context.Context, net.Listener) error) error {
	if listen == "" {
		return nil
	}
	a, err := config.ParseListen(listen)
	if err != nil {
		return err
	}
	l, err := s.sockets.open(ctx, a, milter.ListenOptions{})
	if err != nil {
		return fmt.Errorf("%s: %w", c.At(key), err)
	}
	s.sockets.pinned[socketKey(a.Network, a.Address)] = true
	s.wg.Go(func() {
		if err := serve(ctx, l); err != nil {
			s.log.Error("listener for "+key, slog.String("error", err.Error()))
		}
	})
	return nil
}

// heartbeat ticks as often as systemd wants to hear of the service; end ends it.
func heartbeat() (beat <-chan time.Time, end func()) {
	every := watchdogInterval()
	if every <= 0 {
		return nil, func() {}
	}
	ticker := time.NewTicker(every)
	return ticker.C, ticker.Stop
}

// drain goes on accepting clients for a while, and says that others should take them.
func (s *service) drain() {
	how := time.Duration(s.current.get().config.Service.Drain)
	if how <= 0 {
		return
	}
	s.notify(daemon.SdNotifyStopping)
	s.metrics.Ready(false)
	s.log.Info("draining", slog.Duration("for", how))
	beat, end := heartbeat()
	defer end()
	over := s.after(how)
	for {
		select {
		case <-over:
			return
		case err := <-s.broken:
			s.log.Error("a listener while draining", slog.String("error", err.Error()))
			return // the others may have mail in progress
		case <-beat:
			s.notify(daemon.SdNotifyWatchdog)
		}
	}
}
