package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// EncryptFolder, in an identity's folder, has the key.pem and cert.pem of a key that others
	// encrypt to, where that is not the one that signs, and what its life cycle needs.
	EncryptFolder = "encrypt"
	// DecryptFile, in the folder of an earlier key, has the private key where it signs no more and
	// mail to it can be read with nothing else.
	DecryptFile = "decrypt.pem"
)

// Decrypts reports whether others may encrypt to the key: to an RSA or EC key whose certificate
// does not forbid that (RFC 5280, Section 4.2.1.3; RFC 8550, Section 4.4.2), or that has none.
func (id *Identity) Decrypts() bool {
	var use x509.KeyUsage
	switch id.public().(type) {
	case *ecdsa.PublicKey:
		use = x509.KeyUsageKeyAgreement
	case *rsa.PublicKey:
		use = x509.KeyUsageKeyEncipherment
	default:
		return false
	}
	return id.Certificate == nil || id.Certificate.KeyUsage == 0 || id.Certificate.KeyUsage&use != 0
}

// DecryptionKey returns the private key where others may encrypt to it and it is one of package
// enveloped. Nil for any other, such as one on a token that only signs, and where the private key
// is not here.
func (id *Identity) DecryptionKey() crypto.PrivateKey {
	if !id.Decrypts() {
		return nil
	}
	switch key := id.Key.(type) {
	case *ecdsa.PrivateKey:
		return key
	case crypto.Decrypter:
		return key
	}
	return nil
}

// DecryptionFolders are the folders of the keys of a name that may open mail to it: the active
// keys, the next ones, which can be published already, and the earlier ones, to which old mail is
// encrypted. Errors: the name is none, with a [Hint]; what the file system returned.
func DecryptionFolders(dir, name string) ([]string, error) {
	folder, _, err := Folder(dir, name)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, base := range []string{filepath.Join(folder, EncryptFolder), folder} {
		all = append(all, base, filepath.Join(base, NextFolder))
		old, err := earlierFolders(base)
		if err != nil {
			return nil, err
		}
		all = append(all, old...)
	}
	return slices.DeleteFunc(all, func(f string) bool { return !holdsOneOf(f, []string{keyFile, DecryptFile}) }), nil
}

// earlierFolders are those of the earlier keys, the latest first.
func earlierFolders(base string) (found []string, err error) {
	entries, err := os.ReadDir(filepath.Join(base, OldFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, notOurs(err, base)
	}
	for _, e := range slices.Backward(entries) {
		if !strings.HasPrefix(e.Name(), ".") {
			found = append(found, filepath.Join(base, OldFolder, e.Name()))
		}
	}
	return found, nil
}

// holdsOneOf reports whether a folder has one of the files, or may have one that we may not see.
func holdsOneOf(folder string, files []string) bool {
	return slices.ContainsFunc(files, func(name string) bool {
		_, err := os.Stat(filepath.Join(folder, name))
		return err == nil || errors.Is(err, fs.ErrPermission)
	})
}

// LoadForDecryption is [Loader.LoadFolder] for a folder of [DecryptionFolders]: of an earlier key
// the [DecryptFile] counts where there is one. That a key was revoked does not count: mail to it is
// read with nothing else.
func (l Loader) LoadForDecryption(folder, name string) (*Identity, error) {
	id, err := inFolder(folder, name)
	if err != nil {
		return nil, err
	}
	if kept := filepath.Join(folder, DecryptFile); holdsOneOf(folder, []string{DecryptFile}) {
		id.KeyFile = kept
	}
	if err = id.load(l); err != nil {
		return nil, err
	}
	return id, nil
}

// ListAll is [List] that names those too that have a key for encryption alone.
func ListAll(dir string) ([]string, error) {
	return list(dir, keyFile, filepath.Join(EncryptFolder, keyFile))
}
