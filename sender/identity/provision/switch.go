package provision

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/identity/ca"
	"dnseal/smime/certificate"
)

// NextOptions are for MakeNext.
type NextOptions struct {
	identity.CreateOptions
	// Loader asks for the passphrase of an encrypted key that stands nowhere; the zero value asks
	// nobody. The next key is encrypted by the same one.
	Loader identity.Loader
	// Renew makes a new certificate for the active key instead of a new key.
	Renew bool
}

// MakeNext makes the next key, unless there is one. It appears whole or not at all. Errors: as
// [identity.Create]; the active private key is not here, or is in a systemd credential, so that it
// is not for this program to make another one (with a hint).
func (f *Folder) MakeNext(opts NextOptions) error {
	if exists(f.path(identity.NextFolder, keyFile)) {
		return nil
	}
	opts.Loader = askingOnce(opts.Loader, f.Name)
	if err := f.removeHalves(); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(f.Path, halfPrefix+"*") // mode 0700
	if err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }() // gone already when the rename succeeded
	made, err := f.make(temp, opts)
	if err != nil {
		return err
	}
	if err := os.Rename(made, f.path(identity.NextFolder)); err != nil {
		return fmt.Errorf("provision: next key of %s: %w", f.Name, err)
	}
	return errors.Join(identity.SyncDir(f.Path), f.forgetPlan())
}

// halfPrefix begins the names of folders in which a next key is made.
const halfPrefix = ".next-"

// removeHalves removes what a run that was killed left of a next key.
func (f *Folder) removeHalves() error {
	entries, err := os.ReadDir(f.Path)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), halfPrefix) {
			err = errors.Join(err, os.RemoveAll(f.path(e.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	return nil
}

// make makes the files of the next key in a folder below temp, whose path it returns.
func (f *Folder) make(temp string, opts NextOptions) (string, error) {
	if f.part == identity.EncryptFolder {
		opts.Use, opts.IssuerDir, opts.CreateOptions.Loader = identity.UseEncrypt, f.dir(), opts.Loader
	}
	active, err := opts.Loader.LoadFolder(f.Path, f.Name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if opts.Certify == nil && active != nil {
		if opts.Certify, err = f.certifier(active, opts.CreateOptions); err != nil {
			return "", err
		}
	}
	if opts.Renew {
		return temp, f.renew(temp, active, opts.CreateOptions)
	}
	if err = f.makesKeys(active, opts.Certify != nil); err != nil {
		return "", err
	}
	if err = f.protectAlike(active, &opts); err != nil {
		return "", err
	}
	if opts.Use == "" && active != nil {
		opts.Use = active.Use()
	}
	if f.part != "" && opts.Algorithm == "" && active != nil { // not the default of another use
		opts.Algorithm = active.Algorithm()
	}
	made, err := identity.Create(temp, f.Name, opts.CreateOptions)
	if err != nil {
		return "", f.planned(err)
	}
	folder := filepath.Dir(made.KeyFile)
	if opts.Passphrase != "" {
		if err = link(f.path(passFile), filepath.Join(folder, passFile)); err != nil {
			return "", err
		}
	}
	if active != nil && active.Certificate == nil && f.part != identity.EncryptFolder {
		err = remove(made.CertFile) // a raw key stays one; others need the certificate to encrypt
	}
	return folder, err
}

// certifier has the CA certify the next key that certified the active one, where it is in the same
// directory; nil: there is none.
func (f *Folder) certifier(active *identity.Identity, opts identity.CreateOptions) (func(*identity.Identity) (*x509.Certificate, error), error) {
	issuer, err := ca.IssuerOf(f.dir(), active)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // no CA is no error
	}
	if err != nil {
		return nil, err
	}
	return issuer.Certifier(context.Background(), ca.IssueOptions{Days: opts.Days, Now: opts.Now}), nil
}

// makesKeys refuses for keys that are made elsewhere; certified says that a CA here certifies them.
func (f *Folder) makesKeys(active *identity.Identity, certified bool) error {
	hint := fmt.Sprintf("put the next one, with its certificate, into %s (key.pem, cert.pem), and run this again", f.path(identity.NextFolder))
	switch {
	case active == nil:
		return nil
	case active.Key == nil && active.Private == nil:
		return identity.WithHint(fmt.Errorf("provision: the private key of %s is not here, so its next one is not made here", f.Name), "%s", hint)
	case !certified && active.Certificate != nil && !f.issued(active.Certificate):
		return identity.WithHint(fmt.Errorf("provision: the certificate of %s is of a CA, so its next one is not made here", f.Name), "%s", hint)
	}
	return nil
}

// issued reports whether the certificate is self-issued, or issued by the key of the name that
// signs, for one that cannot.
func (f *Folder) issued(cert *x509.Certificate) bool {
	if certificate.SelfIssued(cert) || f.part == "" {
		return certificate.SelfIssued(cert)
	}
	signs, err := identity.LoadPublic(f.dir(), f.Name)
	return err == nil && signs.Certificate != nil && bytes.Equal(cert.RawIssuer, signs.Certificate.RawSubject)
}

// renew makes a new certificate for a copy of the key. A link would not do: renaming a link over
// another one of the same file does nothing (rename(2)).
func (f *Folder) renew(folder string, active *identity.Identity, opts identity.CreateOptions) error {
	if active == nil || active.Certificate == nil {
		return fmt.Errorf("provision: %s has no certificate to renew", f.Name)
	}
	cert, err := active.NewCertificate(opts)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(f.path(keyFile))
	if err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	if err := identity.ReplaceFile(filepath.Join(folder, keyFile), key, 0o600); err != nil {
		return err
	}
	return identity.ReplaceFile(filepath.Join(folder, certFile), cert, 0o644)
}

// dropNext throws the next key away.
func (f *Folder) dropNext() error {
	if err := os.RemoveAll(f.path(identity.NextFolder)); err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	return identity.SyncDir(f.Path)
}

// Switch makes the next key the active one, which goes to the earlier ones. It counts from the
// moment when next/key.pem is renamed to key.pem.
func (f *Folder) Switch(now time.Time) error {
	if err := f.archive(now); err != nil {
		return err
	}
	if err := os.Rename(f.path(identity.NextFolder, keyFile), f.path(keyFile)); err != nil {
		return fmt.Errorf("provision: switch %s: %w", f.Name, err)
	}
	return f.endSwitch()
}

// archived are the files of a key, in the order in which they are archived: a folder counts from
// its key.pem on, and of a key that is encrypted or elsewhere only the certificate says which it
// is.
var archived = []string{certFile, passFile, keyFile}

// archive links the active key and certificate into a folder for earlier ones.
func (f *Folder) archive(now time.Time) error {
	active, err := f.load(f.Path)
	if err != nil {
		return err
	}
	if active == nil {
		return f.bringFirst()
	}
	folder, err := f.oldFolder(active.GenerationID(), now)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	// It was active before, and is again.
	if settled := filepath.Join(folder, settledFile); exists(settled) {
		if err := errors.Join(remove(filepath.Join(folder, keyFile)), remove(filepath.Join(folder, objectFile)), remove(settled)); err != nil {
			return err
		}
	}
	for _, name := range archived {
		if err := link(f.path(name), filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return errors.Join(identity.SyncDir(folder), identity.SyncDir(filepath.Dir(folder)))
}

// bringFirst copies what else the next key has to where no key is: of one that is encrypted only
// the certificate says which it is, and no earlier key says what a run that was killed began.
func (f *Folder) bringFirst() error {
	for _, name := range []string{certFile, passFile} {
		data, err := os.ReadFile(f.path(identity.NextFolder, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = remove(f.path(name))
		case err == nil:
			err = identity.ReplaceFile(f.path(name), data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// oldFolder is where the generation is archived: where an interrupted switch began, if one did.
func (f *Folder) oldFolder(generation string, now time.Time) (string, error) {
	entries, err := os.ReadDir(f.path(identity.OldFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("provision: %w", err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "-"+generation) {
			return f.path(identity.OldFolder, e.Name()), nil
		}
	}
	return f.path(identity.OldFolder, now.UTC().Format(time.DateOnly)+"-"+generation), nil
}

// Settle takes the private part of an earlier key away. Where others may have encrypted to
// it, the key is kept as decrypt.pem, by which nothing signs: mail to it can be read with
// nothing else. A key on a PKCS #11 token stays there: see [Keys.Object]. Errors: there is no such
// generation; what the file system returned.
func (f *Folder) Settle(generation string) error {
	k, err := f.Keys()
	if err != nil {
		return err
	}
	for _, g := range k.All() {
		for _, old := range g.Old {
			if old.GenerationID() == generation {
				return old.settle()
			}
		}
	}
	return fmt.Errorf("provision: %s has no earlier key %s", f.Name, generation)
}

func (k OldKey) settle() error {
	if k.Settled {
		return nil
	}
	public, err := k.PublicPEM()
	if err != nil {
		return err
	}
	if err := k.keepObject(); err != nil {
		return err
	}
	if k.Decrypts() || k.Use() == identity.UseEncrypt {
		if err := link(k.KeyFile, filepath.Join(k.folder, identity.DecryptFile)); err != nil {
			return err
		}
	} else if err := remove(filepath.Join(k.folder, passFile)); err != nil {
		return err
	}
	if err := identity.ReplaceFile(k.KeyFile, public, 0o600); err != nil {
		return err
	}
	return identity.ReplaceFile(filepath.Join(k.folder, settledFile), nil, 0o600)
}

// Revoke notes that keys are revoked: from now on they do not sign.
func (f *Folder) Revoke(now time.Time, keyIDs ...string) error {
	revoked, err := identity.Revoked(f.Path)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(f.path(identity.RevokedFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("provision: %w", err)
	}
	for _, id := range keyIDs {
		if !slices.Contains(revoked, id) {
			text = fmt.Appendf(text, "%s %s\n", id, now.UTC().Format(time.RFC3339))
		}
	}
	return identity.ReplaceFile(f.path(identity.RevokedFile), text, 0o600)
}

// Restore takes back that a key was revoked.
func (f *Folder) Restore(keyID string) error {
	text, err := os.ReadFile(f.path(identity.RevokedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	var rest strings.Builder
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 0 && words[0] != keyID {
			rest.WriteString(line)
		}
	}
	if rest.Len() == 0 {
		if err := remove(f.path(identity.RevokedFile)); err != nil {
			return err
		}
		return identity.SyncDir(f.Path)
	}
	return identity.ReplaceFile(f.path(identity.RevokedFile), []byte(rest.String()), 0o600)
}
