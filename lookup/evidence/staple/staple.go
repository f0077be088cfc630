// Package staple makes and judges staples: the DNSSEC chains of a signer's own records, sent with
// the signature, so that a receiver without DNS can check whose key it is. It is for mail that is
// carried by hops without DNS: ships, air gaps, files.
//
// [Make] makes a staple of validated results, [Resolver] answers lookups from those that came with
// a signature.
//
// # Form
//
// A staple is the one value of an unsigned attribute of a CMS SignerInfo (RFC 5652, Section 5.3;
// package cms has the object identifier), in DER:
//
//	DNSSECStaple ::= SEQUENCE {
//	  version  INTEGER { v1(1) },
//	  chains   SEQUENCE SIZE (1..4) OF DNSSECChain }
//
//	DNSSECChain ::= SEQUENCE {
//	  name   IA5String,        -- owner name, absolute, in lower case (RFC 1035, Section 5.1)
//	  type   INTEGER,          -- 52 TLSA (RFC 6698), 53 SMIMEA (RFC 8162)
//	  chain  OCTET STRING }    -- AuthenticationChain (RFC 9102, Section 2.3)
//
// A chain begins with the RRset at name, or the aliases to it, or the proof of its absence; then
// follow DNSKEY and DS of each zone up to the root (RFC 9102, Section 3). There is one form of it:
// a signature for each RRset, no RRset but those that are needed, no SOA, owner names, names of
// signers and targets of aliases in lower case, and each TTL that of the signer (RRSIG, Original
// TTL). A name without SMIMEA whose domain's CA is at "_user" takes two chains: the proof of
// absence, and the TLSA records.
//
// # What it proves
//
// That DNSSEC signatures over the records were made, and when: not that the records are published
// now. The signer chooses the chain, and one whose record was withdrawn can go on sending the last
// one that was signed. So the age counts, see [Age]: a withdrawn record ends at the latest when
// Options.MaxAge after its last signature is over, or the signature itself.
//
// # Limitations
//
// No signature covers a staple, so that each hop can remove it, or put another in its place:
// absence of a staple means nothing, and one that proves nothing is not the signer's fault. A
// lookup in the DNS, where there is one, is better in all cases.
package staple

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/lookup/dane"
	"dnseal/lookup/evidence"
)

// Limits of a staple.
const (
	// MaxSize is the largest staple, in octets.
	MaxSize = 60 << 10

	maxChains = 4
	version   = 1
)

var (
	errForm = errors.New("staple: it is no DNSSECStaple in DER")
	errSize = fmt.Errorf("staple: more than %d octets", MaxSize)
)

// Read takes a staple apart. Nothing in it is proven. Errors: it is malformed, of another version,
// over a limit, or has two chains about one name.
func Read(der []byte) ([]*evidence.Evidence, error) {
	if len(der) > MaxSize {
		return nil, errSize
	}
	outer := cryptobyte.String(der)
	var s, chains cryptobyte.String
	var v int
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() || !s.ReadASN1Integer(&v) {
		return nil, errForm
	}
	if v != version {
		return nil, fmt.Errorf("staple: version %d, want %d", v, version)
	}
	if !s.ReadASN1(&chains, cbasn1.SEQUENCE) || !s.Empty() || chains.Empty() {
		return nil, errForm
	}
	var out []*evidence.Evidence
	for !chains.Empty() {
		if len(out) == maxChains {
			return nil, fmt.Errorf("staple: more than %d chains", maxChains)
		}
		e, err := readChain(&chains)
		if err != nil {
			return nil, err
		}
		for _, other := range out {
			if other.Name == e.Name && other.Type == e.Type {
				return nil, fmt.Errorf("staple: two chains about %s %s", e.Name, e.Type)
			}
		}
		out = append(out, e)
	}
	return out, nil
}

func readChain(s *cryptobyte.String) (*evidence.Evidence, error) {
	var c, name, wire cryptobyte.String
	var typ uint16
	if !s.ReadASN1(&c, cbasn1.SEQUENCE) || !c.ReadASN1(&name, cbasn1.IA5String) || !c.ReadASN1Integer(&typ) ||
		!c.ReadASN1(&wire, cbasn1.OCTET_STRING) || !c.Empty() {
		return nil, errForm
	}
	t := dane.Type(typ)
	if t != dane.TLSA && t != dane.SMIMEA {
		return nil, fmt.Errorf("staple: a chain about records of type %d", typ)
	}
	if string(name) != dns.CanonicalName(string(name)) {
		return nil, errors.New("staple: a name that is no owner name in lower case")
	}
	if _, ok := dns.IsDomainName(string(name)); !ok {
		return nil, errors.New("staple: a name that is no owner name in lower case")
	}
	e, err := evidence.FromChain(string(name), t, wire)
	if err != nil {
		return nil, fmt.Errorf("staple: %w", err)
	}
	return e, nil
}

// encode is the reverse of Read.
func encode(es []*evidence.Evidence) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(version)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, e := range es {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.IA5String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(e.Name)) })
					b.AddASN1Uint64(uint64(dns.StringToType[e.Type]))
					b.AddASN1OctetString(e.Chain())
				})
			}
		})
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("staple: %w", err)
	}
	return der, nil
}
