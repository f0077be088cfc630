package handover

import (
	"crypto/sha256"

	"dnseal/sender/fleet"
	"dnseal/sender/identity"
	"dnseal/smime/certificate"
	"dnseal/smime/cms"
)

// publicKey reads a public key or a certificate as fleet enroll does, see [fleet.DecodeKey].
func publicKey(column, text string) (spki, cert []byte, err error) {
	data, err := fleet.PublicKeyText(column, text, nil)
	if err != nil {
		return nil, nil, err
	}
	id, err := identity.ReadPublicKey(data)
	if err != nil {
		return nil, nil, err
	}
	if id.Certificate != nil {
		return nil, id.Certificate.Raw, nil
	}
	spki, err = cms.MarshalPublicKey(id.Public)
	return spki, nil, err
}

// keyDigest is the same for a key and for a certificate of it.
func keyDigest(spki, cert []byte) (d [16]byte) {
	if c, err := certificate.Parse(cert); err == nil {
		spki = c.RawSubjectPublicKeyInfo
	}
	sum := sha256.Sum256(spki)
	copy(d[:], sum[:])
	return d
}
