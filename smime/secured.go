package smime

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// Security says how a message is already signed or encrypted.
type Security string

// Kinds of security.
const (
	NotSecured     Security = ""
	SMIMESigned    Security = "smime-signed"
	SMIMEEncrypted Security = "smime-encrypted"
	PGPSigned      Security = "pgp-signed"
	PGPEncrypted   Security = "pgp-encrypted"
)

// Secured reports how m is already signed or encrypted by S/MIME or PGP, according to its header.
// Where the header does not say, the first octets of the body do: the kind of an
// application/pkcs7-mime body without smime-type (one that cannot be read is called encrypted), and
// PGP in plain text.
func Secured(m *message.Message) Security {
	root := &entity.Part{Fields: m.Header()}
	root.Describe()
	switch entity.KindOf(root) {
	case entity.ClearSigned:
		return SMIMESigned
	case entity.CMSObject:
		return securedObject(m, root)
	// RFC 3156, Section 5.
	case entity.PgpSigned:
		return PGPSigned
	// RFC 3156, Section 4.
	case entity.PgpEncrypted, entity.PgpInline:
		return PGPEncrypted
	case entity.Plain:
	}
	if root.Type.Name != "" && root.Type.Name != "text/plain" {
		return NotSecured
	}
	// RFC 9580, Sections 7 and 6.2.
	start := bytes.TrimLeft(bodyStart(m), "\r\n\t ")
	switch {
	case bytes.HasPrefix(start, []byte("-----BEGIN PGP SIGNED MESSAGE-----")):
		return PGPSigned
	case bytes.HasPrefix(start, []byte("-----BEGIN PGP MESSAGE-----")):
		return PGPEncrypted
	}
	return NotSecured
}

// securedObject distinguishes the kinds of RFC 8551, Section 3.2.2.
func securedObject(m *message.Message, root *entity.Part) Security {
	switch strings.ToLower(root.Type.Get("smime-type")) {
	case "signed-data", "signed-receipt":
		return SMIMESigned
	case "certs-only", "compressed-data":
		return NotSecured
	case "":
		if start, _ := entity.DecodeBody(bodyStart(m), root.CTE); bytes.Contains(start, []byte(signedDataOID)) {
			return SMIMESigned
		}
	}
	return SMIMEEncrypted
}

// signedDataOID is the DER of id-signedData (RFC 5652, Section 5.1).
const signedDataOID = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"

// bodyStart returns a few of the first octets of the body, in whole lines of base64.
func bodyStart(m *message.Message) []byte {
	buf := make([]byte, 64)
	n, err := m.Body().ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	return buf[:n]
}

// maxArmor is how much of a body is searched for the beginning of OpenPGP data.
const maxArmor = 64 << 10

// Encrypted reports whether m is encrypted as its header says (see [Secured]): by S/MIME its body
// is an EnvelopedData or AuthEnvelopedData, by PGP a part begins as RFC 9580, Section 6.2, has it.
// What is in them is not looked at. Errors: those of the spool, and ctx's when it ends.
func Encrypted(ctx context.Context, m *message.Message) (bool, error) {
	switch Secured(m) {
	case SMIMEEncrypted:
		r, err := Verify(ctx, m)
		return err == nil && r.Kind == KindEncrypted && r.Code == "", err
	case PGPEncrypted:
		start, err := io.ReadAll(io.LimitReader(m.Body(), maxArmor))
		return bytes.Contains(start, []byte("-----BEGIN PGP MESSAGE-----")), err
	case NotSecured, SMIMESigned, PGPSigned:
	}
	return false, nil
}
