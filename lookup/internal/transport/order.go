package transport

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Question is one question to the resolvers; the class is IN.
type Question struct {
	Name string
	Type uint16
	// CD asks every server not to validate (CD=1, RFC 4035, Section 3.2.2).
	CD bool
	// Plain asks without DO: for the server's word (AD), not for signatures.
	Plain bool
	// CheckedFirst asks with CD=1 only when no server has an answer with CD=0. Otherwise a
	// server that has none with CD=0 is asked with CD=1 before the next one is.
	CheckedFirst bool
	// Authoritative asks name servers of a zone for what they have themselves (RD=0), instead of
	// recursive resolvers.
	Authoritative bool
	// TCP never asks by UDP.
	TCP bool
	// Except are servers that are not asked.
	Except []Server
}

// Reply is what a server answered. Its CD bit says that CD=1 was tried, not how the server set it.
type Reply struct {
	*dns.Msg
	Server Server
	// Faults are the attempts before this reply.
	Faults Faults
}

// Fault is an attempt at one server without a usable reply.
type Fault struct {
	Server Server
	CD     bool
	Err    error
}

// Error names the server.
func (f Fault) Error() string { return fmt.Sprintf("resolver %s: %v", f.Server, f.Err) }

// Unwrap returns Err.
func (f Fault) Unwrap() error { return f.Err }

// Faults are the error of a question without a usable reply from any server.
type Faults []Fault

// Error returns the first fault of each server.
func (fs Faults) Error() string {
	var b strings.Builder
	seen := map[Server]bool{}
	for _, f := range fs {
		if seen[f.Server] {
			continue
		}
		if len(seen) > 0 {
			b.WriteString("; ")
		}
		seen[f.Server] = true
		b.WriteString(f.Error())
	}
	return b.String()
}

// Unwrap returns every fault.
func (fs Faults) Unwrap() []error {
	var out []error
	for _, f := range fs {
		out = append(out, f)
	}
	return out
}

// Ask asks one server after the other, always with AD=1, and returns the first usable reply whose
// ID, question and source are right. It goes on to the next server after one that refuses, does not
// answer, does not support EDNS, answers SERVFAIL or leaves out signatures. After SERVFAIL (RFC
// 6840, Section 5.9), and where signatures are left out, the same server is asked once more with
// CD=1. When no reply can be used, the first SERVFAIL is returned, or another error code of a
// server; else the error is the [Faults], which wrap ErrDown, ErrNoEDNS, ErrMalformed, ErrQuestion,
// ErrStrips, ErrClosed, context.DeadlineExceeded or an error of the network.
func (c *Client) Ask(ctx context.Context, q Question) (*Reply, error) {
	r := newRound(*c.servers.Load(), q)
	for len(r.todo) > 0 {
		w := r.todo[0]
		r.todo = r.todo[1:]
		m, err := c.try(ctx, w, len(r.todo)+1)
		if err == nil {
			return &Reply{Msg: m, Server: w.server.Server, Faults: r.faults}, nil
		}
		r.fail(w, m, err)
		if ctx.Err() != nil {
			break
		}
	}
	return r.conclude()
}

// AskOne asks only server i, numbered as in the options, and only with the CD bit of the question.
// Its errors are those that Faults wrap, without ErrStrips.
func (c *Client) AskOne(ctx context.Context, i int, q Question) (*dns.Msg, error) {
	return c.askOne(ctx, (*c.servers.Load())[i], q.with(q.CD), 1)
}

func (q Question) with(cd bool) question {
	return question{name: dns.CanonicalName(q.Name), qtype: q.Type, cd: cd, plain: q.Plain, authoritative: q.Authoritative, tcp: q.TCP}
}

// attempt is a question to one server.
type attempt struct {
	server *server
	question
}

// try asks, unless the server is excluded. The message is set also with an error about it.
func (c *Client) try(ctx context.Context, w attempt, left int) (*dns.Msg, error) {
	if !w.plain {
		if err := w.server.strips.check(w.cd, c.opts.Now()); err != nil {
			return nil, err
		}
	}
	m, err := c.askOne(ctx, w.server, w.question, left)
	if err != nil {
		return nil, err
	}
	// RFC 4035, Section 3.2.2: the bit is copied from the question; not every server does.
	m.CheckingDisabled = w.cd
	return m, w.fault(m)
}

// round is one question to the servers in their order.
type round struct {
	checkedFirst bool
	todo         []attempt
	faults       Faults
	servfail     *Reply // the first one
	refusal      *Reply // the last reply that was another error
}

func newRound(servers []*server, q Question) *round {
	r := &round{checkedFirst: q.CheckedFirst}
	for _, s := range servers {
		if !slices.Contains(q.Except, s.Server) {
			r.todo = append(r.todo, attempt{s, q.with(q.CD)})
		}
	}
	return r
}

// fail notes a fault, and plans the attempt with CD=1 when it can help.
func (r *round) fail(w attempt, m *dns.Msg, err error) {
	f := Fault{Server: w.server.Server, CD: w.cd, Err: err}
	r.faults = append(r.faults, f)
	reply := &Reply{Msg: m, Server: w.server.Server}
	switch {
	case errors.Is(err, ErrServfail):
		r.servfail = cmp.Or(r.servfail, reply)
	case m != nil && !errors.Is(err, ErrStrips):
		r.refusal = reply
	}
	if w.cd || !errors.Is(err, ErrServfail) && !errors.Is(err, ErrStrips) {
		return
	}
	w.cd = true
	if r.checkedFirst {
		r.todo = append(r.todo, w)
	} else {
		r.todo = append([]attempt{w}, r.todo...)
	}
}

// conclude returns the reply that says most about the question, else the faults.
func (r *round) conclude() (*Reply, error) {
	reply := r.servfail
	switch {
	case reply != nil:
		reply.CheckingDisabled = true
	case r.refusal != nil && !errors.Is(r.faults, ErrStrips):
		reply = r.refusal
	default:
		return nil, r.faults
	}
	reply.Faults = r.faults
	return reply, nil
}
