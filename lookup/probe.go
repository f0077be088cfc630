package lookup

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"dnseal/lookup/internal/transport"
)

// defaultProbe is a name that is bogus on purpose, for everybody to try validators with.
const defaultProbe = "dnssec-failed.org"

// probe makes sure that believing the resolvers makes sense: each is on this machine or
// authenticated, says AD for the root and refuses a name that is known to be bogus.
func (c *Client) probe(servers []transport.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.Timeout)
	defer cancel()
	for i, s := range servers {
		if !s.TLS && !s.Loopback() {
			return fmt.Errorf("%w: resolver %s is neither on this machine nor reached by tls://, so anybody on the way could set the AD bit", ErrNotTrusted, s)
		}
		if err := c.probeOne(ctx, i); err != nil {
			return fmt.Errorf("%w: resolver %s does not validate, or that cannot be told: %w", ErrNotTrusted, s, err)
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
	case m.Rcode != dns.RcodeServerFailure:
		return fmt.Errorf("it answers for %s, which should be bogus; if it is not, name another bogus zone", name)
	}
	m, err = c.transport.AskOne(ctx, i, transport.Question{Name: name, Type: dns.TypeSOA, Plain: true, CD: true})
	if err != nil || m.Rcode == dns.RcodeServerFailure {
		return fmt.Errorf("it cannot reach %s at all; name another bogus zone", name)
	}
	return nil
}
