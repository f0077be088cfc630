package smime

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/mldsa"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// NewPostQuantum is for the tests outside the package.
var NewPostQuantum = newPostQuantum

// newPostQuantum makes a signer by ML-DSA, whose key is the same in each run.
func newPostQuantum(tb testing.TB, parameters mldsa.Parameters, address string) cms.Signer {
	tb.Helper()
	seed := sha256.Sum256([]byte(address))
	key, err := mldsa.NewPrivateKey(parameters, seed[:])
	if err != nil {
		tb.Fatal(err)
	}
	spki, err := cms.MarshalPublicKey(key.Public())
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(9882), Subject: pkix.Name{CommonName: address}, EmailAddresses: []string{address},
		NotBefore: signedAt.Add(-time.Hour), NotAfter: signedAt.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}
	if template.SubjectKeyId, err = cms.SubjectKeyID(spki); err != nil {
		tb.Fatal(err)
	}
	standIn := ecKey(elliptic.P256())
	der, err := x509.CreateCertificate(rand.Reader, template, template, standIn.Public(), standIn)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(mldsaCertificate(tb, der, spki, key))
	if err != nil {
		tb.Fatal(err)
	}
	return cms.Signer{Key: key, Certificate: cert}
}

// mldsaCertificate is a certificate of an ECDSA key with a key for ML-DSA, which signs it, in its
// place (RFC 9881): crypto/x509 makes none.
func mldsaCertificate(tb testing.TB, der, spki []byte, key *mldsa.PrivateKey) []byte {
	tb.Helper()
	standIn, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	element := func(tag cbasn1.Tag, contents ...[]byte) []byte {
		var b cryptobyte.Builder
		b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(contents...)) })
		return b.BytesOrPanic()
	}
	outer, inner := cryptobyte.String(spki), cryptobyte.String(standIn.RawTBSCertificate)
	var s, algorithm, tbs cryptobyte.String
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !s.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) || !inner.ReadASN1(&tbs, cbasn1.SEQUENCE) {
		tb.Fatal("not DER")
	}
	ecdsaWithSHA256 := []byte("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02")
	contents := bytes.Replace(tbs, ecdsaWithSHA256, algorithm, 1)
	signed := element(cbasn1.SEQUENCE, bytes.Replace(contents, standIn.RawSubjectPublicKeyInfo, spki, 1))
	value, err := key.SignDeterministic(signed, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return element(cbasn1.SEQUENCE, signed, algorithm, element(cbasn1.BIT_STRING, []byte{0}, value))
}

// hybrid is alice with a key for ML-DSA-65 beside her own.
func hybrid(tb testing.TB) cms.Signer {
	tb.Helper()
	s, beside := alice(), newPostQuantum(tb, mldsa.MLDSA65(), "alice@example.org")
	s.PostQuantum = &beside
	return s
}

// TestPostQuantum: a message has both signatures in every form, each with its certificate.
func TestPostQuantum(t *testing.T) {
	t.Parallel()
	for _, opts := range []SignOptions{{}, {Opaque: true}, {FullSelfCheck: true}, {Opaque: true, FullSelfCheck: true}, {NoCertificates: true}, {Opaque: true, NoCertificates: true}} {
		s := hybrid(t)
		opts.Signers, opts.Time = []cms.Signer{s}, signedAt
		report := verify(t, sign(t, crlf(simple), opts))
		if len(report.Signatures) != 1 {
			t.Fatalf("%d signatures", len(report.Signatures))
		}
		sig := report.Signatures[0]
		beside := sig.PostQuantum
		if beside == nil || sig.PostQuantumErr != nil {
			t.Fatalf("%+v: %v beside, %v", opts, beside, sig.PostQuantumErr)
		}
		if opts.NoCertificates {
			spki, err := cms.MarshalPublicKey(s.PostQuantum.Key.Public())
			if err != nil || beside.Code != CodeNoKey || beside.VerifyWithKey(spki) != nil {
				t.Errorf("without certificate: %s, %v", beside.Code, err)
			}
		} else if sig.Integrity != IntegrityGood || !bytes.Equal(beside.Certificate.Raw, s.PostQuantum.Certificate.Raw) || len(sig.Certificates) != 1 {
			t.Errorf("%s, %s: %v", sig.Integrity, sig.Reason, beside.Certificate)
		}
		if beside.Integrity != IntegrityGood || beside.Algorithm != "ml-dsa-65" || beside.Covers != CoversMessage || beside.HeaderProtection != sig.HeaderProtection || !cms.PostQuantum(beside.PublicKey) {
			t.Errorf("%+v: beside: %s by %s: %s", opts, beside.Integrity, beside.Algorithm, beside.Reason)
		}
	}
}

// TestPostQuantumChanged: of a message that was changed neither signature holds.
func TestPostQuantumChanged(t *testing.T) {
	t.Parallel()
	text := sign(t, crlf(simple), SignOptions{Signers: []cms.Signer{hybrid(t)}, Time: signedAt})
	sig := verify(t, strings.Replace(text, "trailing", "Trailing", 1)).Signatures[0]
	if sig.Code != CodeBadDigest || sig.PostQuantum == nil || sig.PostQuantum.Code != CodeBadDigest {
		t.Errorf("%s; beside: %+v", sig.Code, sig.PostQuantum)
	}
}

// TestPostQuantumAlone: ML-DSA signs alone as any other algorithm does.
func TestPostQuantumAlone(t *testing.T) {
	t.Parallel()
	for _, parameters := range []mldsa.Parameters{mldsa.MLDSA44(), mldsa.MLDSA65(), mldsa.MLDSA87()} {
		s := newPostQuantum(t, parameters, "alice@example.org")
		for _, opaque := range []bool{false, true} {
			text := sign(t, crlf(simple), SignOptions{Signers: []cms.Signer{s}, Time: signedAt, Opaque: opaque, FullSelfCheck: true})
			sig := verify(t, text).Signatures[0]
			if sig.Integrity != IntegrityGood || sig.Algorithm != strings.ToLower(parameters.String()) || sig.PostQuantum != nil {
				t.Errorf("%s: %s by %s: %s", parameters, sig.Integrity, sig.Algorithm, sig.Reason)
			}
			if !opaque && !strings.Contains(text, "micalg=\"sha-512\"") {
				t.Errorf("%s: another micalg", parameters)
			}
		}
	}
}

// TestPostQuantumSelfCheck: a signature beside by another key, or over other content, does not
// leave.
func TestPostQuantumSelfCheck(t *testing.T) {
	t.Parallel()
	s := hybrid(t)
	defective := s
	defective.PostQuantum = &cms.Signer{Key: besideKey{s.PostQuantum.Key.(*mldsa.PrivateKey)}, Certificate: s.PostQuantum.Certificate}
	opts := SignOptions{Signers: []cms.Signer{defective}, Time: signedAt, FullSelfCheck: true}
	if _, err := Sign(t.Context(), mustRead(t, crlf(simple)), opts); !errors.Is(err, ErrSelfCheck) {
		t.Errorf("a defective key beside: %v", err)
	}
	m := mustRead(t, crlf(simple))
	for name, change := range map[string]func(*cms.Signer){
		"another key":    func(s *cms.Signer) { o := newPostQuantum(t, mldsa.MLDSA65(), "bob@example.net"); s.PostQuantum = &o },
		"none is wanted": func(s *cms.Signer) { s.PostQuantum = nil },
	} {
		sig := &signing{ctx: t.Context(), m: m, src: m.Open(), opts: SignOptions{Signers: []cms.Signer{s}, Time: signedAt}}
		sig.certificates = sig.opts.sent()
		if err := sig.prepare(); err != nil {
			t.Fatal(err)
		}
		body := message.NewSpool(0)
		defer body.Close()
		if err := sig.makeClear(body); err != nil {
			t.Fatal(err)
		}
		if err := sig.selfCheck(body); err != nil {
			t.Errorf("%s: before: %v", name, err)
		}
		other := s
		change(&other)
		sig.opts.Signers = []cms.Signer{other}
		if err := sig.selfCheck(body); !errors.Is(err, ErrSelfCheck) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// One is wanted, and none is there.
	sig := &signing{ctx: t.Context(), m: m, src: m.Open(), opts: SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt}}
	sig.certificates = sig.opts.sent()
	body := message.NewSpool(0)
	defer body.Close()
	if err := errors.Join(sig.prepare(), sig.makeClear(body)); err != nil {
		t.Fatal(err)
	}
	sig.opts.Signers = []cms.Signer{s}
	if err := sig.selfCheck(body); !errors.Is(err, ErrSelfCheck) {
		t.Errorf("none beside: %v", err)
	}
}

// besideKey signs something else than it is given, as a defective token does.
type besideKey struct{ *mldsa.PrivateKey }

func (k besideKey) Sign(rand io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.PrivateKey.Sign(rand, append([]byte{0}, message...), opts)
}
