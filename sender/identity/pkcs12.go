package identity

import (
	"cmp"
	"crypto"
	"errors"
	"strings"

	"dnseal/sender/identity/pkcs8"
	"dnseal/smime/cms/pkcs12"
)

const (
	convertPKCS12 = "convert it with: openssl pkcs12 -in OLD -nodes -out {} (with -legacy too where openssl finds an algorithm unsupported)"
	passwordHint  = "write its password into the file " + passwordFile + " beside it (chmod 600), or convert it with: openssl pkcs12 -in OLD -nodes -out {}"
)

// readPKCS12 reads the key and the certificates of a PKCS #12 file.
func readPKCS12(data []byte, s *secrets) (keyFileContents, error) {
	contents, password, given, err := openPKCS12(data, s)
	switch {
	case errors.As(err, new(*foreignForm)):
		return keyFileContents{}, err
	case errors.Is(err, pkcs12.ErrPassword) && !given:
		return keyFileContents{}, &foreignForm{form: string(formPKCS12) + " with a password", advice: passwordHint, cause: ErrLocked, silent: true}
	case errors.Is(err, pkcs12.ErrPassword):
		return keyFileContents{}, &foreignForm{form: string(formPKCS12) + " with another password than " + s.origin(), advice: passwordHint, cause: ErrLocked, silent: true}
	case errors.Is(err, pkcs12.ErrKeyForm):
		return keyFileContents{}, notReadFromThere()
	case errors.Is(err, pkcs12.ErrMalformed):
		cause := strings.TrimPrefix(err.Error(), pkcs12.ErrMalformed.Error()+": ")
		return keyFileContents{}, &foreignForm{form: string(formPKCS12) + " that is cut off or damaged", advice: "copy the file again; where openssl reads it, " + convertPKCS12, cause: errors.New(cause)}
	case err != nil:
		return keyFileContents{}, &foreignForm{form: string(formPKCS12) + " that cannot be read", advice: convertPKCS12, cause: errors.New(strings.TrimPrefix(err.Error(), "pkcs12: "))}
	}
	found := keyFileContents{}
	if contents.Key == nil {
		if contents.Key, err = keyApart(contents, password); err != nil {
			return keyFileContents{}, err
		}
	}
	for _, cert := range contents.Certificates {
		found.certificates = append(found.certificates, cert.Raw)
	}
	found.key, err = asUsable(contents.Key)
	return found, err
}

func notReadFromThere() error {
	return &foreignForm{form: string(formPKCS12) + " with a private key or certificate of a form that is not read from there", advice: convertPKCS12 + "; openssl refuses the EC keys of gpgsm 2.4 too, then " + newKeyAdvice}
}

// keyApart reads a key of ML-DSA or ML-KEM, as OpenSSL 3.5 puts it into PKCS #12. Its passphrase is
// that of the file.
func keyApart(contents *pkcs12.Contents, password string) (crypto.PrivateKey, error) {
	der := contents.KeyInfo
	if contents.Encrypted {
		var err error
		if der, err = pkcs8.Decrypt(der, password); err != nil {
			return nil, notReadFromThere()
		}
	}
	algorithm, _, err := privateKeyInfo(der)
	if id, _ := splitAlgorithm(algorithm); err == nil && pkcs8.HasSeed(id) {
		return parseSeed(der, id)
	}
	return nil, notReadFromThere()
}

// openPKCS12 tries the passphrase, where none is given the empty one, and then asks.
func openPKCS12(data []byte, s *secrets) (contents *pkcs12.Contents, password string, given bool, err error) {
	if s.line == "" {
		if contents, err = pkcs12.Read(data, ""); !errors.Is(err, pkcs12.ErrPassword) {
			return contents, "", false, err
		}
	}
	password, given, lacking := s.passphrase()
	if lacking != nil || password == "" {
		return nil, "", false, cmp.Or(lacking, err)
	}
	contents, err = pkcs12.Read(data, password)
	return contents, password, given, err
}
