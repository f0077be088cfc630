#!/bin/sh
# wneessen/go-mail v0.7.2: a message that it signs by S/MIME without a transfer encoding
# (NoEncoding) has a signature over lines that end as the caller gave them. RFC 8551, Section 3.1.1,
# wants CR LF in what is signed, and the same library's SMTP client makes every LF a CR LF after
# signing. So a body with "\n", as Go's strings have it, verifies nowhere: not as written to a file,
# since OpenSSL makes CR LF of it, not as sent. With "\r\n", and in quoted-printable (the default,
# which writes CR LF), the same body verifies. Signing reports no error.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25
MOD
cat >main.go <<'GO'
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"os"
	"time"

	"github.com/wneessen/go-mail"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), EmailAddresses: []string{"alice@example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	check(err)
	for _, kind := range []struct {
		file, body string
		encoding   mail.Encoding
	}{
		{"qp-lf", "21.5 C\n22.0 C\n", mail.EncodingQP},
		{"none-crlf", "21.5 C\r\n22.0 C\r\n", mail.NoEncoding},
		{"none-lf", "21.5 C\n22.0 C\n", mail.NoEncoding},
	} {
		m := mail.NewMsg(mail.WithEncoding(kind.encoding))
		check(m.From("alice@example.org"))
		check(m.To("bob@example.net"))
		m.SetBodyString(mail.TypeTextPlain, kind.body)
		check(m.SignWithTLSCertificate(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}))
		check(m.WriteToFile(kind.file))
	}
}
GO
go get github.com/wneessen/go-mail@v0.7.2 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go run .
for message in qp-lf none-crlf none-lf; do
	if openssl cms -verify -noverify -in $message -out /dev/null 2>err; then
		echo "$message: good"
	else
		echo "$message: $(grep -o 'verification failure' err | head -1)"
	fi
done >out
cat out
diff - out <<'WANT'
qp-lf: good
none-crlf: good
none-lf: verification failure
WANT
