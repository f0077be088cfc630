package ca

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dnseal/smime"
)

// Issued is a certificate that the CA issued.
type Issued struct {
	Name        string
	Certificate *x509.Certificate
}

// maxCopy is the most octets read of a copy.
const maxCopy = 64 << 10

// Issued returns what the CA issued, by name, the latest of a name first. Errors: what the file
// system returned; a copy that cannot be read, which is named.
func (a *Authority) Issued() ([]Issued, error) {
	dir := filepath.Join(a.Folder, issuedFolder)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	var out []Issued
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".pem") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		one, err := readIssued(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	slices.SortStableFunc(out, func(x, y Issued) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), y.Certificate.NotBefore.Compare(x.Certificate.NotBefore))
	})
	return out, nil
}

func readIssued(path string) (Issued, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a pipe may block
		return Issued{}, fmt.Errorf("ca: %s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return Issued{}, fmt.Errorf("ca: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(f, maxCopy))
	if err != nil {
		return Issued{}, fmt.Errorf("ca: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return Issued{}, fmt.Errorf("ca: %s holds no certificate", path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return Issued{}, fmt.Errorf("ca: %s: %w", path, err)
	}
	one := Issued{Certificate: cert}
	if names := smime.CertificateNames(cert); len(names) > 0 {
		one.Name = nameOf(names[0])
	}
	return one, nil
}
