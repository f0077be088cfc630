package recipient_test

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/sender/recipient"
)

// Bob publishes a bare key (3 1 0) in a signed zone; nobody knows a Carol there.
func Example() {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.PublicKey())
	if err != nil {
		panic(err)
	}
	client, closeAll, err := exampleZone(fmt.Sprintf("81b637d8fcd2c6da6359e6963113a1170de795e4b725b84d1e0b4cfd._smimecert 300 IN SMIMEA 3 1 0 %x\n", spki))
	if err != nil {
		panic(err)
	}
	defer closeAll()

	found := recipient.Find(context.Background(), []string{"bob@example.org", "carol@example.org"}, recipient.Options{Lookup: client, Profile: recipient.Modern})
	fmt.Println(found[0].Address, found[0].Keys[0].Algorithm)
	fmt.Println(found[1].Address, found[1].Err.Code, "temporary:", found[1].Err.Temporary)

	groups, err := recipient.Plan(found[:1], nil, recipient.PlanOptions{Profile: recipient.Modern})
	if err != nil {
		panic(err)
	}
	for _, g := range groups {
		// enveloped.EncryptOptions{Recipients: g.Recipients, Cipher: g.Cipher}
		fmt.Println(g.Addresses, g.Cipher)
	}
	// Output:
	// bob@example.org p256
	// carol@example.org no-record temporary: false
	// [bob@example.org] aes-256-gcm
}

// exampleZone serves records of example.org, signed.
func exampleZone(records string) (client *lookup.Client, closeAll func(), err error) {
	server, err := lookuptest.New([]lookuptest.Zone{{Origin: "example.org.", Text: records}}, lookuptest.Options{})
	if err != nil {
		return nil, nil, err
	}
	if err = server.Start("127.0.0.1:0"); err != nil {
		return nil, nil, err
	}
	anchors, err := dnssec.ParseAnchors(server.Anchor(), "example")
	if err != nil {
		return nil, nil, err
	}
	client, err = lookup.New(lookup.Options{Resolvers: []string{server.Addr()}, Anchors: anchors, Timeout: time.Minute})
	return client, func() { client.Close(); server.Close() }, err
}
