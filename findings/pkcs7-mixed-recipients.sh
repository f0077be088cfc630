#!/bin/sh
# smallstep/pkcs7 v0.2.3 (Go): a message encrypted for an RSA and an EC recipient cannot be opened by
# the owner of the RSA key: Parse fails with "asn1: structure error: sequence tag mismatch" before any
# key is asked for. It reads RecipientInfos as a set of KeyTransRecipientInfo alone; RFC 5652, Section
# 6.2, makes it a choice, and the EC recipient is a KeyAgreeRecipientInfo in it. So what somebody can
# read depends on the keys of the other recipients. OpenSSL opens both messages with the same key.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.pem -days 30 \
	-subj /CN=rsa 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ec.key -out ec.pem \
	-days 30 -subj /CN=ec 2>/dev/null
echo text >text
openssl cms -encrypt -aes256 -binary -in text -outform DER -out alone.p7 rsa.pem
openssl cms -encrypt -aes256 -binary -in text -outform DER -out mixed.p7 rsa.pem ec.pem
cat >go.mod <<'MOD'
module finding

go 1.25
MOD
cat >main.go <<'GO'
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	"github.com/smallstep/pkcs7"
)

func must[T any](v T, err error) T {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return v
}

func der(file string) []byte {
	block, _ := pem.Decode(must(os.ReadFile(file)))
	return block.Bytes
}

func main() {
	cert := must(x509.ParseCertificate(der("rsa.pem")))
	key := must(x509.ParsePKCS8PrivateKey(der("rsa.key")))
	for _, name := range []string{"alone", "mixed"} {
		p7, err := pkcs7.Parse(must(os.ReadFile(name + ".p7")))
		if err != nil {
			fmt.Println(name, "Parse:", err)
			continue
		}
		text, err := p7.Decrypt(cert, key)
		fmt.Printf("%s Decrypt: %q, %v\n", name, text, err)
	}
}
GO
go get github.com/smallstep/pkcs7@v0.2.3 >/dev/null 2>&1
for name in alone mixed; do
	echo "$name openssl: $(openssl cms -decrypt -inform DER -in $name.p7 -recip rsa.pem -inkey rsa.key)"
done >out
go run . >>out
cat out
diff - out <<'WANT'
alone openssl: text
mixed openssl: text
alone Decrypt: "text\n", <nil>
mixed Parse: asn1: structure error: sequence tag mismatch
WANT
