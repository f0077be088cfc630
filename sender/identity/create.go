package identity

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Files of an identity's folder.
const (
	keyFile  = "key.pem"
	certFile = "cert.pem"
)

// CreateOptions are for Create. Zero values are the defaults.
type CreateOptions struct {
	// Use is what the key is for; empty: [UseSign].
	Use Use
	// Algorithm is one of [AlgorithmsFor] the use; empty: [DefaultAlgorithm].
	Algorithm string
	// Loader asks for the passphrase of the signing key of the name, which certifies one that
	// cannot sign; the zero value asks nobody.
	Loader Loader
	// IssuerDir is the directory of that signing key; empty: the one in which the key is made.
	IssuerDir string
	// Days of validity of the certificate, at most 36500; 0: 3650 (dates do not count under
	// DANE-EE).
	Days int
	// Passphrase encrypts the private key; empty: it is not encrypted. It is not kept: who loads
	// the identity needs it (see [Loader.Load]), and loading then takes some tenths of a second.
	// For a key on a token it is the PIN, for one in the TPM the password that the key gets.
	Passphrase string
	// PKCS11 is the URI of the key on a PKCS #11 token: one that is there, of whatever algorithm
	// where Algorithm is empty, or a new one. Empty: the key is not on a token.
	PKCS11 string
	// TPM makes the key in the TPM.
	TPM bool
	// Now is the time of making; zero: time.Now.
	Now time.Time
	// Certify makes the certificate of the new key, and sets the identity's Chain where a CA issued
	// it; nil: it is self-signed, with the name.
	Certify func(*Identity) (*x509.Certificate, error)
}

// Create makes a new identity in dir, and dir itself where it is missing; of [UseEncrypt] the key
// is in the [EncryptFolder] of the name, and an ML-DSA key beside one of another kind that is there
// in its [PostQuantumFolder]. A key that cannot sign is certified by the signing key of the name;
// where that is not here it is a raw key, without certificate. The folder appears whole or not at
// all: it is written under another name and renamed. A key that was made on a token stays there
// when what comes after it fails: the next try uses it. Errors: those of packages pkcs11 and tpm;
// one with a [Hint] for a name or algorithm that is none, [fs.ErrExist] when the identity is there
// already, else what the file system returned.
func Create(dir, name string, opts CreateOptions) (*Identity, error) {
	_, name, err := ParseName(name)
	if err != nil {
		return nil, err
	}
	if err = opts.checkDays(name); err != nil {
		return nil, err
	}
	folder, err := opts.folder(dir, name)
	if err != nil {
		return nil, err
	}
	opts.IssuerDir = cmp.Or(opts.IssuerDir, dir)
	id, err := makeIn(folder, name, opts)
	if err != nil {
		return nil, err
	}
	if err := id.store(folder, opts.Passphrase); err != nil {
		return nil, err
	}
	return id, nil
}

// Make is [Create] that writes nothing: [Identity.Files] is what the folder would hold. A key that
// is made on a token is there all the same.
func Make(name string, opts CreateOptions) (*Identity, error) { return makeIn("", name, opts) }

// makeIn makes the identity whose folder it is.
func makeIn(folder, name string, opts CreateOptions) (*Identity, error) {
	kind, name, err := ParseName(name)
	if err != nil {
		return nil, err
	}
	if err = opts.checkDays(name); err != nil {
		return nil, err
	}
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	id := &Identity{Name: name, Kind: kind, KeyFile: filepath.Join(folder, keyFile), CertFile: filepath.Join(folder, certFile)}
	if err = id.makeKey(opts); err != nil {
		return nil, err
	}
	id.Public = id.public()
	if opts.Certify == nil {
		opts.Certify = func(id *Identity) (*x509.Certificate, error) { return createCertificate(opts.IssuerDir, id, opts) }
	}
	if id.Certificate, err = opts.Certify(id); err != nil {
		return nil, fmt.Errorf("identity: certificate for %s: %w", name, err)
	}
	if id.Certificate == nil {
		id.CertFile = ""
	}
	return id, nil
}

func (opts *CreateOptions) checkDays(name string) error {
	if opts.Days < 0 || opts.Days > maxDays {
		return fmt.Errorf("identity: %s: a certificate can be valid for 1 to %d days, not %d", name, maxDays, opts.Days)
	}
	return nil
}

// folder is where the key of the name goes, which must be free.
func (opts *CreateOptions) folder(dir, name string) (string, error) {
	folder := filepath.Join(dir, folderName(name))
	switch {
	case opts.use() == UseEncrypt:
		folder = filepath.Join(folder, EncryptFolder)
	case strings.HasPrefix(opts.Algorithm, "ml-dsa-") && holdsOneOf(folder, []string{keyFile}):
		there, err := LoadPublic(dir, name)
		if err != nil {
			return "", err
		}
		if isPostQuantum(there.Public) {
			return "", existsError(name, folder)
		}
		folder = filepath.Join(folder, PostQuantumFolder)
	}
	if isVacant(folder) {
		return folder, nil
	}
	if _, err := os.Lstat(folder); err == nil {
		return "", existsError(name, folder)
	}
	return folder, nil
}

// createCertificate makes the certificate of a new key; nil for one that nobody here can certify.
func createCertificate(dir string, id *Identity, opts CreateOptions) (*x509.Certificate, error) {
	if !onlyEncrypts(id.Public) {
		return newCertificate(id, opts)
	}
	issuer, err := opts.Loader.Load(dir, id.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrLocked), errors.Is(err, ErrRevoked):
		return nil, nil //nolint:nilnil // a raw key
	case err != nil:
		return nil, err
	}
	if _, only := issuer.Key.(*pssKey); only || issuer.CanSign() != nil {
		return nil, nil //nolint:nilnil // a raw key
	}
	return issuer.certify(id, opts)
}

func existsError(name, folder string) error {
	err := fmt.Errorf("identity: %s: %w: %s", name, fs.ErrExist, folder)
	return WithHint(err, "a key in use is never overwritten; move the folder away to make a new one")
}

// Files returns what key.pem and cert.pem hold of an identity that [Make] or [ReadPublic] returned;
// cert is nil for a raw key. Errors: a key that cannot be written.
func (id *Identity) Files(passphrase string) (key, cert []byte, err error) {
	if id.Key == nil && id.Private == nil {
		key, err = id.PublicPEM()
	} else {
		key, err = id.keyContents(passphrase)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("identity: key of %s: %w", id.Name, err)
	}
	if id.Certificate != nil {
		cert = EncodeCertificates(slices.Concat([]*x509.Certificate{id.Certificate}, id.Chain)...)
	}
	return key, cert, nil
}

// store writes the identity's folder.
func (id *Identity) store(folder, passphrase string) error {
	key, cert, err := id.Files(passphrase)
	if err != nil {
		return err
	}
	return id.storeFiles(folder, key, cert)
}

// StoreUnsynced makes the folder of an identity in dir, which must be there, of its
// [Identity.Files]. It appears whole or not at all while the system runs; what a power failure
// leaves is known only after the caller has synced the file system: until then the key must not be
// used. Errors: [fs.ErrExist]; what the file system returned.
func StoreUnsynced(dir, name string, key, cert []byte) error {
	folder := filepath.Join(dir, folderName(name))
	temp := unfinished(dir, name)
	err := os.Mkdir(temp, 0o700)
	if errors.Is(err, fs.ErrExist) { // of a run that was killed
		if err = os.RemoveAll(temp); err == nil {
			err = os.Mkdir(temp, 0o700)
		}
	}
	if err == nil && cert != nil {
		err = os.WriteFile(filepath.Join(temp, certFile), cert, 0o644) //nolint:gosec // a certificate is for all
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(temp, keyFile), key, 0o600)
	}
	if err == nil {
		err = os.Rename(temp, folder)
	}
	if err != nil {
		_ = os.RemoveAll(temp) // what there is of it
		return fmt.Errorf("identity: %s: %w", name, err)
	}
	return nil
}

// unfinished is the folder of name before it is whole. A name can be as long as that of a file.
func unfinished(dir, name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(dir, ".new-"+hex.EncodeToString(sum[:12]))
}

// storeFiles writes the folder under another name and renames it; without cert there is no
// certFile. Into a folder that isVacant the files go one by one, and count from the keyFile on.
func (id *Identity) storeFiles(folder string, key, cert []byte) error {
	dir := filepath.Dir(folder)
	if isVacant(folder) {
		return storeBeside(folder, key, cert)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	temp, err := os.MkdirTemp(dir, ".new-*") // mode 0700
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }() // gone already when the rename succeeded
	if err := writeFile(filepath.Join(temp, keyFile), key, 0o600); err != nil {
		return err
	}
	if cert != nil {
		if err := writeFile(filepath.Join(temp, certFile), cert, 0o644); err != nil {
			return err
		}
	}
	// A folder made meanwhile makes the rename fail: ours never replaces it.
	if err := os.Rename(temp, folder); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return existsError(id.Name, folder)
		}
		return fmt.Errorf("identity: %w", err)
	}
	return SyncDir(dir)
}

func storeBeside(folder string, key, cert []byte) error {
	if cert != nil {
		if err := ReplaceFile(filepath.Join(folder, certFile), cert, 0o644); err != nil {
			return err
		}
	}
	return ReplaceFile(filepath.Join(folder, keyFile), key, 0o600)
}

// writeFile makes a new file and does not return before its bytes are on disk.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err // the path is in the text
	}
	if err != nil {
		return fmt.Errorf("identity: write %s: %w", path, err)
	}
	return nil
}

// SyncDir makes renames in dir last over a power failure. Errors: what the file system returned.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	defer func() { _ = d.Close() }() // only synced
	if err := d.Sync(); err != nil {
		return fmt.Errorf("identity: sync %s: %w", dir, err)
	}
	return nil
}
