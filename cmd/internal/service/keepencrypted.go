package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// keepEncrypted keeps messages as they came, before they are delivered decrypted; nil where dir is
// empty.
func keepEncrypted(dir string) func(context.Context, *message.Message) error {
	if dir == "" {
		return nil
	}
	return func(_ context.Context, m *message.Message) error {
		if err := keepIn(dir, m); err != nil {
			return fmt.Errorf("keeping the encrypted message: %w", err)
		}
		return nil
	}
}

// keepIn writes a message to a file of its own, whole and to disk.
func keepIn(dir string, m *message.Message) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	temp := file.Name()
	if _, err = m.WriteEdited(file, nil); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(temp, filepath.Join(dir, filepath.Base(temp)[len(".new-"):]+".eml"))
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return identity.SyncDir(dir)
}
