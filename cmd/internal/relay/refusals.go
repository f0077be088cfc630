package relay

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// Reasons for which a connection ends before it can do anything; labels of a metric.
const (
	refusedBusy      = "busy"       // Limits.MaxConnections
	refusedPerClient = "per-client" // Limits.MaxPerClient
	refusedDenied    = "denied"     // Options.Deny
	refusedProxy     = "proxy"      // no PROXY header, or a wrong one
	refusedTLS       = "tls"        // the handshake failed
	refusedHello     = "tls-hello"  // TLS at once, where it begins in clear
)

// refusalPause is how long after a log line of one reason the next is written: strangers who are
// refused must not fill the log.
const refusalPause = 10 * time.Second

// refusals counts refused connections, and logs them in moderation.
type refusals struct {
	mu      sync.Mutex
	reasons map[string]*refusal
}

type refusal struct {
	logged  time.Time
	skipped int // since then
}

// maxReasons bounds what is remembered: strangers may choose zones.
const maxReasons = 1000

// due reports whether a refusal is to be logged now, a pause after the last line, and how many were
// not since then.
func (r *refusals) due(reason string, pause time.Duration, now time.Time) (skipped int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reasons == nil || len(r.reasons) >= maxReasons {
		r.reasons = map[string]*refusal{}
	}
	one := r.reasons[reason]
	if one == nil {
		one = &refusal{}
		r.reasons[reason] = one
	}
	if !one.logged.IsZero() && now.Sub(one.logged) < pause {
		one.skipped++
		return 0, false
	}
	skipped, one.skipped, one.logged = one.skipped, 0, now
	return skipped, true
}

// refused counts a connection that was not served, and logs it: a warning, because either a client
// is in trouble or the limits are too low for the clients that should be served.
func (s *Server) refused(ctx context.Context, client netip.Addr, reason, cause string) {
	if s.opts.OnRefused != nil {
		s.opts.OnRefused(reason)
	}
	skipped, ok := s.refusals.due(reason, refusalPause, time.Now())
	if !ok {
		return
	}
	s.opts.Log.LogAttrs(ctx, slog.LevelWarn, "relay: connection refused", slog.String("client", client.String()),
		slog.String("reason", reason), slog.String("error", cause), slog.Int("not_logged", skipped))
}
