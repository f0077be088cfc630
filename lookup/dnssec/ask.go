package dnssec

import (
	"context"
	"errors"
	"sync"

	"github.com/miekg/dns"
)

// question is what is asked once per lookup.
type question struct {
	name  name
	qtype uint16
}

// call is a question under way. After done is closed msg and err are set.
type call struct {
	done chan struct{}
	msg  *dns.Msg
	err  error

	over  verdict // the budget did not allow it
	reply *reply  // once it was read
}

// asker asks each question once, several at the same time. Only one goroutine may use it; close
// joins all that it started.
type asker struct {
	exchanger Exchanger
	ctx       context.Context //nolint:containedctx // it lives as long as the call to Resolve
	cancel    context.CancelFunc
	calls     map[question]*call
	running   sync.WaitGroup
}

func newAsker(ctx context.Context, e Exchanger) *asker {
	ctx, cancel := context.WithCancel(ctx)
	return &asker{exchanger: e, ctx: ctx, cancel: cancel, calls: make(map[question]*call)}
}

func (a *asker) close() {
	a.cancel()
	a.running.Wait()
}

// start asks in the background, unless the question is under way.
func (l *lookup) start(n name, qtype uint16) {
	q := question{n, qtype}
	if l.asker.calls[q] != nil {
		return
	}
	c := &call{done: make(chan struct{})}
	l.asker.calls[q] = c
	if v, ok := l.spent.query(); !ok {
		c.over = v
		close(c.done)
		return
	}
	l.asker.running.Go(func() {
		defer close(c.done)
		c.msg, c.err = l.asker.exchanger.Exchange(l.asker.ctx, n.String(), qtype, false)
	})
}

// ask returns the reply to a question. What cannot be used is a reply with failed set.
func (l *lookup) ask(n name, qtype uint16) *reply {
	q := question{n, qtype}
	c := l.asker.calls[q]
	if c == nil {
		c = new(call)
		l.asker.calls[q] = c
		c.reply = l.askNow(q, false)
		return c.reply
	}
	if c.reply == nil {
		c.reply = l.wait(q, c)
	}
	return c.reply
}

// askNow asks in this goroutine.
func (l *lookup) askNow(q question, cd bool) *reply {
	if v, ok := l.spent.query(); !ok {
		return failed(v)
	}
	m, err := l.asker.exchanger.Exchange(l.asker.ctx, q.name.String(), q.qtype, cd)
	return l.readReply(q, m, err, cd)
}

func (l *lookup) wait(q question, c *call) *reply {
	select {
	case <-c.done:
	case <-l.asker.ctx.Done():
		return failed(unreachable(q, l.asker.ctx.Err()))
	}
	if c.over.code != "" {
		return failed(c.over)
	}
	return l.readReply(q, c.msg, c.err, false)
}

func failed(v verdict) *reply { return &reply{failed: true, failure: v} }

// readReply splits a message into RRsets, or returns why it cannot be used. After SERVFAIL the
// question is asked once more with CD=1 (RFC 6840, Section 5.9), unless the reply has that bit,
// which is copied from the question (RFC 4035, Section 3.2.2). The second reply is validated as any
// other. So an old root key, a wrong clock or a negative trust anchor of the resolver stops
// nothing, and bogus data is distinguished from data that is not available.
func (l *lookup) readReply(q question, m *dns.Msg, err error, cd bool) *reply {
	if err != nil {
		return failed(unreachable(q, err))
	}
	if v, ok := l.usable(q, m); !ok {
		return failed(v)
	}
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		r := newReply(q, m)
		r.ad = m.AuthenticatedData && !m.CheckingDisabled && !cd
		return r
	// RFC 4035, Section 5.5.
	case dns.RcodeServerFailure:
		if cd || m.CheckingDisabled {
			return failed(servfail(q))
		}
		r := l.askNow(q, true)
		if r.failed && !r.failure.code.IsBudget() {
			return failed(servfail(q))
		}
		return r
	}
	return failed(indeterminate(noEDE, CodeRefused, "the resolver answers %s to %s %s", rcodeName(m.Rcode), q.name, typeName(q.qtype)))
}

// usable checks what every reply must be.
// RFC 5452, Section 9.1: the question comes back.
// RFC 2181, Section 9: a truncated reply is not used.
func (l *lookup) usable(q question, m *dns.Msg) (verdict, bool) {
	switch {
	case m == nil || !m.Response || m.Opcode != dns.OpcodeQuery || m.Truncated || !echoes(q, m):
		return indeterminate(noEDE, CodeMalformed, "the reply to %s %s is cut off or answers something else", q.name, typeName(q.qtype)), false
	case len(m.Answer)+len(m.Ns)+len(m.Extra) > l.spent.limits.Records:
		return overBudget("records", l.spent.limits.Records), false
	}
	for _, code := range extendedErrors(m) {
		// RFC 8767 keeps names resolving; here absence means revocation, so nothing stale may
		// count.
		if code == dns.ExtendedErrorCodeStaleAnswer || code == dns.ExtendedErrorCodeStaleNXDOMAINAnswer {
			return indeterminate(int(code), CodeStale, "the resolver served expired data for %s %s; switch off serve-stale there", q.name, typeName(q.qtype)), false
		}
	}
	return verdict{}, true
}

// echoes reports whether the message repeats the question (RFC 5452, Section 9.1).
func echoes(q question, m *dns.Msg) bool {
	if len(m.Question) != 1 || m.Question[0].Qtype != q.qtype || m.Question[0].Qclass != dns.ClassINET {
		return false
	}
	n, err := parseName(m.Question[0].Name)
	return err == nil && n == q.name
}

// extendedErrors returns the info codes of a message.
// RFC 8914, Section 2.
func extendedErrors(m *dns.Msg) []uint16 {
	opt := m.IsEdns0()
	if opt == nil {
		return nil
	}
	var out []uint16
	for _, o := range opt.Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok {
			out = append(out, e.InfoCode)
		}
	}
	return out
}

func servfail(q question) verdict {
	return indeterminate(noEDE, CodeServfail, "the resolver cannot resolve %s %s (SERVFAIL)", q.name, typeName(q.qtype))
}

// coded is an error of the Exchanger that brings the code of the answer.
type coded interface {
	error
	Code() Code
}

func unreachable(q question, err error) verdict {
	if own, ok := errors.AsType[coded](err); ok {
		return indeterminate(noEDE, own.Code(), "%v", err)
	}
	var timed interface{ Timeout() bool }
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timed) && timed.Timeout() {
		return indeterminate(int(dns.ExtendedErrorCodeNoReachableAuthority), CodeTimeout, "no reply to %s %s in time", q.name, typeName(q.qtype))
	}
	return indeterminate(int(dns.ExtendedErrorCodeNetworkError), CodeUnreachable, "no reply to %s %s: %v", q.name, typeName(q.qtype), err)
}

func rcodeName(rcode int) string {
	if s, ok := dns.RcodeToString[rcode]; ok {
		return s
	}
	return "an unknown error"
}
