package publish

import (
	"sync"
	"time"
)

// silentFor is how long a name server that did not answer in time is not asked again: of hundreds
// of names each would wait for it.
const silentFor = 5 * time.Second

// silent remembers name servers that did not answer, by address.
type silent struct {
	mu   sync.Mutex
	last map[string]silence
}

type silence struct {
	err error
	at  time.Time
}

// get is why a server was found silent a moment ago; nil: it was not.
func (s *silent) get(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last[addr]; ok && time.Since(last.at) < silentFor {
		return last.err
	}
	delete(s.last, addr)
	return nil
}

func (s *silent) put(addr string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const most = 1000
	if s.last == nil || len(s.last) >= most {
		s.last = map[string]silence{}
	}
	s.last[addr] = silence{err, time.Now()}
}
