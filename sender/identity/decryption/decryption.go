// Package decryption finds the private keys by which mail to the identities of a directory is
// opened: those that sign and decrypt, those for encryption alone, and the earlier ones of both, as
// long as their folders keep them.
//
// # Limitations
//
// It loads keys, and decrypts nothing: package enveloped does. Keys on a PKCS #11 token and of the
// TPM only sign, and are passed over, as are keys whose certificate is for signatures alone. That a
// key was revoked does not keep it from opening what was encrypted to it before. [Live] notices by
// size and time of their files that keys are others, so that one that is written in place with the
// same size within the resolution of the file system's clock is not noticed.
package decryption

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"dnseal/sender/identity"
	"dnseal/smime/cms/enveloped"
)

// Key is a private key, and whose it is.
type Key struct {
	enveloped.Key
	// Name of the identity, in canonical form, and the file that the key was read from.
	Name, File string
}

// Enveloped returns the keys as [enveloped.DecryptOptions] takes them, in their order.
func Enveloped(keys []Key) []enveloped.Key {
	out := make([]enveloped.Key, len(keys))
	for i, k := range keys {
		out[i] = k.Key
	}
	return out
}

// Load returns the keys of one identity of dir, the ones in use first. l says who is asked for a
// passphrase. Errors: a name that is none; [fs.ErrNotExist], with a hint, where there is no
// identity of this name or none of its keys decrypts; that of [identity.Loader.LoadFolder] for the
// first key that cannot be read: those that can are returned with it.
func Load(l identity.Loader, dir, name string) ([]Key, error) {
	folders, err := identity.DecryptionFolders(dir, name)
	if err != nil {
		return nil, err
	}
	if len(folders) == 0 {
		_, err = identity.LoadPublic(dir, name) // says what there is in its place
		return nil, err
	}
	keys, err := load(l, name, folders)
	if err == nil && len(keys) == 0 {
		err = fmt.Errorf("identity: %s has no key that decrypts: %w", name, fs.ErrNotExist)
		err = identity.WithHint(err, "make one with: dnseal identity new %s --use encrypt --identities %s", identity.Quote(name), identity.Quote(dir))
	}
	return keys, err
}

// LoadAll returns the keys of all identities of dir; none is no error. Errors: as
// [identity.ListForDecryption]; else as Load: the keys that can be read are returned with it.
func LoadAll(l identity.Loader, dir string) ([]Key, error) {
	names, err := identity.ListForDecryption(dir)
	if err != nil {
		return nil, err
	}
	var all []Key
	var failed []error
	for _, name := range names {
		folders, err := identity.DecryptionFolders(dir, name)
		keys, unread := load(l, name, folders)
		all = append(all, keys...)
		failed = append(failed, err, unread)
	}
	return all, first(failed)
}

// load reads the keys in folders that decrypt, each once.
func load(l identity.Loader, name string, folders []string) (keys []Key, err error) {
	seen := map[string]bool{}
	var failed []error
	for _, folder := range folders {
		id, err := open(l, folder, name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if id == nil || seen[id.GenerationID()] {
			continue
		}
		seen[id.GenerationID()] = true
		keys = append(keys, Key{enveloped.Key{Private: id.DecryptionKey(), Certificate: id.Certificate}, id.Name, id.KeyFile})
	}
	return keys, first(failed)
}

// open loads the key in a folder; nil for one that does not decrypt, for which nobody is asked for
// a passphrase, and for one that is gone since.
func open(l identity.Loader, folder, name string) (*identity.Identity, error) {
	public, err := identity.LoadPublicFolder(folder, name)
	if err == nil && (!public.Decrypts() || onToken(public)) {
		return nil, nil //nolint:nilnil // it is no error
	}
	id, err := l.LoadForDecryption(folder, name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !errors.Is(err, identity.ErrLocked):
		return nil, nil //nolint:nilnil // it is no error
	case err != nil:
		return nil, err
	case id.DecryptionKey() == nil:
		return nil, nil //nolint:nilnil // it is no error
	}
	return id, nil
}

// onToken reports whether the private key is on a token or in the TPM, where it only signs.
func onToken(id *identity.Identity) bool {
	place, err := id.Place()
	return err == nil && place != ""
}

// first is the first error, with the count of the others, in one line.
func first(failed []error) error {
	failed = slices.DeleteFunc(failed, func(err error) bool { return err == nil })
	switch len(failed) {
	case 0:
		return nil
	case 1:
		return failed[0]
	}
	return fmt.Errorf("%w (and %d more keys that cannot be read)", failed[0], len(failed)-1)
}
