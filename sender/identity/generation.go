package identity

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Names in an identity's folder that belong to its life cycle (package provision writes them).
const (
	// NextFolder has the key.pem and cert.pem of the key that is to sign next.
	NextFolder = "next"
	// OldFolder has a folder for each earlier key.
	OldFolder = "old"
	// RevokedFile has a line for each revoked key: its KeyID, and when it was revoked.
	RevokedFile = "revoked"
)

// ErrRevoked says that the key of an identity was revoked: it signs no more.
var ErrRevoked = errors.New("the key is revoked")

// Folder returns the path of the folder of an identity, and the name in canonical form. Errors: the
// name is none, with a [Hint].
func Folder(dir, name string) (path, canonical string, err error) {
	_, canonical, err = ParseName(name)
	if err != nil {
		return "", "", err
	}
	return filepath.Join(dir, folderName(canonical)), canonical, nil
}

// KeyID names the key of the identity: 16 hexadecimal digits of the SHA-256 of its public key. All
// its certificates share it. Empty: there is no key.
func (id *Identity) KeyID() string {
	spki, err := id.SPKI()
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:8])
}

// GenerationID names key and certificate: the KeyID, a hyphen and eight hexadecimal digits of the
// SHA-256 of the certificate; the KeyID alone for a raw key.
func (id *Identity) GenerationID() string {
	if id.Certificate == nil {
		return id.KeyID()
	}
	sum := sha256.Sum256(id.Certificate.Raw)
	return id.KeyID() + "-" + hex.EncodeToString(sum[:4])
}

// PublicPEM is the public key in PEM (RFC 7468, Section 13), as a key.pem without private key has
// it. Errors: there is no key.
func (id *Identity) PublicPEM() ([]byte, error) {
	der, err := id.SPKI()
	if err != nil {
		return nil, fmt.Errorf("identity: public key of %s: %w", id.Name, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// NewCertificate makes a certificate for the key of the identity, as [Create] does, in PEM, with
// the chain that opts.Certify sets; for a key that cannot sign, by the key in opts.IssuerDir. It
// changes nothing. Errors: a number of days that is none; the private key is not here or does not
// sign, or the key that certifies it is not here.
func (id *Identity) NewCertificate(opts CreateOptions) ([]byte, error) {
	if err := id.CanSign(); err != nil && !onlyEncrypts(id.public()) {
		return nil, err
	}
	if opts.Days < 0 || opts.Days > maxDays {
		return nil, fmt.Errorf("identity: %s: a certificate can be valid for 1 to %d days, not %d", id.Name, maxDays, opts.Days)
	}
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	if opts.Certify == nil {
		opts.Certify = func(id *Identity) (*x509.Certificate, error) {
			return createCertificate(opts.IssuerDir, id, opts)
		}
	}
	renewed := *id
	renewed.Chain = nil
	cert, err := opts.Certify(&renewed)
	if err != nil {
		return nil, fmt.Errorf("identity: certificate for %s: %w", id.Name, err)
	}
	if cert == nil {
		return nil, WithHint(fmt.Errorf("identity: %s: a %s key cannot sign its certificate, and no key that does is here", id.Name, id.KeyType()),
			"make a key of the name that signs: dnseal identity new %s", Quote(id.Name))
	}
	return EncodeCertificates(append([]*x509.Certificate{cert}, renewed.Chain...)...), nil
}

// Protection is how the private key in a folder is kept.
type Protection struct {
	// Passphrase opens the key file, the token (its PIN) or the key of the TPM; empty: it needs
	// none, an empty one, or that which the URI of PKCS11 names.
	Passphrase string
	// PKCS11 is the URI of a key on a PKCS #11 token; empty: it is on none.
	PKCS11 string
	// TPM says that the key is one of the TPM.
	TPM bool
	// Elsewhere says in words where the key is, when it is in none of these: in a systemd
	// credential.
	Elsewhere string
}

// Protection reads how the private key in a folder of the identity name is kept, so that the next
// one is kept alike. Errors: no key file; no passphrase, or none that can be read ([ErrLocked]);
// for a key on a token or in the TPM, those of opening it.
func (l Loader) Protection(folder, name string) (p Protection, err error) {
	id, err := inFolder(folder, name)
	if err != nil {
		return p, err
	}
	data, _, err := readFile(id.KeyFile)
	if err != nil {
		return p, fmt.Errorf("identity: key of %s: %w", id.Name, err)
	}
	s, err := id.readSecrets(l)
	if err != nil {
		return p, err
	}
	switch form := keyForm(plainText(data)); form {
	case formCredential:
		p.Elsewhere = string(form)
	case formPKCS11, formTPM:
		p.TPM = form == formTPM
		if form == formPKCS11 {
			p.PKCS11 = strings.TrimSpace(firstLine(plainText(data)))
		}
		_, err = readKeyFile(data, s)
		p.Passphrase, err = s.used, id.fileError("key", id.KeyFile, err)
	case formEncrypted, formPKCS12:
		if p.Passphrase, _, err = s.passphrase(); err != nil {
			return p, id.fileError("passphrase", id.KeyFile, err)
		}
	default: // nothing protects it but its mode
	}
	return p, err
}

// keyForm is the form of the private key in a key file.
func keyForm(data []byte) fileForm {
	if !bytes.Contains(data, pemBegin) {
		return formOf(data)
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if form := formOfBlock(block); form.isKey() || form == formEncrypted || form == formPKCS12 || form == formTPM {
			return form
		}
	}
	return formUnknown
}

// Revoked returns the KeyIDs in the RevokedFile of a folder. Errors: [fs.ErrPermission] and what
// else the file system returned; without a file there are none.
func Revoked(folder string) ([]string, error) {
	text, _, err := readFile(filepath.Join(folder, RevokedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	var ids []string
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 0 {
			ids = append(ids, words[0])
		}
	}
	return ids, nil
}

// checkRevoked is ErrRevoked for a revoked key. Where that cannot be read nobody may sign.
func (id *Identity) checkRevoked() error {
	revoked, err := Revoked(filepath.Dir(id.KeyFile))
	if err != nil || !slices.Contains(revoked, id.KeyID()) {
		return err
	}
	return WithHint(fmt.Errorf("identity: %s: %w", id.Name, ErrRevoked),
		"make another key: dnseal identity rollover %s; or publish this one again: dnseal identity publish %s", Quote(id.Name), Quote(id.Name))
}

// duringSwitch loads an identity whose cert.pem is not of its key.pem: a switch to the next key is
// under way, or has ended since key.pem was read. err is returned where that is not so.
func (id *Identity) duringSwitch(l Loader, err error) error {
	next := filepath.Join(filepath.Dir(id.KeyFile), NextFolder)
	again := &Identity{Name: id.Name, Kind: id.Kind, KeyFile: id.KeyFile, anyUse: id.anyUse}
	// The files move between two reads: key.pem first, then cert.pem.
	for range 2 {
		found, keyErr := again.loadKey(l)
		if keyErr != nil {
			return err
		}
		if again.loadCertificate(found.certificates) == nil || again.useNext(next) {
			*id = *again
			return nil
		}
	}
	// A next key without certificate: its folder is empty now.
	entries, readErr := os.ReadDir(next)
	if readErr != nil || len(entries) > 0 {
		return err
	}
	*id = *again
	return nil
}

// useNext sets the certificate of the next key where the private key is active already.
func (id *Identity) useNext(next string) bool {
	path := filepath.Join(next, certFile)
	data, _, err := readFile(path)
	if err != nil {
		return false
	}
	file, err := readCertificateFile(data)
	return err == nil && id.useCertificates(file.certificates, path) == nil
}

// IsCertifiedIn reports whether the first certificate in a file is of the key of the identity.
func (id *Identity) IsCertifiedIn(file string) bool {
	data, _, err := readFile(file)
	if err != nil {
		return false
	}
	read, err := readCertificateFile(data)
	if err != nil {
		return false
	}
	if read.unordered {
		read.certificates = ownFirst(id.public(), read.certificates)
	}
	return sameKey(id.public(), read.certificates[0])
}

// mismatch is the error for a certificate of another key.
type mismatch struct{ text string }

func (e *mismatch) Error() string { return e.text }
