package flags

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/identity"
)

// maxPassphrase is the most octets of a passphrase that are read.
const maxPassphrase = 4096

// ReadPassphrase reads the passphrase for a key: the first line of a file, or, for "-", typed twice
// at the terminal, else a line of standard input.
func ReadPassphrase(cmd *cobra.Command, file, name string) (string, error) {
	var passphrase string
	var err error
	origin := "standard input"
	if file == "-" {
		passphrase, err = PromptPassword(cmd, "passphrase of "+name)
	} else {
		origin = file
		passphrase, err = PassphraseIn(file)
	}
	if err == nil && passphrase == "" {
		err = cli.Hint(fmt.Errorf("the first line of %s is empty, and no passphrase", origin), "make one with: openssl rand -base64 30 >FILE (chmod 600)")
	}
	return passphrase, err
}

// PassphraseIn is the first line of a file.
func PassphraseIn(file string) (string, error) {
	f, err := cli.Open(file)
	if err != nil {
		return "", fmt.Errorf("the passphrase file %s cannot be read: %w", file, Cause(err))
	}
	defer f.Close() //nolint:errcheck // only read from
	return PassphraseLine(f)
}

// PassphraseLine is the first line of r, without its end.
func PassphraseLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPassphrase)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// Asking loads identities, and asks a person who sits at the terminal for passphrases that stand
// nowhere.
func Asking(cmd *cobra.Command) identity.Loader {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return identity.Loader{}
	}
	return identity.Loader{Passphrase: func(name string) (string, error) { return TypePassphrase(cmd, name) }}
}

// TypePassphrase reads a passphrase that is there already from the terminal, without showing it.
func TypePassphrase(cmd *cobra.Command, name string) (string, error) {
	_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "passphrase of %s: ", name)
	text, err := readTyped(cmd.Context(), int(os.Stdin.Fd()))
	cli.Print(cmd.ErrOrStderr(), "")
	return string(text), err
}

// loadPublished loads an identity for what can be published of it: also where its private key is
// locked.
func loadPublished(dir, name string) (*identity.Identity, error) {
	id, err := identity.Load(dir, name)
	if !errors.Is(err, identity.ErrLocked) {
		return id, err
	}
	if public, e := identity.LoadPublic(dir, name); e == nil {
		return public, nil
	}
	return nil, err
}

// LoadAllPublished loads all keys of a name for what can be published of them, also where a private
// key is locked: the one that signs, the ML-DSA key
// beside it, and the one for encryption.
func LoadAllPublished(dir, name string) (keys []*identity.Identity, err error) {
	encrypts, encryptsErr := identity.LoadEncryption(dir, name)
	if encryptsErr != nil && !errors.Is(encryptsErr, fs.ErrNotExist) {
		return nil, encryptsErr
	}
	id, err := loadPublished(dir, name)
	if errors.Is(err, fs.ErrNotExist) && encryptsErr == nil {
		return []*identity.Identity{encrypts}, nil
	}
	if err != nil {
		return nil, err
	}
	keys = append(keys, id)
	if id.PostQuantum != nil {
		keys = append(keys, id.PostQuantum)
	}
	if encryptsErr == nil {
		keys = append(keys, encrypts)
	}
	return keys, nil
}

// PrintPassphrasePlace says where the passphrase of an encrypted key belongs.
func PrintPassphrasePlace(w io.Writer, id *identity.Identity) {
	cli.Print(w, "dnseal: hint: the key is encrypted, and its passphrase is not kept: a service reads it from %s (chmod 600), which holds it or the line credential:NAME for a systemd credential",
		identity.Quote(filepath.Join(filepath.Dir(id.KeyFile), "password")))
}

// PromptPassword reads a password: twice from a terminal, without showing it, else one line of
// standard input.
func PromptPassword(cmd *cobra.Command, what string) (string, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return PassphraseLine(cmd.InOrStdin())
	}
	var typed [2]string
	for i, prompt := range []string{what + ": ", "again: "} {
		_, _ = io.WriteString(cmd.ErrOrStderr(), prompt)
		text, err := readTyped(cmd.Context(), int(os.Stdin.Fd()))
		cli.Print(cmd.ErrOrStderr(), "")
		if err != nil {
			return "", err
		}
		typed[i] = string(text)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two differ; nothing was changed")
	}
	return typed[0], nil
}

// readTyped reads a line from a terminal without showing it, until ctx ends.
func readTyped(ctx context.Context, fd int) ([]byte, error) {
	state, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	var text []byte
	done := make(chan error, 1)
	go func() {
		var err error
		text, err = term.ReadPassword(fd)
		done <- err
	}()
	select {
	case err := <-done:
		return text, err
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), term.Restore(fd, state))
	}
}

// Cause removes the name of a temporary file, which the user does not know.
func Cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
