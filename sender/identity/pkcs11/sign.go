//go:build cgo && pkcs11

package pkcs11

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"

	"github.com/miekg/pkcs11"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// operation is a signature as a token makes it.
type operation struct {
	mechanism *pkcs11.Mechanism
	input     []byte
	// finish makes what crypto.Signer returns of what the token returned; nil: it is the same.
	finish func([]byte) ([]byte, error)
}

var errOptions = errors.New("these options do not fit to the key")

// operationFor says how a token signs a digest with a key.
func operationFor(pub crypto.PublicKey, digest []byte, opts crypto.SignerOpts) (operation, error) {
	if opts == nil {
		return operation{}, errOptions
	}
	hash := opts.HashFunc()
	if hash != 0 && len(digest) != hash.Size() {
		return operation{}, fmt.Errorf("a digest of %d octets is none of %s", len(digest), hash)
	}
	switch key := pub.(type) {
	case *rsa.PublicKey:
		if pss, ok := opts.(*rsa.PSSOptions); ok {
			return pssOperation(key, digest, pss)
		}
		return pkcs1Operation(digest, hash)
	case *ecdsa.PublicKey:
		return ecdsaOperation(key, digest, hash)
	case ed25519.PublicKey:
		if o, ok := opts.(*ed25519.Options); hash != 0 || ok && o.Context != "" {
			return operation{}, errOptions
		}
		return operation{mechanism: pkcs11.NewMechanism(mechanismEdDSA, nil), input: digest}, nil
	}
	return operation{}, errOptions
}

// digestInfos are what stands before the digest: RFC 8017, Section 9.2, Note 1.
var digestInfos = map[crypto.Hash]string{
	crypto.SHA1:   "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
	crypto.SHA256: "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
	crypto.SHA384: "\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
	crypto.SHA512: "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
}

// pkcs1Operation has the digest algorithm in its input: CKM_RSA_PKCS, which every token has.
func pkcs1Operation(digest []byte, hash crypto.Hash) (operation, error) {
	info := digestInfos[hash]
	if info == "" {
		return operation{}, errOptions
	}
	return operation{mechanism: pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS, nil), input: append([]byte(info), digest...)}, nil
}

// pssHashes are CKM_ and CKG_ of a digest.
var pssHashes = map[crypto.Hash][2]uint{
	crypto.SHA1:   {pkcs11.CKM_SHA_1, pkcs11.CKG_MGF1_SHA1},
	crypto.SHA256: {pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256},
	crypto.SHA384: {pkcs11.CKM_SHA384, pkcs11.CKG_MGF1_SHA384},
	crypto.SHA512: {pkcs11.CKM_SHA512, pkcs11.CKG_MGF1_SHA512},
}

func pssOperation(key *rsa.PublicKey, digest []byte, opts *rsa.PSSOptions) (operation, error) {
	numbers, ok := pssHashes[opts.Hash]
	salt := opts.SaltLength
	switch salt {
	case rsa.PSSSaltLengthEqualsHash:
		salt = opts.Hash.Size()
	case rsa.PSSSaltLengthAuto:
		// RFC 8017, Section 9.1.1: the longest that there is place for.
		salt = (key.N.BitLen()-1+7)/8 - 2 - opts.Hash.Size()
	}
	if !ok || salt < 0 {
		return operation{}, errOptions
	}
	// CK_RSA_PKCS_PSS_PARAMS has no pointers in it.
	parameters := pkcs11.NewPSSParams(numbers[0], numbers[1], uint(salt))
	return operation{mechanism: pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_PSS, parameters), input: digest}, nil
}

// ecdsaOperation: the token returns both numbers in fixed lengths (PKCS #11 2.40, Section 2.3.1).
func ecdsaOperation(key *ecdsa.PublicKey, digest []byte, hash crypto.Hash) (operation, error) {
	if hash == 0 {
		return operation{}, errOptions
	}
	octets := (key.Params().N.BitLen() + 7) / 8
	// SEC 1, Section 4.1.3: the leftmost bits; not all tokens cut them off.
	digest = digest[:min(len(digest), octets)]
	finish := func(sig []byte) ([]byte, error) {
		if len(sig) != 2*octets {
			return nil, fmt.Errorf("the token returned an ECDSA signature of %d octets instead of %d", len(sig), 2*octets)
		}
		var b cryptobyte.Builder
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1BigInt(new(big.Int).SetBytes(sig[:octets]))
			b.AddASN1BigInt(new(big.Int).SetBytes(sig[octets:]))
		})
		return b.Bytes()
	}
	return operation{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil), digest, finish}, nil
}

// in makes the signature with one session. pin is for a key that wants it each time.
func (o operation) in(c cryptoki, s pkcs11.SessionHandle, key pkcs11.ObjectHandle, pin string) ([]byte, error) {
	if err := c.SignInit(s, []*pkcs11.Mechanism{o.mechanism}, key); err != nil {
		return nil, err
	}
	if pin != "" {
		if err := c.Login(s, pkcs11.CKU_CONTEXT_SPECIFIC, pin); err != nil {
			return nil, err
		}
	}
	sig, err := c.Sign(s, o.input)
	if err != nil || o.finish == nil {
		return sig, err
	}
	return o.finish(sig)
}
