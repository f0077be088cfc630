package identity

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dnseal/smime/cms"
)

// maxPEM is the most bytes read of a key or certificate file.
const maxPEM = 1 << 20

// Loader loads identities. The zero value is right for what runs unattended.
type Loader struct {
	// Passphrase is asked for the passphrase of the identity name when its key is encrypted and its
	// folder says none; nil: nobody is asked, and the error is [ErrLocked].
	Passphrase func(name string) (string, error)
}

// Load is that of a Loader that asks nobody.
func Load(dir, name string) (*Identity, error) { return Loader{}.Load(dir, name) }

// Load reads one identity. A private key is read in PKCS#8, PKCS#1 and SEC1, in PEM or DER, and in
// PKCS#12. The passphrase of one that is encrypted is in the first line of the file "password" of
// the folder; where that is "credential:NAME", in the systemd credential NAME. A key.pem of one
// line "credential:NAME" says that the key itself is that credential. A key.pem with a public key
// alone makes an identity without Key. Certificates are read in PEM, DER and PKCS#7; where there is
// no cert.pem, those in key.pem count. Errors: [fs.ErrNotExist] when there is none of this name, as
// an [*OtherCaseError] where there is one whose local part differs in case only; [ErrLocked] where
// the passphrase or credential is not here or is another one; [ErrRevoked] for a key that was
// revoked; one with a [Hint] for a key that
// others can read or that we cannot read, for a file that holds another form of key or certificate
// than is read (it names the form), and for a key that is not its certificate's; else what the file
// system returned.
func (l Loader) Load(dir, name string) (*Identity, error) {
	id, err := newFor(dir, name)
	if err != nil {
		return nil, err
	}
	err = id.load(l)
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrLocked) {
		return nil, missing(dir, id.Name, filepath.Dir(id.KeyFile))
	}
	if err == nil {
		err = id.checkRevoked()
	}
	if err == nil {
		err = id.loadPostQuantum(func(pq *Identity) error { return pq.load(l) })
	}
	if err != nil {
		return nil, err
	}
	return id, nil
}

// LoadFolder is Load for the key and certificate in a folder of any path, such as that of the next
// key of an identity. Errors: as Load; [fs.ErrNotExist] where it has no key.pem.
func (l Loader) LoadFolder(folder, name string) (*Identity, error) {
	id, err := inFolder(folder, name)
	if err == nil {
		id.anyUse = true
		err = id.load(l)
	}
	if err != nil {
		return nil, err
	}
	return id, nil
}

// newFor is an identity of which nothing is read yet.
func newFor(dir, name string) (*Identity, error) {
	folder, name, err := Folder(dir, name)
	if err != nil {
		return nil, err
	}
	return inFolder(folder, name)
}

func inFolder(folder, name string) (*Identity, error) {
	kind, name, err := ParseName(name)
	if err != nil {
		return nil, err
	}
	return &Identity{Name: name, Kind: kind, KeyFile: filepath.Join(folder, keyFile)}, nil
}

// load reads the files of the folder.
func (id *Identity) load(l Loader) error {
	found, err := id.loadKey(l)
	if err != nil {
		return err
	}
	if err = id.loadCertificate(found.certificates); errors.As(err, new(*mismatch)) {
		err = id.duringSwitch(l, err)
	}
	if err != nil {
		return err
	}
	id.setScheme(found.pss)
	// An error of it is reported when it is to sign.
	id.signer, _ = id.Signer().Ready()
	return nil
}

// certPath is where the certificate belongs.
func (id *Identity) certPath() string { return filepath.Join(filepath.Dir(id.KeyFile), certFile) }

// missing says what there is in place of the key file of name, and what to do.
func missing(dir, name, folder string) error {
	if names, _ := List(dir); names != nil {
		if other := InAnotherCase(name, names); other != nil {
			return WithHint(other, "write From as it is there, or make another identity with: dnseal identity new %s --identities %s", Quote(name), Quote(dir))
		}
	}
	if onlyForEncryption(folder) {
		return WithHint(fmt.Errorf("identity: %s has a key for encryption and none that signs: %w", name, fs.ErrNotExist),
			"make one with: dnseal identity new %s --identities %s", Quote(name), Quote(dir))
	}
	if info, err := os.Stat(folder); err == nil && info.IsDir() {
		return WithHint(fmt.Errorf("identity: there is no %s in %s: %w", keyFile, folder, fs.ErrNotExist),
			"copy the private key of %s there under this name (chmod 600), a PKCS #12 file (.p12, .pfx) too", name)
	}
	err := fmt.Errorf("identity: there is no %s in %s: %w", name, dir, fs.ErrNotExist)
	if _, noDir := os.Stat(dir); errors.Is(noDir, fs.ErrNotExist) {
		err = fmt.Errorf("identity: there is no directory %s for %s: %w", dir, name, fs.ErrNotExist)
	}
	return WithHint(err, "make it with: dnseal identity new %s --identities %s", Quote(name), Quote(dir))
}

// loadKey reads the key file.
func (id *Identity) loadKey(l Loader) (found keyFileContents, err error) {
	data, mode, err := readFile(id.KeyFile)
	if err != nil {
		return found, notOurs(fmt.Errorf("identity: key of %s: %w", id.Name, err), filepath.Dir(id.KeyFile))
	}
	s, err := id.readSecrets(l)
	if err != nil {
		return found, err
	}
	found, err = readKeyFile(data, s)
	// A public key is no secret.
	if isPublic := err == nil && found.key == nil; mode.Perm()&0o077 != 0 && !isPublic {
		return keyFileContents{}, id.openToOthers("key", id.KeyFile, mode)
	}
	id.Public = found.public
	if found.key != nil {
		id.Public = publicOf(found.key)
	}
	if signs, ok := found.key.(crypto.Signer); ok {
		id.Key = signs
	} else {
		id.Private = found.key
	}
	if err == nil {
		err = id.checkUse()
	}
	return found, id.fileError("key", id.KeyFile, err)
}

// openToOthers is the error for a secret with this mode.
func (id *Identity) openToOthers(what, path string, mode fs.FileMode) error {
	err := fmt.Errorf("identity: %s of %s: %s can be read by others (mode %04o)", what, id.Name, path, mode.Perm())
	return WithHint(err, "chmod 600 %s", Quote(path))
}

// fileError names the file, and adds the hint of a file that holds something else.
func (id *Identity) fileError(what, path string, err error) error {
	if err == nil {
		return nil
	}
	named := fmt.Errorf("identity: %s of %s: %s: %w", what, id.Name, path, err)
	var foreign *foreignForm
	if !errors.As(err, &foreign) {
		return named
	}
	return WithHint(named, "%s", foreign.hintFor(path))
}

// loadCertificate reads the certificate and its chain; where the file is missing, those that stand
// in the key file, and else it is a raw key.
func (id *Identity) loadCertificate(inKeyFile [][]byte) error {
	path := id.certPath()
	file, err := id.readCertificates()
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(inKeyFile) == 0:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		path, file.unordered = id.KeyFile, true
		file.certificates, err = parseCertificates(inKeyFile)
		err = id.fileError("certificate", path, err)
	}
	if err != nil {
		return err
	}
	if file.unordered {
		file.certificates = ownFirst(id.public(), file.certificates)
	}
	return id.useCertificates(file.certificates, path)
}

// readCertificates reads cert.pem. Errors: [fs.ErrNotExist] where there is none.
func (id *Identity) readCertificates() (certificateFile, error) {
	data, _, err := readFile(id.certPath())
	if err != nil {
		return certificateFile{}, fmt.Errorf("identity: certificate of %s: %w", id.Name, err)
	}
	file, err := readCertificateFile(data)
	return file, id.fileError("certificate", id.certPath(), err)
}

// unsupportedCertificate is the error for a certificate of a key that cannot sign mail.
func (id *Identity) unsupportedCertificate(err error, path string) error {
	words := strings.TrimPrefix(err.Error(), cms.ErrUnsupportedKey.Error()+": ")
	return id.fileError("certificate", path, &foreignForm{form: "a certificate of a key that cannot sign mail (" + words + ")", advice: "get a certificate for the key in " + keyFile})
}

// useCertificates sets the identity's certificate, which is the first, and its chain.
func (id *Identity) useCertificates(certs []*x509.Certificate, path string) error {
	if _, err := cms.PublicKey(certs[0]); err != nil {
		return id.unsupportedCertificate(err, path)
	}
	if !sameKey(id.public(), certs[0]) {
		err := &mismatch{fmt.Sprintf("identity: %s: the key in %s is not that of the certificate in %s", id.Name, id.KeyFile, path)}
		return WithHint(err, "the identity's own certificate must stand first in %s", certFile)
	}
	id.Certificate, id.Chain, id.CertFile = certs[0], certs[1:], path
	return nil
}

// readFile reads a regular file of limited size, with its mode as it was when it was opened.
// Another, such as a named pipe, is not opened: that would wait for a writer.
func readFile(path string) ([]byte, fs.FileMode, error) {
	if named, err := os.Stat(path); err == nil && !named.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() { // another one since
		return nil, 0, fmt.Errorf("%s is no regular file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err == nil && len(data) > maxPEM {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxPEM)
	}
	return data, info.Mode(), err
}

// Quote writes a name or a path as a word of a shell command, in quotes where they must be: for
// advice to paste.
func Quote(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r > 126 || !isFolderByte(byte(r)) && r != '/' && r != '%' }) {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

// notOurs adds what to do about a file or folder that belongs to another user.
func notOurs(err error, path string) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return WithHint(err, "it must belong to the user that dnseal runs as: chown -R USER %s", Quote(path))
}

// List returns the names in dir, sorted: every folder with a canonical name and the key file of a
// key that signs. It does not read keys. Errors: [fs.ErrNotExist] with a [Hint] when dir is not
// there, else what the file system returned.
func List(dir string) ([]string, error) { return list(dir, keyFile) }

// list returns the names of the folders that have one of the files.
func list(dir string, files ...string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("identity: there is no directory %s: %w", dir, fs.ErrNotExist)
		return nil, WithHint(err, "make the first identity there: dnseal identity new NAME --identities %s", Quote(dir))
	}
	if err != nil {
		return nil, notOurs(fmt.Errorf("identity: %w", err), dir)
	}
	var names []string
	for _, e := range entries {
		name, ok := nameOfFolder(e.Name())
		if !ok {
			continue
		}
		// A folder that we may not look into is named too, so that Load says why.
		if holdsOneOf(filepath.Join(dir, e.Name()), files) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
