package enveloped

import (
	"crypto"
	"crypto/mlkem"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
	"dnseal/smime/cms/internal/keywrap"
)

// kemRow is a KEM of RFC 9936.
type kemRow struct {
	oid            string
	name           string // in Content.KeyEncryption
	publicKeySize  int
	ciphertextSize int
}

var kemTable = [...]kemRow{
	{oidMLKEM768, "ml-kem-768", mlkem.EncapsulationKeySize768, mlkem.CiphertextSize768},
	{oidMLKEM1024, "ml-kem-1024", mlkem.EncapsulationKeySize1024, mlkem.CiphertextSize1024},
}

func kemOf(publicKeySize int) *kemRow {
	for i := range kemTable {
		if kemTable[i].publicKeySize == publicKeySize {
			return &kemTable[i]
		}
	}
	return nil
}

// kemRecipient is RFC 9629, Section 3, without what identifies the recipient.
type kemRecipient struct {
	kem, kdf                 algorithm.Identifier
	ciphertext, encryptedKey []byte
	kekLength                int
	ukm                      []byte // nil where absent
	wrap                     []byte // DER of an AlgorithmIdentifier
}

// readKEM reads the contents of
//
//	KEMRecipientInfo ::= SEQUENCE {
//	  version       CMSVersion,
//	  rid           RecipientIdentifier,
//	  kem           KEMAlgorithmIdentifier,
//	  kemct         OCTET STRING,
//	  kdf           KeyDerivationAlgorithmIdentifier,
//	  kekLength     INTEGER (1..65535),
//	  ukm           [0] EXPLICIT UserKeyingMaterial OPTIONAL,
//	  wrap          KeyEncryptionAlgorithmIdentifier,
//	  encryptedKey  EncryptedKey }
func (r *recipients) readKEM(s cryptobyte.String) (malformed string) {
	var id recipientIdentifier
	var k kemRecipient
	var version, ciphertext, wrap, encryptedKey cryptobyte.String
	switch {
	case !s.ReadASN1(&version, cbasn1.INTEGER) || !r.versionFits(version, 0):
		return "version"
	case !readIdentifier(&s, &id):
		return "rid"
	case !algorithm.Read(&s, &k.kem, cbasn1.SEQUENCE):
		return "kem"
	case !s.ReadASN1(&ciphertext, cbasn1.OCTET_STRING):
		return "kemct"
	case !algorithm.Read(&s, &k.kdf, cbasn1.SEQUENCE):
		return "kdf"
	case !s.ReadASN1Integer(&k.kekLength):
		return "kekLength"
	case !readUKM(&s, context0, &k.ukm):
		return "ukm"
	case !s.ReadASN1Element(&wrap, cbasn1.SEQUENCE):
		return "wrap"
	case !s.ReadASN1(&encryptedKey, cbasn1.OCTET_STRING) || !s.Empty():
		return "encryptedKey"
	}
	k.ciphertext, k.wrap, k.encryptedKey = ciphertext, wrap, encryptedKey
	r.add(id, &k)
	return ""
}

func (k *kemRecipient) checked() bool { return true }

func (k *kemRecipient) open(key *Key, size int) (contentKey []byte, method string, err error) {
	row, err := k.row()
	if err != nil {
		return nil, "", err
	}
	derive, err := k.derivation()
	if err != nil {
		return nil, "", err
	}
	wrap, err := readWrap(k.wrap)
	if err != nil {
		return nil, "", err
	}
	private, kind := key.decapsulator()
	if kind != row || len(k.ciphertext) != row.ciphertextSize || k.kekLength != wrap.kekSize || !wrap.fits(k.encryptedKey, size) {
		return nil, "", errFailed
	}
	// A ciphertext that was changed makes another secret (FIPS 203, Section 7.3).
	secret, err := private.Decapsulate(k.ciphertext)
	if err != nil {
		return nil, "", err
	}
	kek, err := derive(secret)
	if err != nil {
		return nil, "", err
	}
	contentKey, err = wrap.unwrap(kek, k.encryptedKey)
	return contentKey, row.name, err
}

func (k *kemRecipient) row() (*kemRow, error) {
	for i := range kemTable {
		// RFC 9936, Section 2.1: parameters are absent.
		if string(k.kem.OID) == kemTable[i].oid && k.kem.Parameters == nil {
			return &kemTable[i], nil
		}
	}
	return nil, unsupported("%s", k.kem)
}

// derivation is the key derivation function: HKDF (RFC 9936, Section 2.3.1), or the KDF3 that
// Bouncy Castle 1.80 writes, of RFC 9690, Appendix A.1, whose parameters are a digest.
func (k *kemRecipient) derivation() (func(secret []byte) ([]byte, error), error) {
	info := otherInfo(k.wrap, k.kekLength, k.ukm)
	if string(k.kdf.OID) == oidKDF3 {
		parameters := cryptobyte.String(k.kdf.Parameters)
		var digest algorithm.Identifier
		hash, ok := crypto.Hash(0), algorithm.Read(&parameters, &digest, cbasn1.SEQUENCE) && parameters.Empty()
		if ok {
			hash, ok = algorithm.PlainDigest(digest)
		}
		if !ok {
			return nil, unsupported("%s with a digest that is not known", k.kdf)
		}
		return func(secret []byte) ([]byte, error) { return kdf3(hash, secret, info, k.kekLength), nil }, nil
	}
	hash := map[string]crypto.Hash{oidHKDFSHA256: crypto.SHA256, oidHKDFSHA384: crypto.SHA384, oidHKDFSHA512: crypto.SHA512}[string(k.kdf.OID)]
	// RFC 8619, Section 2: parameters are absent.
	if hash == 0 || k.kdf.Parameters != nil {
		return nil, unsupported("%s", k.kdf)
	}
	return func(secret []byte) ([]byte, error) { return kdfHKDF(hash, secret, nil, info, k.kekLength) }, nil
}

// otherInfo is the DER of RFC 9629, Section 5:
//
//	CMSORIforKEMOtherInfo ::= SEQUENCE {
//	  wrap       KeyEncryptionAlgorithmIdentifier,
//	  kekLength  INTEGER (1..65535),
//	  ukm        [0] EXPLICIT UserKeyingMaterial OPTIONAL }
func otherInfo(wrap []byte, kekLength int, ukm []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1Int64(int64(kekLength))
	var material []byte
	if ukm != nil {
		material = ber.TLV(ber.TagContext0, ber.TLV(ber.TagOctetString, ukm))
	}
	return ber.TLV(ber.TagSequence, wrap, b.BytesOrPanic(), material)
}

// encryptKEM is an OtherRecipientInfo with a KEMRecipientInfo. RFC 5652, Section 6.1: it makes the
// version of EnvelopedData 3.
func (e *encryption) encryptKEM(row *kemRow, secret, ciphertext []byte, id recipientIdentifier) ([]byte, error) {
	kind := e.wrap()
	wrap := algorithm.Encode(kind.oid, nil)
	kek, err := kdfHKDF(crypto.SHA256, secret, nil, otherInfo(wrap, kind.kekSize, nil), kind.kekSize)
	if err != nil {
		return nil, fmt.Errorf("wrapping the key: %w", err)
	}
	encryptedKey, err := keywrap.Wrap(kek, e.contentKey)
	if err != nil {
		return nil, fmt.Errorf("wrapping the key: %w", err)
	}
	e.other = true
	info := ber.TLV(
		ber.TagSequence,
		[]byte{ber.TagInteger, 1, 0},
		id.encode(),
		algorithm.Encode(row.oid, nil),
		ber.TLV(ber.TagOctetString, ciphertext),
		algorithm.Encode(oidHKDFSHA256, nil),
		[]byte{ber.TagInteger, 1, byte(kind.kekSize)},
		wrap,
		ber.TLV(ber.TagOctetString, encryptedKey),
	)
	return ber.TLV(ber.TagContext3+1, ber.TLV(ber.TagOID, []byte(oidKEMRecipientInfo)), info), nil
}
