package entity

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
)

// DecodeBody undoes a transfer encoding, in lower case. It reports false where the body is not so
// encoded; other encodings than quoted-printable and base64 leave it as it is.
func DecodeBody(b []byte, cte string) ([]byte, bool) {
	switch cte {
	case "quoted-printable":
		out, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(b)))
		return out, err == nil
	case "base64":
		out, err := base64.StdEncoding.DecodeString(strings.Map(keepBase64, string(b)))
		return out, err == nil
	}
	return b, true
}

// keepBase64 drops what RFC 2045, Section 6.8, has decoders ignore.
func keepBase64(r rune) rune {
	if r < 0x80 && Base64Char[byte(r)] {
		return r
	}
	return -1
}
