package lifecycle

import "time"

// longestCached is the longest that caches keep an answer, whatever its TTL is (RFC 8767, Section
// 4).
const longestCached = 7 * 24 * time.Hour

// signedFor is longer than signatures of a zone usually live: a clock by which they are valid is
// wrong by no more.
const signedFor = 60 * 24 * time.Hour

// notInFuture removes times that lie in the future: the clock was wrong when they were written, or
// is now. A time that is removed begins again. Where not every answer is secure the clock may be
// that by which no signature is valid, and nothing begins by it.
func (m *Memory) notInFuture(now time.Time, secure bool) (wrong bool) {
	future := func(t time.Time) bool {
		if secure && t.After(now) && t.Before(now.Add(signedFor)) {
			m.Ahead = later(m.Ahead, t)
		}
		is := t.After(now.Add(time.Minute))
		wrong = wrong || is
		return is
	}
	for id, s := range m.Shown {
		since, sent, removed := future(s.Since), future(s.Sent), future(s.Removed)
		switch {
		case secure && (since || sent || removed):
			s = Shown{Hold: s.Hold, Once: s.Once}
		case removed: // a revoked key is withdrawn again
			s.Removed = time.Time{}
		}
		m.Shown[id] = s
	}
	if future(m.TTLSent) {
		m.TTLSent = time.Time{}
	}
	if longest := now.Add(longestCached + Margin(longestCached)); secure && m.Caches.After(longest) {
		m.Caches, wrong = longest, true
	}
	for _, t := range []*time.Time{&m.Switched, &m.Gone.Since} {
		if future(*t) && secure {
			*t = now
		}
	}
	for folder, r := range m.Others {
		if future(r.Switched) && secure {
			r.Switched = now
			m.Others[folder] = r
		}
	}
	if secure && !m.Ahead.IsZero() && !now.Before(m.Ahead) {
		m.beginAgain(now)
	}
	return wrong
}

// beginAgain begins all waits again where the clock has come to a time that lay in the future once:
// it may have been late for a while, and what it wrote then too early.
func (m *Memory) beginAgain(now time.Time) {
	for id, s := range m.Shown {
		s.Since = time.Time{}
		m.Shown[id] = s
	}
	for _, t := range []*time.Time{&m.Switched, &m.Gone.Since} {
		if !t.IsZero() {
			*t = now
		}
	}
	for folder, r := range m.Others {
		if !r.Switched.IsZero() {
			r.Switched = now
			m.Others[folder] = r
		}
	}
	m.Ahead = time.Time{}
}
