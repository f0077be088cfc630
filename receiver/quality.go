package receiver

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/smime"
	"dnseal/smime/certificate"
	"dnseal/smime/cms"
)

// maxAhead is how far a signing time may be in the future, for clocks that differ.
const maxAhead = 5 * time.Minute

// quality is the fifth question's answer, but for the dates of a certificate: those count where a
// record or a root makes them count, and are judged there.
// RFC 5652, Section 11.3.
func (sc *signatureCheck) quality() finding {
	if sc.out.Freshness == Unknown {
		sc.out.Freshness = Good
	}
	if sc.sig.SigningTime.After(sc.now.Add(maxAhead)) {
		sc.out.Freshness = Bad
		return finding{Policy, CodeSignedInFuture, fmt.Sprintf("the signer claims to have signed at %s, which is in the future", stamp(sc.sig.SigningTime))}
	}
	if sc.sig.Weak {
		return finding{Policy, CodeWeak, sc.sig.Reason}
	}
	return sc.purpose()
}

// purpose wants a certificate that may sign mail. DANE-EE does not ask for its names and dates, but
// a key that its owner gave another purpose is not to be used for this one.
// RFC 7671, Section 5.1.
func (sc *signatureCheck) purpose() finding {
	c := sc.sig.Certificate
	// RFC 5280, Section 4.2.1.3.
	const signing = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	switch {
	case c == nil:
	case c.KeyUsage == certificate.UnreadableKeyUsage:
		return finding{Policy, CodeKeyUsage, "the key usage of the certificate names none, or cannot be read"}
	case certificate.UnreadableExtKeyUsage(c):
		return finding{Policy, CodeKeyUsage, "the extended key usage of the certificate names none, or cannot be read"}
	// RFC 8550, Section 4.4.2.
	case c.KeyUsage != 0 && c.KeyUsage&signing == 0:
		return finding{Policy, CodeKeyUsage, "the key usage of the certificate does not allow signatures"}
	// RFC 8550, Section 4.4.4.
	case len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 && !slices.ContainsFunc(c.ExtKeyUsage, forMail):
		return finding{Policy, CodeKeyUsage, "the extended key usage of the certificate does not allow mail"}
	}
	return good
}

// forMail: RFC 5280, Section 4.2.1.12.
func forMail(u x509.ExtKeyUsage) bool {
	return u == x509.ExtKeyUsageEmailProtection || u == x509.ExtKeyUsageAny
}

// stamp is a time for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// judgeBeside judges the post-quantum signature beside sc, as any other signature. The DNS is asked
// only where it is for sc, and only for the same name: what stands in an unsigned attribute is
// anyone's.
func (sc *signatureCheck) judgeBeside(ctx context.Context) {
	s := sc.sig.PostQuantum
	if s == nil {
		return
	}
	b := &signatureCheck{verification: sc.verification, sig: s, out: describe(s), staples: sc.staples}
	b.claim, b.keyless = b.claimed(), b.needsKey()
	b.out.Identity = b.claim.String()
	b.bind()
	sc.beside, sc.out.PostQuantum = b, b.out
	switch {
	case !sc.worthAsking():
		b.found.cosigner = finding{Policy, CodeBadCosigner, "the signature that it stands beside does not hold, or cannot be checked"}
	case !sc.sameIdentity(b):
		b.found.cosigner = finding{Policy, CodeFromMismatch, fmt.Sprintf("it is by %s, and the signature that it stands beside by %s", cmp.Or(b.claim.String(), "nobody"), cmp.Or(sc.claim.String(), "nobody"))}
	default:
		b.judge(ctx)
		if key := b.sig.PublicKey; key != nil && !cms.PostQuantum(key) {
			b.found.cosigner = finding{Neutral, CodeUnsupported, "it is not by a post-quantum algorithm"}
		}
		return
	}
	b.found.dns, b.found.quality = good, good // nothing is asked for it
	b.found.integrity, b.found.binding, b.found.name, b.found.entity = b.integrity(), b.binding(), good, b.entity()
}

func (sc *signatureCheck) sameIdentity(o *signatureCheck) bool {
	return sc.claim.address == o.claim.address && sc.claim.dnsName == o.claim.dnsName
}

// postQuantum wants the signature beside sc not to be bad, as a cosigner must not be: programs
// differ in which of the two they look at. Since it can be cut off, it also tells where one is
// missing whose key the signer publishes. It never makes a signature better.
func (sc *signatureCheck) postQuantum() finding {
	switch b := sc.beside; {
	case sc.sig.PostQuantumErr != nil:
		return finding{Policy, CodeBadCosigner, "the post-quantum signature beside it cannot be read: " + sc.sig.PostQuantumErr.Error()}
	case b != nil && b.sig.Integrity == smime.IntegrityBad:
		return finding{Policy, CodeBadCosigner, "the post-quantum signature beside it is bad: " + b.sig.Reason}
	case !sc.publishesPostQuantum() || slices.ContainsFunc(sc.judged, sc.provenBy):
		return good
	case b != nil:
		return finding{Pass, CodePQMissing, fmt.Sprintf("%s publishes a post-quantum key, and the post-quantum signature of the message does not count: %s", sc.claim, b.out.Reason)}
	}
	return finding{Pass, CodePQMissing, fmt.Sprintf("%s publishes a post-quantum key, and the message has no signature by it: it was removed, or never made", sc.claim)}
}

// publishesPostQuantum reports whether a record of the name of sc, which passes by the DNS with
// another key, holds a key for ML-DSA that may sign. Only a record with a whole key or certificate
// shows it: a digest of another key than those at hand may be of any.
func (sc *signatureCheck) publishesPostQuantum() bool {
	if sc.found.dns.verdict != Pass || sc.out.Lookup == nil || sc.out.Lookup.Status != dnssec.Secure || cms.PostQuantum(sc.sig.PublicKey) {
		return false
	}
	return slices.ContainsFunc(sc.out.Lookup.Records, func(r dane.Record) bool {
		spki, whole := r.SPKI()
		if !whole || !sc.mayBring(r) {
			return false
		}
		pub, err := cms.ParsePublicKey(spki)
		return err == nil && cms.PostQuantum(pub)
	})
}

// provenBy reports whether o, or the signature beside it, is a post-quantum one over the same
// content, by the same identity and with a published key.
func (sc *signatureCheck) provenBy(o *signatureCheck) bool {
	if !sc.sameIdentity(o) || o.out.Covers != sc.out.Covers {
		return false
	}
	return o.isPostQuantum() || o.beside != nil && sc.sameIdentity(o.beside) && o.beside.isPostQuantum()
}

// isPostQuantum reports whether sc holds, and is by a published key for ML-DSA.
func (sc *signatureCheck) isPostQuantum() bool {
	f := sc.found
	return cms.PostQuantum(sc.sig.PublicKey) && sc.sig.Integrity == smime.IntegrityGood &&
		f.dns.verdict == Pass && f.quality.verdict == Pass && f.name.verdict == Pass
}
