package ca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"filippo.io/mldsa"

	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/certificate"
	"dnseal/smime/cms"
)

// Request asks for a certificate.
type Request struct {
	// Name and Kind are those of the identity, as [identity.ParseName] returns them. Name is empty
	// where the request states none: the caller sets both then.
	Name string
	Kind identity.Kind
	// Public is the key.
	Public crypto.PublicKey
	// KeyUsage is what the key is for, of digitalSignature, contentCommitment, keyEncipherment and
	// keyAgreement, as the kind of key allows; 0: digitalSignature.
	KeyUsage x509.KeyUsage
	// LeftOut are extensions that were asked for and will not be in the certificate, in words.
	LeftOut []string
}

// MaxRequest is the most octets of a request that are read.
const MaxRequest = 64 << 10

// The OIDs of extensions that a request can ask for (RFC 5280, Section 4.2.1).
var (
	oidSubjectKeyID     = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidSubjectAltName   = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidExtKeyUsage      = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// ReadRequest reads a certificate request (PKCS #10, RFC 2986) in PEM or DER, checks that the owner
// of the key signed it, and that the key is strong enough. Of what it asks for, the name in its
// subjectAltName and the key usage count, and nothing else: not its subject. Errors, which have a
// hint where it helps, say what is wrong with it.
func ReadRequest(data []byte) (*Request, error) {
	der, err := requestDER(data)
	if err != nil {
		return nil, err
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		err = fmt.Errorf("ca: the request cannot be read: %s", strings.TrimPrefix(err.Error(), "x509: "))
		return nil, identity.WithHint(err, "see what openssl finds in it: openssl req -in FILE -noout -text; %s", certified)
	}
	if err = checkKey(csr); err != nil {
		return nil, err
	}
	req := &Request{Public: csr.PublicKey}
	if err = req.checkSignature(csr); err != nil {
		return nil, err
	}
	if err = req.readExtensions(csr); err != nil {
		return nil, err
	}
	return req, req.readName(csr)
}

// checkSignature sees that the key is the requester's (RFC 2986, Section 3).
func (r *Request) checkSignature(csr *x509.CertificateRequest) error {
	var err error
	if csr.PublicKey == nil { // of a kind that crypto/x509 does not know, and checkKey does
		if r.Public, err = cms.ParsePublicKey(csr.RawSubjectPublicKeyInfo); err != nil {
			return err
		}
		pub, ok := r.Public.(*mldsa.PublicKey)
		if !ok || mldsa.Verify(pub, csr.RawTBSCertificateRequest, csr.Signature, nil) != nil {
			return errors.New("ca: the signature of the request is not by the key in it")
		}
		return nil
	}
	if csr.SignatureAlgorithm == x509.UnknownSignatureAlgorithm {
		return identity.WithHint(errors.New("ca: the request is signed by an algorithm that is not supported"), "RSASSA-PSS needs a salt as long as the digest: openssl req -sigopt rsa_pss_saltlen:digest")
	}
	if err = csr.CheckSignature(); err != nil {
		return fmt.Errorf("ca: the signature of the request is not by the key in it: %s", strings.TrimPrefix(err.Error(), "x509: "))
	}
	return nil
}

// requestDER finds the request in a file.
func requestDER(data []byte) ([]byte, error) {
	if len(data) > MaxRequest {
		return nil, fmt.Errorf("ca: a request of more than %d octets", MaxRequest)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		if len(data) == 0 || data[0] != 0x30 {
			return nil, identity.WithHint(errors.New("ca: it holds no certificate request"), "a request is made by: dnseal identity csr, openssl req -new, certtool --generate-request")
		}
		return data, nil
	}
	found := ""
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		// RFC 7468, Section 7.
		if block.Type == "CERTIFICATE REQUEST" || block.Type == "NEW CERTIFICATE REQUEST" {
			return block.Bytes, nil
		}
		found = block.Type
	}
	if found == "" {
		return nil, errors.New("ca: it holds PEM that is cut off or damaged")
	}
	return nil, identity.WithHint(fmt.Errorf("ca: it holds %q and no certificate request", found), "a request begins with -----BEGIN CERTIFICATE REQUEST-----")
}

// certified are the keys that a CA certifies.
const certified = "keys of RSA of 2048 to 4096 bits, ECDSA on P-256, P-384 or P-521, Ed25519 and ML-DSA are certified"

// checkKey wants a key that can sign mail, and that is cheap enough to compute with.
func checkKey(csr *x509.CertificateRequest) error {
	pub, err := cms.ParsePublicKey(csr.RawSubjectPublicKeyInfo)
	if err == nil {
		err = checkStrength(pub)
	}
	if _, isMLDSA := pub.(*mldsa.PublicKey); err == nil && !isMLDSA { // which has one size
		err = certificate.CheckSignature(csr.Signature)
	}
	if err != nil {
		err = fmt.Errorf("ca: the key of the request: %s", strings.TrimPrefix(err.Error(), "cms: "))
		return identity.WithHint(err, "%s", certified)
	}
	return nil
}

func checkStrength(pub crypto.PublicKey) error {
	if _, only := pub.(*cms.PSSPublicKey); only {
		return errors.New("it is for RSASSA-PSS only; an RSA key for both schemes is certified")
	}
	_, err := cms.SigningDigest(pub)
	if err == nil {
		err = cms.CheckStrength(pub)
	}
	return err
}

// readExtensions reads what is asked for besides the name. What would make the certificate more
// than that of a name is refused, everything else is left out.
func (r *Request) readExtensions(csr *x509.CertificateRequest) error {
	for _, ext := range csr.Extensions {
		switch {
		case ext.Id.Equal(oidSubjectAltName), ext.Id.Equal(oidExtKeyUsage), ext.Id.Equal(oidSubjectKeyID):
			// Ours are in their place.
		case ext.Id.Equal(oidKeyUsage):
			if err := r.readKeyUsage(ext.Value); err != nil {
				return err
			}
		case ext.Id.Equal(oidBasicConstraints):
			var asked struct {
				CA  bool `asn1:"optional"`
				Len int  `asn1:"optional"`
			}
			if rest, err := asn1.Unmarshal(ext.Value, &asked); err != nil || len(rest) > 0 || asked.CA {
				return errors.New("ca: the request asks for the certificate of a CA, and only names are certified")
			}
		case ext.Critical:
			return fmt.Errorf("ca: the request asks for the critical extension %s, which is not issued", ext.Id)
		default:
			r.LeftOut = append(r.LeftOut, "extension "+ext.Id.String())
		}
	}
	return nil
}

// readKeyUsage keeps what the kind of key can do (RFC 5280, Section 4.2.1.3; RFC 8550, Section
// 4.4.2; RFC 8410, Section 5).
func (r *Request) readKeyUsage(der []byte) error {
	var bits asn1.BitString
	if rest, err := asn1.Unmarshal(der, &bits); err != nil || len(rest) > 0 {
		return errors.New("ca: the key usage that the request asks for cannot be read")
	}
	asked := x509.KeyUsage(0)
	for i := range 9 {
		if bits.At(i) != 0 {
			asked |= 1 << i
		}
	}
	allowed := usages(r.Public)
	switch {
	case asked&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0:
		return errors.New("ca: the request asks for a key that signs certificates, and only names are certified")
	case asked&signs == 0:
		return identity.WithHint(errors.New("ca: the request asks for a key that does not sign"), "ask for the key usage digitalSignature, or for none")
	case asked&^allowed != 0:
		r.LeftOut = append(r.LeftOut, "key usages that are not for this kind of key")
	}
	r.KeyUsage = asked & allowed
	return nil
}

// signs are the usages of keys that sign mail.
const signs = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment

// usages is what a key of this kind can do in a certificate of a name.
func usages(pub crypto.PublicKey) x509.KeyUsage {
	switch pub.(type) {
	case *rsa.PublicKey:
		return signs | x509.KeyUsageKeyEncipherment
	case *ecdsa.PublicKey:
		return signs | x509.KeyUsageKeyAgreement
	default:
		return signs
	}
}

// readName reads the one name.
// RFC 5280, Section 4.2.1.6; RFC 9598, Section 3.
func (r *Request) readName(csr *x509.CertificateRequest) error {
	// Without the subject: an emailAddress in it is no request for a name.
	stated := &x509.Certificate{Extensions: csr.Extensions}
	if certificate.NamesOf(stated).Unreadable {
		return errors.New("ca: the subjectAltName of the request cannot be read")
	}
	if len(csr.IPAddresses)+len(csr.URIs) > 0 {
		return errors.New("ca: the request asks for an IP address or a URI, which are not certified")
	}
	var names []string
	for _, n := range smime.CertificateNames(stated) {
		if name := nameOf(n); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch asked := slices.ContainsFunc(csr.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidSubjectAltName) }); {
	case len(names) == 0 && asked:
		return identity.WithHint(errors.New("ca: the subjectAltName of the request holds no mail address and no DNS name"), "ask for one name")
	case len(names) == 0:
		return nil
	case len(names) > 1:
		return identity.WithHint(fmt.Errorf("ca: the request asks for %d names, of which %q is the first; a certificate is for one", len(names), names[0]), "make a request for each")
	}
	return r.SetName(names[0])
}

// nameOf is a name in a certificate as that of an identity.
func nameOf(n smime.Name) string {
	if n.Kind == smime.NameMail {
		return n.Address.String()
	}
	return n.DNSName
}

// SetName sets the name of a request. Errors: one with a hint for a name that is none, or another
// than the request states.
func (r *Request) SetName(name string) error {
	kind, name, err := identity.ParseName(name)
	if err != nil {
		return err
	}
	if r.Name != "" && r.Name != name {
		return identity.WithHint(fmt.Errorf("ca: the request is for %s, and not for %s", r.Name, name), "ask for the certificate of the name in the request")
	}
	r.Kind, r.Name = kind, name
	return nil
}

// OfIdentity is the request of an identity in the directory, whose certificate, if any, says what
// its key is for. Errors: a key that is not certified.
func OfIdentity(id *identity.Identity) (*Request, error) {
	if err := checkStrength(id.Public); err != nil {
		return nil, fmt.Errorf("ca: the key of %s: %w", id.Name, err)
	}
	r := &Request{Name: id.Name, Kind: id.Kind, Public: id.Public}
	if c := id.Certificate; c != nil && c.KeyUsage&signs != 0 {
		r.KeyUsage = c.KeyUsage & usages(id.Public)
	}
	return r, nil
}
