package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// maxSigningRSABits is the largest RSA key that signs: every implementation takes it (RFC 8551, Section 2.2).
const maxSigningRSABits = 4096

// signer is a Signer whose key was looked at.
type signer struct {
	scheme
	key         crypto.Signer
	certificate *x509.Certificate
	keyID       []byte // without a certificate
}

// newSigner chooses the algorithms and checks that certificate and key belong together.
func newSigner(s Signer) (*signer, error) {
	if s.Key == nil {
		return nil, errors.New("cms: a signer without key")
	}
	pub := s.Key.Public()
	chosen, err := signingScheme(pub, s.PSS)
	if err != nil {
		return nil, err
	}
	sr := &signer{scheme: chosen, key: s.Key, certificate: s.Certificate}
	if s.Certificate == nil {
		sr.keyID, err = keyID(pub)
	} else {
		err = chosen.checkCertificate(s.Certificate, pub)
	}
	if err != nil {
		return nil, err
	}
	return sr, nil
}

// checkCertificate says whether cert is for pub, and for signatures of this scheme.
func (s scheme) checkCertificate(cert *x509.Certificate, pub crypto.PublicKey) error {
	certified, err := PublicKey(cert)
	if err != nil {
		return err
	}
	if key, ok := certified.(interface{ Equal(crypto.PublicKey) bool }); !ok || !key.Equal(pub) {
		return errors.New("cms: the certificate is not that of the key")
	}
	if err := s.fits(certified); err != nil {
		return fmt.Errorf("%w: the certificate allows its key RSASSA-PSS with other parameters only", ErrUnsupportedKey)
	}
	return nil
}

func keyID(pub crypto.PublicKey) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("cms: public key: %w", err)
	}
	return SubjectKeyID(spki)
}

// signingScheme is the one scheme for each kind of key.
func signingScheme(pub crypto.PublicKey, pss bool) (scheme, error) {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		if bits := pub.N.BitLen(); bits < MinRSABits || bits > maxSigningRSABits {
			return scheme{}, fmt.Errorf("%w: RSA of %d bits; %d to %d can sign", ErrUnsupportedKey, bits, MinRSABits, maxSigningRSABits)
		}
		if pss {
			// RFC 4055, Section 3.1: the recommended salt is as long as the digest.
			return scheme{family: familyPSS, hash: crypto.SHA256, saltLength: crypto.SHA256.Size()}, nil
		}
		return scheme{family: familyRSA, hash: crypto.SHA256}, nil
	case *ecdsa.PublicKey:
		// RFC 5753, Section 9 (RFC 5480, Section 4): the digest as strong as the curve.
		if hash, ok := map[string]crypto.Hash{"p256": crypto.SHA256, "p384": crypto.SHA384, "p521": crypto.SHA512}[curveName(pub)]; ok {
			return scheme{family: familyECDSA, hash: hash}, nil
		}
	case ed25519.PublicKey:
		// RFC 8419, Section 3.1.
		return scheme{family: familyEd25519, hash: crypto.SHA512}, nil
	}
	return scheme{}, ErrUnsupportedKey
}

// version is RFC 5652, Section 5.3: 1 with issuerAndSerialNumber, 3 with subjectKeyIdentifier.
func (s *signer) version() byte {
	if s.certificate != nil {
		return 1
	}
	return 3
}

func (s *signer) identifier() []byte {
	if s.certificate == nil {
		return tlv(tagImplicitOctet, s.keyID)
	}
	return tlv(tagSequence, s.certificate.RawIssuer, integer(s.certificate.SerialNumber))
}

// signerInfo signs the content in d and returns the DER of RFC 5652, Section 5.3 (see parseSignerInfo).
func (s *signer) signerInfo(random io.Reader, d *Digests, at time.Time) ([]byte, error) {
	attrs, err := s.signedAttributes(d.Sum(s.hash), at)
	if err != nil {
		return nil, err
	}
	value, err := s.key.Sign(random, s.input(attrs), s.options())
	if err != nil {
		return nil, fmt.Errorf("cms: signing: %w", err)
	}
	attrs[0] = tagContext0
	return tlv(
		tagSequence,
		[]byte{tagInteger, 1, s.version()},
		s.identifier(),
		s.digestAlgorithm(),
		attrs,
		s.signatureAlgorithm(),
		tlv(tagOctetString, value),
	), nil
}

// options are for crypto.Signer.
func (s *signer) options() crypto.SignerOpts {
	switch s.family {
	case familyPSS:
		return &rsa.PSSOptions{SaltLength: s.saltLength, Hash: s.hash}
	case familyEd25519:
		return crypto.Hash(0)
	default:
		return s.hash
	}
}

func integer(n *big.Int) []byte {
	var b cryptobyte.Builder
	b.AddASN1BigInt(n)
	return b.BytesOrPanic()
}
