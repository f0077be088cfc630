// Package encrypt has what the command encrypt does with its arguments and files.
package encrypt

import (
	"bufio"
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

	"dnseal/cmd/internal/cli"
	"dnseal/smime/certificate"
	"dnseal/smime/message"
)

// Addressed returns the addresses in fields of a message (RFC 5322, Section 3.6.3), each once. The
// error is about a field that cannot be read, with advice.
func Addressed(m *message.Message, names ...string) ([]string, error) {
	var out []string
	for _, name := range names {
		for _, field := range m.Fields(name) {
			if strings.TrimSpace(field.Value()) == "" {
				continue
			}
			list, err := message.ParseAddressList(field.Unfolded())
			if err != nil {
				return nil, cli.Hint(fmt.Errorf("the field %s cannot be read: %s", name, cli.Plain(err)), "name the recipients by --to ADDRESS")
			}
			for _, a := range list {
				if !slices.Contains(out, a.String()) {
					out = append(out, a.String())
				}
			}
		}
	}
	return out, nil
}

// maxCertificateFile is the most octets of a file with a certificate.
const maxCertificateFile = 1 << 20

// reason is an error of the file system without the file, which is named already.
func reason(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}

// ReadCertificate reads the first certificate of a file (PEM or DER). Errors: those of the file,
// and that it holds none.
func ReadCertificate(file string) (*x509.Certificate, error) {
	data, err := cli.ReadFile(file, maxCertificateFile)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s cannot be read: %w", file, reason(err))
	}
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			data = block.Bytes
			break
		}
	}
	cert, err := certificate.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s holds no certificate that can be read (PEM or DER)", file)
	}
	return cert, nil
}

// WriteEach writes a file for each edit into dir, which is made where it is not there, and returns
// their names. Where one fails, none is left. Errors: a file that is there already, with advice;
// those of the file system.
func WriteEach(dir string, m *message.Message, edits []*message.Edit) ([]string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var written []string
	for i, edit := range edits {
		name := filepath.Join(dir, fmt.Sprintf("%d.eml", i+1))
		if err := writeNew(name, m, edit); err != nil {
			for _, w := range written {
				_ = os.Remove(w) // the error says what happened
			}
			return nil, err
		}
		written = append(written, name)
	}
	return written, nil
}

// writeNew writes a message to a file that is not there yet.
func writeNew(name string, m *message.Message, edit *message.Edit) (err error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return cli.Hint(fmt.Errorf("%s is there already", name), "give --output a folder of its own")
	}
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			_ = os.Remove(name) // what there is of it
		}
	}()
	return Write(file, m, edit)
}

// Write writes the edited message to w.
func Write(w io.Writer, m *message.Message, edit *message.Edit) error {
	out := bufio.NewWriter(w)
	if _, err := m.WriteEdited(out, edit); err != nil {
		return fmt.Errorf("writing the message: %w", err)
	}
	return out.Flush()
}
