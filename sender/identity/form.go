package identity

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"strings"
)

// fileForm is what a file or a PEM block holds, in words.
type fileForm string

// The forms that are read.
const (
	formPKCS8       fileForm = "a PKCS #8 private key"
	formSEC1        fileForm = "an EC private key"
	formPKCS1       fileForm = "an RSA private key"
	formPSS         fileForm = "an RSASSA-PSS private key"
	formCertificate fileForm = "a certificate and no private key"
	formPKCS7       fileForm = "a PKCS #7 file, which holds certificates and no key"
	formPKCS12      fileForm = "a PKCS #12 file"
	formPublic      fileForm = "a public key"
	formEncrypted   fileForm = "a private key that is encrypted by a passphrase"
	formCredential  fileForm = "the name of a systemd credential" //nolint:gosec // words, no secret
)

// Forms of keys that key.pem names and does not hold: see tokenKey.
const (
	formPKCS11 fileForm = "the URI of a key on a PKCS #11 token"
	formTPM    fileForm = "a key inside a TPM"
)

// Forms that are not read.
const (
	formRFC1421    fileForm = "a private key that is encrypted by a passphrase in the older form of openssl"
	formParameters fileForm = "parameters of a key and no private key"
	formTrusted    fileForm = "a certificate in the form of openssl that is called TRUSTED CERTIFICATE"
	formRequest    fileForm = "a certificate request"
	formOpenSSH    fileForm = "a private key in the form of OpenSSH"
	formSSHPublic  fileForm = "a public key in the form of OpenSSH"
	formPuTTY      fileForm = "a private key in the form of PuTTY"
	formOpenPGP    fileForm = "an OpenPGP key"
	formDSA        fileForm = "a DSA private key"
	formJWK        fileForm = "a JSON Web Key"
	formJava       fileForm = "a Java keystore"
	formUTF16      fileForm = "text in UTF-16"
	formBase64     fileForm = "base64 without the line -----BEGIN …-----"
	formBrokenPEM  fileForm = "PEM that is cut off or damaged"
	formEmpty      fileForm = "nothing: the file is empty"
	formUnknown    fileForm = "no private key and no certificate in a form that is known"
)

// isKey reports whether parseKey reads the form.
func (f fileForm) isKey() bool {
	return f == formPKCS8 || f == formSEC1 || f == formPKCS1 || f == formPSS
}

const newKeyAdvice = "make another key: dnseal identity new NAME --algorithm ALGORITHM"

// advices say how to make a private key that is read of each form; {} is the file, and OLD what was
// in it.
var advices = map[fileForm]string{
	formEncrypted:   decryptAdvice,
	formRFC1421:     "convert it with: openssl pkcs8 -topk8 -in OLD -out {}, or decrypt it with: openssl pkey -in OLD -out {}",
	formCertificate: "the private key belongs there; the certificate is cert.pem",
	formTrusted:     "the private key belongs there; convert the certificate with: openssl x509 -in OLD -out cert.pem",
	formPKCS7:       "the private key belongs there; convert the certificates with: openssl pkcs7 -print_certs -in OLD -out cert.pem",
	formRequest:     "the private key that the request was made with belongs there; a CA answers the request with a certificate, which is cert.pem",
	formPublic:      "the private key belongs there, which no program can make of the public one",
	formSSHPublic:   "the private key belongs there, which no program can make of the public one",
	formParameters:  "the private key belongs there: openssl genpkey writes both, or only the parameters with -genparam",
	formOpenSSH:     "an RSA or ECDSA key is converted in its place by: ssh-keygen -p -m PKCS8 -N '' -f {}",
	formPuTTY:       "convert it with: puttygen OLD -O private-openssh -o {}; then: ssh-keygen -p -m PKCS8 -N '' -f {}",
	formOpenPGP:     "S/MIME does not use OpenPGP keys; " + newKeyAdvice,
	formDSA:         "S/MIME 4.0 has no DSA; " + newKeyAdvice,
	formJWK:         "convert it to PKCS #8 in PEM, as openssl pkey writes it",
	formJava:        "convert it with: keytool -importkeystore -srckeystore OLD -destkeystore NEW.p12 -deststoretype PKCS12; then: openssl pkcs12 -in NEW.p12 -nodes -out {}",
	formUTF16:       "convert it with: iconv -f UTF-16 -t UTF-8 OLD >{}",
	formBase64:      "convert it with: base64 -d OLD >{}",
	formBrokenPEM:   "copy the file again, with the lines that begin with ----- and all that is between them",
	formEmpty:       "copy the private key there, or move the folder away and make a new one: dnseal identity new NAME",
	formUnknown:     "a private key in PKCS #8 belongs there, as openssl pkey writes it",
}

// foreignForm is the error for a file that holds another thing than is read.
type foreignForm struct {
	form   string
	advice string // {} is the file
	cause  error  // what a parser said; nil: none
	silent bool   // form says the cause already
}

func (e *foreignForm) Error() string {
	if e.cause != nil && !e.silent {
		return fmt.Sprintf("it holds %s (%v)", e.form, e.cause)
	}
	return "it holds " + e.form
}

func (e *foreignForm) Unwrap() error { return e.cause }

// hintFor is the advice for the file at path.
func (e *foreignForm) hintFor(path string) string {
	return strings.ReplaceAll(e.advice, "{}", Quote(path))
}

// foreign is the error for a key file that holds this.
func (f fileForm) foreign() *foreignForm {
	advice := advices[f]
	if advice == "" {
		advice = advices[formUnknown]
	}
	return &foreignForm{form: string(f), advice: advice}
}

// labels are the types of PEM blocks (RFC 7468, Sections 5 to 13, and those of other programs).
var labels = map[string]fileForm{
	"PRIVATE KEY": formPKCS8, "EC PRIVATE KEY": formSEC1, "RSA PRIVATE KEY": formPKCS1,
	// of openssl rsa -traditional: PKCS #1, without the parameters
	"RSA-PSS PRIVATE KEY":   formPSS,
	"ENCRYPTED PRIVATE KEY": formEncrypted,
	"CERTIFICATE":           formCertificate, "X509 CERTIFICATE": formCertificate, "TRUSTED CERTIFICATE": formTrusted,
	"PKCS7": formPKCS7, "CMS": formPKCS7, "PKCS #7 SIGNED DATA": formPKCS7, "PKCS12": formPKCS12,
	"CERTIFICATE REQUEST": formRequest, "NEW CERTIFICATE REQUEST": formRequest,
	"PUBLIC KEY": formPublic, "RSA PUBLIC KEY": formPublic, "SSH2 PUBLIC KEY": formSSHPublic,
	"EC PARAMETERS": formParameters, "DH PARAMETERS": formParameters, "DSA PARAMETERS": formParameters,
	"OPENSSH PRIVATE KEY": formOpenSSH, "DSA PRIVATE KEY": formDSA, "TSS2 PRIVATE KEY": formTPM,
}

// formOfLabel names a PEM block by its type.
func formOfLabel(label string) fileForm {
	if f := labels[label]; f != "" {
		return f
	}
	if strings.HasPrefix(label, "PGP ") {
		return formOpenPGP
	}
	return fileForm(fmt.Sprintf("a PEM block of the type %q", clip(label)))
}

// formOfBlock is formOfLabel that knows the older form of encrypted keys (RFC 1421, Section
// 4.6.1.3).
func formOfBlock(block *pem.Block) fileForm {
	if block.Headers["DEK-Info"] != "" {
		return formRFC1421
	}
	return formOfLabel(block.Type)
}

// formOfBroken names what looks like PEM and is none: OpenPGP's armor has a checksum (RFC 9580,
// Section 6.1).
func formOfBroken(data []byte) fileForm {
	_, after, _ := bytes.Cut(data, pemBegin)
	if bytes.HasPrefix(after, []byte("PGP ")) {
		return formOpenPGP
	}
	return formBrokenPEM
}

// beginnings are the first bytes of files by their forms.
var beginnings = []struct {
	start string
	form  fileForm
}{
	{"\xff\xfe", formUTF16},
	{"\xfe\xff", formUTF16},
	{"-\x00-\x00", formUTF16},
	{"\x00-\x00-", formUTF16},
	{credentialPrefix, formCredential},
	{"pkcs11:", formPKCS11},
	{"PuTTY-User-Key-File", formPuTTY},
	{"---- BEGIN SSH2 PUBLIC KEY", formSSHPublic},
	{"ssh-", formSSHPublic},
	{"ecdsa-sha2-", formSSHPublic},
	{"sk-", formSSHPublic},
	{"\xfe\xed\xfe\xed", formJava},
	{"\xce\xce\xce\xce", formJava},
	{"{", formJWK},
	{"MII", formBase64},
	{"MIG", formBase64},
	{"MC4", formBase64},
	{"\x95", formOpenPGP},
	{"\x94", formOpenPGP},
	{"\xc5", formOpenPGP},
	{"\x99", formOpenPGP},
	{"\xc6", formOpenPGP},
}

// formOf names a file that is not PEM.
func formOf(data []byte) fileForm {
	if len(bytes.TrimSpace(data)) == 0 {
		return formEmpty
	}
	for _, b := range beginnings {
		if bytes.HasPrefix(data, []byte(b.start)) {
			return b.form
		}
	}
	return formOfASN1(data)
}
