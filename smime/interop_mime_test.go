package smime_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"strings"
	"testing"

	"dnseal/smime"
	"dnseal/smime/message"
)

// What is signed in the matrix, as a message and as the entity that is in it.
const (
	peerHeader = "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: noon\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n"
	peerText   = "Meet me at noon.\r\nBring the plans.\r\n"
	peerEntity = "Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + peerText
	peerMail   = peerHeader + "MIME-Version: 1.0\r\n" + peerEntity
)

// signMessage signs peerMail.
func signMessage(t *testing.T, opts smime.SignOptions) []byte {
	t.Helper()
	m, err := message.Read(strings.NewReader(peerMail), message.ReadOptions{})
	must(t, err)
	defer m.Close()
	edit, err := smime.Sign(t.Context(), m, opts)
	must(t, err)
	defer edit.Close()
	var out bytes.Buffer
	_, err = m.WriteEdited(&out, edit)
	must(t, err)
	return out.Bytes()
}

// takeApart finds the SignedData of a message, and the entity it is about if that is not inside. It
// uses nothing of ours.
func takeApart(t *testing.T, text []byte) (der, entity []byte) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(text))
	must(t, err)
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	must(t, err)
	body, err := io.ReadAll(m.Body)
	must(t, err)
	if kind != "multipart/signed" {
		return decode(t, body), nil
	}
	parts := bytes.Split(append([]byte("\r\n"), body...), []byte("\r\n--"+params["boundary"]))
	if len(parts) != 4 {
		t.Fatalf("%d parts in\n%s", len(parts), text)
	}
	_, encoded, _ := bytes.Cut(parts[2], []byte("\r\n\r\n"))
	return decode(t, encoded), bytes.TrimPrefix(parts[1], []byte("\r\n"))
}

func decode(t *testing.T, text []byte) []byte {
	t.Helper()
	der, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(text)))
	must(t, err)
	return der
}

// putTogether makes a message of what a peer signed.
func putTogether(der, entity []byte, digest string) []byte {
	encoded := encode(der)
	if entity == nil {
		return fmt.Appendf(nil, "%sMIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"+
			"Content-Transfer-Encoding: base64\r\n\r\n%s", peerHeader, encoded)
	}
	return fmt.Appendf(nil, "%sMIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=%s; boundary=b\r\n\r\n"+
		"--b\r\n%s\r\n--b\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n--b--\r\n",
		peerHeader, strings.Replace(digest, "sha", "sha-", 1), entity, encoded)
}

func encode(der []byte) string {
	var out strings.Builder
	for text := base64.StdEncoding.EncodeToString(der); text != ""; {
		n := min(len(text), 76)
		out.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	return out.String()
}

// verifyMessage judges a message: nil when every signature in it is good, and all of the message is
// signed.
func verifyMessage(t *testing.T, text []byte, r row, ids []*peerIdentity) error {
	t.Helper()
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	must(t, err)
	defer m.Close()
	report, err := smime.Verify(t.Context(), m)
	must(t, err)
	if len(report.Signatures) != len(ids) {
		return fmt.Errorf("%d signatures: %s %s", len(report.Signatures), report.Code, report.Reason)
	}
	for _, s := range report.Signatures {
		if r.bare {
			if s.SubjectKeyID == nil || len(s.Certificates) > 0 {
				return fmt.Errorf("the signer sent a certificate")
			}
			if err := s.VerifyWithCertificate(ids[0].signer.Certificate); err != nil {
				return err
			}
		}
		if s.Integrity != smime.IntegrityGood || s.Covers != smime.CoversMessage {
			return fmt.Errorf("%s over %s: %s: %s", s.Algorithm, s.Covers, s.Code, s.Reason)
		}
		if !r.madeBy(s.Algorithm) {
			return fmt.Errorf("algorithm %s, want %s", s.Algorithm, r.algorithm)
		}
	}
	return nil
}
