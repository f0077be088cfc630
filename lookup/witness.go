package lookup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/internal/transport"
)

// witness notes which resolvers answer one lookup, what they say about the records asked for, link
// by link of an alias chain, and what was wrong with those that were passed over.
type witness struct {
	qtype    uint16
	except   []transport.Server // not asked any more
	mu       sync.Mutex
	ad, noAD bool // seen
	servers  []transport.Server
	strips   []transport.Server // left out signatures
	refused  []transport.Server // said SERVFAIL for what they have
}

type witnessKey struct{}

// note takes a reply. With CD=1 the AD bit means nothing (RFC 6840, Section 5.9).
func (w *witness) note(qtype uint16, m *transport.Reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.servers = with(w.servers, m.Server)
	for _, f := range m.Faults {
		switch {
		case errors.Is(f, transport.ErrStrips):
			w.strips = with(w.strips, f.Server)
		case errors.Is(f, transport.ErrServfail) && f.Server == m.Server && m.Rcode != dns.RcodeServerFailure:
			w.refused = with(w.refused, f.Server)
		}
	}
	if qtype == w.qtype {
		vouched := m.AuthenticatedData && !m.CheckingDisabled
		w.ad, w.noAD = w.ad || vouched, w.noAD || !vouched
	}
}

func with(list []transport.Server, s transport.Server) []transport.Server {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// vouches reports whether every reply came with AD.
func (w *witness) vouches() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ad && !w.noAD
}

// answered are the resolvers that replied.
func (w *witness) answered() []transport.Server {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.servers)
}

// warnings are about resolvers that were in the way of an answer. None names the name asked for:
// they are said once.
func (w *witness) warnings(s dnssec.Status) (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, server := range w.strips {
		instead := "another one was asked instead"
		if slices.Contains(w.servers, server) {
			instead = onlyCD
		}
		out = append(out, stripsWarning(server, instead))
	}
	if s != dnssec.Secure && s != dnssec.Insecure {
		return out
	}
	for _, server := range w.refused {
		out = append(out, refusesWarning(server))
	}
	return out
}

const onlyCD = "only asked not to check (CD=1) does it pass them on"

func stripsWarning(s transport.Server, instead string) string {
	return fmt.Sprintf("resolver %s leaves out the signatures of DNSSEC; %s; %s", s, instead, setting(s))
}

// lacksWarning is about a resolver whose answer could not be validated for want of what another one
// has. Which of the two causes it is cannot be told from here.
func lacksWarning(s transport.Server) string {
	return fmt.Sprintf("resolver %s answers without signatures or proofs that another one has: it leaves them out, or the name servers "+
		"of the zone differ", s)
}

func refusesWarning(s transport.Server) string {
	return fmt.Sprintf("resolver %s refuses (SERVFAIL) what validates here: it has an old root key (38696 must be among its keys), "+
		"a wrong clock, a negative trust anchor or a limit; its log says which", s)
}

// setting is what makes a resolver pass signatures on.
func setting(s transport.Server) string {
	if s.Addr == "127.0.0.53:53" || s.Addr == "127.0.0.54:53" {
		return "set DNSSEC=allow-downgrade or DNSSEC=yes in resolved.conf (systemd-resolved), or name another resolver"
	}
	return "set DNSSEC=allow-downgrade or DNSSEC=yes (systemd-resolved), dnssec=process (PowerDNS Recursor), " +
		"for a forwarder in the resolver that it asks; or name another resolver"
}

// stripsError says that no resolver passes signatures on.
type stripsError struct{ transport.Faults }

// Error names the resolvers and what to set.
func (e stripsError) Error() string {
	for _, f := range e.Faults {
		if errors.Is(f, transport.ErrStrips) {
			return e.Faults.Error() + "; " + setting(f.Server)
		}
	}
	return e.Faults.Error()
}

// Code is that of the result.
func (stripsError) Code() string { return CodeStrips }

// charge counts the questions that a name has cost in addition to one: whether it resolves is up to
// who chose it.
func charge(ctx context.Context, faults transport.Faults) {
	b := dnssec.BudgetFrom(ctx)
	for _, f := range faults {
		if b != nil && errors.Is(f, transport.ErrServfail) {
			b.Charge(1)
		}
	}
}

// listening asks for the validator, and tells the witness of the context.
type listening struct {
	client       *transport.Client
	checkedFirst bool // CD=1 is of no use while some resolver answers with CD=0: AD is wanted
}

// Exchange implements dnssec.Exchanger.
func (l listening) Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
	q := transport.Question{Name: name, Type: qtype, CD: cd, CheckedFirst: l.checkedFirst}
	w, watched := ctx.Value(witnessKey{}).(*witness)
	if watched {
		q.Except = w.except
	}
	m, err := l.client.Ask(ctx, q)
	if faults, ok := errors.AsType[transport.Faults](err); ok && errors.Is(err, transport.ErrStrips) {
		return nil, stripsError{faults}
	}
	if err != nil {
		return nil, err
	}
	charge(ctx, m.Faults)
	if watched {
		w.note(qtype, m)
	}
	return m.Msg, nil
}
