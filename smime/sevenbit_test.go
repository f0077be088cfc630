package smime

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"dnseal/smime/message"
)

func TestSevenBit(t *testing.T) {
	t.Parallel()
	const head = "From: alice@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
	for _, tt := range []struct {
		name, in, want string
		err            error
	}{
		{
			"text", head + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße from all of us here \r\n",
			"From: alice@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe from all of us here=20\r\n", nil,
		},
		{
			"parts", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nä b c d e f g h i j k\r\n--b--\r\n",
			"From: alice@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4 b c d e f g h i j k\r\n--b--\r\n", nil,
		},
		{
			"signed", head + "Content-Type: multipart/signed; boundary=b; protocol=\"application/pkcs7-signature\"\r\n\r\n--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\nä\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nAAAA\r\n--b--\r\n",
			"", ErrNotTransitProof,
		},
	} {
		m, err := message.Read(strings.NewReader(tt.in), message.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		edit, err := SevenBit(t.Context(), m)
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: SevenBit = %v, want %v", tt.name, err, tt.err)
		}
		if err == nil {
			var out bytes.Buffer
			if _, err := m.WriteEdited(&out, edit); err != nil || out.String() != tt.want {
				t.Errorf("%s: %v\n%s\nwant\n%s", tt.name, err, &out, tt.want)
			}
		}
		edit.Close()
		m.Close()
	}
}
