package provision

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/identity/pkcs11"
)

// plannedFile has the URI of the next key that is to be made on a PKCS #11 token. It is written
// before that, and removed when next/key.pem is there: what follows a run that was killed between
// uses the key that is on the token already.
const plannedFile = "next-object"

// objectFile, in the folder of an earlier key, has the URI by which its private part stays on a
// PKCS #11 token.
const objectFile = "object"

// protectAlike has the next key made where the active one is, and encrypted as that is.
func (f *Folder) protectAlike(active *identity.Identity, opts *NextOptions) error {
	if active == nil {
		return nil
	}
	p, err := opts.Loader.Protection(f.Path, f.Name)
	if err != nil {
		return err
	}
	if p.Elsewhere != "" {
		return identity.WithHint(fmt.Errorf("provision: key.pem of %s holds %s, so its next one is not made here", f.Name, p.Elsewhere),
			"make it there, put what names it, with its certificate, into %s (key.pem, cert.pem), and run this again", f.path(identity.NextFolder))
	}
	if opts.Passphrase == "" {
		opts.Passphrase = p.Passphrase
	}
	if opts.TPM = p.TPM; p.PKCS11 != "" {
		opts.PKCS11, err = f.planObject(p.PKCS11, opts.Now)
	}
	// A token made this one already, and not all tokens make the default.
	if opts.Algorithm == "" && (p.TPM || p.PKCS11 != "") {
		opts.Algorithm = active.Algorithm()
	}
	return err
}

// planObject returns the URI of a key that is to be made on the token of the active one: that of an
// earlier run which was killed, or one with a new label.
func (f *Folder) planObject(active string, now time.Time) (string, error) {
	uri, err := pkcs11.ParseURI(active)
	if err != nil {
		return "", fmt.Errorf("provision: key of %s: %w", f.Name, err)
	}
	text, err := os.ReadFile(f.path(plannedFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("provision: %w", err)
	}
	begun, err := pkcs11.ParseURI(strings.TrimSpace(string(text)))
	if err == nil && begun.String() == uri.WithObject(begun.Object()).String() {
		return begun.String(), nil
	}
	next := uri.WithObject(nextLabel(uri.Object(), f.Name, now)).String()
	return next, identity.ReplaceFile(f.path(plannedFile), []byte(next+"\n"), 0o600)
}

// labelEnd is what nextLabel added to a label.
var labelEnd = regexp.MustCompile(`-[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9a-f]{8}$`)

// nextLabel is the label of one key, with the date and a random number, so that it is that of no
// other one.
func nextLabel(label, name string, now time.Time) string {
	if now.IsZero() {
		now = time.Now()
	}
	if label = labelEnd.ReplaceAllString(label, ""); label == "" {
		label = name
	}
	var number [4]byte
	_, _ = rand.Read(number[:]) // never fails
	return label + "-" + now.UTC().Format(time.DateOnly) + "-" + hex.EncodeToString(number[:])
}

// planned adds to an error of making a key which object of a token the next run uses.
func (f *Folder) planned(err error) error {
	text, readErr := os.ReadFile(f.path(plannedFile))
	if readErr == nil && errors.Is(err, identity.ErrOtherAlgorithm) {
		return identity.WithHint(err, "an earlier run made it: use it with the --algorithm that it is of, or remove %s, and another one is made", f.path(plannedFile))
	}
	if readErr != nil || identity.Hint(err) != "" {
		return err
	}
	return identity.WithHint(err, "run this again: it makes %s, and uses it where it is on the token already", strings.TrimSpace(string(text)))
}

// forgetPlan ends a plan whose key has its key.pem.
func (f *Folder) forgetPlan() error {
	if !exists(f.path(identity.NextFolder, keyFile)) {
		return nil
	}
	return remove(f.path(plannedFile))
}

// keepObject notes the URI of an earlier key, before key.pem forgets it.
func (k OldKey) keepObject() error {
	text, err := os.ReadFile(k.KeyFile)
	if err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	if !strings.HasPrefix(string(text), pkcs11.Scheme) {
		return nil
	}
	return link(k.KeyFile, filepath.Join(k.folder, objectFile))
}

// Object is the URI by which the private key is still on its PKCS #11 token, where nothing signs by
// it and another key is used; ok is false where there is none, or a generation that is not settled
// has the same key.
func (k Keys) Object(generation string) (u pkcs11.URI, ok bool) {
	var settled OldKey
	for _, old := range k.Old {
		if old.GenerationID() == generation && old.Settled {
			settled = old
		}
	}
	if settled.Identity == nil || k.uses(settled.KeyID()) {
		return u, false
	}
	text, err := os.ReadFile(filepath.Join(settled.folder, objectFile))
	if err != nil {
		return u, false
	}
	line, _, _ := strings.Cut(string(text), "\n")
	u, err = pkcs11.ParseURI(strings.TrimSpace(line))
	return u, err == nil
}

// leftOnToken is the sentence about it.
func leftOnToken(name string, u pkcs11.URI) string {
	words := append([]string{"pkcs11-tool"}, u.Tool()...)
	for i := range words {
		words[i] = identity.Quote(words[i])
	}
	return fmt.Sprintf("the old private key of %s stays on its token, and signs nothing here any more: %s; where nothing else uses it, delete it with: %s --login --delete-object --type privkey", name, u, strings.Join(words, " "))
}

// uses reports whether a generation that is not settled has the key.
func (k Keys) uses(keyID string) bool {
	for _, id := range []*identity.Identity{k.Active, k.Next} {
		if id != nil && id.KeyID() == keyID {
			return true
		}
	}
	for _, old := range k.Old {
		if !old.Settled && old.KeyID() == keyID {
			return true
		}
	}
	return false
}

// askingOnce asks a person once for what opens the key, which is opened more than once.
func askingOnce(l identity.Loader, name string) identity.Loader {
	if ask := l.Passphrase; ask != nil {
		once := sync.OnceValues(func() (string, error) { return ask(name) })
		l.Passphrase = func(string) (string, error) { return once() }
	}
	return l
}
