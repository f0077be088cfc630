package receiver

import (
	"context"

	"dnseal/lookup/dane"
	"dnseal/smime"
	"dnseal/smime/certificate"
)

// keyFromRecords verifies a signature whose certificate is not in the message with the keys and
// certificates that the records carry whole. It returns the key the signer names as a DER
// SubjectPublicKeyInfo, nil where there is none or the message brought a certificate, and whether
// any key is published whole. It ends with ctx.
//
// Such a signature names its key by SubjectKeyIdentifier (RFC 5652, Section 5.3); package smime
// refuses any other key.
// RFC 6698, Section 2.1.3: matching type 0 holds the selected content whole.
func (sc *signatureCheck) keyFromRecords(ctx context.Context, records []dane.Record) (spki []byte, published bool) {
	if sc.bareKey != nil || !sc.needsKey() {
		return sc.bareKey, true
	}
	for _, r := range records {
		if ctx.Err() != nil {
			break
		}
		key, ok := r.SPKI()
		if !ok || !sc.mayBring(r) {
			continue
		}
		published = true
		if err := sc.verifyWith(r); err != nil || sc.needsKey() {
			continue // another key than the signer names
		}
		if sc.bareKey = key; sc.sig.Integrity == smime.IntegrityGood {
			break
		}
	}
	return sc.bareKey, published
}

// mayBring reports whether a record can hold the signer's key or certificate. RFC 6698, Section
// 2.1.1: usages 0 and 2 are for a CA's, and usage 1 is for a certificate with a path to a root.
func (sc *signatureCheck) mayBring(r dane.Record) bool {
	return r.Usage == dane.DANEEE || r.Usage == dane.PKIXEE && r.Selector == dane.FullCertificate && len(sc.receiver.opts.PKIXRoots) > 0
}

func (sc *signatureCheck) verifyWith(r dane.Record) error {
	// RFC 6698, Section 2.1.2.
	if r.Selector == dane.PublicKey {
		return sc.sig.VerifyWithKey(r.Data)
	}
	cert, err := certificate.Parse(r.Data)
	if err != nil {
		return err
	}
	return sc.sig.VerifyWithCertificate(cert)
}
