package dnssec

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/miekg/dns"
)

// zoneKey is one DNSKEY, parsed.
type zoneKey struct {
	record  *dns.DNSKEY
	data    []byte // canonical record data
	tag     uint16
	key     publicKey // nil: cannot be used
	tooWeak bool      // it could be read, but its size is not allowed
}

func (v *Validator) parseKey(record *dns.DNSKEY, limits *Limits) *zoneKey {
	k := &zoneKey{record: record}
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(record.PublicKey, " ", ""))
	if err != nil {
		return k
	}
	k.data = binary.BigEndian.AppendUint16(make([]byte, 0, 4+len(raw)), record.Flags)
	k.data = append(append(k.data, record.Protocol, record.Algorithm), raw...)
	k.tag = keyTag(k.data)
	if a, ok := v.algorithm(record.Algorithm); ok {
		k.key, k.tooWeak = a.parse(raw, limits)
	}
	return k
}

// keyTag is the checksum over a DNSKEY's data (RFC 4034, Appendix B).
func keyTag(data []byte) uint16 {
	var sum uint32
	for i, b := range data {
		if i&1 == 0 {
			sum += uint32(b) << 8
		} else {
			sum += uint32(b)
		}
	}
	return uint16(sum + sum>>16)
}

// mayUse reports whether the key may verify at all; else the verdict is why.
func (k *zoneKey) mayUse() (verdict, bool) {
	switch zone := k.record.Hdr.Name; {
	// RFC 5011, Section 2.1.
	case k.record.Flags&dns.REVOKE != 0:
		return bogus(dns.ExtendedErrorCodeDNSKEYMissing, CodeRevoked, "the key %d of %s is revoked", k.tag, zone), false
	// RFC 4034, Section 2.1.1.
	case k.record.Flags&dns.ZONE == 0:
		return bogus(dns.ExtendedErrorCodeNoZoneKeyBitSet, CodeNotZoneKey, "the key %d of %s has no zone key flag", k.tag, zone), false
	// RFC 4034, Section 2.1.2.
	case k.record.Protocol != 3:
		return bogus(dns.ExtendedErrorCodeDNSKEYMissing, CodeNotZoneKey, "the key %d of %s has protocol %d, not 3", k.tag, zone, k.record.Protocol), false
	}
	return verdict{}, true
}

// matchesDS compares the key with a DS record by its digest (RFC 4034, Section 5.1.4).
func (v *Validator) matchesDS(k *zoneKey, zone name, ds *dns.DS) bool {
	h, ok := v.digest(ds.DigestType)
	if !ok {
		return false
	}
	want, err := hex.DecodeString(ds.Digest)
	if err != nil {
		return false
	}
	sum := h.New()
	sum.Write([]byte(zone))
	sum.Write(k.data)
	return subtle.ConstantTimeCompare(sum.Sum(nil), want) == 1
}

// display is the key as Link shows it.
func (k *zoneKey) display(matched bool) Key {
	return Key{
		Tag: k.tag, Algorithm: k.record.Algorithm, Matched: matched,
		SEP: k.record.Flags&dns.SEP != 0, Revoked: k.record.Flags&dns.REVOKE != 0,
	}
}
