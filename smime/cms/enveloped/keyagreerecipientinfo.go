package enveloped

import (
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms"
	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
	"dnseal/smime/cms/internal/keywrap"
)

// curveRow is a curve of ECDH.
type curveRow struct {
	curve ecdh.Curve
	name  string // in Content.KeyEncryption
	oid   string // of the originator's key, as it is written
	// scheme is the key agreement that is written; every program newer than 2022 reads those of the
	// NIST curves, and RFC 8551, Section 2.3, wants that of X25519.
	scheme string
}

var curveTable = [...]curveRow{
	{ecdh.P256(), "ecdh-p256", oidECPublicKey, oidStdDHSHA256},
	{ecdh.P384(), "ecdh-p384", oidECPublicKey, oidStdDHSHA384},
	{ecdh.P521(), "ecdh-p521", oidECPublicKey, oidStdDHSHA512},
	{ecdh.X25519(), "x25519", oidX25519, oidStdDHHKDFSHA256},
}

func curveOf(c ecdh.Curve) *curveRow {
	for i := range curveTable {
		if curveTable[i].curve == c {
			return &curveTable[i]
		}
	}
	return nil
}

// agreeRow is a key agreement: a digest, and the KDF that it is used in.
type agreeRow struct {
	oid  string
	hash crypto.Hash
	hkdf bool
}

// agreeTable has the key agreements of RFC 5753, Section 7.1.4, and RFC 8418, Section 2. The
// cofactor of every curve here is 1, but of X25519, which has it in its arithmetic: with and
// without are the same.
var agreeTable = [...]agreeRow{
	{oidStdDHSHA256, crypto.SHA256, false},
	{oidStdDHSHA1, crypto.SHA1, false},
	{oidStdDHSHA224, crypto.SHA224, false},
	{oidStdDHSHA384, crypto.SHA384, false},
	{oidStdDHSHA512, crypto.SHA512, false},
	{oidCofactorDHSHA1, crypto.SHA1, false},
	{oidCofactorDHSHA224, crypto.SHA224, false},
	{oidCofactorDHSHA256, crypto.SHA256, false},
	{oidCofactorDHSHA384, crypto.SHA384, false},
	{oidCofactorDHSHA512, crypto.SHA512, false},
	{oidStdDHHKDFSHA256, crypto.SHA256, true},
	{oidStdDHHKDFSHA384, crypto.SHA384, true},
	{oidStdDHHKDFSHA512, crypto.SHA512, true},
}

func agreeOf(oid string) *agreeRow {
	for i := range agreeTable {
		if agreeTable[i].oid == oid {
			return &agreeTable[i]
		}
	}
	return nil
}

// keks are the key-encryption keys that a shared secret can stand for: one, but with HKDF and a ukm
// two. RFC 8418, Section 2.2, makes the ukm the salt too, and Bouncy Castle does not.
func (a *agreeRow) keks(secret, wrap, ukm []byte, size int) ([][]byte, error) {
	info := sharedInfo(wrap, ukm, size)
	if !a.hkdf {
		return [][]byte{kdfX963(a.hash, secret, info, size)}, nil
	}
	salts := [][]byte{ukm, nil}
	if ukm == nil {
		salts = salts[:1]
	}
	var out [][]byte
	for _, salt := range salts {
		kek, err := kdfHKDF(a.hash, secret, salt, info, size)
		if err != nil {
			return nil, err
		}
		out = append(out, kek)
	}
	return out, nil
}

// keyAgree is RFC 5652, Section 6.2.2, but for the recipients.
type keyAgree struct {
	originator   []byte // contents of the BIT STRING of originatorKey; nil where there is none
	originatorID string // OID of its algorithm
	ukm          []byte // nil where absent
	algorithm    algorithm.Identifier
}

// recipientKey is one RecipientEncryptedKey.
type recipientKey struct {
	*keyAgree
	encryptedKey []byte
}

// readKeyAgree reads the contents of
//
//	KeyAgreeRecipientInfo ::= SEQUENCE {
//	  version                 CMSVersion,
//	  originator              [0] EXPLICIT OriginatorIdentifierOrKey,
//	  ukm                     [1] EXPLICIT UserKeyingMaterial OPTIONAL,
//	  keyEncryptionAlgorithm  KeyEncryptionAlgorithmIdentifier,
//	  recipientEncryptedKeys  RecipientEncryptedKeys }
func (r *recipients) readKeyAgree(s cryptobyte.String) (malformed string) {
	var k keyAgree
	var version, originator, keys cryptobyte.String
	switch {
	case !s.ReadASN1(&version, cbasn1.INTEGER) || !r.versionFits(version, 3):
		return "version"
	case !s.ReadASN1(&originator, context0) || !k.readOriginator(originator):
		return "originator"
	case !readUKM(&s, context1, &k.ukm):
		return "ukm"
	case !algorithm.Read(&s, &k.algorithm, cbasn1.SEQUENCE):
		return "keyEncryptionAlgorithm"
	case !s.ReadASN1(&keys, cbasn1.SEQUENCE) || !s.Empty() || keys.Empty():
		return "recipientEncryptedKeys"
	}
	for !keys.Empty() && r.count <= MaxRecipients {
		if !r.readRecipientKey(&keys, &k) {
			return "recipientEncryptedKeys"
		}
	}
	return ""
}

// readRecipientKey reads
//
//	RecipientEncryptedKey ::= SEQUENCE {
//	  rid           KeyAgreeRecipientIdentifier,
//	  encryptedKey  EncryptedKey }
func (r *recipients) readRecipientKey(keys *cryptobyte.String, k *keyAgree) bool {
	var one, encryptedKey cryptobyte.String
	var id recipientIdentifier
	if !keys.ReadASN1(&one, cbasn1.SEQUENCE) || !readKeyAgreeIdentifier(&one, &id) || !one.ReadASN1(&encryptedKey, cbasn1.OCTET_STRING) || !one.Empty() {
		return false
	}
	r.add(id, &recipientKey{k, encryptedKey})
	return true
}

// readOriginator reads
//
//	OriginatorIdentifierOrKey ::= CHOICE {
//	  issuerAndSerialNumber  IssuerAndSerialNumber,
//	  subjectKeyIdentifier   [0] SubjectKeyIdentifier,
//	  originatorKey          [1] OriginatorPublicKey }
//
//	OriginatorPublicKey ::= SEQUENCE {
//	  algorithm  AlgorithmIdentifier,
//	  publicKey  BIT STRING }
//
// Of the first two, which are for static keys, nothing is kept. The parameters of algorithm are not
// looked at: the curve is that of the recipient's key, and the point must be on it.
func (k *keyAgree) readOriginator(s cryptobyte.String) bool {
	if !s.PeekASN1Tag(context1) {
		var id recipientIdentifier
		return readIdentifier(&s, &id) && s.Empty()
	}
	var key cryptobyte.String
	var alg algorithm.Identifier
	ok := s.ReadASN1(&key, context1) && s.Empty() && algorithm.Read(&key, &alg, cbasn1.SEQUENCE) &&
		key.ReadASN1BitStringAsBytes(&k.originator) && key.Empty()
	k.originatorID = string(alg.OID)
	return ok
}

// readUKM reads an optional UserKeyingMaterial with an explicit tag.
func readUKM(s *cryptobyte.String, tag cbasn1.Tag, ukm *[]byte) bool {
	var field, contents cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&field, &present, tag) || !present {
		return !present
	}
	ok := field.ReadASN1(&contents, cbasn1.OCTET_STRING) && field.Empty()
	*ukm = append([]byte{}, contents...)
	return ok
}

func (k *recipientKey) checked() bool { return true }

func (k *recipientKey) open(key *Key, size int) (contentKey []byte, method string, err error) {
	agree := agreeOf(string(k.algorithm.OID))
	if agree == nil {
		return nil, "", unsupported("%s", k.algorithm)
	}
	wrap, err := readWrap(k.algorithm.Parameters)
	switch {
	case err != nil:
		return nil, "", err
	case k.originator == nil:
		return nil, "", unsupported("%s with a static key of the originator", k.algorithm)
	case !wrap.fits(k.encryptedKey, size):
		return nil, "", errFailed
	}
	secret, method, err := k.sharedSecret(key)
	if err != nil {
		return nil, "", err
	}
	keks, err := agree.keks(secret, k.algorithm.Parameters, k.ukm, wrap.kekSize)
	if err != nil {
		return nil, "", err
	}
	for _, kek := range keks {
		if contentKey, err = wrap.unwrap(kek, k.encryptedKey); err == nil {
			return contentKey, method, nil
		}
	}
	return nil, "", errFailed
}

// sharedSecret is ECDH with the originator's key. A point that is not on the curve never reaches
// the private key, and one of small order, which makes the secret 0, is refused by crypto/ecdh (RFC
// 8418, Section 2; RFC 7748, Section 6.1).
func (k *recipientKey) sharedSecret(key *Key) (secret []byte, method string, err error) {
	private := key.exchanger()
	if private == nil {
		return nil, "", errFailed
	}
	row := curveOf(private.Curve())
	if row == nil || !row.isOriginator(k.originatorID) {
		return nil, "", errFailed
	}
	public, err := row.curve.NewPublicKey(k.originator)
	// RFC 7748, Section 5, ignores the first bit, which nobody sets: with it, a message could be
	// changed and still be read.
	if err != nil || row.curve == ecdh.X25519() && k.originator[len(k.originator)-1]&0x80 != 0 {
		return nil, "", errFailed
	}
	secret, err = private.ECDH(public)
	return secret, row.name, err
}

// isOriginator says whether a key with this algorithm can be on the curve.
func (c *curveRow) isOriginator(oid string) bool {
	// RFC 5753, Section 7.1.2: id-ecPublicKey; RFC 5480, Section 2.1.2: id-ecDH.
	return oid == c.oid || c.oid == oidECPublicKey && oid == oidECDH
}

// encryptKeyAgree is a KeyAgreeRecipientInfo for one recipient. RFC 5652, Section 6.2.2: version 3.
func (e *encryption) encryptKeyAgree(pub *ecdh.PublicKey, id recipientIdentifier) ([]byte, error) {
	own, err := e.ephemeral(pub.Curve())
	if err != nil {
		return nil, err
	}
	secret, err := own.private.ECDH(pub)
	if err != nil {
		return nil, fmt.Errorf("ECDH: %w", err)
	}
	keks, err := own.agree.keks(secret, own.wrap, nil, e.wrap().kekSize)
	if err != nil {
		return nil, fmt.Errorf("wrapping the key: %w", err)
	}
	encryptedKey, err := keywrap.Wrap(keks[0], e.contentKey)
	if err != nil {
		return nil, fmt.Errorf("wrapping the key: %w", err)
	}
	e.note(3)
	key := ber.TLV(ber.TagSequence, id.encodeKeyAgree(), ber.TLV(ber.TagOctetString, encryptedKey))
	return ber.TLV(ber.TagContext1, own.head, ber.TLV(ber.TagSequence, key)), nil
}

// ephemeral is the originator's key on a curve, and what it brings with it.
type ephemeral struct {
	private *ecdh.PrivateKey
	agree   *agreeRow
	wrap    []byte // DER of the key wrap
	head    []byte // version, originator and keyEncryptionAlgorithm
}

// ephemeral is the originator's key on a curve: one for all recipients of a message, as NIST SP
// 800-56A, Section 5.6.3.3, allows where one sends the same to many.
func (e *encryption) ephemeral(c ecdh.Curve) (*ephemeral, error) {
	if own := e.ephemerals[c]; own != nil {
		return own, nil
	}
	row := curveOf(c)
	if row == nil {
		return nil, cms.ErrUnsupportedKey
	}
	private, err := c.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	own := &ephemeral{private: private, agree: agreeOf(row.scheme), wrap: algorithm.Encode(e.wrap().oid, nil)}
	key := ber.TLV(ber.TagContext1, algorithm.Encode(row.oid, nil), ber.TLV(ber.TagBitString, []byte{0}, private.PublicKey().Bytes()))
	own.head = slices.Concat([]byte{ber.TagInteger, 1, 3}, ber.TLV(ber.TagContext0, key), algorithm.Encode(row.scheme, own.wrap))
	e.ephemerals[c] = own
	return own, nil
}
