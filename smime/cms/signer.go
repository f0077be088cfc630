package cms

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"

	"golang.org/x/crypto/cryptobyte"

	"dnseal/smime/cms/internal/ber"
)

// maxSigningRSABits is the largest RSA key that signs: every implementation accepts it (RFC 8551,
// Section 2.2).
const maxSigningRSABits = 4096

// minSaltLength is the shortest salt of RSASSA-PSS that is made where a key allows a shorter one
// than its digest: the default (RFC 4055, Section 3.1).
const minSaltLength = 20

// signer is a Signer whose key was checked.
type signer struct {
	scheme
	key crypto.Signer
	// What is the same in all its SignerInfos, as DER.
	version                             byte
	identifier                          []byte
	digestAlgorithm, signatureAlgorithm []byte
	attributes                          [][]byte
	// postQuantum signs beside it, and besideCertificates are sent with that signature.
	postQuantum        *signer
	besideCertificates []*x509.Certificate
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
	sr := &signer{
		scheme: chosen, key: s.Key,
		digestAlgorithm: chosen.digestAlgorithm(), signatureAlgorithm: chosen.signatureAlgorithm(),
	}
	// RFC 5652, Section 11.1; RFC 8551, Section 2.5.2; RFC 6211, Section 2.
	sr.attributes = [][]byte{contentTypeAttribute, capabilitiesAttribute, sr.algorithmProtection()}
	if s.Certificate == nil {
		return sr, sr.nameKey(pub)
	}
	return sr, sr.nameCertificate(s.Certificate, pub)
}

// nameKey names the signer by SubjectKeyIdentifier; RFC 5652, Section 5.3: version 3.
func (s *signer) nameKey(pub crypto.PublicKey) error {
	id, err := keyID(pub)
	if err != nil {
		return err
	}
	s.version, s.identifier = 3, ber.TLV(ber.TagImplicitOctet, id)
	return nil
}

// nameCertificate names the signer by issuerAndSerialNumber; RFC 5652, Section 5.3: version 1.
func (s *signer) nameCertificate(cert *x509.Certificate, pub crypto.PublicKey) error {
	if err := s.checkCertificate(cert, pub); err != nil {
		return err
	}
	s.version, s.identifier = 1, ber.TLV(ber.TagSequence, cert.RawIssuer, integer(cert.SerialNumber))
	// RFC 5035, Section 3.
	s.attributes = append(s.attributes, attribute(oidSigningCertificateV2, signingCertificateV2(cert)))
	return nil
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
	if err := s.checkKey(certified); err != nil {
		return fmt.Errorf("%w: the certificate allows its key RSASSA-PSS with other parameters only", ErrUnsupportedKey)
	}
	return nil
}

func keyID(pub crypto.PublicKey) ([]byte, error) {
	spki, err := MarshalPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("cms: public key: %w", err)
	}
	return SubjectKeyID(spki)
}

// signingScheme is the one scheme for each kind of key.
func signingScheme(pub crypto.PublicKey, pss bool) (scheme, error) {
	kind := kindOf(pub)
	if kind == nil || kind.digest == 0 {
		return scheme{}, fmt.Errorf("%w: RSA, P-256, P-384, P-521, Ed25519 and ML-DSA can sign", ErrUnsupportedKey)
	}
	s := scheme{family: kind.family, hash: kind.digest}
	if key := rsaKey(pub); key != nil {
		// RFC 8551, Section 2.2.
		if bits := key.N.BitLen(); bits < MinRSABits || bits > maxSigningRSABits {
			return scheme{}, fmt.Errorf("%w: RSA of %d bits; %d to %d can sign", ErrUnsupportedKey, bits, MinRSABits, maxSigningRSABits)
		}
		if pss {
			// RFC 4055, Section 3.1: the recommended salt is as long as the digest.
			s.family, s.saltLength = familyPSS, s.hash.Size()
		}
	}
	if key, ok := pub.(*PSSPublicKey); ok {
		return key.signingScheme(s)
	}
	return s, nil
}

// signingScheme is s as the parameters of the key have it: of their digest, with a salt as long as
// they ask (RFC 4055, Section 3.3).
func (k *PSSPublicKey) signingScheme(s scheme) (scheme, error) {
	if k.Hash != 0 {
		s.hash = k.Hash
	}
	// RFC 4055, Section 3.1: the recommended salt is as long as the digest. GnuTLS accepts no
	// longer one than the key asks for.
	s.saltLength = s.hash.Size()
	if k.MinSaltLength >= minSaltLength {
		s.saltLength = k.MinSaltLength
	}
	// RFC 8551, Section 2.1, does not allow a sender SHA-1.
	if s.hash == crypto.SHA1 {
		return scheme{}, fmt.Errorf("%w: an RSASSA-PSS key for SHA-1 only", ErrUnsupportedKey)
	}
	// RFC 8017, Section 9.1.1: digest, salt and two octets are in the encoded message, which has a
	// bit less than the modulus.
	if octets := (k.N.BitLen() + 6) / 8; s.hash.Size()+s.saltLength+2 > octets {
		return scheme{}, fmt.Errorf("%w: an RSASSA-PSS key that asks for a salt of %d octets, for which its modulus is too short", ErrUnsupportedKey, s.saltLength)
	}
	return s, nil
}

// SigningDigest is the digest algorithm of signatures that Sign makes with a key. The error is
// ErrUnsupportedKey for one that cannot sign.
func SigningDigest(pub crypto.PublicKey) (crypto.Hash, error) {
	s, err := signingScheme(pub, false)
	return s.hash, err
}

// signerInfo signs the content in d and returns the DER of RFC 5652, Section 5.3 (see
// parseSignerInfo). unsigned is that of its unsigned attributes.
func (s *signer) signerInfo(random io.Reader, d *Digests, unsigned []byte, opts *SignOptions) ([]byte, error) {
	attrs, err := s.signedAttributes(d.Sum(s.hash), opts)
	if err != nil {
		return nil, err
	}
	value, err := s.key.Sign(random, s.input(attrs), s.options())
	if err != nil {
		return nil, fmt.Errorf("cms: signing: %w", err)
	}
	// RFC 5652, Section 5.4: the signature is over the SET, which is sent as [0].
	attrs[0] = ber.TagContext0
	info := ber.TLV(
		ber.TagSequence,
		[]byte{ber.TagInteger, 1, s.version},
		s.identifier,
		s.digestAlgorithm,
		attrs,
		s.signatureAlgorithm,
		ber.TLV(ber.TagOctetString, value),
		unsigned,
	)
	if len(info) > MaxSignerSize {
		return nil, limitSignerSize.Exceeded()
	}
	return info, nil
}

// options are for crypto.Signer.
func (s *signer) options() crypto.SignerOpts {
	switch {
	case s.family == familyPSS:
		return &rsa.PSSOptions{SaltLength: s.saltLength, Hash: s.hash}
	case familyTable[s.family].pure:
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
