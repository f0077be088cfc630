package recipient

import (
	"crypto/x509"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/enveloped"
)

// RFC 4262, Section 2: the extension is the attribute.
var oidCapabilities = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 15}

// authenticated are the ciphers of AuthEnvelopedData that can be announced.
var authenticated = map[string]enveloped.Cipher{
	// RFC 5084, Section 3.2, and NIST CSOR.
	"2.16.840.1.101.3.4.1.6":  enveloped.AES128GCM,
	"2.16.840.1.101.3.4.1.46": enveloped.AES256GCM,
	// RFC 8103, Section 5.
	"1.2.840.113549.1.9.16.3.18": enveloped.ChaCha20Poly1305,
}

// maxCapabilities is how many are looked at: a list is a few dozen at most.
const maxCapabilities = 100

// capabilities are the ciphers of AuthEnvelopedData that the subject of a certificate announces.
func capabilities(c *x509.Certificate) []enveloped.Cipher {
	for _, e := range c.Extensions {
		if e.Id.Equal(oidCapabilities) {
			return readCapabilities(e.Value)
		}
	}
	return nil
}

// readCapabilities reads RFC 8551, Section 2.5.2. What is wrong with a list makes the rest of it
// unknown: it is a hint.
//
//	SMIMECapabilities ::= SEQUENCE OF SMIMECapability
//	SMIMECapability ::= SEQUENCE {
//	  capabilityID  OBJECT IDENTIFIER,
//	  parameters    ANY DEFINED BY capabilityID OPTIONAL }
func readCapabilities(der []byte) (out []enveloped.Cipher) {
	outer := cryptobyte.String(der)
	var list cryptobyte.String
	if !outer.ReadASN1(&list, cbasn1.SEQUENCE) || !outer.Empty() {
		return nil
	}
	for range maxCapabilities {
		var one cryptobyte.String
		var id asn1.ObjectIdentifier
		if !list.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&id) {
			break
		}
		if cipher := authenticated[id.String()]; cipher != "" {
			out = append(out, cipher)
		}
	}
	return out
}
