package publish

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// diagnose is what a reply to an update means: nil for success. bad are the changes that were in
// the way of the others.
func (c *Client) diagnose(ctx context.Context, b batch, r *reply) (bad map[int]bool, err error) {
	out := &Refusal{Server: b.String(), Zone: b.zone.name, Name: owners(b.changes)}
	switch r.Rcode {
	case dns.RcodeSuccess:
		// RFC 8945, Section 5.3: a reply to a signed request is signed.
		if c.opts.Key == nil || r.signed {
			return nil, nil //nolint:nilnil // nothing was in the way
		}
		out.Code = UnsignedReply
		out.Text = fmt.Sprintf("%s says that it made the change, but its reply is not signed, so anybody may have made it", b)
		out.Advice = "a server or a middle box that drops TSIG is in the way; name the primary itself (--server)"
	// RFC 2136, Section 2.2.
	case dns.RcodeYXDomain, dns.RcodeYXRrset, dns.RcodeNXRrset, dns.RcodeNameError:
		return c.diagnosePrerequisite(ctx, b, out)
	case dns.RcodeServerFailure:
		c.diagnoseFailure(ctx, b, out)
	case dns.RcodeNotAuth:
		c.diagnoseNotAuth(ctx, b, r, out)
	case dns.RcodeRefused:
		c.diagnoseRefused(ctx, b, r, out)
	case dns.RcodeNotImplemented:
		out.Code, out.Text = NoUpdates, fmt.Sprintf("%s takes no updates at all (NOTIMP)", b)
		out.Advice = b.serverAdvice("name the primary of the zone; NSD and some others have no dynamic update: publish by a zone file there (--zone-file)")
		c.secondary(ctx, b, out)
	case dns.RcodeNotZone:
		out.Code, out.Text = OutsideZone, fmt.Sprintf("%s says that %s is not in the zone %s (NOTZONE)", b, out.Name, out.Zone)
		out.Advice = "name the zone that holds it (--zone), or leave it out; YADIFA says so of a zone that it does not have"
	default:
		out.Code, out.Text = OtherError, fmt.Sprintf("%s answers %s to the update of %s", b, rcode(r.Rcode), out.Zone)
		out.Advice = "its log says why"
	}
	return nil, out
}

func rcode(n int) string {
	if text, ok := dns.RcodeToString[n]; ok {
		return text
	}
	return fmt.Sprintf("error %d", n)
}

// diagnosePrerequisite finds the changes that were in the way.
func (c *Client) diagnosePrerequisite(ctx context.Context, b batch, out *Refusal) (map[int]bool, error) {
	bad, first := c.inTheWay(ctx, b)
	if first != nil {
		return bad, first
	}
	out.Code = Changed
	out.Text = fmt.Sprintf("%s: what is there is not as it was read before, or a CNAME is in the way; nothing was changed", out.Name)
	out.Advice = "look what is there (dnseal lookup), and run the command again"
	return nil, out
}

// fullAt is from how many records at a name on a SERVFAIL is blamed on their number: BIND's default
// (max-records-per-type).
const fullAt = 100

// diagnoseFailure tells a full RRset from other failures.
func (c *Client) diagnoseFailure(ctx context.Context, b batch, out *Refusal) {
	out.Code, out.Text = ServerFailure, fmt.Sprintf("%s cannot make the change (SERVFAIL); nothing was changed", b)
	out.Advice = "its log says why: a full disk, a journal it cannot write, a zone it cannot sign"
	ctx, cancel := context.WithTimeout(ctx, patience*c.Reader.opts.Timeout)
	defer cancel()
	for i := range b.changes {
		ch := &b.changes[i]
		if len(b.changes) > maxLooked && len(ch.Add) < fullAt/2 {
			continue
		}
		has, err := c.at(ctx, b.addrs, ch.Owner, ch.Type)
		if err == nil && len(has.own())+len(ch.Add)-len(ch.Remove) > fullAt {
			out.Code, out.Name = Full, ch.Owner
			out.Text = fmt.Sprintf("%s accepts no more %s records at %s, which has %d (SERVFAIL); nothing was changed", b, ch.Type, ch.Owner, len(has.own()))
			out.Advice = "remove old ones; BIND accepts 100 at a name (max-records-per-type)"
			return
		}
	}
}

// maxLooked is how many names are looked at for a person's sake.
const maxLooked = 20

// diagnoseNotAuth tells apart what RFC 2136 (Section 3.1.2) and RFC 8945 (Section 5.2) say by one
// code.
func (c *Client) diagnoseNotAuth(ctx context.Context, b batch, r *reply, out *Refusal) {
	switch r.tsigError() {
	case dns.RcodeBadSig:
		out.Code, out.Text = BadSignature, fmt.Sprintf("%s has another secret for the key %s (BADSIG)", b, c.opts.Key)
		out.Advice = "copy the key file from the server again"
	case dns.RcodeBadKey:
		c.diagnoseBadKey(ctx, b, out)
	case dns.RcodeBadTime:
		c.diagnoseTime(b, r, out)
	case dns.RcodeBadTrunc:
		out.Code, out.Text = OtherError, fmt.Sprintf("%s wants a longer signature (BADTRUNC)", b)
	default:
		out.Code, out.Text = NotHere, fmt.Sprintf("%s is not the primary of %s: it does not have that zone (NOTAUTH)", b, out.Zone)
		out.Advice = b.serverAdvice("name the zone (--zone) as its SOA has it, and the server that has it")
		if c.opts.Key == nil {
			out.Code, out.Text = Policy, fmt.Sprintf("%s does not accept updates of %s without a key (NOTAUTH), or does not have that zone", b, out.Zone)
			out.Advice = "give the TSIG key (--tsig-key FILE)"
		}
		c.secondary(ctx, b, out)
	}
}

// diagnoseBadKey tells an unknown key from one that may not do this: Knot says BADKEY for both. A
// question signed by the key finds out which.
func (c *Client) diagnoseBadKey(ctx context.Context, b batch, out *Refusal) {
	out.Code, out.Text = BadKey, fmt.Sprintf("%s does not know the key %s (BADKEY)", b, c.opts.Key)
	out.Advice = "name and algorithm must be those of the server; Knot says the same of a key that may not change this name"
	if c.knowsKey(ctx, b.target) {
		out.Code = Policy
		out.Text = fmt.Sprintf("%s knows the key %s, but does not let it change %s (BADKEY)", b, c.opts.Key, out.Name)
		out.Advice = "allow it there: in Knot an acl with action update, and its update-owner and update-type, if any"
	}
	c.secondary(ctx, b, out)
}

// diagnoseTime has both clocks (RFC 8945, Section 5.2.3).
func (c *Client) diagnoseTime(b batch, r *reply, out *Refusal) {
	now := c.Reader.opts.Now()
	out.Code, out.Text = BadTime, fmt.Sprintf("the clocks of %s and of this machine differ by more than %d s (BADTIME)", b, fudge)
	out.Advice = "set the clock that is wrong (NTP)"
	raw, err := hex.DecodeString(r.tsig.OtherData)
	if err != nil || len(raw) != 6 {
		return
	}
	var seconds int64
	for _, octet := range raw {
		seconds = seconds<<8 | int64(octet)
	}
	server := time.Unix(seconds, 0)
	out.Text = fmt.Sprintf("the clocks differ by %s: %s says it is %s, this machine %s (BADTIME)", now.Sub(server).Abs().Round(time.Second),
		b, server.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
}

// diagnoseRefused tells a refusal by a server that knows us from one that does not say.
func (c *Client) diagnoseRefused(ctx context.Context, b batch, r *reply, out *Refusal) {
	out.Code, out.Text = Policy, fmt.Sprintf("%s does not let %s change %s (REFUSED)", b, c.opts.Key.who(), out.Name)
	out.Advice = "allow it there: update-policy or allow-update in BIND, TSIG-ALLOW-DNSUPDATE and ALLOW-DNSUPDATE-FROM in PowerDNS"
	switch {
	case c.opts.Key == nil:
		out.Advice = "give the TSIG key (--tsig-key FILE); " + out.Advice
	case !r.signed && !c.knowsKey(ctx, b.target):
		out.Code = RefusedUnsigned
		out.Text = fmt.Sprintf("%s refuses the update of %s without a signature (REFUSED), as PowerDNS does whatever the reason is", b, out.Zone)
		out.Advice = fmt.Sprintf("it has another secret, name or algorithm for the key %s, a clock that differs by more than %d s, no permission for the key or this address "+
			"(pdnsutil get-meta %s), dnsupdate=no, or does not know the zone yet (300 s after it was made); its log says which", c.opts.Key, fudge, out.Zone)
	}
	c.secondary(ctx, b, out)
}

// who names the key.
func (k *Key) who() string {
	if k == nil {
		return "a client without a key"
	}
	return "the key " + k.String()
}
