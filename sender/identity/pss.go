package identity

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"strings"

	"dnseal/smime/cms"
)

// pssKey is an RSA key that is for RSASSA-PSS only (RFC 4055, Section 1.2).
type pssKey struct {
	crypto.Signer
	public *cms.PSSPublicKey
}

// Public is a *cms.PSSPublicKey, which says how the key may sign.
func (k *pssKey) Public() crypto.PublicKey { return k.public }

// schemeLine stands above the key in key.pem of an RSA key that signs by RSASSA-PSS, and that is
// for both schemes all the same. Programs that read PEM pass over text before it (RFC 7468, Section
// 2). It stays when the certificate is replaced by a CA's.
const schemeLine = "Signature scheme: RSASSA-PSS"

// pssAdvice is for a key whose parameters crypto/rsa does not know: openssl genpkey writes MGF1
// with SHA-1 where only the digest is chosen.
const pssAdvice = "make it an RSA key without restrictions with: openssl rsa -traditional -in OLD -outform DER | openssl rsa -inform DER -out {}; get a new certificate for it, and write the line \"" + schemeLine + "\" above the key"

// hasSchemeLine looks for schemeLine in the text above a key.
func hasSchemeLine(text string) bool {
	for line := range strings.Lines(text) {
		if strings.EqualFold(strings.TrimSpace(line), schemeLine) {
			return true
		}
	}
	return false
}

// setScheme chooses how an RSA key signs: by RSASSA-PSS where the key or its certificate is for
// nothing else, where key.pem has the schemeLine, or where the certificate is self-signed by it.
func (id *Identity) setScheme(line bool) {
	var certified crypto.PublicKey
	if id.Certificate != nil {
		certified, _ = cms.PublicKey(id.Certificate) // read already: see loadCertificate
	}
	public, only := certified.(*cms.PSSPublicKey)
	key, wasOnly := id.Key.(*pssKey)
	switch {
	case id.Key == nil: // the private key is not here, or does not sign
		if only {
			id.Public = public
		}
		id.PSS = id.signsByPSS(line)
		return
	// What the certificate asks for counts too where the key asks for nothing.
	case wasOnly && only && key.public.Hash == 0:
		id.Key = &pssKey{key.Signer, public}
	case !wasOnly && only:
		id.Key = &pssKey{id.Key, public}
	}
	id.Public = id.Key.Public()
	id.PSS = id.signsByPSS(line)
}

// signsByPSS is setScheme's choice for the key that it found.
func (id *Identity) signsByPSS(line bool) bool {
	_, only := id.Public.(*cms.PSSPublicKey)
	_, both := id.Public.(*rsa.PublicKey)
	return only || both && (line || id.Certificate != nil && selfSignedByPSS(id.Certificate))
}

// selfSignedByPSS says how the key of a self-signed certificate signs. What a CA signed with says
// nothing about it.
func selfSignedByPSS(cert *x509.Certificate) bool {
	switch cert.SignatureAlgorithm {
	case x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS:
		return string(cert.RawIssuer) == string(cert.RawSubject)
	default:
		return false
	}
}
