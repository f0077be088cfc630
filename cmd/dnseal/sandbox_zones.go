package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/publish"
)

// bareOrigin returns the zone that a text of bare records belongs to, as "identity record" prints
// them: SOA and NS are then made up around them. It is empty when the text has a SOA, or no
// absolute name to go by.
func bareOrigin(text string) string {
	owner := ""
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, ";")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		for _, f := range fields[1:min(len(fields), 4)] {
			if strings.EqualFold(f, "SOA") {
				return ""
			}
		}
		if owner == "" {
			owner = fields[0]
		}
	}
	// RFC 1035, Section 5.1: a name without the dot at its end is relative.
	if !strings.HasSuffix(owner, ".") {
		return ""
	}
	return zoneOf(owner)
}

// zoneOf returns the domain that a record's owner name belongs to: what follows its last
// underscore label, else its parent.
func zoneOf(owner string) string {
	labels := strings.Split(strings.TrimSuffix(owner, "."), ".")
	cut := 1
	for i, label := range labels {
		// RFC 8552, Section 1.1.
		if strings.HasPrefix(label, "_") {
			cut = i + 1
		}
	}
	if cut >= len(labels) {
		return owner
	}
	return strings.Join(labels[cut:], ".") + "."
}

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
