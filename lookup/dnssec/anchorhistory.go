package dnssec

import (
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// rootHistory are the keys of the root in its file of trust anchors, as IANA publishes it (RFC
// 9718): KSK-2010, KSK-2017 and KSK-2024, each with the time it is valid from and, where IANA has
// said so, until.
const rootHistory = `<TrustAnchor>
<Zone>.</Zone>
<KeyDigest validFrom="2010-07-15T00:00:00+00:00" validUntil="2019-01-11T00:00:00+00:00">
<KeyTag>19036</KeyTag><Algorithm>8</Algorithm><DigestType>2</DigestType>
<Digest>49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5</Digest>
</KeyDigest>
<KeyDigest validFrom="2017-02-02T00:00:00+00:00">
<KeyTag>20326</KeyTag><Algorithm>8</Algorithm><DigestType>2</DigestType>
<Digest>E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D</Digest>
</KeyDigest>
<KeyDigest validFrom="2024-07-18T00:00:00+00:00">
<KeyTag>38696</KeyTag><Algorithm>8</Algorithm><DigestType>2</DigestType>
<Digest>683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16</Digest>
</KeyDigest>
</TrustAnchor>`

// RootHistory returns all keys that the DNS root has had, each for its period: KSK-2010 (19036),
// KSK-2017 (20326) and KSK-2024 (38696). It is for what was kept; live answers are held to
// [RootAnchors].
var RootHistory = sync.OnceValue(func() *Anchors {
	a, err := ParseAnchors(rootHistory, "built-in")
	if err != nil {
		panic(err) // a constant of ours
	}
	a.historical = true
	return a
})

// WithHistory returns the anchors to hold old evidence to: where one of a is a key of the DNS root,
// the earlier and later keys of that root, each for its period, in addition. nil: RootHistory.
func (a *Anchors) WithHistory() *Anchors {
	history := RootHistory()
	switch {
	case a == nil:
		return history
	case a.historical || !a.holdsOneOf(history):
		return a
	}
	return &Anchors{zones: a.zones, ignored: a.ignored, timed: append(append([]timedAnchor{}, a.timed...), history.timed...), historical: true}
}

// holdsOneOf reports whether one of the anchors, in any period, is one of history.
func (a *Anchors) holdsOneOf(history *Anchors) bool {
	known := map[string]bool{}
	for _, t := range history.timed {
		known[dsText(t.ds)] = true
	}
	for _, t := range a.timed {
		if known[dsText(t.ds)] {
			return true
		}
	}
	z := a.zones[root]
	if z == nil {
		return false
	}
	for _, ds := range z.ds {
		if known[dsText(ds)] {
			return true
		}
	}
	for _, k := range z.keys {
		if ds := k.ToDS(dns.SHA256); ds != nil && known[dsText(ds)] {
			return true
		}
	}
	return false
}

// publishedAnchors is the file of RFC 9718 as far as it is used.
type publishedAnchors struct {
	XMLName xml.Name `xml:"TrustAnchor"`
	Zone    string   `xml:"Zone"`
	Digests []struct {
		From       string `xml:"validFrom,attr"`
		Until      string `xml:"validUntil,attr"`
		KeyTag     uint16 `xml:"KeyTag"`
		Algorithm  uint8  `xml:"Algorithm"`
		DigestType uint8  `xml:"DigestType"`
		Digest     string `xml:"Digest"`
	} `xml:"KeyDigest"`
}

// maxAnchorXML bounds the XML file: the real one has 2.5 kB.
const maxAnchorXML = 1 << 20

func isXML(text string) bool {
	return strings.HasPrefix(strings.TrimLeft(strings.TrimPrefix(text, "\ufeff"), " \t\r\n"), "<")
}

// readXML reads the file that IANA publishes. Its S/MIME signature is not looked at: the file is
// the user's own.
func (a *Anchors) readXML(text string) error {
	if len(text) > maxAnchorXML {
		return fmt.Errorf("%d octets of XML, at most %d", len(text), maxAnchorXML)
	}
	var p publishedAnchors
	if err := xml.Unmarshal([]byte(strings.TrimPrefix(text, "\ufeff")), &p); err != nil {
		return fmt.Errorf("it is no file of trust anchors (RFC 9718): %w", err)
	}
	zone, err := parseName(strings.TrimSpace(p.Zone))
	switch {
	case err != nil || strings.TrimSpace(p.Zone) == "":
		return fmt.Errorf("the zone %q in it is no name", p.Zone)
	case len(p.Digests) == 0:
		return errors.New("no KeyDigest in it")
	case len(p.Digests) > maxAnchors:
		return fmt.Errorf("more than %d trust anchors", maxAnchors)
	}
	for _, d := range p.Digests {
		digest := strings.Join(strings.Fields(d.Digest), "")
		if _, err = hex.DecodeString(digest); err != nil || digest == "" {
			return fmt.Errorf("the digest of key %d is not hexadecimal", d.KeyTag)
		}
		t := timedAnchor{zone: zone, ds: &dns.DS{
			Hdr:    dns.RR_Header{Name: zone.String(), Rrtype: dns.TypeDS, Class: dns.ClassINET},
			KeyTag: d.KeyTag, Algorithm: d.Algorithm, DigestType: d.DigestType, Digest: strings.ToLower(digest),
		}}
		if t.from, err = period(d.From); err == nil {
			t.until, err = period(d.Until)
		}
		if err != nil {
			return fmt.Errorf("the period of key %d: %w", d.KeyTag, err)
		}
		a.timed = append(a.timed, t)
	}
	return nil
}

// period reads one end of a period; empty: no bound.
func period(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%q is no time such as 2017-02-02T00:00:00+00:00", text)
	}
	return t, nil
}
