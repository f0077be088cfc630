package dnssec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// Anchors are the trust anchors, as DS or DNSKEY records by owner name. They are immutable.
type Anchors struct {
	zones map[name]*anchor
}

// anchor is the trust in one zone.
type anchor struct {
	ds   []*dns.DS
	keys []*dns.DNSKEY
}

// rootAnchors are KSK-2017 and KSK-2024, as IANA publishes them (RFC 9718) and Debian's dns-root-data carries them.
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

// ParseAnchors reads DS and DNSKEY records in zone-file form; filename is for messages. Names are absolute;
// a relative one is taken as below the root. Of DNSKEY records those with the SEP flag count, or all of a
// zone when none has it. It fails on a syntax error, on any other record type, on a revoked key, and when there is no anchor in it.
func ParseAnchors(text, filename string) (*Anchors, error) {
	a := &Anchors{zones: make(map[name]*anchor)}
	zp := dns.NewZoneParser(strings.NewReader(text), ".", filename)
	zp.SetDefaultTTL(0)
	count := 0
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		if count++; count > maxAnchors {
			return nil, fmt.Errorf("dnssec: %s: more than %d trust anchors", filename, maxAnchors)
		}
		if err := a.add(rr); err != nil {
			return nil, fmt.Errorf("dnssec: %s: %w", filename, err)
		}
	}
	if err := zp.Err(); err != nil {
		return nil, fmt.Errorf("dnssec: trust anchors: %w", err)
	}
	if count == 0 {
		return nil, fmt.Errorf("dnssec: %s: no DS or DNSKEY record in it", filename)
	}
	for _, z := range a.zones {
		z.preferSEP()
	}
	return a, nil
}

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
	slices.Sort(out)
	return out
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
