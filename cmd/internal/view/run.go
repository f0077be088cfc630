package view

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"strconv"
	"sync"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/mailbox"
	"dnseal/cmd/internal/verify"
	"dnseal/receiver"
	"dnseal/receiver/page"
	"dnseal/smime/message"
)

// job is a drop that waits to be verified.
type job struct {
	drop *drop
	args []string
	// walk finds the messages of an argument; nil: it is one of the command line.
	walk  func(arg string, each func(mailbox.Message) error) error
	kept  []kept // evidence
	close func() // frees what walk and kept read
}

// errBusy means that too many drops wait already.
var errBusy = errors.New("view: too many drops wait to be verified")

// Show adds files of the command line, as "dnseal verify" reads its arguments, and evidence. They
// are verified when the server serves.
func (s *Server) Show(args []string) {
	if len(args) == 0 {
		return
	}
	j := job{drop: s.shelf.add(args)}
	for _, arg := range args {
		if j.openKept(arg) {
			j.args = append(j.args, arg)
		}
	}
	j.close = func() {
		for _, k := range j.kept {
			if k.src != nil {
				_ = k.src.Close() // only read from
			}
		}
	}
	s.jobs <- j
}

// queue adds a job, or fails with errBusy.
func (s *Server) queue(j job) error {
	select {
	case s.jobs <- j:
		return nil
	default:
		return errBusy
	}
}

// work verifies drops, one after the other, until ctx ends; those that still wait then are freed.
func (s *Server) work(ctx context.Context) {
	for {
		select {
		case j := <-s.jobs:
			s.verify(ctx, j)
		case <-ctx.Done():
			for {
				select {
				case j := <-s.jobs:
					s.verify(ctx, j)
				default:
					return
				}
			}
		}
	}
}

// errFull ends a run that has as many messages as can be kept.
var errFull = errors.New("view: no more messages are kept")

func (s *Server) verify(ctx context.Context, j job) {
	defer close(j.drop.done)
	defer j.close()
	if ctx.Err() != nil {
		return
	}
	r, err := s.opts.Receiver(s.past(j))
	if err != nil {
		s.shelf.note(j.drop, failure(err))
		return
	}
	v := &verify.Verifier{
		Receiver: r, Decide: s.opts.Decide, Workers: s.opts.Workers, Walk: j.walk,
		Sinks:  []verify.Sink{&pages{shelf: s.shelf, drop: j.drop, made: map[*receiver.Report]entry{}}},
		Notice: func(text string) { s.shelf.note(j.drop, note{Text: text}) },
		Fail:   func(err error) { s.shelf.note(j.drop, failure(err)) },
	}
	if _, err := v.Run(ctx, j.args); err != nil && !errors.Is(err, errFull) && ctx.Err() == nil {
		s.shelf.note(j.drop, failure(err))
	}
}

func failure(err error) note {
	n := note{Text: cli.Plain(err), Failure: "Not verified"}
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		n.Hint = h.Hint()
	}
	return n
}

// zippers are kept, because each has large tables.
var zippers = sync.Pool{New: func() any {
	zip, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // a level that exists
	return zip
}}

// pages is the sink that makes the page of each message and keeps it.
type pages struct {
	shelf *shelf
	drop  *drop

	mu   sync.Mutex
	made map[*receiver.Report]entry
	n    int
}

// Read implements verify.Sink.
func (p *pages) Read(ctx context.Context, m *message.Message, r *receiver.Report) error {
	e := entry{Entry: page.EntryOf(r, "")}
	var b bytes.Buffer
	zip := zippers.Get().(*gzip.Writer)
	defer zippers.Put(zip)
	zip.Reset(&b)
	err := page.Write(ctx, zip, r, m, page.Options{Up: "../../#d" + strconv.Itoa(p.drop.number)})
	if err == nil {
		err = zip.Close()
	}
	if err == nil {
		e.html = bytes.Clone(b.Bytes())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made[r] = e
	return err
}

// Write implements verify.Sink.
func (p *pages) Write(r *receiver.Report) error {
	p.mu.Lock()
	e := p.made[r]
	delete(p.made, r)
	p.n++
	p.mu.Unlock()
	if e.html != nil {
		e.Link = strconv.Itoa(p.n)
	}
	if !p.shelf.keep(p.drop, e) {
		return errFull
	}
	return nil
}

// Close implements verify.Sink.
func (p *pages) Close() error { return nil }
