package identity

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Files of an identity's folder.
const (
	keyFile  = "key.pem"
	certFile = "cert.pem"
)

// CreateOptions are for Create. Zero values are the defaults.
type CreateOptions struct {
	// Algorithm is one of [Algorithms]; empty: [DefaultAlgorithm].
	Algorithm string
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

// Create makes a new identity in dir, and dir itself where it is missing. The folder appears whole
// or not at all: it is written under another name and renamed. A key that was made on a token stays
// there when what comes after it fails: the next try uses it. Errors: those of packages pkcs11 and
// tpm; one with a [Hint] for a name or algorithm that is none, [fs.ErrExist] when the identity is
// there already, else what the file system returned.
func Create(dir, name string, opts CreateOptions) (*Identity, error) {
	kind, name, err := ParseName(name)
	if err != nil {
		return nil, err
	}
	if opts.Days < 0 || opts.Days > maxDays {
		return nil, fmt.Errorf("identity: %s: a certificate can be valid for 1 to %d days, not %d", name, maxDays, opts.Days)
	}
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	folder := filepath.Join(dir, folderName(name))
	if _, err = os.Lstat(folder); err == nil {
		return nil, existsError(name, folder)
	}
	id := &Identity{Name: name, Kind: kind, KeyFile: filepath.Join(folder, keyFile), CertFile: filepath.Join(folder, certFile)}
	if err = id.makeKey(opts); err != nil {
		return nil, err
	}
	id.Public = id.Key.Public()
	if opts.Certify == nil {
		opts.Certify = func(id *Identity) (*x509.Certificate, error) { return newCertificate(id, opts) }
	}
	if id.Certificate, err = opts.Certify(id); err != nil {
		return nil, fmt.Errorf("identity: certificate for %s: %w", name, err)
	}
	if err := id.store(dir, folder, opts.Passphrase); err != nil {
		return nil, err
	}
	return id, nil
}

func existsError(name, folder string) error {
	err := fmt.Errorf("identity: %s: %w: %s", name, fs.ErrExist, folder)
	return WithHint(err, "a key in use is never overwritten; move the folder away to make a new one")
}

// store writes the identity's folder.
func (id *Identity) store(dir, folder, passphrase string) error {
	key, err := id.keyContents(passphrase)
	if err != nil {
		return fmt.Errorf("identity: key of %s: %w", id.Name, err)
	}
	return id.storeFiles(dir, folder, key, EncodeCertificates(slices.Concat([]*x509.Certificate{id.Certificate}, id.Chain)...))
}

// storeFiles writes the folder under another name and renames it; without cert there is no
// certFile.
func (id *Identity) storeFiles(dir, folder string, key, cert []byte) error {
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
