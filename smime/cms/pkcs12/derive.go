//go:build !submit

package pkcs12

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/ber"
)

// oidHMAC begins the OIDs of RFC 8018, Appendix B.1.
const oidHMAC = "\x2a\x86\x48\x86\xf7\x0d\x02"

const oidHMACWithSHA256 = oidHMAC + "\x09"

var hmacs = map[string]func() hash.Hash{
	oidHMAC + "\x07": sha1.New, oidHMACWithSHA256: sha256.New, oidHMAC + "\x0a": sha512.New384, oidHMAC + "\x0b": sha512.New,
}

// countCipher reads the AlgorithmIdentifier of a cipher whose key is made of the password, and
// counts its iterations.
func (p *pfx) countCipher(s *cryptobyte.String) error {
	oid, parameters, ok := readAlgorithm(s)
	if !ok {
		return fmt.Errorf("%w: encryption algorithm", ErrMalformed)
	}
	var inner cryptobyte.String
	switch {
	case !parameters.ReadASN1(&inner, cbasn1.SEQUENCE):
		return fmt.Errorf("%w: parameters of the encryption", ErrMalformed)
	// RFC 8018, Appendix A.4.
	case oid == oidPBES2:
		kdf, err := parsePBKDF2(&inner)
		if err != nil {
			return err
		}
		return p.work(int64(kdf.iterations))
	// RFC 7292, Appendix C: SEQUENCE { salt OCTET STRING, iterations INTEGER }. Key and
	// initialization vector are two derivations.
	case strings.HasPrefix(oid, oidPBE):
		var iterations int64
		if !inner.SkipASN1(cbasn1.OCTET_STRING) || !inner.ReadASN1Integer(&iterations) || iterations > MaxIterations {
			return fmt.Errorf("%w: parameters of the encryption", ErrMalformed)
		}
		return p.work(2 * iterations)
	}
	return fmt.Errorf("%w: the encryption algorithm", ErrUnsupported)
}

// pbkdf2Parameters are RFC 8018, Appendix A.2:
//
//	PBKDF2-params ::= SEQUENCE {
//	  salt            OCTET STRING,
//	  iterationCount  INTEGER,
//	  keyLength       INTEGER OPTIONAL,
//	  prf             AlgorithmIdentifier DEFAULT algid-hmacWithSHA1 }
type pbkdf2Parameters struct {
	salt       []byte
	iterations int
	keyLength  int // 0: not given
	prf        func() hash.Hash
}

func parsePBKDF2(s *cryptobyte.String) (kdf pbkdf2Parameters, err error) {
	oid, parameters, ok := readAlgorithm(s)
	if ok && oid != oidPBKDF2 {
		return kdf, fmt.Errorf("%w: the key derivation", ErrUnsupported)
	}
	var inner, salt cryptobyte.String
	if !ok || !parameters.ReadASN1(&inner, cbasn1.SEQUENCE) || !inner.ReadASN1(&salt, cbasn1.OCTET_STRING) ||
		!inner.ReadASN1Integer(&kdf.iterations) || inner.PeekASN1Tag(cbasn1.INTEGER) && !inner.ReadASN1Integer(&kdf.keyLength) {
		return kdf, fmt.Errorf("%w: PBKDF2", ErrMalformed)
	}
	kdf.salt, kdf.prf = salt, sha1.New
	if inner.Empty() {
		return kdf, nil
	}
	prf, _, ok := readAlgorithm(&inner)
	if kdf.prf = hmacs[prf]; !ok || kdf.prf == nil {
		return kdf, fmt.Errorf("%w: the function of PBKDF2", ErrUnsupported)
	}
	return kdf, nil
}

// pbmac1 are the parameters of RFC 8018, Appendix A.5.
type pbmac1 struct {
	kdf  pbkdf2Parameters
	hash func() hash.Hash
}

// The lengths of a key for PBMAC1: a short one lets a guess pass (RFC 9879, Section 4).
const (
	minMACKey = 20
	maxMACKey = 64
)

func parsePBMAC1(parameters cryptobyte.String) (*pbmac1, error) {
	var s cryptobyte.String
	if !parameters.ReadASN1(&s, cbasn1.SEQUENCE) {
		return nil, fmt.Errorf("%w: PBMAC1", ErrMalformed)
	}
	kdf, err := parsePBKDF2(&s)
	if err != nil {
		return nil, err
	}
	oid, _, ok := readAlgorithm(&s)
	m := &pbmac1{kdf, hmacs[oid]}
	if !ok || m.hash == nil || kdf.keyLength < minMACKey || kdf.keyLength > maxMACKey {
		return nil, fmt.Errorf("%w: PBMAC1 with these parameters", ErrUnsupported)
	}
	return m, nil
}

// sum is the MAC of content.
func (m *pbmac1) sum(password string, content []byte) ([]byte, error) {
	// RFC 9879, Section 6: the password is UTF-8.
	key, err := pbkdf2.Key(m.kdf.prf, password, m.kdf.salt, m.kdf.iterations, m.kdf.keyLength)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(m.hash, key)
	mac.Write(content)
	return mac.Sum(nil), nil
}

func (m *pbmac1) right(password string, content, value []byte) bool {
	sum, err := m.sum(password, content)
	return err == nil && hmac.Equal(sum, value)
}

// newPBMAC1 writes MacData (RFC 9879, Section 4) of one iteration.
func newPBMAC1(password string, salt, content []byte) ([]byte, error) {
	m := pbmac1{pbkdf2Parameters{salt: salt, iterations: 1, keyLength: sha256.Size, prf: sha256.New}, sha256.New}
	sum, err := m.sum(password, content)
	if err != nil {
		return nil, err
	}
	sequence := func(parts ...[]byte) []byte { return ber.TLV(ber.TagSequence, parts...) }
	oid := func(s string) []byte { return ber.TLV(ber.TagOID, []byte(s)) }
	octets := func(b []byte) []byte { return ber.TLV(ber.TagOctetString, b) }
	one, hmacSHA256 := []byte{ber.TagInteger, 1, 1}, sequence(oid(oidHMACWithSHA256))
	kdf := sequence(oid(oidPBKDF2), sequence(octets(salt), one, []byte{ber.TagInteger, 1, sha256.Size}, hmacSHA256))
	algorithm := sequence(oid(oidPBMAC1), sequence(kdf, hmacSHA256))
	return sequence(sequence(algorithm, octets(sum)), octets(salt), one), nil
}
