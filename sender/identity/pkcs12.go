package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"dnseal/smime/cms/pkcs12"
)

// passwordFile, in the folder of a key file in PKCS #12, has its password in the first line. It is
// no protection: it is for files that a program gives out with a password only.
const passwordFile = "password"

const (
	convertPKCS12 = "convert it with: openssl pkcs12 -in OLD -nodes -out {} (with -legacy too where openssl finds an algorithm unsupported)"
	passwordHint  = "write its password into the file " + passwordFile + " beside it (chmod 600), or convert it with: openssl pkcs12 -in OLD -nodes -out {}"
)

// readPKCS12 reads the key and the certificates of a PKCS #12 file.
func readPKCS12(data []byte, password string) (keyFileContents, error) {
	contents, err := pkcs12.Read(data, password)
	switch {
	case errors.Is(err, pkcs12.ErrPassword) && password == "":
		return keyFileContents{}, &foreignForm{form: string(formPKCS12) + " with a password", advice: passwordHint}
	case errors.Is(err, pkcs12.ErrPassword):
		return keyFileContents{}, &foreignForm{form: string(formPKCS12) + " with another password than that in the file " + passwordFile, advice: passwordHint}
	case errors.Is(err, pkcs12.ErrKeyForm):
		return keyFileContents{}, &foreignForm{form: string(formPKCS12) + " with a private key or certificate of a form that is not read from there", advice: convertPKCS12 + "; openssl refuses the EC keys of gpgsm 2.4 too, then " + newKeyAdvice}
	case errors.Is(err, pkcs12.ErrMalformed):
		cause := strings.TrimPrefix(err.Error(), pkcs12.ErrMalformed.Error()+": ")
		return keyFileContents{}, &foreignForm{form: string(formPKCS12) + " that is cut off or damaged", advice: "copy the file again; where openssl reads it, " + convertPKCS12, cause: errors.New(cause)}
	case err != nil:
		return keyFileContents{}, &foreignForm{form: string(formPKCS12) + " that cannot be read", advice: convertPKCS12, cause: errors.New(strings.TrimPrefix(err.Error(), "pkcs12: "))}
	}
	found := keyFileContents{}
	for _, cert := range contents.Certificates {
		found.certificates = append(found.certificates, cert.Raw)
	}
	found.key, err = asSigner(contents.Key)
	return found, err
}

// password reads the passwordFile; a missing one is the empty password.
func (id *Identity) password() (string, error) {
	path := filepath.Join(filepath.Dir(id.KeyFile), passwordFile)
	data, mode, err := readFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", notOurs(fmt.Errorf("identity: password of %s: %w", id.Name, err), path)
	case mode.Perm()&0o077 != 0:
		return "", id.openToOthers("password", path, mode)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return strings.TrimSuffix(string(line), "\r"), nil
}
