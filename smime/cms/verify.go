package cms

import (
	"bytes"
	"cmp"
	"crypto"
	"fmt"

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
	if err := si.checkSize(); err != nil {
		return err
	}
	if err := si.scheme.checkKey(pub); err != nil {
		return err
	}
	// RFC 5652, Section 5.6.
	if si.scheme.content != 0 {
		return si.checkContradiction(d, pub)
	}
	if err := si.checkValue(si.scheme, d, pub); err != nil {
		return err
	}
	return cmp.Or(si.scheme.weakness(pub), si.weakDigest())
}

// checkSize drops a value of another length than the algorithm makes, or one that is too large.
func (si *SignerInfo) checkSize() *SignatureError {
	if size := familyTable[si.scheme.family].size; size != 0 {
		if len(si.signature) != size {
			return failure(CodeBadSignature, "a signature value of %d octets, where %s makes %d", len(si.signature), si.scheme, size)
		}
		return nil
	}
	if err := certificate.CheckSignature(si.signature); err != nil {
		return failure(CodeUnsupported, "%v", err)
	}
	return nil
}

// weakDigest says that the digest of the content is weaker than the signature over the attributes.
// RFC 9882, Section 3.3: verifiers may refuse that; without attributes the digest has no meaning.
func (si *SignerInfo) weakDigest() *SignatureError {
	if !si.SignedAttributes || si.scheme.hash.Size() >= familyTable[si.scheme.family].leastDigest {
		return nil
	}
	return failure(CodeWeak, "%s with digest algorithm %s, which is weaker", si.signatureAlgorithm, si.digestAlgorithm)
}

// checkContradiction is for a digestAlgorithm that does not go with signatureAlgorithm. Programs
// differ on which of the two the signature is made with. One that is right by neither is wrong; any
// other never counts, because no standard allows it.
func (si *SignerInfo) checkContradiction(d *Digests, pub crypto.PublicKey) *SignatureError {
	schemes := []scheme{si.scheme, si.scheme}
	schemes[1].hash = si.scheme.content
	// RFC 8419, Section 3.1: Ed25519 signs the message itself.
	if familyTable[si.scheme.family].pure {
		schemes = schemes[:1]
	}
	both, rule := si.contradiction()
	known := true
	for _, s := range schemes {
		err := si.checkValue(s, d, pub)
		if err == nil {
			return cmp.Or(si.scheme.weakness(pub), failure(CodeUnsupported, "%s: the value is right, but %s", both, rule))
		}
		known = known && err.Code != CodeUnsupported
	}
	if !known {
		return failure(CodeUnsupported, "%s: %s", both, rule)
	}
	return failure(CodeBadSignature, "the signature value is wrong")
}

// contradiction names the two algorithms that do not go together, and the rule.
func (si *SignerInfo) contradiction() (both, rule string) {
	switch si.scheme.family {
	// RFC 8419, Section 3.1.
	case familyEd25519:
		return fmt.Sprintf("%s with %s", si.digestAlgorithm, si.signatureAlgorithm), "RFC 8419 allows only SHA-512"
	// RFC 4056, Section 3.
	case familyPSS:
		return fmt.Sprintf("digest algorithm %s with RSASSA-PSS with %s", si.digestAlgorithm, nameOf(digestRowOf(si.scheme.hash).OID)), sameDigest
	default:
		return fmt.Sprintf("digest algorithm %s with %s", si.digestAlgorithm, si.signatureAlgorithm), sameDigest
	}
}

// RFC 5754, Section 3.
const sameDigest = "the two must name the same digest"

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
	case p != nil && (!p.digest.Same(si.digestAlgorithm) || !p.signature.Same(si.signatureAlgorithm)):
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

// checkValue checks the signature value as one of this scheme.
func (si *SignerInfo) checkValue(by scheme, d *Digests, pub crypto.PublicKey) *SignatureError {
	if !si.SignedAttributes {
		return si.checkBareValue(by, d, pub)
	}
	if by.verify(pub, by.input(si.rawAttributes), si.signature) {
		return nil
	}
	// RFC 5652, Section 5.4: the signature is over the DER, which is sorted; some send it in
	// another order.
	if sorted := ber.SortSet(si.rawAttributes); !bytes.Equal(sorted, si.rawAttributes) &&
		by.verify(pub, by.input(sorted), si.signature) {
		return nil
	}
	return failure(CodeBadSignature, "the signature value is wrong")
}

// checkBareValue checks a signature without signed attributes, which is over the content.
func (si *SignerInfo) checkBareValue(by scheme, d *Digests, pub crypto.PublicKey) *SignatureError {
	input := d.Sum(by.hash)
	content, held := d.contents()
	pure := familyTable[by.family].pure
	switch {
	// RFC 8419, Section 3.2, and RFC 9882, Section 3.2: over the content itself.
	case pure && held:
		input = content
	case pure && d.size > maxHeld:
		return failure(CodeUnsupported, "%s without signed attributes over more than %d octets", by, maxHeld)
	case pure && si.DigestAlgorithm != by.hash:
		return failure(CodeUnsupported, "%s without signed attributes and with digest algorithm %s over content inside", by, si.digestAlgorithm)
	case input == nil:
		return si.notHashed()
	}
	if !by.verify(pub, input, si.signature) {
		return failure(CodeBadSignature, "the signature value is wrong")
	}
	return nil
}
