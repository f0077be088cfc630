package identity

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dnseal/sender/identity/pkcs8"
)

// passwordFile, in the folder of a key file that is encrypted, has its passphrase in the first
// line, or "credential:NAME" for that of a systemd credential. The passphrase itself beside the key
// is no protection: it is for files that a program gives out with a password only.
const passwordFile = "password"

// credentialPrefix begins a line that names a systemd credential: the contents of the file NAME in
// the directory that the environment variable CREDENTIALS_DIRECTORY names (systemd.exec(5)).
const credentialPrefix = "credential:" //nolint:gosec // a word, no secret

// ErrLocked says that the private key is where key.pem says, but what opens it is not here: no
// passphrase, another passphrase, or no systemd credential in this process.
var ErrLocked = errors.New("the private key is locked")

// secrets open the key file of one identity. The zero value has none.
type secrets struct {
	// line is the first one of the passwordFile; given: it is there.
	line  string
	given bool
	// credentials is the directory of systemd credentials; empty: there is none.
	credentials string
	// ask is asked where no passphrase is given; nil: nobody.
	ask func() (string, error)
	// used is the passphrase that was last returned.
	used string
}

// readSecrets reads the passwordFile beside the key file.
func (id *Identity) readSecrets(l Loader) (*secrets, error) {
	s := &secrets{credentials: os.Getenv("CREDENTIALS_DIRECTORY")}
	if l.Passphrase != nil {
		s.ask = func() (string, error) { return l.Passphrase(id.Name) }
	}
	path := filepath.Join(filepath.Dir(id.KeyFile), passwordFile)
	data, mode, err := readFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return nil, notOurs(fmt.Errorf("identity: password of %s: %w", id.Name, err), path)
	case mode.Perm()&0o077 != 0:
		return nil, id.openToOthers("password", path, mode)
	}
	s.line, s.given = firstLine(data), true
	return s, nil
}

// passphrase returns the passphrase; given is false where there is none.
func (s *secrets) passphrase() (text string, given bool, err error) {
	if name, ok := strings.CutPrefix(s.line, credentialPrefix); ok {
		var data []byte
		data, err = s.credential(name)
		s.used = firstLine(data)
		return s.used, true, err
	}
	if s.given || s.ask == nil {
		s.used = s.line
		return s.line, s.given, nil
	}
	s.used, err = s.ask()
	return s.used, true, err
}

// origin is where the passphrase comes from, in words.
func (s *secrets) origin() string {
	switch {
	case strings.HasPrefix(s.line, credentialPrefix):
		return "that in the systemd credential " + strings.TrimPrefix(s.line, credentialPrefix)
	case s.given:
		return "that in the file " + passwordFile
	}
	return "the one given"
}

// credential reads a systemd credential. Its directory is for this service alone, and so its mode
// is not looked at: systemd lets a service's user in by an access control list.
func (s *secrets) credential(name string) ([]byte, error) {
	switch {
	case !isCredentialName(name):
		return nil, &foreignForm{form: fmt.Sprintf("%q, which is no name of a systemd credential", clip(credentialPrefix+name)), advice: "write one line " + credentialPrefix + "NAME, with NAME as LoadCredential= of the unit has it"}
	case s.credentials == "":
		return nil, &foreignForm{
			form: "the name of the systemd credential " + name + ", and this process has no credentials", cause: ErrLocked,
			advice: "only the service gets it, by LoadCredential= or LoadCredentialEncrypted= of its unit; elsewhere: systemd-run --pipe --wait -p LoadCredential=" + name + ":FILE dnseal …",
		}
	}
	data, _, err := readFile(filepath.Join(s.credentials, name))
	if err != nil {
		return nil, &foreignForm{
			form:  "the name of the systemd credential " + name + ", which cannot be read",
			cause: errors.Join(ErrLocked, err), advice: "give it to the service in its unit: LoadCredentialEncrypted=" + name + ":FILE; systemd-creds encrypt makes FILE",
		}
	}
	return data, nil
}

// maxCredentialName is NAME_MAX of Linux.
const maxCredentialName = 255

// isCredentialName accepts file names of printable ASCII without a colon, as systemd does.
func isCredentialName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= maxCredentialName &&
		!strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' || r == ':' })
}

func firstLine(data []byte) string {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return strings.TrimSuffix(string(line), "\r")
}

const decryptAdvice = "write the passphrase into the file " + passwordFile + " beside it (chmod 600), or there \"" + credentialPrefix + "NAME\" where a systemd credential has it; or decrypt the key with: openssl pkey -in OLD -out {}"

// readEncrypted reads an EncryptedPrivateKeyInfo (RFC 5958, Section 3).
func readEncrypted(der []byte, s *secrets) (crypto.PrivateKey, error) {
	plain, err := decryptKey(der, s)
	if err != nil {
		return nil, err
	}
	return parseKey(formPKCS8, plain)
}

// decryptKey returns the DER of the PrivateKeyInfo.
func decryptKey(der []byte, s *secrets) ([]byte, error) {
	passphrase, given, err := s.passphrase()
	switch {
	case err != nil:
		return nil, err
	case !given:
		return nil, &foreignForm{form: string(formEncrypted) + ", which is not here", advice: decryptAdvice, cause: ErrLocked, silent: true}
	}
	plain, err := pkcs8.Decrypt(der, passphrase)
	cause := func(sentinel error) error {
		return errors.New(strings.TrimPrefix(err.Error(), sentinel.Error()+": "))
	}
	switch {
	case errors.Is(err, pkcs8.ErrPassphrase):
		return nil, &foreignForm{form: string(formEncrypted) + ", and " + s.origin() + " is another", advice: decryptAdvice, cause: ErrLocked, silent: true}
	case errors.Is(err, pkcs8.ErrUnsupported):
		return nil, &foreignForm{form: string(formEncrypted) + " in a way that is not read", advice: "encrypt it anew with: openssl pkcs8 -topk8 -in OLD -out {}", cause: cause(pkcs8.ErrUnsupported)}
	case err != nil:
		return nil, &foreignForm{form: string(formEncrypted) + " and is cut off or damaged", advice: "copy the file again", cause: cause(pkcs8.ErrMalformed)}
	}
	return plain, nil
}
