package dnssec

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Anchors are the trust anchors, as DS or DNSKEY records by owner name. They are immutable.
type Anchors struct {
	zones   map[name]*anchor
	ignored []string
	// timed are those that are valid only in a period, and not in zones.
	timed []timedAnchor
	// historical: WithHistory made them.
	historical bool
}

// anchor is the trust in one zone.
type anchor struct {
	ds   []*dns.DS
	keys []*dns.DNSKEY
}

// rootAnchors are KSK-2017 and KSK-2024, as IANA publishes them (RFC 9718) and Debian's
// dns-root-data carries them.
const rootAnchors = `
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
`

// RootAnchors returns the two keys of the DNS root: KSK-2017 (20326) and KSK-2024 (38696).
func RootAnchors() *Anchors {
	a, err := ParseAnchors(rootAnchors, "built-in")
	if err != nil {
		panic(err) // a constant of ours
	}
	return a
}

var builtIn = sync.OnceValue(RootAnchors)

// maxAnchors bounds what is read from an anchor file.
const maxAnchors = 1000

// ErrKeyStates means that all keys of a file that unbound keeps are in states that are not trusted
// (RFC 5011, Section 4.2).
var ErrKeyStates = errors.New("no key in it is trusted")

// ParseAnchors reads DS and DNSKEY records in zone-file form, or the XML file that IANA publishes
// for the root (RFC 9718), whose keys count in their periods only; filename is for messages. Names
// are absolute; a relative one is taken as below the root. Of DNSKEY records those with the SEP
// flag count, or all of a zone when none has it. In a file that unbound keeps
// (auto-trust-anchor-file) only the keys in the states VALID and MISSING count; the others are
// [Anchors.Ignored]. A byte order mark is skipped. It fails on a syntax error, on any other record
// type, on a revoked key, when there is no anchor in it, and when no key in it is trusted
// (ErrKeyStates).
func ParseAnchors(text, filename string) (*Anchors, error) {
	a := &Anchors{zones: make(map[name]*anchor)}
	if isXML(text) {
		if err := a.readXML(text); err != nil {
			return nil, fmt.Errorf("dnssec: %s: %w", filename, err)
		}
		return a, nil
	}
	zp := dns.NewZoneParser(strings.NewReader(strings.TrimPrefix(text, "\ufeff")), ".", filename)
	zp.SetDefaultTTL(0)
	count := 0
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		if count++; count > maxAnchors {
			return nil, fmt.Errorf("dnssec: %s: more than %d trust anchors", filename, maxAnchors)
		}
		if state, ok := untrusted(zp.Comment()); ok {
			a.ignored = append(a.ignored, ignoredKey(rr, state))
			continue
		}
		if err := a.add(rr); err != nil {
			return nil, fmt.Errorf("dnssec: %s: %w", filename, err)
		}
	}
	if err := zp.Err(); err != nil {
		return nil, fmt.Errorf("dnssec: trust anchors: %w", err)
	}
	switch {
	case len(a.zones) == 0 && len(a.ignored) > 0:
		return nil, fmt.Errorf("dnssec: %s: %w: %s; VALID and MISSING ones are (RFC 5011, Section 4.2)", filename, ErrKeyStates, strings.Join(a.ignored, "; "))
	case count == 0:
		return nil, fmt.Errorf("dnssec: %s: no DS or DNSKEY record in it", filename)
	}
	for _, z := range a.zones {
		z.preferSEP()
	}
	return a, nil
}

// trustState is what unbound writes after each key of such a file: its state by RFC 5011, Section
// 4.2. The parser hands comments on with spaces in them.
var trustState = regexp.MustCompile(`(?i);\s*state\s*=\s*(\d+)(?:\s*\[\s*(\w+)\s*\])?`)

// untrusted reads the state of a key from its comment; ok says that there is one, and that the key
// does not count: only VALID (2) and MISSING (3) ones are trust points (RFC 5011, Section 4.2). A
// key in its hold-down time may be an attacker's (Section 2.4.1).
func untrusted(comment string) (state string, ok bool) {
	m := trustState.FindStringSubmatch(comment)
	if m == nil || m[1] == "2" || m[1] == "3" {
		return "", false
	}
	return cmp.Or(m[2], m[1]), true
}

func ignoredKey(rr dns.RR, state string) string {
	tag := ""
	if k, ok := rr.(*dns.DNSKEY); ok {
		tag = fmt.Sprintf(" key %d", k.KeyTag())
	}
	return fmt.Sprintf("%s%s is in state %s", rr.Header().Name, tag, state)
}

// Ignored describes the keys of the file that were left out, each with its state
// (RFC 5011, Section 4.2).
func (a *Anchors) Ignored() []string { return slices.Clone(a.ignored) }

var errAnchorType = errors.New("only DS and DNSKEY records can be trust anchors")

func (a *Anchors) add(rr dns.RR) error {
	n, err := parseName(rr.Header().Name)
	if err != nil {
		return err
	}
	z := a.zones[n]
	if z == nil {
		z = new(anchor)
	}
	switch rr := rr.(type) {
	case *dns.DS:
		z.ds = append(z.ds, rr)
	case *dns.DNSKEY:
		// RFC 5011, Section 2.1.
		if rr.Flags&dns.REVOKE != 0 {
			return fmt.Errorf("the key of %s is revoked", n)
		}
		z.keys = append(z.keys, rr)
	default:
		return fmt.Errorf("%s %s: %w", n, typeName(rr.Header().Rrtype), errAnchorType)
	}
	a.zones[n] = z
	return nil
}

func (z *anchor) preferSEP() {
	sep := slices.DeleteFunc(slices.Clone(z.keys), func(k *dns.DNSKEY) bool { return k.Flags&dns.SEP == 0 })
	if len(sep) > 0 {
		z.keys = sep
	}
}

// Zones returns the names of the zones that are trusted, sorted.
func (a *Anchors) Zones() []string {
	var out []string
	for n := range maps.Keys(a.zones) {
		out = append(out, n.String())
	}
	for _, t := range a.timed {
		out = append(out, t.zone.String())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// closest returns the deepest zone with an anchor that encloses n.
func (a *Anchors) closest(n name) (name, bool) {
	for {
		if _, ok := a.zones[n]; ok {
			return n, true
		}
		if n == root {
			return "", false
		}
		n = n.parent()
	}
}

// timedAnchor is a trust anchor for a period; a zero time is no bound.
type timedAnchor struct {
	zone        name
	ds          *dns.DS
	from, until time.Time
}

func (t *timedAnchor) validAt(at time.Time) bool {
	return !at.Before(t.from) && (t.until.IsZero() || at.Before(t.until))
}

// At returns the anchors that are valid at a time: those without a period always are.
func (a *Anchors) At(at time.Time) *Anchors {
	if len(a.timed) == 0 {
		return a
	}
	out := &Anchors{zones: maps.Clone(a.zones), ignored: a.ignored}
	for _, t := range a.timed {
		if !t.validAt(at) {
			continue
		}
		z := new(anchor)
		if known := out.zones[t.zone]; known != nil {
			*z = *known
		}
		z.ds = append(slices.Clone(z.ds), t.ds)
		out.zones[t.zone] = z
	}
	return out
}

// Records returns the anchors as DS records in zone-file form, sorted, those of all periods among
// them. Of a DNSKEY it is the digest by SHA-256.
func (a *Anchors) Records() []string {
	var out []string
	for _, z := range a.zones {
		for _, ds := range z.ds {
			out = append(out, dsText(ds))
		}
		for _, k := range z.keys {
			if ds := k.ToDS(dns.SHA256); ds != nil {
				out = append(out, dsText(ds))
			}
		}
	}
	for _, t := range a.timed {
		out = append(out, dsText(t.ds))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func dsText(ds *dns.DS) string {
	return fmt.Sprintf("%s IN DS %d %d %d %s", ds.Hdr.Name, ds.KeyTag, ds.Algorithm, ds.DigestType, strings.ToUpper(ds.Digest))
}
