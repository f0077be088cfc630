package dnssec

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"time"

	"github.com/miekg/dns"
)

// verify looks for a signature over s by the zone z that is allowed, in its validity period and
// correct. The signature is nil unless the verdict is secure.
// RFC 4035, Section 5.3: one is enough.
func (l *lookup) verify(s *rrset, z *Zone) (*dns.RRSIG, verdict) {
	for _, t := range s.tried {
		if t.zone == z {
			return t.by, t.verdict
		}
	}
	by, v := l.verifyWithKeys(s, z.name, z.keys)
	s.tried = append(s.tried, trial{z, by, v})
	return by, v
}

// verifyWithKeys is verify with some keys only.
func (l *lookup) verifyWithKeys(s *rrset, zone name, keys []*zoneKey) (*dns.RRSIG, verdict) {
	var failure verdict // its sentence is only made when there is no other
	limits, bad := l.spent.limits, 0
	for i, sig := range s.sigs {
		if i >= limits.Signatures {
			return nil, overBudget("signatures", limits.Signatures)
		}
		v, ok := l.checkRRSIG(s, sig, zone)
		if ok {
			if bad >= limits.BadSignatures {
				return nil, overBudget("bad-signatures", limits.BadSignatures)
			}
			v = l.verifySignature(s, sig, zone, keys)
		}
		switch {
		case v.status == Secure:
			return sig, v
		case v.final():
			return nil, v
		case v.code == CodeBadSignature:
			bad++
		}
		failure = moreSpecific(failure, v)
	}
	if failure.code == "" {
		failure = bogus(dns.ExtendedErrorCodeRRSIGsMissing, CodeNoSignature,
			"%s %s comes without a signature, though the zone %s is signed", s.owner, typeName(s.typ), zone)
	}
	return nil, failure
}

// moreSpecific returns the failure that explains more: a wrong signature explains more than one by
// another zone.
func moreSpecific(a, b verdict) verdict {
	rank := func(v verdict) int {
		switch v.code {
		case "":
			return 0
		case CodeSigner, CodeUnsupported:
			return 1
		case CodeNoKey:
			return 2
		default:
			return 3
		}
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// checkRRSIG checks the fields of a signature, before any arithmetic.
// RFC 4035, Section 5.3.1.
func (l *lookup) checkRRSIG(s *rrset, sig *dns.RRSIG, zone name) (verdict, bool) {
	signer, err := parseName(sig.SignerName)
	switch {
	// RFC 4035, Section 5.3.1: the signer is the zone of the set.
	case err != nil || signer != zone || !s.owner.within(zone):
		return bogus(dns.ExtendedErrorCodeDNSBogus, CodeSigner,
			"the signature over %s %s is by %s, not by its zone %s", s.owner, typeName(s.typ), sig.SignerName, zone), false
	case s.typ == dns.TypeDS && s.owner == zone:
		// RFC 4035, Section 2.4: the DS belongs to the parent.
		return bogus(dns.ExtendedErrorCodeDNSBogus, CodeSigner, "the DS of %s is signed by that zone itself", zone), false
	// RFC 4035, Section 5.3.1; RFC 4034, Section 3.1.3.
	case int(sig.Labels) > s.owner.signedLabels() || int(sig.Labels) < zone.labels():
		return bogus(dns.ExtendedErrorCodeDNSBogus, CodeLabels,
			"the signature over %s %s claims %d labels", s.owner, typeName(s.typ), sig.Labels), false
	}
	if _, ok := l.v.algorithm(sig.Algorithm); !ok {
		return bogus(dns.ExtendedErrorCodeUnsupportedDNSKEYAlgorithm, CodeUnsupported,
			"%s %s is signed with algorithm %d, which is not supported here", s.owner, typeName(s.typ), sig.Algorithm), false
	}
	return l.inTime(s, sig)
}

// inTime compares the validity period with the clock, by serial number arithmetic, with the skew as
// tolerance.
// RFC 4034, Section 3.1.5; RFC 1982, Section 3.2.
func (l *lookup) inTime(s *rrset, sig *dns.RRSIG) (verdict, bool) {
	if int32(sig.Expiration-sig.Inception) < 0 {
		return bogus(dns.ExtendedErrorCodeSignatureExpiredBeforeValid, CodeTimesInverted,
			"the signature over %s %s ends before it begins", s.owner, typeName(s.typ)), false
	}
	from, to := l.serialTime(sig.Inception), l.serialTime(sig.Expiration)
	switch {
	case l.now.After(to.Add(l.skew)):
		return bogus(dns.ExtendedErrorCodeSignatureExpired, CodeExpired,
			"the signature over %s %s expired at %s; the zone must be signed again", s.owner, typeName(s.typ), stamp(to)), false
	case l.now.Before(from.Add(-l.skew)):
		return bogus(dns.ExtendedErrorCodeSignatureNotYetValid, CodeNotYetValid,
			"the signature over %s %s is not valid before %s", s.owner, typeName(s.typ), stamp(from)), false
	}
	return verdict{}, true
}

// serialTime is the time nearest to now that a 32-bit time can mean.
func (l *lookup) serialTime(serial uint32) time.Time {
	now := l.now.Unix()
	return time.Unix(now+int64(int32(serial-uint32(now&math.MaxUint32))), 0).UTC()
}

func stamp(t time.Time) string { return t.Format(time.RFC3339) }

// verifySignature tries the keys that a signature can be made with.
func (l *lookup) verifySignature(s *rrset, sig *dns.RRSIG, zone name, keys []*zoneKey) verdict {
	var failure verdict
	tried := 0
	for _, k := range keys {
		// RFC 4035, Section 5.3.1: zone, tag and algorithm select the keys; several may match.
		if k.tag != sig.KeyTag || k.record.Algorithm != sig.Algorithm {
			continue
		}
		if v, ok := k.mayUse(); !ok {
			failure = moreSpecific(failure, v)
			continue
		}
		if tried >= l.spent.limits.SameTagKeys {
			return overBudget("same-tag-keys", l.spent.limits.SameTagKeys)
		}
		tried++
		v := l.checkSignature(s, sig, zone, k)
		if v.status == Secure || v.final() {
			return v
		}
		failure = v
	}
	if failure.code == "" {
		failure = bogus(dns.ExtendedErrorCodeDNSKEYMissing, CodeNoKey,
			"%s %s is signed with key %d (algorithm %d), which %s does not have", s.owner, typeName(s.typ), sig.KeyTag, sig.Algorithm, zone)
	}
	return failure
}

// checkSignature does the arithmetic.
func (l *lookup) checkSignature(s *rrset, sig *dns.RRSIG, zone name, k *zoneKey) verdict {
	if k.key == nil {
		return bogus(dns.ExtendedErrorCodeDNSBogus, CodeUnusableKeys,
			"%s %s is signed with key %d of %s, whose size or form is not allowed", s.owner, typeName(s.typ), k.tag, zone)
	}
	signature, err := base64.StdEncoding.DecodeString(sig.Signature)
	if err != nil {
		return wrongSignature(s, k, zone)
	}
	// RFC 4035, Section 5.3.2.
	data, err := signedData(s, sig, zone)
	if err != nil {
		return bogus(dns.ExtendedErrorCodeInvalidData, CodeMalformed, "%s %s holds data that cannot be", s.owner, typeName(s.typ))
	}
	id := signatureID(k, data, signature)
	if l.v.Signatures != nil && l.v.Signatures.Has(id) {
		return secure
	}
	if v, ok := spend(&l.spent.verifications, l.spent.limits.Verifications, "verifications"); !ok {
		return v
	}
	// RFC 4035, Section 5.3.3.
	if !k.key.verify(data, signature) {
		return wrongSignature(s, k, zone)
	}
	if l.v.Signatures != nil {
		l.v.Signatures.Add(id)
	}
	return secure
}

func wrongSignature(s *rrset, k *zoneKey, zone name) verdict {
	return bogus(dns.ExtendedErrorCodeDNSBogus, CodeBadSignature,
		"the signature over %s %s does not fit the data and key %d of %s", s.owner, typeName(s.typ), k.tag, zone)
}

// signatureID names a key, a signature and what is signed.
func signatureID(k *zoneKey, data, signature []byte) [32]byte {
	key, sig := sha256.Sum256(k.data), sha256.Sum256(signature)
	h := sha256.New()
	h.Write(key[:])
	h.Write(sig[:])
	h.Write(data)
	return [32]byte(h.Sum(nil))
}

// expanded reports whether a verified set was made from a wildcard.
// RFC 4035, Section 5.3.4.
func expanded(s *rrset, by *dns.RRSIG) bool { return int(by.Labels) < s.owner.signedLabels() }
