package identity

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"

	"dnseal/smime/certificate"
	"dnseal/smime/cms"
)

// certificateAdvices are advices for a file of certificates.
var certificateAdvices = map[fileForm]string{
	formTrusted: "convert it with: openssl x509 -in OLD -out {}",
	formPKCS12:  "a PKCS #12 file with key and certificates is read as key.pem, without a cert.pem; or convert it with: openssl pkcs12 -in OLD -nokeys -out {}",
	formRequest: "a CA answers the request with a certificate, which belongs there",
	formPublic:  "without a certificate the folder holds a raw key: remove {}",
	formUTF16:   advices[formUTF16],
	formBase64:  advices[formBase64],
	formEmpty:   "copy the certificate there; without one the folder holds a raw key: remove {}",

	formBrokenPEM: advices[formBrokenPEM],
}

// foreignCertificate is the error for a file of certificates that holds this.
func (f fileForm) foreignCertificate() *foreignForm {
	advice := certificateAdvices[f]
	if advice == "" {
		advice = "a certificate in PEM belongs there, as openssl x509 writes it; the private key is key.pem"
	}
	return &foreignForm{form: string(f), advice: advice}
}

// certificateFile is what a file of certificates holds.
type certificateFile struct {
	certificates []*x509.Certificate
	// unordered says that the first need not be the identity's own: a PKCS #7 file holds a set.
	unordered bool
}

// readCertificateFile reads certificates in PEM or DER, alone or in PKCS #7. Errors are a
// *foreignForm.
func readCertificateFile(data []byte) (certificateFile, error) {
	data = plainText(data)
	if bytes.Contains(data, pemBegin) {
		return readCertificatePEM(data)
	}
	switch form := formOf(data); form {
	case formCertificate:
		certs, err := parseCertificates([][]byte{data})
		return certificateFile{certificates: certs}, err
	case formPKCS7:
		return readPKCS7(data)
	default:
		return certificateFile{}, form.foreignCertificate()
	}
}

// readCertificatePEM reads all certificates of a PEM file (RFC 7468, Section 5), or its first PKCS
// #7 (Section 8).
func readCertificatePEM(data []byte) (certificateFile, error) {
	var certs [][]byte
	other := formOfBroken(data)
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		data = rest
		switch form := formOfBlock(block); {
		case form == formCertificate:
			certs = append(certs, block.Bytes)
		case form == formPKCS7 && len(certs) == 0:
			return readPKCS7(block.Bytes)
		case other == formBrokenPEM:
			other = form
		}
	}
	if len(certs) == 0 {
		return certificateFile{}, other.foreignCertificate()
	}
	parsed, err := parseCertificates(certs)
	return certificateFile{certificates: parsed}, err
}

// readPKCS7 returns the certificates of RFC 5652, Section 5.1.
func readPKCS7(data []byte) (certificateFile, error) {
	sd, err := cms.Read(bytes.NewReader(data), nil)
	if err != nil || len(sd.Certificates) == 0 {
		return certificateFile{}, &foreignForm{
			form: "a PKCS #7 file without certificates that can be read", cause: err,
			advice: "see what openssl finds in it: openssl pkcs7 -print_certs -in {}",
		}
	}
	return certificateFile{sd.Certificates, true}, nil
}

// parseCertificates parses each, as receivers do: CAs issue certificates that crypto/x509 refuses.
func parseCertificates(ders [][]byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for _, der := range ders {
		cert, err := certificate.Parse(der)
		if err != nil {
			return nil, &foreignForm{form: fmt.Sprintf("a certificate (number %d) that is malformed", len(certs)+1), cause: err, advice: "see what openssl finds in it: openssl x509 -in {} -noout -text"}
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

// ownFirst moves the certificate of a key to the front, where there is one.
func ownFirst(key crypto.PublicKey, certs []*x509.Certificate) []*x509.Certificate {
	i := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return sameKey(key, c) })
	if i <= 0 {
		return certs
	}
	return slices.Concat(certs[i:i+1], certs[:i], certs[i+1:])
}
