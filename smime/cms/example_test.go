package cms_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log"
	"math/big"
	"strings"
	"time"

	"dnseal/smime/cms"
)

// Example signs a text and verifies the signature, of which the text is no part.
func Example() {
	key, cert := newIdentity()
	const text = "Meet me at noon.\r\n"

	der, err := cms.Sign(strings.NewReader(text), cms.SignOptions{
		Signers:      []cms.Signer{{Key: key, Certificate: cert}},
		Certificates: []*x509.Certificate{cert},
		Time:         time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC),
	})
	if err != nil {
		log.Fatal(err)
	}

	for _, received := range []string{text, "Meet me at moon.\r\n"} {
		if err := verify(der, received); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// ecdsa-p256-sha256, claimed for 2026-11-24
	// cms: bad-digest: the content is not the one that was signed
}

func verify(der []byte, text string) error {
	sd, err := cms.Read(bytes.NewReader(der), nil)
	if err != nil {
		return err
	}
	if sd.Attached || len(sd.Signers) == 0 {
		return errors.New("not a detached signature")
	}
	digests := sd.Digests()
	if _, err := digests.Write([]byte(text)); err != nil {
		return err
	}
	for _, si := range sd.Signers {
		cert := si.Certificate(sd, nil)
		if cert == nil {
			return errors.New("the signer's certificate is not here")
		}
		pub, err := cms.PublicKey(cert)
		if err != nil {
			return err
		}
		if err := si.Verify(digests, pub); err != nil {
			return err
		}
		fmt.Printf("%s, claimed for %s\n", si.AlgorithmWith(pub), si.SigningTime.Format(time.DateOnly))
	}
	return nil
}

func newIdentity() (*ecdsa.PrivateKey, *x509.Certificate) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "alice@example.org"}}
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
