package evidence

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"dnseal/receiver"
)

// busy is a disk that writes when it is let.
type busy struct {
	io.Writer
	let    chan struct{}
	writes atomic.Int32
}

func (b *busy) Write(p []byte) (int, error) {
	<-b.let
	b.writes.Add(1)
	return b.Writer.Write(p)
}

// TestQueue: no message waits for a busy disk, those that came meanwhile are written together, and
// one that finds no place is told as not kept. Nothing else is lost, also at the end.
func TestQueue(t *testing.T) {
	t.Parallel()
	report := &receiver.Report{Digests: &receiver.Digests{Objects: []string{hashOf(nil).String()}}, CheckedAt: time.Now()}
	by := JudgedBy(nil, Policy{})
	var kept, late atomic.Int32
	j, err := OpenJournal(JournalOptions{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Kept: func(err error) {
		switch {
		case err == nil:
			kept.Add(1)
		case errors.Is(err, ErrLimit):
			late.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	j.patience = time.Millisecond
	j.Add(report, by)
	j.Flush()
	disk := &busy{Writer: j.today.file, let: make(chan struct{})}
	j.today.out = disk
	for late.Load() == 0 {
		j.Add(report, by) // until the queue is full
	}
	close(disk.let)
	if err = j.Close(); err != nil {
		t.Fatal(err)
	}
	n := int(kept.Load())
	if n < maxWaiting || n > 1+maxWaiting+maxBatch || int(disk.writes.Load()) > n/maxBatch+3 {
		t.Errorf("%d kept, with %d writes", n, disk.writes.Load())
	}
	a, err := Open(j.opts.Dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if f := a.Files(); len(f) != 1 || f[0].Messages != n || f[0].Sealed == nil {
		t.Errorf("%+v", f)
	}
}

// TestQueueClosed: what is added too late is told as not kept.
func TestQueueClosed(t *testing.T) {
	t.Parallel()
	report := &receiver.Report{Digests: &receiver.Digests{Objects: []string{hashOf(nil).String()}}, CheckedAt: time.Now()}
	var told error
	j, err := OpenJournal(JournalOptions{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Kept: func(err error) { told = err }})
	if err != nil {
		t.Fatal(err)
	}
	_ = j.Close()
	j.Flush()
	for range 2 * maxWaiting { // some may still find a place that nobody looks at
		if j.Add(report, JudgedBy(nil, Policy{})); told != nil {
			break
		}
	}
	if !errors.Is(told, os.ErrClosed) {
		t.Error(told)
	}
}
