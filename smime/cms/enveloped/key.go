package enveloped

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/mlkem"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"dnseal/smime/cms"
)

// readyKey is what is the same whenever a key is used.
type readyKey struct {
	names     []keyName
	exchanger ecdh.KeyExchanger // nil for other kinds
}

// Ready returns k for decrypting often: what is the same each time is made now. The fields of the
// result must not be changed. The error says that k is of a kind that does not decrypt.
func (k Key) Ready() (Key, error) {
	if k.ready != nil {
		return k, nil
	}
	names, err := k.names()
	if err != nil {
		return Key{}, err
	}
	k.ready = &readyKey{names, k.exchanger()}
	return k, nil
}

// publicKey is the key in k, without its certificate.
func (k *Key) publicKey() (crypto.PublicKey, error) {
	switch key := k.Private.(type) {
	case *ecdsa.PrivateKey:
		return &key.PublicKey, nil
	case ecdh.KeyExchanger:
		return key.PublicKey(), nil
	case crypto.Decapsulator:
		return encapsulationKey(key.Encapsulator())
	case crypto.Decrypter:
		if pub, ok := key.Public().(*rsa.PublicKey); ok {
			return pub, nil
		}
	}
	return nil, k.unusable()
}

func (k *Key) unusable() error {
	return fmt.Errorf("enveloped: a key of type %T does not decrypt", k.Private)
}

// encapsulationKey is the ML-KEM key of e, which may live elsewhere.
func encapsulationKey(e crypto.Encapsulator) (crypto.PublicKey, error) {
	switch e.(type) {
	case *mlkem.EncapsulationKey768, *mlkem.EncapsulationKey1024:
		return e, nil
	}
	switch len(e.Bytes()) {
	case mlkem.EncapsulationKeySize768:
		return mlkem.NewEncapsulationKey768(e.Bytes())
	case mlkem.EncapsulationKeySize1024:
		return mlkem.NewEncapsulationKey1024(e.Bytes())
	}
	return nil, errors.New("enveloped: a key of another KEM than ML-KEM-768 or ML-KEM-1024")
}

// spki is the DER SubjectPublicKeyInfo of k.
func (k *Key) spki() ([]byte, error) {
	if k.Certificate != nil {
		return k.Certificate.RawSubjectPublicKeyInfo, k.check()
	}
	pub, err := k.publicKey()
	if err != nil {
		return nil, err
	}
	return marshal(pub)
}

// check says whether k is of a kind that decrypts.
func (k *Key) check() error {
	switch key := k.Private.(type) {
	case *ecdsa.PrivateKey, ecdh.KeyExchanger, crypto.Decapsulator:
		return nil
	case crypto.Decrypter:
		if _, ok := key.Public().(*rsa.PublicKey); ok {
			return nil
		}
	}
	return k.unusable()
}

func marshal(pub crypto.PublicKey) ([]byte, error) {
	spki, err := cms.MarshalPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("enveloped: public key: %w", err)
	}
	return spki, nil
}

// keyIDOf is the SubjectKeyIdentifier in cert, or else, and where cert is nil, that of RFC 5280,
// Section 4.2.1.2, method 1.
func keyIDOf(cert *x509.Certificate, spki []byte) ([]byte, error) {
	if cert != nil && len(cert.SubjectKeyId) > 0 {
		return cert.SubjectKeyId, nil
	}
	id, err := cms.SubjectKeyID(spki)
	if err != nil {
		return nil, fmt.Errorf("enveloped: public key: %w", err)
	}
	return id, nil
}

// exchanger is the ECDH key in k; nil where it is none.
func (k *Key) exchanger() ecdh.KeyExchanger {
	if k.ready != nil {
		return k.ready.exchanger
	}
	switch key := k.Private.(type) {
	case *ecdsa.PrivateKey:
		if exchanger, err := key.ECDH(); err == nil {
			return exchanger
		}
	case ecdh.KeyExchanger:
		return key
	}
	return nil
}

// decrypter is the RSA key in k with its public half; nil where it is none.
func (k *Key) decrypter() (crypto.Decrypter, *rsa.PublicKey) {
	key, ok := k.Private.(crypto.Decrypter)
	if !ok {
		return nil, nil
	}
	pub, ok := key.Public().(*rsa.PublicKey)
	if !ok {
		return nil, nil
	}
	return key, pub
}

// decapsulator is the ML-KEM key in k with its kind; nil where it is none.
func (k *Key) decapsulator() (crypto.Decapsulator, *kemRow) {
	switch key := k.Private.(type) {
	case *mlkem.DecapsulationKey768:
		return key, kemOf(mlkem.EncapsulationKeySize768)
	case *mlkem.DecapsulationKey1024:
		return key, kemOf(mlkem.EncapsulationKeySize1024)
	case crypto.Decapsulator:
		if row := kemOf(len(key.Encapsulator().Bytes())); row != nil {
			return key, row
		}
	}
	return nil, nil
}
