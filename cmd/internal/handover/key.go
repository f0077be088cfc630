package handover

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"dnseal/smime/certificate"
	"dnseal/smime/cms"
)

// publicKey reads a public key (SubjectPublicKeyInfo) or a certificate, in base64 of DER or in PEM.
func publicKey(text string) (spki, cert []byte, err error) {
	der, err := derOf(text)
	if err != nil {
		return nil, nil, err
	}
	if _, err = certificate.Parse(der); err == nil {
		return nil, der, nil
	}
	if _, err = cms.ParsePublicKey(der); err != nil {
		return nil, nil, fmt.Errorf("its key is neither a public key nor a certificate: %w", err)
	}
	return der, nil, nil
}

func derOf(text string) ([]byte, error) {
	switch {
	case text == "":
		return nil, errors.New("it has no public key")
	case strings.Contains(text, "PRIVATE KEY"):
		return nil, errors.New("it has a private key, which nobody else must have")
	case strings.HasPrefix(text, "-----"):
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return nil, errors.New("its key is no whole PEM block")
		}
		return block.Bytes, nil
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, errors.New("its key is neither base64 nor PEM")
	}
	return der, nil
}
