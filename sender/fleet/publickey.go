package fleet

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxPublicKey is the most octets of a file with a public key.
const maxPublicKey = 64 << 10

// PublicKeyText is what a value in a column of public keys holds: what [DecodeKey] reads, or the
// path of a file in files, the folder of the table (nil: none is read). Files elsewhere are not
// read: the table may come from somebody else. [identity.ReadPublic] tells what it is. Errors: the
// value is empty, or none of these; [ErrPrivateKey]. They never have the value in them, which may
// be a secret.
func PublicKeyText(column, value string, files *os.Root) ([]byte, error) {
	if value == "" {
		return nil, fmt.Errorf("the column %s is empty", column)
	}
	if data, err := DecodeKey(value); data != nil || err != nil {
		return data, err
	}
	neither := fmt.Sprintf("the column %s has neither PEM nor the base64 of a key (%s)", column, plural(len(value), "octet"))
	if files == nil {
		return nil, errors.New(neither)
	}
	info, err := files.Stat(value)
	if err != nil || !info.Mode().IsRegular() { // a pipe may block
		return nil, fmt.Errorf("%s, nor the name of a file below the table's folder that can be read", neither)
	}
	f, err := files.Open(value)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(f, maxPublicKey))
	if err == nil && isPrivate(data) {
		return nil, ErrPrivateKey
	}
	return data, err
}

// ErrPrivateKey says that there is a private key where a public one belongs.
var ErrPrivateKey = errors.New("it has a private key, which must never leave its device: make a new one there, and give its public key")

// DecodeKey returns what a value of a table holds: PEM (RFC 7468), as it stands there or in base64,
// or DER in base64, with or without padding; nil: neither. Error: [ErrPrivateKey], in whatever of
// these forms. It never has the value in it.
func DecodeKey(value string) ([]byte, error) {
	data := []byte(value)
	if !bytes.Contains(data, pemBegin) && !isPrivate(data) {
		if data = decodeBase64(value); data == nil {
			return nil, nil
		}
	}
	switch {
	case isPrivate(data):
		return nil, ErrPrivateKey
	case bytes.Contains(data, pemBegin), len(data) > 32 && data[0] == 0x30: // a SEQUENCE
		return data, nil
	}
	return nil, nil
}

var pemBegin = []byte("-----BEGIN ")

// decodeBase64 reads both alphabets (RFC 4648); nil: it is none.
func decodeBase64(value string) []byte {
	text := strings.Join(strings.Fields(value), "")
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(data) == 0 {
		return nil
	}
	return data
}

// isPrivate goes by the beginning: a private key that was cut is one too.
func isPrivate(data []byte) bool {
	if bytes.Contains(data, []byte("PRIVATE KEY")) || bytes.HasPrefix(data, []byte("openssh-key-v1\x00")) {
		return true
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if isPrivateDER(block.Bytes) {
			return true
		}
	}
	return isPrivateDER(data)
}

// isPrivateDER: RFC 5958, Section 2; RFC 5915, Section 3; RFC 8017, Appendix A.1.2; and RFC 7292,
// Section 4, which mostly has one. They begin with a version; an EncryptedPrivateKeyInfo (RFC 5958,
// Section 3) has an OCTET STRING where a public key has a BIT STRING.
func isPrivateDER(der []byte) bool {
	if len(der) < 2 || der[0] != 0x30 {
		return false
	}
	head := 2
	if der[1] > 0x80 {
		head += int(der[1] & 0x7f)
	}
	if len(der) < head+3 {
		return false
	}
	body := cryptobyte.String(der[head:])
	if body[0] == 2 && body[1] == 1 {
		return body[2] <= 3
	}
	return body.SkipASN1(asn1.SEQUENCE) && body.PeekASN1Tag(asn1.OCTET_STRING)
}
