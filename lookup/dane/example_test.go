package dane_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"log"
	"math/big"

	"dnseal/lookup/dane"
)

// Match compares the records of a secure answer with the certificate that signed. One that matches
// is enough; one that cannot be used stops nothing.
func ExampleMatch() {
	signer, err := newCertificate()
	if err != nil {
		log.Fatal(err)
	}
	digest := sha256.Sum256(signer.RawSubjectPublicKeyInfo)
	other := sha256.Sum256([]byte("another key"))
	records := []dane.Record{
		{Usage: dane.DANEEE, Selector: dane.PublicKey, MatchingType: dane.SHA256, Data: other[:]},
		{Usage: dane.DANEEE, Selector: dane.PublicKey, MatchingType: dane.SHA256, Data: digest[:]},
		{Usage: 17, Selector: dane.PublicKey, MatchingType: dane.SHA256, Data: digest[:]},
	}
	results, matched, usable := dane.Match(context.Background(), records, dane.MatchOptions{Certificate: signer})
	for i, r := range results {
		fmt.Printf("%d %d %d: %s\n", records[i].Usage, records[i].Selector, records[i].MatchingType, r.Result)
	}
	fmt.Println(matched, usable)
	// Output:
	// 3 1 1: no-match
	// 3 1 1: match
	// 17 1 1: unusable: unknown usage 17
	// true true
}

// newCertificate is a self-signed certificate of a new key.
func newCertificate() (*x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{}, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
