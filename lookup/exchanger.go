package lookup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"dnseal/lookup/chain"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/internal/transport"
)

// exchanger asks the resolvers for one validation. It notes which ones answered, and what was wrong
// with those that were passed over. It implements dnssec.Exchanger.
type exchanger struct {
	client       *transport.Client
	checkedFirst bool               // try every resolver with CD=0 before CD=1: AD is wanted
	except       []transport.Server // not asked
	mu           sync.Mutex
	servers      []transport.Server
	strips       []transport.Server // left out signatures
	refused      []transport.Server // said SERVFAIL for what they have
}

// Exchange implements dnssec.Exchanger.
func (e *exchanger) Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
	m, err := e.client.Ask(ctx, transport.Question{Name: name, Type: qtype, CD: cd, CheckedFirst: e.checkedFirst, Except: e.except})
	if faults, ok := errors.AsType[transport.Faults](err); ok && errors.Is(err, transport.ErrStrips) {
		return nil, stripsError{faults}
	}
	if err != nil {
		return nil, err
	}
	charge(ctx, m.Faults)
	e.note(m)
	return m.Msg, nil
}

// note records what a reply says of the resolvers.
func (e *exchanger) note(m *transport.Reply) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.servers = with(e.servers, m.Server)
	for _, f := range m.Faults {
		switch {
		// RFC 4035, Section 3.1.1: an answer to DO=1 has the signatures.
		case errors.Is(f, transport.ErrStrips):
			e.strips = with(e.strips, f.Server)
		// RFC 4035, Section 5.5: SERVFAIL is also what it says of data that it finds bogus.
		case errors.Is(f, transport.ErrServfail) && f.Server == m.Server && m.Rcode != dns.RcodeServerFailure:
			e.refused = with(e.refused, f.Server)
		}
	}
}

func with(list []transport.Server, s transport.Server) []transport.Server {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// answered are the resolvers that replied.
func (e *exchanger) answered() []transport.Server {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.servers)
}

// warnings are about resolvers that were in the way of an answer. None names the name asked for:
// each is logged once.
func (e *exchanger) warnings(s dnssec.Status) (out []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, server := range e.strips {
		instead := "another one was asked instead"
		if slices.Contains(e.servers, server) {
			instead = onlyCD
		}
		out = append(out, stripsWarning(server, instead))
	}
	if s != dnssec.Secure && s != dnssec.Insecure {
		return out
	}
	for _, server := range e.refused {
		out = append(out, refusesWarning(server))
	}
	return out
}

const onlyCD = "only asked not to check (CD=1) does it pass them on"

func stripsWarning(s transport.Server, instead string) string {
	return fmt.Sprintf("resolver %s leaves out the signatures of DNSSEC; %s; %s", s, instead, setting(s))
}

// lacksWarning is about a resolver whose answer could not be validated for want of what another one
// has. Which of the two is the cause is not known here.
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
func (stripsError) Code() dnssec.Code { return chain.CodeStrips }

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
