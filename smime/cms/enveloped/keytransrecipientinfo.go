package enveloped

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
)

// keyTrans is RFC 5652, Section 6.2.1, without what identifies the recipient.
type keyTrans struct {
	algorithm    algorithm.Identifier
	encryptedKey []byte
}

// readKeyTrans reads the contents of
//
//	KeyTransRecipientInfo ::= SEQUENCE {
//	  version                 CMSVersion,
//	  rid                     RecipientIdentifier,
//	  keyEncryptionAlgorithm  KeyEncryptionAlgorithmIdentifier,
//	  encryptedKey            EncryptedKey }
//
// RFC 5652, Section 6.2.1: version 0 with issuerAndSerialNumber, 2 with subjectKeyIdentifier.
func (r *recipients) readKeyTrans(s cryptobyte.String) (malformed string) {
	var id recipientIdentifier
	var k keyTrans
	var version, encryptedKey cryptobyte.String
	switch {
	case !s.ReadASN1(&version, cbasn1.INTEGER):
		return "version"
	case !readIdentifier(&s, &id):
		return "rid"
	case !r.versionFits(version, id.keyTransVersion()):
		return "version"
	case !algorithm.Read(&s, &k.algorithm, cbasn1.SEQUENCE):
		return "keyEncryptionAlgorithm"
	case !s.ReadASN1(&encryptedKey, cbasn1.OCTET_STRING) || !s.Empty():
		return "encryptedKey"
	}
	k.encryptedKey = encryptedKey
	r.add(id, &k)
	return ""
}

func (k *keyTrans) checked() bool { return string(k.algorithm.OID) != oidRSA }

func (k *keyTrans) open(key *Key, size int) (contentKey []byte, method string, err error) {
	private, pub := key.decrypter()
	if private == nil || len(k.encryptedKey) > pub.Size() {
		return nil, "", errFailed
	}
	switch string(k.algorithm.OID) {
	case oidRSA:
		// RFC 3370, Section 4.2.1: NULL. Some leave it out.
		if !k.algorithm.Plain() {
			return nil, "", unsupported("%s with parameters other than NULL", k.algorithm)
		}
		return openPKCS1(private, k.encryptedKey, size), "rsa", nil
	case oidOAEP:
		contentKey, err = openOAEP(private, k.algorithm, k.encryptedKey)
		if err == nil && len(contentKey) != size {
			err = errFailed
		}
		return contentKey, "rsa-oaep", err
	}
	return nil, "", unsupported("%s", k.algorithm)
}

// openPKCS1 is RSAES-PKCS1-v1_5. A random key comes back for whatever is wrong, so that nobody who
// sends messages can tell right padding from wrong (RFC 3218, Section 2.3; RFC 5246, Section
// 7.4.7.1).
func openPKCS1(private crypto.Decrypter, encryptedKey []byte, size int) []byte {
	contentKey := make([]byte, size)
	_, _ = rand.Read(contentKey) // never fails
	// With SessionKeyLen crypto/rsa does the same; a key that lives elsewhere perhaps does not.
	opts := &rsa.PKCS1v15DecryptOptions{SessionKeyLen: size} //nolint:staticcheck // most mail has it
	opened, err := private.Decrypt(rand.Reader, encryptedKey, opts)
	if err == nil && len(opened) == size {
		subtle.ConstantTimeCopy(1, contentKey, opened)
	}
	return contentKey
}

// openOAEP is RSAES-OAEP with the parameters in alg.
func openOAEP(private crypto.Decrypter, alg algorithm.Identifier, encryptedKey []byte) ([]byte, error) {
	opts, err := readOAEP(alg)
	if err != nil {
		return nil, err
	}
	return private.Decrypt(rand.Reader, encryptedKey, opts)
}

// readOAEP reads RFC 4055, Section 4.1:
//
//	RSAES-OAEP-params ::= SEQUENCE {
//	  hashFunc     [0] HashAlgorithm       DEFAULT sha1Identifier,
//	  maskGenFunc  [1] MaskGenAlgorithm    DEFAULT mgf1SHA1Identifier,
//	  pSourceFunc  [2] PSourceAlgorithm    DEFAULT pSpecifiedEmpty }
func readOAEP(alg algorithm.Identifier) (*rsa.OAEPOptions, error) {
	unreadable := unsupported("%s with parameters that cannot be read", alg)
	outer := cryptobyte.String(alg.Parameters)
	var s, source cryptobyte.String
	var labelled bool
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() {
		return nil, unreadable
	}
	p, ok := algorithm.ReadHashParameters(&s)
	if !ok || !s.ReadOptionalASN1(&source, &labelled, context2) || !s.Empty() {
		return nil, unreadable
	}
	hash, ok := algorithm.PlainDigest(p.Hash)
	switch {
	case !ok:
		return nil, unsupported("%s with %s", alg, p.Hash)
	case string(p.Mask.OID) != algorithm.OIDMGF1:
		return nil, unsupported("%s with the mask generation function %s", alg, p.Mask)
	}
	inner, ok := p.MaskHash()
	if !ok {
		return nil, unreadable
	}
	mask, ok := algorithm.PlainDigest(inner)
	if !ok {
		return nil, unsupported("%s with MGF1 and %s", alg, inner)
	}
	opts := &rsa.OAEPOptions{Hash: hash, MGFHash: mask}
	if labelled {
		if opts.Label, ok = readLabel(source); !ok {
			return nil, unsupported("%s with a label that is not in the parameters", alg)
		}
	}
	return opts, nil
}

const context2 = cbasn1.Tag(ber.TagContext2)

// readLabel reads RFC 4055, Section 4: id-pSpecified with an OCTET STRING.
func readLabel(source cryptobyte.String) ([]byte, bool) {
	var alg algorithm.Identifier
	if !algorithm.Read(&source, &alg, cbasn1.SEQUENCE) || !source.Empty() || string(alg.OID) != oidPSpecified {
		return nil, false
	}
	parameters := cryptobyte.String(alg.Parameters)
	var label cryptobyte.String
	ok := parameters.ReadASN1(&label, cbasn1.OCTET_STRING) && parameters.Empty()
	return label, ok
}

// keyTransVersion is the version of a KeyTransRecipientInfo.
func (id recipientIdentifier) keyTransVersion() byte {
	if id.keyID != nil {
		return 2
	}
	return 0
}

// encryptKeyTrans is a KeyTransRecipientInfo.
func (e *encryption) encryptKeyTrans(pub *rsa.PublicKey, id recipientIdentifier, oaep bool) ([]byte, error) {
	alg := algorithm.Encode(oidRSA, ber.Null)
	encrypt := encryptPKCS1
	if oaep {
		// RFC 4055, Section 4.1: the digest and that of MGF1 should be the same.
		alg = algorithm.Encode(oidOAEP, ber.TLV(ber.TagSequence, algorithm.EncodeHashParameters(crypto.SHA256)))
		encrypt = encryptOAEP
	}
	encryptedKey, err := encrypt(pub, e.contentKey)
	if err != nil {
		return nil, fmt.Errorf("RSA: %w", err)
	}
	version := id.keyTransVersion()
	e.note(version)
	return ber.TLV(ber.TagSequence, []byte{ber.TagInteger, 1, version}, id.encode(), alg, ber.TLV(ber.TagOctetString, encryptedKey)), nil
}

func encryptPKCS1(pub *rsa.PublicKey, key []byte) ([]byte, error) {
	return rsa.EncryptPKCS1v15(rand.Reader, pub, key) //nolint:staticcheck // not every reader has OAEP
}

func encryptOAEP(pub *rsa.PublicKey, key []byte) ([]byte, error) {
	return rsa.EncryptOAEP(crypto.SHA256.New(), rand.Reader, pub, key, nil)
}
