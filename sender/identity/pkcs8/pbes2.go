package pkcs8

import (
	"crypto/pbkdf2"
	"crypto/sha1" // RFC 8018, Appendix B.1.1: the default of PBKDF2
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/scrypt"
)

// The contents octets of OIDs.
const (
	oidPBES2          = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d" // RFC 8018, Appendix A.4
	oidPBKDF2         = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c" // Appendix A.2
	oidScrypt         = "\x2b\x06\x01\x04\x01\xda\x47\x04\x0b" // RFC 7914, Section 7.1
	oidHMAC           = "\x2a\x86\x48\x86\xf7\x0d\x02"         // RFC 8018, Appendix B.1
	oidAES            = "\x60\x86\x48\x01\x65\x03\x04\x01"     // Appendix B.2.2
	oidHMACWithSHA256 = oidHMAC + "\x09"
	oidAES256CBC      = oidAES + "\x2a"
)

// hmacs are the functions of PBKDF2 by their OIDs.
var hmacs = map[string]func() hash.Hash{
	oidHMAC + "\x07": sha1.New, oidHMAC + "\x08": sha256.New224, oidHMACWithSHA256: sha256.New, oidHMAC + "\x0a": sha512.New384, oidHMAC + "\x0b": sha512.New,
}

// pbes2 is an encryption scheme with its parameters.
type pbes2 struct {
	kdf    deriver
	cipher blockCipher
	iv     []byte
}

// deriver makes a key of a passphrase. Its costs are within the limits.
type deriver interface {
	derive(passphrase string, length int) ([]byte, error)
}

// parsePBES2 reads an AlgorithmIdentifier.
// RFC 8018, Appendix A.4.
func parsePBES2(s *cryptobyte.String) (*pbes2, error) {
	oid, parameters, ok := readAlgorithm(s)
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: encryptionAlgorithm", ErrMalformed)
	case oid != oidPBES2:
		return nil, fmt.Errorf("%w: an encryption other than PBES2", ErrUnsupported)
	}
	var both cryptobyte.String
	if !parameters.ReadASN1(&both, cbasn1.SEQUENCE) {
		return nil, fmt.Errorf("%w: PBES2", ErrMalformed)
	}
	kdf, err := parseKDF(&both)
	if err != nil {
		return nil, err
	}
	oid, parameters, ok = readAlgorithm(&both)
	scheme := &pbes2{kdf: kdf}
	if scheme.cipher = ciphers[oid]; ok && scheme.cipher.block == nil {
		return nil, fmt.Errorf("%w: a cipher other than AES-CBC and 3DES-CBC", ErrUnsupported)
	}
	if !ok || !parameters.ReadASN1((*cryptobyte.String)(&scheme.iv), cbasn1.OCTET_STRING) {
		return nil, fmt.Errorf("%w: encryptionScheme", ErrMalformed)
	}
	return scheme, nil
}

func parseKDF(s *cryptobyte.String) (deriver, error) {
	oid, parameters, ok := readAlgorithm(s)
	var inner cryptobyte.String
	if !ok || !parameters.ReadASN1(&inner, cbasn1.SEQUENCE) {
		return nil, fmt.Errorf("%w: keyDerivationFunc", ErrMalformed)
	}
	switch oid {
	case oidPBKDF2:
		return parsePBKDF2(inner)
	case oidScrypt:
		return parseScrypt(inner)
	}
	return nil, fmt.Errorf("%w: a key derivation other than PBKDF2 and scrypt", ErrUnsupported)
}

// pbkdf2Parameters are those of RFC 8018, Appendix A.2.
type pbkdf2Parameters struct {
	salt       []byte
	iterations int
	prf        func() hash.Hash
}

func parsePBKDF2(s cryptobyte.String) (deriver, error) {
	k := &pbkdf2Parameters{prf: sha1.New}
	var length int // that of the cipher counts
	if !s.ReadASN1((*cryptobyte.String)(&k.salt), cbasn1.OCTET_STRING) || !s.ReadASN1Integer(&k.iterations) ||
		s.PeekASN1Tag(cbasn1.INTEGER) && !s.ReadASN1Integer(&length) {
		return nil, fmt.Errorf("%w: PBKDF2", ErrMalformed)
	}
	if k.iterations < 1 || k.iterations > MaxIterations {
		return nil, fmt.Errorf("%w: %d iterations; at most %d", ErrUnsupported, k.iterations, MaxIterations)
	}
	if s.Empty() {
		return k, nil
	}
	oid, _, ok := readAlgorithm(&s)
	if k.prf = hmacs[oid]; !ok || k.prf == nil {
		return nil, fmt.Errorf("%w: the function of PBKDF2", ErrUnsupported)
	}
	return k, nil
}

func (k *pbkdf2Parameters) derive(passphrase string, length int) ([]byte, error) {
	return pbkdf2.Key(k.prf, passphrase, k.salt, k.iterations, length)
}

// scryptParameters are those of RFC 7914, Section 7.1.
type scryptParameters struct {
	salt    []byte
	n, r, p int
}

func parseScrypt(s cryptobyte.String) (deriver, error) {
	k := new(scryptParameters)
	if !s.ReadASN1((*cryptobyte.String)(&k.salt), cbasn1.OCTET_STRING) || !s.ReadASN1Integer(&k.n) || !s.ReadASN1Integer(&k.r) || !s.ReadASN1Integer(&k.p) {
		return nil, fmt.Errorf("%w: scrypt", ErrMalformed)
	}
	if k.n < 2 || k.n > maxMemory || k.r < 1 || k.r > maxMemory || k.p < 1 || k.p > maxParallel || int64(128)*int64(k.n)*int64(k.r) > maxMemory {
		return nil, fmt.Errorf("%w: scrypt with N=%d, r=%d, p=%d; at most %d MiB and p=%d", ErrUnsupported, k.n, k.r, k.p, maxMemory>>20, maxParallel)
	}
	return k, nil
}

func (k *scryptParameters) derive(passphrase string, length int) ([]byte, error) {
	return scrypt.Key([]byte(passphrase), k.salt, k.n, k.r, k.p, length)
}

// readAlgorithm reads an AlgorithmIdentifier (RFC 5280, Section 4.1.1.2).
func readAlgorithm(s *cryptobyte.String) (oid string, parameters cryptobyte.String, ok bool) {
	var algorithm, id cryptobyte.String
	ok = s.ReadASN1(&algorithm, cbasn1.SEQUENCE) && algorithm.ReadASN1(&id, cbasn1.OBJECT_IDENTIFIER)
	return string(id), algorithm, ok
}
