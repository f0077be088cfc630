package smime

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// signedAt is when everything in these tests is signed.
var signedAt = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// newSigner makes a self-signed certificate for address with the key.
func newSigner(key crypto.Signer, address string) cms.Signer {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(4711), Subject: pkix.Name{CommonName: address}, EmailAddresses: []string{address},
		NotBefore: signedAt.Add(-time.Hour), NotAfter: signedAt.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	if template.SubjectKeyId, err = cms.SubjectKeyID(spki); err != nil {
		panic(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cms.Signer{Key: key, Certificate: cert}
}

// The signers of the tests, made once.
var (
	alice = sync.OnceValue(func() cms.Signer { return newSigner(ecKey(elliptic.P256()), "alice@example.org") })
	bob   = sync.OnceValue(func() cms.Signer { return newSigner(ecKey(elliptic.P384()), "bob@example.net") })
	carol = sync.OnceValue(func() cms.Signer {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return newSigner(key, "carol@example.com")
	})
	dave = sync.OnceValue(func() cms.Signer {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			panic(err)
		}
		return newSigner(key, "dave@example.org")
	})
)

func ecKey(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func readString(s string) (*message.Message, error) {
	return message.Read(strings.NewReader(s), message.ReadOptions{})
}

func mustRead(tb testing.TB, s string) *message.Message {
	tb.Helper()
	m, err := readString(s)
	if err != nil {
		tb.Fatalf("Read: %v", err)
	}
	tb.Cleanup(func() { m.Close() })
	return m
}

// crlf writes a message of a test, whose lines end in LF, as it travels.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// sign returns the signed message.
func sign(tb testing.TB, msg string, opts SignOptions) string {
	tb.Helper()
	if opts.Signers == nil {
		opts.Signers = []cms.Signer{alice()}
	}
	opts.Time = signedAt
	m := mustRead(tb, msg)
	edit, err := Sign(tb.Context(), m, opts)
	if err != nil {
		tb.Fatalf("Sign: %v", err)
	}
	defer edit.Close()
	var out bytes.Buffer
	if _, err := m.WriteEdited(&out, edit); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

func verify(tb testing.TB, msg string) *Report {
	tb.Helper()
	report, err := Verify(context.Background(), mustRead(tb, msg))
	if err != nil {
		tb.Fatalf("Verify: %v", err)
	}
	return report
}

// holds fails the test unless the message has good signatures over the whole of it only, and
// returns the report.
func holds(tb testing.TB, msg string) *Report {
	tb.Helper()
	r := verify(tb, msg)
	if why := broken(r); why != "" {
		tb.Fatalf("%s in\n%s", why, msg)
	}
	return r
}

// broken says why a report is not that of a message that is signed as a whole.
func broken(r *Report) string {
	if r.Code != "" {
		return string(r.Code) + ": " + r.Reason
	}
	if r.Kind != KindSigned || len(r.Signatures) == 0 {
		return "no signature: " + string(r.Kind)
	}
	for _, s := range r.Signatures {
		if s.Integrity != IntegrityGood || s.Covers != CoversMessage {
			return fmt.Sprintf("%s %s %s covers %s", s.Integrity, s.Code, s.Reason, s.Covers)
		}
	}
	return ""
}
