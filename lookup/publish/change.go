package publish

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

// Normal returns the changes with canonical owners (absolute, lower case), and checks them. Errors:
// an owner that is no domain name or the root, another type than TLSA, SMIMEA and TXT, a TTL that
// is not whole seconds from 0 to 2^31-1, a record that is too long, two changes of one name and
// type.
func Normal(changes []Change) ([]Change, error) {
	out := slices.Clone(changes)
	seen := make(map[place]bool, len(out))
	for i := range out {
		c := &out[i]
		owner, err := canonical(c.Owner)
		if err != nil {
			return nil, fmt.Errorf("publish: %w", err)
		}
		if c.Owner = owner; owner == "." {
			return nil, errors.New("publish: the root has no records of keys")
		}
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("publish: %s: %w", owner, err)
		}
		at := place{c.Owner, c.Type}
		if seen[at] {
			return nil, fmt.Errorf("publish: two changes of %s %s; make one of them", c.Owner, c.Type)
		}
		seen[at] = true
	}
	return out, nil
}

func (c *Change) check() error {
	if c.Type != dane.TLSA && c.Type != dane.SMIMEA && c.Type != dane.TXT {
		return fmt.Errorf("%s records are not published here", c.Type)
	}
	// RFC 2181, Section 8: 31 bits.
	if len(c.Add) > 0 && (c.TTL < 0 || c.TTL%time.Second != 0 || c.TTL > math.MaxInt32*time.Second) {
		return fmt.Errorf("a TTL of %s: want whole seconds from 0 to 2147483647", c.TTL)
	}
	for _, list := range [][]dane.Record{c.Add, c.Remove, c.Expect} {
		for _, r := range list {
			if c.Type == dane.TXT && !isText(r) {
				return errors.New("a text that is not of printable ASCII, or is empty")
			}
			if len(r.Data) > math.MaxUint16-3 {
				return fmt.Errorf("a record of %d octets is too long", len(r.Data))
			}
		}
	}
	return nil
}

// rr is one record in the library's form.
func (c *Change) rr(r dane.Record, class uint16, ttl time.Duration) dns.RR {
	h := dns.RR_Header{Name: c.Owner, Rrtype: uint16(c.Type), Class: class, Ttl: uint32(ttl / time.Second)}
	if c.Type == dane.TXT {
		return &dns.TXT{Hdr: h, Txt: characterStrings(r.Data)}
	}
	data := hex.EncodeToString(r.Data)
	if c.Type == dane.TLSA {
		return &dns.TLSA{Hdr: h, Usage: r.Usage, Selector: r.Selector, MatchingType: r.MatchingType, Certificate: data}
	}
	return &dns.SMIMEA{Hdr: h, Usage: r.Usage, Selector: r.Selector, MatchingType: r.MatchingType, Certificate: data}
}

// absent is the prerequisite that there is no RRset of a type (RFC 2136, Section 2.4.3).
func (c *Change) absent(qtype uint16) dns.RR {
	return &dns.ANY{Hdr: dns.RR_Header{Name: c.Owner, Rrtype: qtype, Class: dns.ClassNONE}}
}

// prerequisites are what must hold before. Where a CNAME is, servers accept other records and add
// none of them (RFC 2136, Section 3.4.2.2), so that there is none is one of them.
func (c *Change) prerequisites() (out []dns.RR) {
	if len(c.Add) > 0 && len(c.Expect) == 0 {
		out = append(out, c.absent(dns.TypeCNAME))
	}
	if c.Expect != nil && len(c.Expect) == 0 {
		out = append(out, c.absent(uint16(c.Type)))
	}
	// RFC 2136, Section 2.4.2: the RRset exists with exactly these values.
	for _, r := range unique(c.Expect) {
		out = append(out, c.rr(r, dns.ClassINET, 0))
	}
	return out
}

// updates are the deletions of exact records (RFC 2136, Section 2.5.4), then the additions (Section
// 2.5.1). What is there already is deleted and added: there are servers that otherwise keep the old
// TTL.
func (c *Change) updates() (out []dns.RR) {
	for _, r := range unique(c.Remove) {
		out = append(out, c.rr(r, dns.ClassNONE, 0))
	}
	for _, r := range unique(c.Add) {
		if contains(c.Expect, r) && !contains(c.Remove, r) {
			out = append(out, c.rr(r, dns.ClassNONE, 0))
		}
	}
	for _, r := range unique(c.Add) {
		out = append(out, c.rr(r, dns.ClassINET, c.TTL))
	}
	return out
}

func unique(list []dane.Record) (out []dane.Record) {
	for _, r := range list {
		if !contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// message is one update (RFC 2136, Section 2).
func message(z string, changes []Change) *dns.Msg {
	m := new(dns.Msg)
	m.SetUpdate(z)
	m.Compress = true
	for i := range changes {
		m.Answer = append(m.Answer, changes[i].prerequisites()...)
		m.Ns = append(m.Ns, changes[i].updates()...)
	}
	return m
}

const (
	// maxRecords is how many records one message changes: more of them at a time gain nothing.
	maxRecords = 500
	// maxLength is how long it is without compression, so that servers and tools that do not
	// compress can handle it too; TSIG comes to it. RFC 1035, Section 4.2.2: at most 65535.
	maxLength = 64_000
)

// batches puts changes into messages, in their order. Those of one name stay together. Errors are a
// Refusal: one name with more than fits.
func batches(z string, changes []Change) (out [][]Change, err error) {
	var batch []Change
	var records, length int
	for _, name := range byName(changes) {
		n, size := weigh(z, name)
		if size > maxLength {
			return nil, &Refusal{
				Code: TooLong, Zone: z, Name: name[0].Owner, Advice: "publish digests (3 1 1) instead of whole certificates, or change fewer records at a time",
				Text: fmt.Sprintf("the changes of %s need %d octets, a message has %d", name[0].Owner, size, maxLength),
			}
		}
		if len(batch) > 0 && (records+n > maxRecords || length+size > maxLength) {
			out, batch, records, length = append(out, batch), nil, 0, 0
		}
		batch, records, length = append(batch, name...), records+n, length+size
	}
	if len(batch) > 0 {
		out = append(out, batch)
	}
	return out, nil
}

// weigh is how many records the changes make, and their length in a message by itself.
func weigh(z string, changes []Change) (records, length int) {
	m := message(z, changes)
	m.Compress = false
	return len(m.Ns), m.Len()
}

// byName groups the changes of one owner: the types of a name are changed together.
func byName(changes []Change) (out [][]Change) {
	at := map[string]int{}
	for _, c := range changes {
		i, ok := at[c.Owner]
		if !ok {
			i = len(out)
			at[c.Owner] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], c)
	}
	return out
}
