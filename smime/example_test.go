package smime_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log"
	"math/big"
	"os"
	"strings"
	"time"

	"dnseal/smime"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// Sign returns an edit. A mail system applies it to the message that it received, and passes the
// result on.
func ExampleSign() {
	key, cert := newIdentity()
	received := strings.NewReader("From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: Lunch\r\n\r\nMeet me at noon.\r\n")

	m, err := message.Read(received, message.ReadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	edit, err := smime.Sign(context.Background(), m, smime.SignOptions{
		Signers: []cms.Signer{{Key: key, Certificate: cert}},
		Time:    time.Now(),
	})
	if err != nil {
		log.Fatal(err) // smime.ErrAlreadySecured is no fault: pass the message on as it is
	}
	defer edit.Close()
	var signed bytes.Buffer
	if _, err := m.WriteEdited(&signed, edit); err != nil {
		log.Fatal(err)
	}

	for line := range strings.Lines(signed.String()) {
		if name, _, ok := strings.Cut(line, ":"); !ok || name == "" {
			break
		}
		fmt.Println(strings.TrimSpace(line))
	}
	// Output:
	// From: Alice <alice@example.org>
	// To: bob@example.net
	// Subject: Lunch
	// MIME-Version: 1.0
	// Content-Type: multipart/signed; protocol="application/pkcs7-signature";
}

// Verify says which signatures hold, over what. Whether the key of one may sign for the From
// address is for the caller to decide, or for package receiver, which asks the DNS.
func ExampleVerify() {
	f, err := os.Open("../testdata/vectors/001-pass.eml")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()

	m, err := message.Read(f, message.ReadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	report, err := smime.Verify(context.Background(), m)
	if err != nil {
		log.Fatal(err) // trouble of this machine: try again later
	}
	if report.Code != "" {
		log.Fatalf("%s: %s", report.Code, report.Reason) // nothing good can be said of the message
	}
	for _, s := range report.Signatures {
		if s.Integrity != smime.IntegrityGood || s.Covers != smime.CoversMessage {
			fmt.Printf("part %s: %s over %s: %s\n", s.Part, s.Integrity, s.Covers, s.Reason)
			continue
		}
		fmt.Printf("signed at %s with %s, header %s\n", s.SigningTime.Format(time.RFC3339), s.Algorithm, s.HeaderState)
		fmt.Println("protected From:", s.ProtectedFrom)
		for _, name := range smime.CertificateNames(s.Certificate) {
			fmt.Println("certificate for:", name.Address)
		}
	}
	// Output:
	// signed at 2026-11-24T11:00:00Z with ecdsa-p256-sha256, header protected
	// protected From: [alice@example.org]
	// certificate for: alice@example.org
}

// newIdentity makes a key and its certificate, which a mail system reads from files.
func newIdentity() (*ecdsa.PrivateKey, *x509.Certificate) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), EmailAddresses: []string{"alice@example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	return key, cert
}
