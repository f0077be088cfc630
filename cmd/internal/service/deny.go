package service

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/relay"
)

// denyEvery is how often the files of denied clients are looked at. What has changed is read at the
// next look, once it is whole.
const denyEvery = 250 * time.Millisecond

// living are all generations that may still have connections: the current one, and those that it
// and others have replaced.
type living struct {
	mu  sync.Mutex // held while deny lists are handed out, so that an old one never comes last
	all []*generation
}

func (l *living) add(g *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, g)
}

func (l *living) remove(g *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = slices.DeleteFunc(l.all, func(one *generation) bool { return one == g })
}

// updateDeny gives all servers, also those that only keep old connections, the list of denied
// clients that the configuration now has for their address. Where it has that address no more (a
// listener was moved, or ended) whoever is denied anywhere is denied. It ends the connections of
// clients that are on the list.
func (l *living) updateDeny(now *config.Config) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lists := map[string]*relay.Deny{}
	var all *relay.Deny
	for i := range now.Relays {
		denied := now.Deny(&now.Relays[i])
		lists[now.Relays[i].Listen] = denied
		all = all.With(denied)
	}
	for _, g := range l.all {
		for _, one := range g.listeners {
			server, ok := one.server.(*relay.Server)
			if !ok {
				continue
			}
			if denied, there := lists[one.address]; there {
				server.SetDeny(denied)
			} else {
				server.SetDeny(all)
			}
		}
	}
}

// watchDeny applies changes of the files of denied clients until ctx ends.
func (s *service) watchDeny(ctx context.Context) {
	ticker := time.NewTicker(denyEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.refreshDeny()
		}
	}
}

func (s *service) refreshDeny() {
	g := s.current.get()
	changed, err := g.config.RefreshDeny()
	if err != nil {
		s.log.Error("not read again, its old entries stay in force", slog.String("error", err.Error()))
	}
	if changed {
		// By what is current now: a reload meanwhile has read the files itself.
		s.living.updateDeny(s.current.get().config)
		s.log.Info("denied clients have changed", slog.String("config", s.file))
	}
}
