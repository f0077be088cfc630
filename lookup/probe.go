package lookup

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"dnseal/lookup/internal/transport"
)

// defaultProbe is a public zone that is bogus on purpose, to try validators with.
const defaultProbe = "dnssec-failed.org"

// probe makes sure that believing the resolvers makes sense: each is on this machine or
// authenticated, says AD for the root and refuses a name that is known to be bogus.
// RFC 4035, Section 4.9.3: AD may be relied on only from a trusted resolver over a secure channel.
func (c *Client) probe(servers []transport.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.Timeout)
	defer cancel()
	for i, s := range servers {
		if !s.TLS && !s.Loopback() {
			return fmt.Errorf("%w: resolver %s is neither on this machine nor reached by tls://, so anyone on the path could set the AD bit", ErrNotTrusted, s)
		}
		if err := c.probeOne(ctx, i); err != nil {
			return fmt.Errorf("%w: resolver %s does not validate, or that is not known: %w", ErrNotTrusted, s, err)
		}
	}
	return nil
}

func (c *Client) probeOne(ctx context.Context, i int) error {
	// For the keys, which forwarders do not keep: what they have in their cache can come
	// without AD.
	m, err := c.transport.AskOne(ctx, i, transport.Question{Name: ".", Type: dns.TypeDNSKEY, Plain: true})
	switch {
	case err != nil:
		return err
	case m.Rcode != dns.RcodeSuccess || !m.AuthenticatedData:
		return errors.New("it does not say AD for the root")
	}
	name := c.opts.Probe
	m, err = c.transport.AskOne(ctx, i, transport.Question{Name: name, Type: dns.TypeSOA, Plain: true})
	switch {
	case err != nil:
		return err
	case m.Rcode == dns.RcodeNameError:
		return fmt.Errorf("it does not know %s; name another bogus zone", name)
	// RFC 4035, Section 5.5.
	case m.Rcode != dns.RcodeServerFailure:
		return fmt.Errorf("it answers for %s, which should be bogus; if it is not, name another bogus zone", name)
	}
	// RFC 4035, Section 3.2.2: CD=1 has the resolver pass on what it finds bogus.
	m, err = c.transport.AskOne(ctx, i, transport.Question{Name: name, Type: dns.TypeSOA, Plain: true, CD: true})
	if err != nil || m.Rcode == dns.RcodeServerFailure {
		return fmt.Errorf("it cannot reach %s at all; name another bogus zone", name)
	}
	return nil
}
