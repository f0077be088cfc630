package enveloped

import (
	"crypto"
	"crypto/hkdf"
	_ "crypto/sha256" // SHA-224, which only old KDFs have
	"encoding/binary"
	"hash"

	"dnseal/smime/cms/internal/ber"
)

// kdfX963 is the KDF of ANSI X9.63 (SEC 1, Section 3.6.1): the digests of the shared secret, a
// counter and info, in a row.
func kdfX963(h crypto.Hash, secret, info []byte, size int) []byte {
	return countedDigests(h, size, func(d hash.Hash, counter []byte) {
		d.Write(secret)
		d.Write(counter)
		d.Write(info)
	})
}

// kdf3 is KDF3 of ANSI X9.44 (RFC 9690, Appendix A.1): as kdfX963, with the counter in front.
func kdf3(h crypto.Hash, secret, info []byte, size int) []byte {
	return countedDigests(h, size, func(d hash.Hash, counter []byte) {
		d.Write(counter)
		d.Write(secret)
		d.Write(info)
	})
}

func countedDigests(h crypto.Hash, size int, write func(d hash.Hash, counter []byte)) []byte {
	var out []byte
	var counter [4]byte
	d := h.New()
	for i := uint32(1); len(out) < size; i++ {
		binary.BigEndian.PutUint32(counter[:], i)
		d.Reset()
		write(d, counter[:])
		out = d.Sum(out)
	}
	return out[:size]
}

// kdfHKDF is RFC 5869.
func kdfHKDF(h crypto.Hash, secret, salt, info []byte, size int) ([]byte, error) {
	return hkdf.Key(h.New, secret, salt, string(info), size)
}

// sharedInfo is the DER of RFC 5753, Section 7.2:
//
//	ECC-CMS-SharedInfo ::= SEQUENCE {
//	  keyInfo      AlgorithmIdentifier,
//	  entityUInfo  [0] EXPLICIT OCTET STRING OPTIONAL,
//	  suppPubInfo  [2] EXPLICIT OCTET STRING }
//
// keyInfo is the wrap algorithm as it stands in the message, entityUInfo the ukm, nil where there
// is none, and suppPubInfo the length of the key-encryption key in bits.
func sharedInfo(wrap, ukm []byte, kekSize int) []byte {
	var entityUInfo []byte
	if ukm != nil {
		entityUInfo = ber.TLV(ber.TagContext0, ber.TLV(ber.TagOctetString, ukm))
	}
	suppPubInfo := binary.BigEndian.AppendUint32(nil, uint32(8*kekSize))
	return ber.TLV(ber.TagSequence, wrap, entityUInfo, ber.TLV(ber.TagContext2, ber.TLV(ber.TagOctetString, suppPubInfo)))
}
