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
// name can pass, and is said. A record that holds a whole certificate is no such proof: it is the
// stranger's own to publish.
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
// A certificate that names itself as issuer, and is not signed by its key, was made by somebody
// without that key.
func (j *judgement) nameBinding(ctx context.Context) finding {
	if j.sig.Integrity != smime.IntegrityGood || j.claim == (claim{}) {
		return good
	}
	hashed := j.sig.CertificateHashed && j.certificateStates()
	written := j.claim.mail() && j.claim.address == j.innerFrom()
	if hashed || written || j.vouched {
		j.out.NameBound = true
		return good
	}
	if !j.claim.certified {
		return good
	}
	return j.possession(ctx)
}

// possession judges by the certificate alone.
func (j *judgement) possession(ctx context.Context) finding {
	shown, err := certificate.PossessionOf(ctx, j.sig.Certificate, j.work)
	switch {
	case err != nil:
		return unprovable(ctx)
	case shown == certificate.PossessionShown:
		j.out.NameBound = true
	case shown == certificate.PossessionDenied && certificate.SelfIssued(j.sig.Certificate):
		return finding{Policy, CodeNameNotBound, "the certificate says that its own key signed it, and it did not: nothing binds the name to the signature"}
	}
	return good
}

// certificateStates reports whether the signer's certificate states the identity judged; a record
// may have brought it.
func (j *judgement) certificateStates() bool {
	if j.claim.certified || j.sig.Certificate == nil {
		return j.claim.certified
	}
	return slices.ContainsFunc(smime.CertificateNames(j.sig.Certificate), func(n smime.Name) bool {
		return n.Address != message.Address{} && n.Address == j.claim.address
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
