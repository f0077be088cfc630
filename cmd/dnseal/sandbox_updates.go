package main

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"dnseal/cmd/internal/cli"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/publish"
)

// updateKeys reads the TSIG key in a file, made when it is not there; none without a file.
func updateKeys(stderr io.Writer, file string) ([]lookuptest.UpdateKey, error) {
	if file == "" {
		return nil, nil
	}
	key, err := publish.LoadKey(file)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeUpdateKey(file)
	}
	if err != nil {
		return nil, err
	}
	if key.Warning != "" {
		cli.Print(stderr, "dnseal: warning: %s", key.Warning)
	}
	return []lookuptest.UpdateKey{{Name: key.Name, Algorithm: key.Algorithm, Secret: key.Secret()}}, nil
}

// makeUpdateKey writes a new key that only its owner can read.
func makeUpdateKey(file string) (*publish.Key, error) {
	key, err := publish.NewKey("dnseal-sandbox")
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(f, key.File())
	return key, errors.Join(err, f.Close())
}
