package cms

import (
	"bytes"
	"crypto"

	"dnseal/smime/certificate"
	"dnseal/smime/cms/internal/ber"
)

// Verify checks this signer's signature under pub, the signer's key (of Match or MatchKey), over
// the content hashed in d: nil when right. pub is what ParsePublicKey or PublicKey return.
//
// All errors are a *SignatureError, whose Code separates wrong, right but weak, and not
// checkable signatures: CodeBadAttributes, CodeBadDigest, CodeBadSignature, CodeWeak,
// CodeUnsupported.
func (si *SignerInfo) Verify(d *Digests, pub crypto.PublicKey) error {
	if err := si.check(d, pub); err != nil {
		return err
	}
	return nil
}

// check is RFC 5652, Sections 5.4 and 5.6.
func (si *SignerInfo) check(d *Digests, pub crypto.PublicKey) *SignatureError {
	if err := si.checkAttributes(d); err != nil {
		return err
	}
	// RFC 5652, Section 5.6: messageDigest is the digest of the content.
	if err := si.checkDigest(d); err != nil {
		return err
	}
	if si.schemeErr != nil {
		return si.schemeErr
	}
	// What is too large is dropped before anything is computed with it.
	if err := certificate.CheckSignature(si.signature); err != nil {
		return failure(CodeUnsupported, "%v", err)
	}
	if err := si.scheme.checkKey(pub); err != nil {
		return err
	}
	// RFC 5652, Section 5.6.
	if err := si.checkValue(d, pub); err != nil {
		return err
	}
	return si.scheme.weakness(pub)
}

// checkAttributes checks the contents of the signed attributes, or their absence.
func (si *SignerInfo) checkAttributes(d *Digests) *SignatureError {
	switch p := si.attributes.protection; {
	case si.attributesErr != nil:
		return si.attributesErr
	// RFC 5652, Section 5.3: without signed attributes the content is id-data.
	case !si.SignedAttributes && si.contentType != oidData:
		return failure(CodeBadAttributes, "there are no signed attributes, though the content is not id-data")
	// RFC 5652, Section 5.4, gives both forms the same hash: content that is itself a set of
	// attributes was signed as attributes, over another content
	// (draft-ietf-lamps-cms-euf-cma-signeddata).
	case !si.SignedAttributes && d.looksLikeAttributes():
		return failure(CodeBadAttributes, "the content is a set of signed attributes")
	case !si.SignedAttributes:
		return nil
	// RFC 5652, Section 11.1.
	case si.attributes.contentType != si.contentType:
		return failure(CodeBadAttributes, "the signed contentType is not that of the content")
	// RFC 6211, Section 3.
	case p != nil && (!p.digest.same(si.digestAlgorithm) || !p.signature.same(si.signatureAlgorithm)):
		return failure(CodeBadAttributes, "CMSAlgorithmProtection names other algorithms")
	}
	return nil
}

// checkDigest compares the messageDigest attribute with the content (RFC 5652, Section 5.6),
// whether or not the signature can be checked.
func (si *SignerInfo) checkDigest(d *Digests) *SignatureError {
	if si.DigestAlgorithm == 0 || !si.SignedAttributes {
		return nil
	}
	digest := d.Sum(si.DigestAlgorithm)
	if digest == nil {
		return si.notHashed()
	}
	if !bytes.Equal(digest, si.MessageDigest) {
		return failure(CodeBadDigest, "the content is not the one that was signed")
	}
	return nil
}

// notHashed is for a digest that is not in digestAlgorithms: RFC 5652, Section 5.1, does not
// require to check these.
func (si *SignerInfo) notHashed() *SignatureError {
	return failure(CodeUnsupported, "digest algorithm %s was not announced", si.digestAlgorithm)
}

// checkValue checks the signature value.
func (si *SignerInfo) checkValue(d *Digests, pub crypto.PublicKey) *SignatureError {
	if !si.SignedAttributes {
		return si.checkBareValue(d, pub)
	}
	if si.scheme.verify(pub, si.scheme.input(si.rawAttributes), si.signature) {
		return nil
	}
	// RFC 5652, Section 5.4: the signature is over the DER, which is sorted; some send it in
	// another order.
	if sorted := ber.SortSet(si.rawAttributes); !bytes.Equal(sorted, si.rawAttributes) &&
		si.scheme.verify(pub, si.scheme.input(sorted), si.signature) {
		return nil
	}
	return failure(CodeBadSignature, "the signature value is wrong")
}

// checkBareValue checks a signature without signed attributes, which is over the content.
func (si *SignerInfo) checkBareValue(d *Digests, pub crypto.PublicKey) *SignatureError {
	input := d.Sum(si.scheme.hash)
	if input == nil {
		return si.notHashed()
	}
	// RFC 8419, Section 3.2: over the content itself.
	if familyTable[si.scheme.family].pure {
		var ok bool
		if input, ok = d.contents(); !ok {
			return failure(CodeUnsupported, "%s without signed attributes over more than %d octets", si.scheme, maxHeld)
		}
	}
	if !si.scheme.verify(pub, input, si.signature) {
		return failure(CodeBadSignature, "the signature value is wrong")
	}
	return nil
}
