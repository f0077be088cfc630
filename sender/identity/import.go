package identity

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// ImportOptions are for Import. Zero values are the defaults.
type ImportOptions struct {
	// Passphrase is asked for that of a file; nil: nobody is asked.
	Passphrase func(file string) (string, error)
	// Decrypt writes a key that comes encrypted without encryption. Else it stays encrypted by its
	// passphrase, which is not kept.
	Decrypt bool
	// Raw makes no certificate for a private key that comes without one.
	Raw bool
	// Encrypt imports a key that others encrypt to, and that does not sign: into the EncryptFolder.
	// A key that cannot sign goes there by itself, and an ML-DSA key beside another one that signs
	// into the PostQuantumFolder.
	Encrypt bool
	// Anchor keeps the root of the chain: receivers need it where it is published (usage 2; RFC
	// 7671, Section 5.2). Else it is left out, as receivers that trust it have it (RFC 5652,
	// Section 5.1), unless the chain that is replaced has it.
	Anchor bool
	// HoldsCertificate says that the published record has the whole certificate, which another one
	// for the same key must not replace at once.
	HoldsCertificate bool
	// Now is the time of import; zero: time.Now.
	Now time.Time
}

// Imported is what Import did.
type Imported struct {
	// Identity as it is now, without its Key: see LoadPublic.
	Identity *Identity
	// Done says it in sentences without period, in the order it happened; nil: all was there.
	Done []string
	// Hints are advice: what is still to do.
	Hints []string
	// Encrypted says that the key was written encrypted.
	Encrypted bool
	// Half says that the private key is not here: nothing is signed by the identity.
	Half bool
}

// Import makes the identity of a key and certificates that others made, or adds them to one that is
// there. The files are read together, in any order and form; certificates are sorted, the
// identity's own first. A private key without certificate is given a self-signed one; a public key,
// request or certificate without private key makes an identity that cannot sign. For an identity
// that is there, the certificate of its key, or of the next one, replaces the one before, and the
// private key of a public one is added. A private key is never overwritten.
// All is written or nothing, at whatever moment the process ends.
// Errors: those of ParseName; one with a [Hint] for files that cannot be read (it names file and
// form), for keys and certificates that do not belong together or to the identity; [ErrLocked] for
// another passphrase; else what the file system returned.
func Import(dir, name string, files []File, opts ImportOptions) (*Imported, error) {
	id, err := newFor(dir, name)
	if err != nil {
		return nil, err
	}
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	g, err := gather(files, opts.Passphrase)
	if err != nil {
		return nil, err
	}
	if len(g.keys)+len(g.publics)+len(g.certificates) == 0 {
		return nil, WithHint(fmt.Errorf("identity: nothing to import for %s", id.Name), importAdvice)
	}
	in := &importing{gathered: g, opts: opts, dir: dir, id: id}
	if err = in.choosePlace(); err != nil {
		return nil, err
	}
	id = in.id
	switch _, err = os.Lstat(filepath.Dir(id.KeyFile)); {
	case errors.Is(err, fs.ErrNotExist), err == nil && isVacant(filepath.Dir(id.KeyFile)):
		err = in.create()
	case err == nil:
		err = in.update()
	}
	if err != nil {
		return nil, err
	}
	if in.Identity, err = in.loadPublic(); err == nil {
		in.Half = in.Identity.isPublicHalf()
	}
	return &in.Imported, err
}

// choosePlace sets the folder by what the key is for.
func (in *importing) choosePlace() error {
	pub, err := in.publicKey(in.id)
	encrypts := in.opts.Encrypt || onlyEncrypts(pub) || err == nil && len(in.keys) == 0 && in.isForEncryption(pub)
	if err != nil || encrypts {
		in.moveTo(encrypts, EncryptFolder)
		return nil //nolint:nilerr // it is said where the key is needed
	}
	if !isPostQuantum(pub) || !holdsOneOf(filepath.Dir(in.id.KeyFile), []string{keyFile}) {
		return nil
	}
	there, err := LoadPublic(in.dir, in.id.Name)
	if err == nil {
		in.moveTo(!isPostQuantum(there.Public), PostQuantumFolder)
	}
	return err
}

// moveTo makes a folder below that of the name the place, where it is so.
func (in *importing) moveTo(is bool, folder string) {
	if is {
		in.id.KeyFile = filepath.Join(filepath.Dir(in.id.KeyFile), folder, keyFile)
		in.id.anyUse = true
	}
}

func (in *importing) loadPublic() (*Identity, error) {
	if in.id.anyUse {
		return LoadPublicFolder(filepath.Dir(in.id.KeyFile), in.id.Name)
	}
	return LoadPublic(in.dir, in.id.Name)
}

// importing is one import.
type importing struct {
	*gathered
	Imported

	opts ImportOptions
	dir  string
	id   *Identity // its Public is set first
}

func (in *importing) did(format string, args ...any) {
	in.Done = append(in.Done, fmt.Sprintf(format, args...))
}

// create makes the folder.
func (in *importing) create() (err error) {
	id := in.id
	if id.Public, err = in.publicKey(id); err != nil {
		return err
	}
	key, err := in.keyFile()
	if err != nil {
		return err
	}
	certs := in.ownCertificates(id.Public, nil)
	if len(in.certificates) > 0 && certs == nil {
		return WithHint(fmt.Errorf("identity: %s: none of the certificates is of its key", id.Name), "get a certificate for this key (dnseal identity csr), or import the key that the certificate is of")
	}
	if certs == nil && !in.opts.Raw {
		if certs, err = in.newCertificate(); err != nil {
			return err
		}
	}
	if certs == nil && in.Encrypted {
		var public []byte
		if public, err = id.PublicPEM(); err != nil {
			return err
		}
		key = append(key, public...) // LoadPublic finds it there
	}
	if err = id.storeFiles(filepath.Dir(id.KeyFile), key, EncodeCertificates(certs...)); err != nil {
		return err
	}
	if id.Key == nil && id.Private == nil {
		in.did("made %s with the public key alone: records can be published, and nothing can be signed here", id.KeyFile)
		return nil
	}
	in.did("made %s", id.KeyFile)
	return nil
}

// keyFile is what key.pem will hold.
func (in *importing) keyFile() ([]byte, error) {
	held, err := in.oneKey()
	if err != nil {
		return nil, err
	}
	if held == nil {
		return in.id.PublicPEM()
	}
	if signs, ok := held.key.(crypto.Signer); ok {
		in.id.Key = signs
	} else {
		in.id.Private = held.key
	}
	in.Encrypted = held.decrypted != nil && !in.opts.Decrypt
	if held.decrypted != nil && in.opts.Decrypt {
		return held.decrypted, nil
	}
	return held.text, nil
}

// newCertificate makes the certificate that Create makes; nil: nobody here can.
func (in *importing) newCertificate() ([]*x509.Certificate, error) {
	if in.id.Key == nil && in.id.Private == nil {
		return nil, nil
	}
	if _, only := in.id.Key.(*pssKey); only {
		in.Hints = append(in.Hints, "a key for RSASSA-PSS only is given no certificate here: it is published by a record with the key itself (3 1 0), or get a certificate with dnseal identity csr")
		return nil, nil
	}
	cert, err := createCertificate(in.dir, in.id, CreateOptions{Now: in.opts.Now})
	if err != nil {
		return nil, fmt.Errorf("identity: certificate for %s: %w", in.id.Name, err)
	}
	if cert == nil {
		return nil, nil
	}
	if onlyEncrypts(in.id.Public) {
		in.did("made a certificate for the key, which came without one, by the key of the name that signs")
	} else {
		in.did("made a self-signed certificate for the key, which came without one")
	}
	return []*x509.Certificate{cert}, nil
}

// update adds to a folder that is there.
func (in *importing) update() error {
	id, err := in.loadThere()
	if err != nil {
		return err
	}
	in.id = id
	if err = in.checkKeys(); err != nil {
		return err
	}
	if err = in.checkHeld(); err != nil {
		return err
	}
	if err = in.addPrivateKey(); err != nil || len(in.certificates) == 0 {
		return err
	}
	certs := in.ownCertificates(id.Public, id.Chain)
	if certs == nil {
		return in.updateNext()
	}
	return in.replaceCertificate(id, certs)
}

// loadThere loads the identity, and goes by its key where it can be opened: its certificate may be
// another's, and to be replaced.
func (in *importing) loadThere() (*Identity, error) {
	id := &Identity{Name: in.id.Name, Kind: in.id.Kind, KeyFile: in.id.KeyFile, anyUse: in.id.anyUse}
	found, err := id.loadKey(Loader{})
	switch {
	case errors.Is(err, ErrLocked):
		return in.loadPublic()
	case errors.Is(err, fs.ErrNotExist):
		return nil, missing(in.dir, id.Name, filepath.Dir(id.KeyFile))
	case err != nil:
		return nil, err
	}
	if err = id.loadCertificate(found.certificates); err != nil {
		id.Certificate, id.Chain, id.CertFile = nil, nil, ""
	}
	return id, nil
}

// checkKeys refuses keys that are not those of the identity.
func (in *importing) checkKeys() error {
	for _, pub := range in.publics {
		if !equalKeys(in.id.Public, pub) {
			return in.anotherKey()
		}
	}
	for _, k := range in.keys {
		if !equalKeys(in.id.Public, publicOf(k.key)) {
			return in.anotherKey()
		}
	}
	return nil
}

func (in *importing) anotherKey() error {
	err := fmt.Errorf("identity: %s is there with another key, in %s", in.id.Name, in.id.KeyFile)
	for _, folder := range []string{EncryptFolder, PostQuantumFolder} {
		if in.id.isBelow(folder) {
			next := filepath.Join(filepath.Dir(in.id.KeyFile), NextFolder)
			return WithHint(err, "a key in use is never overwritten: put this one into %s (key.pem, cert.pem), and dnseal identity rollover %s --which %s replaces it step by step", Quote(next), Quote(in.id.Name), folder)
		}
	}
	return WithHint(err, "a key in use is never overwritten: dnseal identity rollover %s replaces it step by step, or import this one into another --identities directory", Quote(in.id.Name))
}

// addPrivateKey replaces a public key by its private one.
func (in *importing) addPrivateKey() error {
	held, err := in.oneKey()
	if err != nil || held == nil {
		return err
	}
	if there := (&Identity{Name: in.id.Name, KeyFile: in.id.KeyFile, anyUse: in.id.anyUse}); !there.isPublicHalf() {
		return nil // the same key is there
	}
	key, err := in.keyFile()
	if err == nil {
		err = ReplaceFile(in.id.KeyFile, key, 0o600)
	}
	if err == nil {
		in.did("the private key is now in %s, in place of the public one", in.id.KeyFile)
	}
	return err
}

// isPublicHalf reports whether key.pem has a public key alone.
func (id *Identity) isPublicHalf() bool {
	again := &Identity{Name: id.Name, KeyFile: id.KeyFile, anyUse: id.anyUse}
	found, err := again.loadKey(Loader{})
	return err == nil && found.key == nil
}

// updateNext is for a certificate of the key that a rollover will switch to.
func (in *importing) updateNext() error {
	next, err := LoadPublicFolder(filepath.Join(filepath.Dir(in.id.KeyFile), NextFolder), in.id.Name)
	if err == nil {
		if certs := in.ownCertificates(next.Public, next.Chain); certs != nil {
			return in.replaceCertificate(next, certs)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = fmt.Errorf("identity: %s: none of the certificates is of its key, in %s; nothing was changed", in.id.Name, in.id.KeyFile)
	return WithHint(err, "get a certificate for this key: dnseal identity csr %s --identities %s", Quote(in.id.Name), Quote(in.dir))
}

// replaceCertificate writes cert.pem.
func (in *importing) replaceCertificate(id *Identity, certs []*x509.Certificate) error {
	text := EncodeCertificates(certs...)
	if same := slices.EqualFunc(certs, append([]*x509.Certificate{id.Certificate}, id.Chain...), (*x509.Certificate).Equal); same && id.CertFile == id.certPath() {
		return nil
	}
	if err := ReplaceFile(id.certPath(), text, 0o644); err != nil {
		return err
	}
	in.did("wrote %s; the key is the same as before", id.certPath())
	if id.Certificate != nil && !id.Certificate.Equal(certs[0]) {
		in.Hints = append(in.Hints, "a record of the key (3 1 x) is still right; one of the certificate (3 0 x) or of its CA (0 and 2) must be published again")
	}
	return nil
}
