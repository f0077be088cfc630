package handover

import (
	"dnseal/sender/fleet"
	"dnseal/sender/identity"
	"dnseal/smime/cms"
)

// publicKey reads a public key or a certificate as fleet enroll does: PEM, or the base64 of DER.
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
