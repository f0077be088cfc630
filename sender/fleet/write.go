package fleet

import (
	"fmt"
	"time"
)

// At most so many identities, and so long, pass before they are noted: they are made again, or
// taken over, where the run is killed before.
const (
	manyPending = 8192
	longPending = time.Second
)

// Octets that one identity is likely to need.
const (
	lineRoom = 400
	keyRoom  = 1100
	zoneRoom = 160
)

// pending is what was made and is not noted yet.
type pending struct {
	names             []string
	lines, keys, zone []byte
	since             time.Time
}

// write notes what the workers made, in the order of the table.
func (e *enrolling) write(ordered <-chan *batch) error {
	p := pending{since: time.Now(), lines: make([]byte, 0, e.many*lineRoom), zone: make([]byte, 0, e.many*zoneRoom)}
	if e.Keys != nil {
		p.keys = make([]byte, 0, e.many*keyRoom)
	}
	for b := range ordered {
		<-b.made
		e.sum.There += b.there
		done := b.there
		for i := range b.jobs {
			j := &b.jobs[i]
			if j.fatal != nil { // those before it are good
				if err := e.flush(&p); err != nil {
					return err
				}
				return j.fatal
			}
			if done++; j.failure != nil {
				e.fail(j.failure)
				continue
			}
			p.add(e, j)
		}
		if e.Done != nil {
			e.Done(done)
		}
		if len(p.names) >= e.many || time.Since(p.since) >= longPending {
			if err := e.flush(&p); err != nil {
				return err
			}
		}
	}
	return e.flush(&p)
}

func (e *enrolling) fail(f *Failure) {
	e.sum.Failed++
	if e.Failed != nil {
		e.Failed(f)
	}
}

// add takes over what was made. Where the key will stand is known only now.
func (p *pending) add(e *enrolling, j *job) {
	p.names = append(p.names, j.name)
	p.zone = append(p.zone, j.zone...)
	if e.Keys == nil {
		p.lines = appendSeal(p.lines, j.line)
		return
	}
	at := e.Keys.size + int64(len(p.keys))
	line := fmt.Appendf(j.line[:len(j.line)-len("}\n")], `,"at":%d,"size":%d}`+"\n", at, len(j.key))
	p.lines = appendSeal(p.lines, line)
	p.keys = append(p.keys, j.key...)
}

// flush brings keys to disk, then the lines of the inventory, from which on they count.
func (e *enrolling) flush(p *pending) (err error) {
	if len(p.names) > 0 && e.Dir != "" {
		err = syncFolders(e.Dir, p.names)
	}
	if err == nil && len(p.keys) > 0 {
		err = e.Keys.append(p.keys)
	}
	if err == nil {
		err = e.inv.append(p.lines)
	}
	if err == nil && e.Zone != nil {
		err = e.Zone.add(p.zone, len(p.names))
	}
	if err == nil {
		e.sum.Enrolled += len(p.names)
	}
	p.names, p.lines, p.keys, p.zone, p.since = p.names[:0], p.lines[:0], p.keys[:0], p.zone[:0], time.Now()
	return err
}
