package service

import (
	"errors"
	"fmt"
	"log/slog"

	"dnseal/milter"
)

// setAccess gives the open unix sockets the mode and group that the generation being made wants,
// without closing them: all, or on an error none. Those of systemd stay as they are, and the log
// says so.
func (s *sockets) setAccess(log *slog.Logger) error {
	var changed []string
	for key, want := range s.wanted {
		was, own := s.own[key]
		if !own || was == want {
			continue
		}
		if err := milter.SetAccess(want.path, want.ListenOptions); err != nil {
			err = fmt.Errorf("socket %s: its mode and group cannot be changed: %w", want.path, explainListen(err))
			for _, k := range append(changed, key) {
				err = errors.Join(err, milter.SetAccess(s.own[k].path, s.own[k].ListenOptions))
			}
			return err
		}
		changed = append(changed, key)
	}
	for _, key := range changed {
		s.own[key] = s.wanted[key]
		log.Info("the socket has another mode or group", slog.String("address", s.own[key].path))
	}
	return nil
}

// warnAccess says of the sockets from systemd that their mode and group are not those of the
// configuration, where these were changed.
func (s *sockets) warnAccess(before map[string]access, log *slog.Logger) {
	for key, want := range s.wanted {
		was, known := before[key]
		if _, own := s.own[key]; !own && known && was != want {
			log.Warn("socket-mode and socket-group are not applied to a socket that systemd opened; write SocketMode= and SocketGroup= into its unit", slog.String("address", want.path))
		}
	}
}
