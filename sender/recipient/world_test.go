package recipient_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/smime/message"
)

var clock = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// published is what stands in the zones: records by address.
type published map[string][]dane.Record

// newWorld serves the records of example.org and of zones with something wrong, and returns who
// looks them up. asked is called with every question.
func newWorld(tb testing.TB, records published, asked func(name string)) *lookup.Client {
	tb.Helper()
	zones := map[string]*lookuptest.Zone{
		"example.org.": {}, "unsigned.example.": {Unsigned: true}, "bogus.example.": {Break: lookuptest.WrongSignature}, "servfail.example.": {Break: lookuptest.Unreachable},
	}
	for address, rs := range records {
		a, err := message.ParseAddress(address)
		if err != nil {
			tb.Fatal(err)
		}
		owner, err := dane.SMIMEAName(a.Local, a.Domain)
		if err != nil {
			tb.Fatal(err)
		}
		for _, r := range rs {
			zones[a.Domain+"."].Text += fmt.Sprintf("%s 300 IN SMIMEA %d %d %d %x\n", owner, r.Usage, r.Selector, r.MatchingType, r.Data)
		}
	}
	var all []lookuptest.Zone
	for origin, z := range zones {
		z.Origin = origin
		all = append(all, *z)
	}
	s, err := lookuptest.New(all, lookuptest.Options{Now: func() time.Time { return clock }, Asked: func(name string, _ uint16) {
		if asked != nil {
			asked(name)
		}
	}})
	if err == nil {
		err = s.Start("127.0.0.1:0")
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	anchors, err := dnssec.ParseAnchors(s.Anchor(), "lab")
	if err != nil {
		tb.Fatal(err)
	}
	c, err := lookup.New(lookup.Options{
		Resolvers: []string{s.Addr()}, Anchors: anchors, Timeout: time.Minute, Now: func() time.Time { return clock }, Deny: []string{"denied.example"},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

// keys are made once.
var keys = sync.OnceValue(func() map[string]crypto.PublicKey {
	x, _ := ecdh.X25519().GenerateKey(rand.Reader)
	ed, _, _ := ed25519.GenerateKey(rand.Reader)
	kem768, _ := mlkem.GenerateKey768()
	kem1024, _ := mlkem.GenerateKey1024()
	lowOrder, _ := ecdh.X25519().NewPublicKey(make([]byte, 32))
	out := map[string]crypto.PublicKey{"x25519": x.Public(), "ed25519": ed, "ml-kem-768": kem768.EncapsulationKey(), "ml-kem-1024": kem1024.EncapsulationKey(), "low order": lowOrder}
	for name, curve := range map[string]elliptic.Curve{"p224": elliptic.P224(), "p256": elliptic.P256(), "p384": elliptic.P384(), "p521": elliptic.P521()} {
		k, _ := ecdsa.GenerateKey(curve, rand.Reader)
		out[name] = k.Public()
	}
	for name, bits := range map[string]int{"rsa1024": 1024, "rsa2048": 2048} {
		k, _ := rsa.GenerateKey(rand.Reader, bits)
		out[name] = k.Public()
	}
	return out
})

// spki is the DER SubjectPublicKeyInfo of a key.
func spki(tb testing.TB, name string) []byte {
	tb.Helper()
	var oid asn1.ObjectIdentifier
	var bits []byte
	switch key := keys()[name].(type) {
	case *mlkem.EncapsulationKey768:
		oid, bits = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 2}, key.Bytes()
	case *mlkem.EncapsulationKey1024:
		oid, bits = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 3}, key.Bytes()
	default:
		return must(x509.MarshalPKIXPublicKey(key))(tb)
	}
	return must(asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}{pkix.AlgorithmIdentifier{Algorithm: oid}, asn1.BitString{Bytes: bits, BitLength: 8 * len(bits)}}))(tb)
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// ca signs all certificates.
var ca = sync.OnceValues(func() (*x509.Certificate, *ecdsa.PrivateKey) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotBefore: clock.AddDate(-1, 0, 0), NotAfter: clock.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cert, key
})

// certify returns the DER of a certificate of the key for mail addresses, with changes.
func certify(tb testing.TB, key string, change func(*x509.Certificate), addresses ...string) []byte {
	tb.Helper()
	issuer, signer := ca()
	digest := sha256.Sum256(fmt.Appendf(nil, "%s %v", key, addresses))
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(digest[:8]), Subject: pkix.Name{CommonName: "somebody"}, NotBefore: clock.AddDate(0, -1, 0), NotAfter: clock.AddDate(0, 1, 0),
		EmailAddresses: addresses, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}
	if change != nil {
		change(template)
	}
	pub := keys()[key]
	foreign := key == "x25519" || strings.HasPrefix(key, "ml-kem")
	if foreign {
		pub = keys()["p256"] // crypto/x509 makes no certificate of such keys
	}
	der := must(x509.CreateCertificate(rand.Reader, template, issuer, pub, signer))(tb)
	if foreign {
		der = withKey(tb, der, spki(tb, key))
	}
	return der
}

// withKey puts another key into a certificate, whose signature is no longer good.
func withKey(tb testing.TB, der, spki []byte) []byte {
	tb.Helper()
	cert := must(x509.ParseCertificate(der))(tb)
	var whole struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &whole); err != nil {
		tb.Fatal(err)
	}
	fields := bytes.Replace(whole.TBS.Bytes, cert.RawSubjectPublicKeyInfo, spki, 1)
	whole.TBS = asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSequence, IsCompound: true, Bytes: fields}
	return must(asn1.Marshal(whole))(tb)
}

// capabilitiesOf is the extension of RFC 4262 with these algorithms.
func capabilitiesOf(tb testing.TB, oids ...asn1.ObjectIdentifier) func(*x509.Certificate) {
	tb.Helper()
	type capability struct{ ID asn1.ObjectIdentifier }
	var list []capability
	for _, id := range oids {
		list = append(list, capability{id})
	}
	value := must(asn1.Marshal(list))(tb)
	return func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 15}, Value: value})
	}
}

var (
	aes128CBC = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}
	aes128GCM = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 6}
	aes256GCM = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 46}
)

func record(usage, selector, matching uint8, data []byte) dane.Record {
	return dane.Record{Usage: usage, Selector: selector, MatchingType: matching, Data: data}
}

// answers is a resolver that a test writes.
type answers func(ctx context.Context, name string, fresh bool) *lookup.Result

func (f answers) Lookup(ctx context.Context, name string, _ dane.Type) *lookup.Result {
	return f(ctx, name, false)
}

func (f answers) LookupFresh(ctx context.Context, name string, _ dane.Type) *lookup.Result {
	return f(ctx, name, true)
}

// throughIntermediate is a certificate that an intermediate authority signed, and that one's.
func throughIntermediate(tb testing.TB, address string) (leaf, middle []byte) {
	tb.Helper()
	root, rootKey := ca()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(tb)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Intermediate"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	middle = must(x509.CreateCertificate(rand.Reader, template, root, key.Public(), rootKey))(tb)
	leafTemplate := &x509.Certificate{SerialNumber: big.NewInt(3), NotBefore: root.NotBefore, NotAfter: root.NotAfter, EmailAddresses: []string{address}}
	return must(x509.CreateCertificate(rand.Reader, leafTemplate, template, keys()["p256"], key))(tb), middle
}
