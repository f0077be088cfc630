package view

import (
	"context"
	"html/template"
	"slices"
	"strconv"
	"sync"
	"time"

	"dnseal/receiver/page"
)

// shelf keeps what was dropped, in memory and within its limits.
type shelf struct {
	limits Limits

	mu        sync.Mutex
	drops     []*drop // in the order of arrival
	last      int     // number of the last one
	messages  int
	bytes     int
	used      time.Time
	displaced bool // drops were forgotten to make room, since the last clear
}

// drop is what arrived together. The shelf's lock guards it.
type drop struct {
	number  int
	at      time.Time
	files   []string      // the first ones
	total   int           // of files
	done    chan struct{} // closed when all is verified
	entries []entry
	notes   []note // what is no message, and what went wrong
	more    bool   // not all messages were kept
	gone    bool   // forgotten
}

// entry is a message: its line in a list, and its page, compressed.
type entry struct {
	page.Entry
	html []byte
}

// note is a sentence for people about a file, with advice.
type note struct {
	Text, Hint string
	Failure    string // in a word or two what failed; empty: nothing
}

// add puts up a new, empty drop.
func (s *shelf) add(files []string) *drop {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	d := &drop{number: s.last, at: time.Now(), files: slices.Clone(files[:min(len(files), maxFiles)]), total: len(files), done: make(chan struct{})}
	if len(s.drops) == maxDrops {
		s.displace()
	}
	s.drops = append(s.drops, d)
	s.used = d.at
	return d
}

// keep adds a message to d; older drops make room for it. It reports false where there is none.
func (s *shelf) keep(d *drop, e entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.gone {
		return false
	}
	for s.messages+1 > s.limits.Messages || s.bytes+len(e.html) > s.limits.Pages {
		if s.drops[0] == d {
			d.more = true
			return false
		}
		s.displace()
	}
	d.entries = append(d.entries, e)
	s.messages++
	s.bytes += len(e.html)
	return true
}

// note adds a note to d. No more than a hundred are kept.
func (s *shelf) note(d *drop, n note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(d.notes) < maxNotes {
		d.notes = append(d.notes, n)
	}
}

// What is kept of a drop besides its messages, and how many drops.
const (
	maxFiles = 10
	maxNotes = 100
	maxDrops = 100
)

// displace forgets the oldest drop, to make room. The lock is held.
func (s *shelf) displace() {
	s.remove(s.drops[0])
	s.displaced = true
}

// remove forgets a drop. The lock is held.
func (s *shelf) remove(d *drop) {
	d.gone = true
	s.drops = slices.DeleteFunc(s.drops, func(o *drop) bool { return o == d })
	s.messages -= len(d.entries)
	for _, e := range d.entries {
		s.bytes -= len(e.html)
	}
	d.entries = nil
}

// clear forgets everything.
func (s *shelf) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range slices.Clone(s.drops) {
		s.remove(d)
	}
	s.displaced = false
}

// hasDisplaced reports whether drops were forgotten to make room for others.
func (s *shelf) hasDisplaced() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.displaced
}

// touch notes that somebody looks.
func (s *shelf) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
}

// expire forgets everything when there was no request for long, until ctx ends.
func (s *shelf) expire(ctx context.Context) {
	tick := time.NewTicker(max(s.limits.Keep/10, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			s.mu.Lock()
			old := len(s.drops) > 0 && now.Sub(s.used) > s.limits.Keep
			s.mu.Unlock()
			if old {
				s.clear()
			}
		}
	}
}

// view is a drop as it was at one moment.
type view struct {
	Number  int
	At      time.Time
	Files   []string     // the first ones
	Others  int          // more files
	Entries []page.Entry // the first ones
	Totals  template.HTML
	Total   int // of messages
	Notes   []note
	Done    bool
	More    bool // not all messages were kept
}

// find returns the drop of a number, nil: there is none.
func (s *shelf) find(number int) *drop {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.drops {
		if d.number == number {
			return d
		}
	}
	return nil
}

// page returns the page of the n-th message of a drop, counted from 1, and the number of the last.
func (s *shelf) page(number, n int) (html []byte, last int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.drops {
		if d.number == number && n >= 1 && n <= len(d.entries) {
			return d.entries[n-1].html, len(d.entries)
		}
	}
	return nil, 0
}

// views are all drops, the newest first, each with its first messages, as the first page has them.
func (s *shelf) views(first int) []view {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]view, 0, len(s.drops))
	for _, d := range slices.Backward(s.drops) {
		out = append(out, d.view(first, "d/"+strconv.Itoa(d.number)+"/"))
	}
	return out
}

// look is one drop, with all its messages.
func (s *shelf) look(d *drop) view {
	s.mu.Lock()
	defer s.mu.Unlock()
	return d.view(len(d.entries), "")
}

// view copies; the lock is held. Links get a prefix.
func (d *drop) view(first int, prefix string) view {
	v := view{
		Number: d.number, At: d.at, Files: d.files, Others: d.total - len(d.files), Total: len(d.entries),
		Notes: slices.Clone(d.notes), More: d.more, Done: d.isDone(),
	}
	all := make([]page.Entry, len(d.entries))
	for i, e := range d.entries {
		all[i] = e.Entry
		if e.Link != "" {
			all[i].Link = prefix + e.Link
		}
	}
	v.Totals, v.Entries = template.HTML(page.Totals(all)), all[:min(first, len(all))] //nolint:gosec // G203: page makes it
	return v
}

func (d *drop) isDone() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}
