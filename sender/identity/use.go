package identity

import (
	"cmp"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/mlkem"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dnseal/lookup/dane"
	"dnseal/smime/certificate"
	"dnseal/smime/cms"
)

// Use is what a key is for.
type Use string

// Uses of keys (RFC 8550, Section 4.4.2).
const (
	UseSign    Use = "sign"    // digitalSignature
	UseEncrypt Use = "encrypt" // keyEncipherment, keyAgreement: others encrypt to it
	UseBoth    Use = "both"
)

// Uses lists the uses, the default first.
func Uses() []string { return []string{string(UseSign), string(UseEncrypt), string(UseBoth)} }

func (opts *CreateOptions) use() Use { return cmp.Or(opts.Use, UseSign) }

// Use returns what the key is for: encryption where it can do nothing else or is in the
// [EncryptFolder]; both where its certificate says so.
func (id *Identity) Use() Use {
	if onlyEncrypts(id.public()) || id.isBelow(EncryptFolder) {
		return UseEncrypt
	}
	const signs = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	if id.Certificate == nil || id.Certificate.KeyUsage&signs == 0 || !id.Decrypts() {
		return UseSign
	}
	return UseBoth
}

// isBelow reports whether the key is in this folder of the identity's, or an earlier or next one.
func (id *Identity) isBelow(folder string) bool {
	within := filepath.Dir(id.KeyFile)
	for range 3 {
		above := filepath.Dir(within)
		if filepath.Base(within) == folder && filepath.Base(above) == folderName(id.Name) {
			return true
		}
		within = above
	}
	return false
}

// keyUsage is that of the certificate of a key (RFC 5280, Section 4.2.1.3; RFC 8410, Section 5; RFC
// 9881, Section 5; RFC 9935, Section 5).
func keyUsage(pub crypto.PublicKey, use Use) (bits x509.KeyUsage) {
	if use != UseEncrypt {
		bits = x509.KeyUsageDigitalSignature
	}
	if use == UseSign {
		return bits
	}
	switch pub.(type) {
	case *ecdsa.PublicKey, *ecdh.PublicKey:
		return bits | x509.KeyUsageKeyAgreement
	default:
		return bits | x509.KeyUsageKeyEncipherment
	}
}

const (
	// PostQuantumFolder is in an identity's folder. It has the key.pem and cert.pem of an ML-DSA
	// key that signs beside the identity's own.
	PostQuantumFolder = "pq"
	// EncryptFolder is in an identity's folder. It has the key.pem and cert.pem of a key that
	// others encrypt to, where that is not the one that signs, and what its life cycle needs.
	EncryptFolder = "encrypt"
	// DecryptFile is in the folder of an earlier key. It has the private key where it signs no more
	// and mail to it can be read with nothing else.
	DecryptFile = "decrypt.pem"
)

// Decrypts reports whether others may encrypt to the key: to an RSA or EC key whose certificate
// does not forbid that (RFC 5280, Section 4.2.1.3; RFC 8550, Section 4.4.2), or that has none.
func (id *Identity) Decrypts() bool {
	var use x509.KeyUsage
	switch id.public().(type) {
	case *ecdsa.PublicKey:
		use = x509.KeyUsageKeyAgreement
	case *ecdh.PublicKey:
		use = x509.KeyUsageKeyAgreement
	case *rsa.PublicKey, *mlkem.EncapsulationKey768, *mlkem.EncapsulationKey1024:
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
	if id.Private != nil {
		return id.Private
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

// isVacant reports whether a folder that is there takes a new key: that of a name with a key for
// encryption alone, or one of which the key for encryption was moved to the earlier ones.
func isVacant(folder string) bool {
	return onlyForEncryption(folder) || filepath.Base(folder) == EncryptFolder && holdsOneOf(folder, []string{OldFolder}) && !holdsOneOf(folder, []string{keyFile})
}

// onlyForEncryption reports whether the folder of a name has a key for encryption and none else.
func onlyForEncryption(folder string) bool {
	return holdsOneOf(folder, []string{filepath.Join(EncryptFolder, keyFile)}) && !holdsOneOf(folder, []string{keyFile})
}

// LoadForDecryption is [Loader.LoadFolder] for a folder of [DecryptionFolders]: of an earlier key
// the [DecryptFile] counts where there is one. That a key was revoked does not count: mail to it is
// read with nothing else.
func (l Loader) LoadForDecryption(folder, name string) (*Identity, error) {
	id, err := inFolder(folder, name)
	if err != nil {
		return nil, err
	}
	id.anyUse = true
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

// ListForDecryption is [ListAll] that names those too of whose keys only earlier ones are left:
// mail to them is read with nothing else.
func ListForDecryption(dir string) ([]string, error) {
	return list(dir, keyFile, OldFolder, filepath.Join(EncryptFolder, keyFile), filepath.Join(EncryptFolder, OldFolder))
}

// checkUse refuses a key for encryption alone where one that signs belongs.
func (id *Identity) checkUse() error {
	if id.anyUse || !onlyEncrypts(id.public()) {
		return nil
	}
	return &foreignForm{
		form:   "a private " + id.KeyType() + " key, which is for encryption only; RSA, ECDSA, Ed25519 and ML-DSA keys sign",
		advice: "a key for encryption belongs into the folder " + EncryptFolder + " beside it; for one that signs " + newKeyAdvice,
	}
}

// loadPostQuantum sets the key in the PostQuantumFolder, where there is one and it was not revoked.
func (id *Identity) loadPostQuantum(load func(*Identity) error) error {
	folder := filepath.Dir(id.KeyFile)
	if isPostQuantum(id.public()) || !holdsOneOf(filepath.Join(folder, PostQuantumFolder), []string{keyFile}) {
		return nil
	}
	pq := &Identity{Name: id.Name, Kind: id.Kind, KeyFile: filepath.Join(folder, PostQuantumFolder, keyFile)}
	if err := load(pq); err != nil {
		return err
	}
	if !isPostQuantum(pq.public()) {
		return id.fileError("key", pq.KeyFile, &foreignForm{form: "no ML-DSA key", advice: "move the folder " + PostQuantumFolder + " away, and make one with: dnseal identity new NAME --algorithm ml-dsa-65"})
	}
	revoked, err := Revoked(folder)
	if err == nil && !slices.Contains(revoked, pq.KeyID()) {
		id.PostQuantum, id.signer = pq, cms.Signer{}
		id.signer, _ = id.Signer().Ready() // an error of it is reported when it is to sign
	}
	return err
}

// LoadEncryption is [LoadPublic] for the key in the [EncryptFolder] of a name. Errors:
// [fs.ErrNotExist] where there is none.
func LoadEncryption(dir, name string) (*Identity, error) {
	folder, name, err := Folder(dir, name)
	if err != nil {
		return nil, err
	}
	return LoadPublicFolder(filepath.Join(folder, EncryptFolder), name)
}

// LoadAllPublic returns the keys of a name as [LoadPublic] does: the one that signs, the ML-DSA key
// beside it, the one for encryption; those that there are. Errors: as LoadPublic, also for a name
// that has none.
func LoadAllPublic(dir, name string) (all []*Identity, err error) {
	folder, name, err := Folder(dir, name)
	if err != nil {
		return nil, err
	}
	encrypt := filepath.Join(folder, EncryptFolder)
	if !onlyForEncryption(folder) {
		signs, loadErr := LoadPublic(dir, name)
		if loadErr != nil {
			return nil, loadErr
		}
		all = append(all, signs)
		if signs.PostQuantum != nil {
			all = append(all, signs.PostQuantum)
		}
	}
	if !holdsOneOf(encrypt, []string{keyFile}) {
		return all, nil
	}
	id, err := LoadPublicFolder(encrypt, name)
	if err != nil {
		return nil, err
	}
	return append(all, id), nil
}

// RecordForm returns the usage, selector and matching type of the record that publishes the key
// best (RFC 6698, Section 2.1): 3 0 0, the whole certificate, where others encrypt to it and it is
// not one that a CA renews; 3 1 0 for a key without certificate, which nothing else carries; else 3
// 1 1.
func (id *Identity) RecordForm() (usage, selector, matching uint8) {
	switch {
	case id.Certificate == nil:
		return dane.DANEEE, dane.PublicKey, dane.Exact
	case id.Use() == UseEncrypt, id.Use() == UseBoth && certificate.SelfIssued(id.Certificate):
		return dane.DANEEE, dane.FullCertificate, dane.Exact
	}
	return dane.DANEEE, dane.PublicKey, dane.SHA256
}
