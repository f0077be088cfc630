package evidence

import (
	"fmt"
	"os"
	"time"

	"dnseal/receiver"
)

// Limits of what waits to be written, and of what is written at once.
const (
	maxWaiting = 1000
	maxBatch   = 64
)

const (
	// patience is how long a message waits for its place where the disk does not keep up.
	patience = time.Second
	// gathering is how long what came first waits for others: to wake somebody for each message
	// costs more than everything else that is done about it.
	gathering = 10 * time.Millisecond
)

// waiting is a message that waits to be written, or somebody who waits for those before.
type waiting struct {
	kept
	written chan<- struct{}
}

// Add has kept what a report rests on. What goes wrong is logged, once a minute, and told to
// JournalOptions.Kept: the file has no part of that message, and the next one is tried again. Add
// waits only where the disk does not keep up, and for at most a second.
func (j *Journal) Add(r *receiver.Report, by Judged) {
	k, ok := keptOf(r, by)
	if !ok {
		return
	}
	select {
	case <-j.closing:
		j.lost(fmt.Errorf("evidence: %w", os.ErrClosed))
	case j.queue <- waiting{kept: k}:
	default:
		j.addLate(k)
	}
}

// addLate waits for a place for a message.
func (j *Journal) addLate(k kept) {
	late := time.NewTimer(j.patience)
	defer late.Stop()
	select {
	case j.queue <- waiting{kept: k}:
	case <-late.C:
		j.lost(fmt.Errorf("evidence: %d messages wait to be written, and the disk does not keep up: %w", maxWaiting, ErrLimit))
	}
}

// lost logs and tells that a message is not kept.
func (j *Journal) lost(err error) {
	j.trouble("evidence is not kept", err)
	j.told(err)
}

func (j *Journal) told(err error) {
	if j.opts.Kept != nil {
		j.opts.Kept(err)
	}
}

// Flush waits until what was added before is written, or the journal is closed.
func (j *Journal) Flush() {
	written := make(chan struct{})
	select {
	case <-j.closing:
	case j.queue <- waiting{written: written}:
		select {
		case j.hurry <- struct{}{}:
		default: // somebody else is in a hurry
		}
		select {
		case <-written:
		case <-j.closing:
		}
	}
}

// write writes what comes, and at the end what is left.
func (j *Journal) write() {
	for {
		select {
		case w := <-j.queue:
			j.gather()
			j.writeFrom(w)
			continue
		case <-j.closing:
		}
		for len(j.queue) > 0 {
			j.writeFrom(<-j.queue)
		}
		return
	}
}

// gather waits until it is time to write.
func (j *Journal) gather() {
	timer := time.NewTimer(gathering)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-j.hurry:
	case <-j.closing:
	}
}

// writeFrom writes w and what came meanwhile.
func (j *Journal) writeFrom(w waiting) {
	batch, written := j.batch(w)
	for _, err := range j.writeAll(batch) {
		j.told(err)
	}
	if written != nil {
		close(written)
	}
}

// batch returns what can be written together with w, and who waits for that.
func (j *Journal) batch(w waiting) (all []kept, written chan<- struct{}) {
	for w.written == nil {
		all = append(all, w.kept)
		if len(all) == maxBatch || len(j.queue) == 0 {
			return all, nil
		}
		w = <-j.queue
	}
	return all, w.written
}

// writeAll writes messages together, or where that fails one by one: the reason may be one of them,
// and there may be room for some. It returns the error of each.
func (j *Journal) writeAll(all []kept) []error {
	j.mu.Lock()
	defer j.mu.Unlock()
	errs := make([]error, len(all))
	if len(all) > 1 && j.add(all...) == nil {
		return errs
	}
	for i, k := range all {
		if errs[i] = j.add(k); errs[i] != nil {
			j.trouble("evidence is not kept", errs[i])
		}
	}
	return errs
}
