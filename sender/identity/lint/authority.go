package lint

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/mlkem"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"

	"filippo.io/mldsa"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/sender/identity"
	"dnseal/smime/certificate"
	"dnseal/smime/cms"
)

// Sizes of RSA keys: RFC 8551, Section 2.2, for those that sign mail.
const (
	minRSABits = 2048
	maxRSABits = 4096
)

// checkKeyOf looks at the size and kind of a key.
func (l *linter) checkKeyOf(c *x509.Certificate) {
	pub, err := cms.PublicKey(c)
	if err != nil {
		l.add(Warning, UncommonKey, "the key of "+l.describe(c)+" is of a kind that is not known here", "its signatures cannot be checked", newCertificate)
		return
	}
	own := c == l.cert
	if only, ok := pub.(*cms.PSSPublicKey); ok {
		pub = only.PublicKey
	}
	switch key := pub.(type) {
	case *rsa.PublicKey:
		switch bits := key.N.BitLen(); {
		case bits < minRSABits:
			l.add(Warning, WeakKey, fmt.Sprintf("the RSA key of %s has %d bits", l.describe(c), bits), "it can be broken, and programs refuse it (RFC 8550, Section 4.3: at least 2048)", newCertificate)
		case bits > maxRSABits:
			l.add(Warning, LargeKey, fmt.Sprintf("the RSA key of %s has %d bits", l.describe(c), bits), "not every program verifies more than 4096 (RFC 8551, Section 2.2)", newCertificate)
		}
	case *mldsa.PublicKey:
		if own {
			l.add(Note, UncommonKey, "the key is "+key.Parameters().String(), "programs from before 2025 do not verify it; receivers that run dnseal do", "sign by a key of another kind too: dnseal identity new, and then this one beside it")
		}
	case *ecdh.PublicKey, *mlkem.EncapsulationKey768, *mlkem.EncapsulationKey1024:
		if own {
			l.add(Note, UncommonKey, "the key is "+l.id.KeyType(), "of other programs few or none encrypt to it; senders that run dnseal do", "use P-256 or RSA where others have to")
		}
	case ed25519.PublicKey:
		if own {
			l.add(Note, UncommonKey, "the key is Ed25519", "OpenSSL 3.0, GnuPG, Thunderbird, Evolution and Claws Mail do not verify it; receivers that run dnseal do", "use P-256 or RSA where recipients have such programs")
		}
	}
}

// checkAuthority looks at basicConstraints (RFC 5280, Section 4.2.1.9) and at what other programs
// say of a certificate that is self-signed.
func (l *linter) checkAuthority() {
	c := l.cert
	self := certificate.SelfIssued(c)
	switch {
	case c.BasicConstraintsValid && c.IsCA:
		l.add(Warning, IsCA, "the certificate is one of a CA (basicConstraints cA TRUE)", "trusting it means to trust all certificates that this key signs, and programs refuse it as one of a person", newCertificate)
	case c.BasicConstraintsValid && self:
		l.add(Note, FalseCA, "the certificate is self-signed and says that it is not of a CA (basicConstraints cA FALSE)", "Thunderbird cannot be told to trust it", "make it without basicConstraints, as dnseal identity new does")
	}
	if self && l.id.Use() != identity.UseEncrypt {
		l.add(Note, SelfSigned, "the certificate is self-signed", "receivers that run dnseal go by the record in the DNS; Thunderbird, GnuPG and other programs that judge by CAs say that the signature is not valid until the recipient trusts the certificate", "for such recipients add one from a CA for the same key, and keep the record 3 1 1: dnseal identity csr")
	}
}

// checkChain says whether the certificates above the identity's own make a path.
func (l *linter) checkChain(ctx context.Context) {
	if certificate.SelfIssued(l.cert) {
		return
	}
	authorities := l.id.Authorities()
	if len(l.id.Chain) == 0 {
		l.add(Note, NoChain, fmt.Sprintf("the certificate of its CA %q is not here", clip(l.cert.Issuer.String())),
			"a recipient's program must have it; a record of usage 0 or 2 needs it here", "unless it is a root that recipients trust, import it too")
		return
	}
	top := authorities[len(authorities)-1]
	at := l.now
	for _, c := range l.all() { // that dates are over is said by checkDates
		if at.Before(c.NotBefore) || at.After(c.NotAfter) {
			at = l.cert.NotBefore
		}
	}
	err := certificate.Verify(ctx, l.cert, certificate.Options{Certificates: l.id.Chain, Anchors: []*x509.Certificate{top}, At: at})
	if err != nil {
		l.add(Warning, BrokenChain, fmt.Sprintf("the certificates of its CA do not make a path (%s)", strings.TrimPrefix(err.Error(), "certificate: ")), "programs that judge by CAs refuse it, and so do records of usage 0, 1 and 2", "ask the CA for its certificates, and import them with this one")
	}
}

// mailNameNotASCII looks for an rfc822Name with octets above 127 in a subjectAltName (RFC 5280,
// Section 4.2.1.6).
func mailNameNotASCII(value cryptobyte.String) bool {
	var names cryptobyte.String
	if !value.ReadASN1(&names, cbasn1.SEQUENCE) {
		return false
	}
	for !names.Empty() {
		var name cryptobyte.String
		var tag cbasn1.Tag
		if !names.ReadAnyASN1(&name, &tag) {
			return false
		}
		if tag != cbasn1.Tag(1).ContextSpecific() {
			continue
		}
		for _, c := range name {
			if c > 127 {
				return true
			}
		}
	}
	return false
}
