package identity

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ReplaceCertificates writes cert.pem of the identity anew: its own certificate and those of the
// CAs above it. Who reads meanwhile finds the old file or the new one. The caller holds the [Lock]
// of the folder. Errors: a certificate of another key or name (with a [Hint]), with which nothing
// changes; what the file system returned.
func (id *Identity) ReplaceCertificates(own *x509.Certificate, above ...*x509.Certificate) error {
	if !sameKey(id.public(), own) {
		return WithHint(fmt.Errorf("identity: %s: the certificate is of another key", id.Name), "get a certificate for the key in %s", Quote(id.KeyFile))
	}
	if !id.Names(own) {
		return WithHint(fmt.Errorf("identity: %s: the certificate is of another name", id.Name), "get a certificate that states %s in its subjectAltName", id.Name)
	}
	path := filepath.Join(filepath.Dir(id.KeyFile), certFile)
	if err := ReplaceFile(path, EncodeCertificates(append([]*x509.Certificate{own}, above...)...), 0o644); err != nil {
		return err
	}
	id.Certificate, id.Chain, id.CertFile = own, above, path
	return nil
}

// replacing begins the names of files that become others.
const replacing = ".new-file-"

// ReplaceFile writes a file whole: under another name, to disk, then renamed. A run that was killed
// before leaves such a file behind, which the next one removes: one at a time may replace files in
// a folder. Errors: what the file system returned; the old file is there then.
func ReplaceFile(path string, data []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), replacing) {
			_ = os.Remove(filepath.Join(dir, e.Name())) // it costs room, and nothing else
		}
	}
	temp := filepath.Join(dir, replacing+filepath.Base(path))
	if err = writeFile(temp, data, mode); err != nil {
		_ = os.Remove(temp) // what there is of it
		return err
	}
	if err = os.Rename(temp, path); err != nil {
		_ = os.Remove(temp) // path says why
		return fmt.Errorf("identity: %w", err)
	}
	return SyncDir(dir)
}

// isForEncryption reports whether a certificate or key is of the one for encryption that is there,
// or of the next one.
func (in *importing) isForEncryption(pub crypto.PublicKey) bool {
	folder := filepath.Join(filepath.Dir(in.id.KeyFile), EncryptFolder)
	for _, f := range []string{folder, filepath.Join(folder, NextFolder)} {
		if there, err := LoadPublicFolder(f, in.id.Name); err == nil && equalKeys(there.Public, pub) {
			return true
		}
	}
	return false
}

// checkHeld refuses another certificate where the record has that which is there, and for a key for
// encryption: others encrypt to it by issuer and serial number (RFC 5652, Section 6.2.1).
func (in *importing) checkHeld() error {
	there := in.id.Certificate
	another := func(c *x509.Certificate) bool { return sameKey(in.id.Public, c) }
	encrypts := in.id.isBelow(EncryptFolder)
	if !in.opts.HoldsCertificate && !encrypts || there == nil || slices.ContainsFunc(in.certificates, there.Equal) || !slices.ContainsFunc(in.certificates, another) {
		return nil
	}
	err := fmt.Errorf("identity: the record of %s has its whole certificate, and this is another one; nothing was changed", in.id.Name)
	if encrypts {
		return WithHint(err, "put it with a copy of key.pem into %s (key.pem, cert.pem), and run: dnseal identity rollover %s --which encrypt", Quote(filepath.Join(filepath.Dir(in.id.KeyFile), NextFolder)), Quote(in.id.Name))
	}
	return WithHint(err, "put it with a copy of key.pem into %s (key.pem, cert.pem), and run: dnseal identity rollover %s", Quote(filepath.Join(filepath.Dir(in.id.KeyFile), NextFolder)), Quote(in.id.Name))
}
