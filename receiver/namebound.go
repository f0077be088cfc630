package receiver

import (
	"context"
	"slices"

	"dnseal/smime"
	"dnseal/smime/certificate"
	"dnseal/smime/message"
)

// nameBinding says whether anything proven binds the name to the signature, and not only the key: a
// stranger can put another's key into a certificate of his own, and a message signed by that other
// then states the stranger's name. The owner of From still vouches for the key, so that an unbound
// name can pass, and is reported. A record that holds a whole certificate is no such proof: it is
// the stranger's own to publish.
//
// Any one of these binds it:
//
//   - the signed attributes hash the certificate that states it (RFC 5035; package smime refuses
//     any other certificate);
//   - a protected From with that address (RFC 9788);
//   - a certified path: who certifies a name for a key answers for it (RFC 7671, usages 0 to 2; RFC
//     8550);
//   - the certificate's own signature under its own key, which only the key's owner can make.
//
// A certificate that names itself as issuer, and is not signed by its key, was made without that
// key.
func (sc *signatureCheck) nameBinding(ctx context.Context) finding {
	if sc.sig.Integrity != smime.IntegrityGood || sc.claim == (claim{}) {
		return good
	}
	hashed := sc.sig.CertificateHashed && sc.certificateStates()
	written := sc.claim.mail() && sc.claim.address == sc.innerFrom()
	if hashed || written || sc.vouched {
		sc.out.NameBound = true
		return good
	}
	if !sc.claim.certified {
		return good
	}
	return sc.possession(ctx)
}

// possession judges by the certificate alone.
// RFC 5280, Section 3.2: a self-issued certificate names one entity as issuer and subject.
func (sc *signatureCheck) possession(ctx context.Context) finding {
	shown, err := certificate.PossessionOf(ctx, sc.sig.Certificate, sc.work)
	switch {
	case err != nil:
		return unprovable(ctx)
	case shown == certificate.PossessionShown:
		sc.out.NameBound = true
	case shown == certificate.PossessionDenied && certificate.SelfIssued(sc.sig.Certificate):
		return finding{Policy, CodeNameNotBound, "the certificate says that its own key signed it, and it did not: nothing binds the name to the signature"}
	}
	return good
}

// certificateStates reports whether the signer's certificate states the identity judged; a record
// may have brought it.
func (sc *signatureCheck) certificateStates() bool {
	if sc.claim.certified || sc.sig.Certificate == nil {
		return sc.claim.certified
	}
	return slices.ContainsFunc(smime.CertificateNames(sc.sig.Certificate), func(n smime.Name) bool {
		return n.Address != message.Address{} && n.Address == sc.claim.address
	})
}

// unprovable is for certificates that could not be judged: there was no time, or they take too much
// work.
func unprovable(ctx context.Context) finding {
	if ctx.Err() != nil {
		return finding{TempError, CodeTimeout, "the certificates could not be judged in time"}
	}
	return finding{PermError, codeLimitPaths, "the certificates take more work than one message may cost"}
}
