package publish

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

// TestEnded: who does not wait any more hears what was sent, and what of it is known.
func TestEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, n := range []int{1, 2} {
		var list []Change
		for i := range n {
			list = append(list, add(mailOwner(i), record('a')))
		}
		if err := w.Apply(ctx, list...); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "nothing was changed") {
			t.Error(err)
		}
	}
}

// TestEndedMeanwhile: the context ends while the server works on the first message, or on the
// second.
func TestEndedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, last := range []int64{1, 2} {
		w := newWorld(t, nil, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var f *fake
		f = startFake(t, w, func(w *world, in *dns.Msg) *dns.Msg {
			if f.updates.Load() == last {
				cancel()
				<-t.Context().Done() // no answer
				return nil
			}
			w.apply(t, in)
			return replyTo(in, dns.RcodeSuccess, true, 0)
		})
		var list []Change
		for n := range 1400 {
			list = append(list, add(mailOwner(n), record('a')))
		}
		err := w.Apply(ctx, list...)
		r := wantCode(t, err, Unknown)
		p, ok := errors.AsType[*PartialError](err)
		if !ok || !errors.Is(err, context.Canceled) || !strings.Contains(r.Text, "its answer was not waited for") {
			t.Fatal(err)
		}
		if (len(p.Done) > 0) != (last == 2) || len(p.Unknown) == 0 || len(p.NotDone) == 0 || len(p.Done)+len(p.Unknown)+len(p.NotDone) != len(list) {
			t.Errorf("%d done, %d not, %d unknown", len(p.Done), len(p.NotDone), len(p.Unknown))
		}
	}
}

// TestGoneBefore: a server that went away without the change, with something of it there before:
// the same record with another TTL, one of two records, an alias, a record of a wildcard.
func TestGoneBefore(t *testing.T) {
	t.Parallel()
	zero := dane.Record{Usage: 3, Selector: 1, MatchingType: 1, Data: []byte{0}}
	longer := Change{Owner: mailOwner(1), Type: dane.SMIMEA, TTL: time.Hour, Add: []dane.Record{record('a')}}
	for name, c := range map[string]Change{
		"nothing":   add(mailOwner(2), record('a')),
		"other TTL": longer,
		"one":       add(mailOwner(1), record('a'), record('b')),
		"still":     remove(mailOwner(1), record('a')),
		"alias":     remove("alias._smimecert.example.org.", record('a')),
		"wildcard":  {Owner: "s1._device.example.org.", Type: dane.TLSA, TTL: 5 * time.Minute, Add: []dane.Record{zero}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil, nil)
			must(t, w.Apply(t.Context(), add(mailOwner(1), record('a'))))
			startFake(t, w, func(*world, *dns.Msg) *dns.Msg { return nil })
			err := w.Apply(t.Context(), c, add(mailOwner(1), record('a')).at(3))
			wantCode(t, err, Unknown)
			if p, ok := errors.AsType[*PartialError](err); !ok || len(p.Unknown) != 2 || len(p.Done) > 0 {
				t.Errorf("%+v", p)
			}
		})
	}
}

// at is the change at another name.
func (c Change) at(n int) Change {
	c.Owner = mailOwner(n)
	return c
}

// TestMadeBySomebody: a change that is there does not make a reply right that nobody signed.
func TestMadeBySomebody(t *testing.T) {
	t.Parallel()
	for want, answer := range map[Code]func(in *dns.Msg) *dns.Msg{
		UnsignedReply: func(in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeSuccess, false, 0) },
		BadReply:      func(in *dns.Msg) *dns.Msg { return in.Copy() },
	} {
		w := newWorld(t, nil, nil)
		startFake(t, w, func(w *world, in *dns.Msg) *dns.Msg { w.apply(t, in); return answer(in) })
		wantCode(t, w.Apply(t.Context(), add(mailOwner(1), record('a')), add(mailOwner(2), record('a'))), want)
	}
}

// TestEndedQuestion: who goes away does not wait for the answer to a question.
func TestEndedQuestion(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	addr := listenRaw(t, func(conn net.Conn, _ *dns.Msg) {
		cancel()
		_, _ = io.Copy(io.Discard, conn)
	})
	began := time.Now()
	_, err := asker{2 * soonEnough}.ask(ctx, addr, "example.org.", dns.TypeSOA)
	if took := time.Since(began); !errors.Is(err, context.Canceled) || took > soonEnough {
		t.Errorf("%v after %s", err, took)
	}
}

// TestGoneAndFailing: a server that cannot read what it has does not say that a record is gone.
func TestGoneAndFailing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, func(o *Options) { o.Zone = "example.org" })
	f := startFake(t, w, func(*world, *dns.Msg) *dns.Msg { return nil })
	f.fail.Store(true)
	wantCode(t, w.Apply(t.Context(), remove(mailOwner(1), record('a'))), Unknown)
	other := &dns.Msg{Answer: []dns.RR{&dns.SMIMEA{Hdr: dns.RR_Header{Name: mailOwner(2), Rrtype: dns.TypeSMIMEA}, Certificate: hexA}}}
	if has := heldIn(other, mailOwner(1), dane.SMIMEA); len(has.records) > 0 {
		t.Errorf("the records of another name: %+v", has)
	}
}
