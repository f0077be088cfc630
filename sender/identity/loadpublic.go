package identity

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"dnseal/smime/cms"
)

// LoadPublic reads what of an identity can be published: its Key is always nil. Where there is a
// cert.pem a private key that is locked is not opened, so that records can be made where its
// passphrase, systemd credential or token is not, and whether it belongs to the certificate is not
// known; else it is opened for the public half. Errors: as Load.
func LoadPublic(dir, name string) (*Identity, error) {
	id, err := newFor(dir, name)
	if err != nil {
		return nil, err
	}
	err = id.loadPublic()
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrLocked) {
		return nil, missing(dir, id.Name, filepath.Dir(id.KeyFile))
	}
	if err == nil {
		err = id.loadPostQuantum((*Identity).loadPublic)
	}
	if err != nil {
		return nil, err
	}
	return id, nil
}

// LoadPublicFolder is LoadPublic for a folder of any path; see LoadFolder.
func LoadPublicFolder(folder, name string) (*Identity, error) {
	id, err := inFolder(folder, name)
	if err == nil {
		id.anyUse = true
		err = id.loadPublic()
	}
	if err != nil {
		return nil, err
	}
	return id, nil
}

func (id *Identity) loadPublic() error {
	line, err := id.readSchemeLine()
	if err != nil {
		return err
	}
	file, err := id.readCertificates()
	if errors.Is(err, fs.ErrNotExist) {
		return id.loadPublicOfKey(line)
	}
	if err != nil {
		return err
	}
	plain := id.plainPublic()
	if file.unordered && plain != nil {
		file.certificates = ownFirst(plain, file.certificates)
	}
	if plain != nil && !sameKey(plain, file.certificates[0]) {
		return id.publicDuringSwitch(plain, file.certificates)
	}
	return id.usePublic(file.certificates, line)
}

// plainPublic is the public half of key.pem where that is read without a secret; nil: not known.
func (id *Identity) plainPublic() crypto.PublicKey {
	data, _, err := readFile(id.KeyFile)
	if err != nil {
		return nil
	}
	switch keyForm(plainText(data)) {
	case formCredential, formPKCS11, formTPM, formEncrypted, formPKCS12:
		return nil
	default: // nothing is needed to open it
	}
	found, err := readKeyFile(data, &secrets{})
	switch {
	case err != nil: // it is said where the key is to sign
		return nil
	case found.key != nil:
		return publicOf(found.key)
	}
	return found.public
}

// publicDuringSwitch is duringSwitch where the certificate is not of the key in key.pem. Where no
// switch is under way the record of that certificate would be of a key that never signs.
func (id *Identity) publicDuringSwitch(plain crypto.PublicKey, certs []*x509.Certificate) error {
	id.Public = plain
	err := id.useCertificates(certs, id.certPath())
	if !errors.As(err, new(*mismatch)) {
		return err
	}
	if err = id.duringSwitch(Loader{}, err); err != nil {
		return err
	}
	id.Key = nil
	line, err := id.readSchemeLine()
	id.setScheme(line)
	return err
}

// loadPublicOfKey goes by key.pem alone, where a locked key can have its public half beside it.
func (id *Identity) loadPublicOfKey(line bool) error {
	err := id.load(Loader{})
	id.Key, id.Private, id.signer = nil, nil, cms.Signer{}
	if !errors.Is(err, ErrLocked) {
		return err
	}
	data, _, readErr := readFile(id.KeyFile)
	if readErr != nil {
		return err
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if formOfBlock(block) != formPublic {
			continue
		}
		if id.Public, err = parsePublicKey(block.Bytes); err == nil {
			id.setScheme(line)
			err = id.checkUse()
		}
		return id.fileError("key", id.KeyFile, err)
	}
	return err
}

// usePublic sets the identity's certificate, which says what its key is.
func (id *Identity) usePublic(certs []*x509.Certificate, line bool) (err error) {
	if id.Public, err = cms.PublicKey(certs[0]); err != nil {
		return id.unsupportedCertificate(err, id.certPath())
	}
	id.Certificate, id.Chain, id.CertFile = certs[0], certs[1:], id.certPath()
	id.setScheme(line)
	return id.fileError("certificate", id.certPath(), id.checkUse())
}

// readSchemeLine reports whether key.pem, which must be there, has the schemeLine. One that we may
// not read has none.
func (id *Identity) readSchemeLine() (bool, error) {
	data, _, err := readFile(id.KeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return hasSchemeLine(string(data)), nil
}

// ReadPublic makes the identity of a public key, certificate or certificate request that others
// hand over, in PEM or DER: it cannot sign, and nothing is written (see [Identity.Files]). Of
// certificates, that of the key comes first, then those of the CAs above it. Errors have a [Hint]:
// a name that is none; other contents, also a private key or the name of one; a weak key; a
// certificate that is not of the key, or not for the name.
func ReadPublic(name string, data []byte) (*Identity, error) {
	kind, name, err := ParseName(name)
	if err != nil {
		return nil, err
	}
	id, err := readPublic(&Identity{Name: name, Kind: kind}, data)
	if err == nil && id.Certificate != nil {
		err = id.CheckName()
	}
	return id, err
}

// ReadPublicKey is ReadPublic for a key whose name is not known yet: the Name is empty.
func ReadPublicKey(data []byte) (*Identity, error) { return readPublic(new(Identity), data) }

func readPublic(id *Identity, data []byte) (*Identity, error) {
	id.KeyFile, id.CertFile = keyFile, certFile
	g := new(gathered)
	err := checkPublic(data)
	if err == nil {
		err = g.read(plainText(data), new(secrets))
	}
	if err != nil {
		return nil, importError(strings.TrimSuffix("public key of "+id.Name, " of "), err)
	}
	in := &importing{gathered: g, id: id}
	if id.Public, err = in.publicKey(id); err != nil {
		return nil, err
	}
	if err = cms.CheckStrength(id.Public); err != nil {
		return nil, WithHint(fmt.Errorf("identity: %s: its key is weak: %w", cmp.Or(id.Name, "public key"), err), "get another key: RSA of 2048 bits or more, ECDSA or Ed25519")
	}
	certs := in.ownCertificates(id.Public, nil)
	switch {
	case len(certs) > 0:
		id.Certificate, id.Chain = certs[0], certs[1:]
	case len(g.certificates) > 0:
		err = WithHint(fmt.Errorf("identity: %s: none of the certificates is of its key", id.Name), "leave them out, or get a certificate for this key")
	default:
		id.CertFile = ""
	}
	return id, err
}

// checkPublic wants only what is public: private keys are not taken from others, and a line that
// names a key would have a library loaded, or a secret read.
func checkPublic(data []byte) error {
	isPublic := func(f fileForm) bool {
		return f == formPublic || f == formCertificate || f == formRequest || f == formPKCS7
	}
	if len(data) > maxPEM {
		return fmt.Errorf("it is larger than %d bytes", maxPEM)
	}
	if data = plainText(data); !bytes.Contains(data, pemBegin) {
		if form := formOf(data); !isPublic(form) {
			return &foreignForm{form: string(form), advice: publicAdvice}
		}
		return nil
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if form := formOfBlock(block); !isPublic(form) {
			return &foreignForm{form: string(form), advice: publicAdvice}
		}
	}
	return nil
}

const publicAdvice = "a public key (PUBLIC KEY), a certificate or a certificate request is taken, in PEM or DER"
