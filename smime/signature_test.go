package smime

import (
	"crypto/elliptic"
	"crypto/x509"
	"strings"
	"testing"

	"dnseal/smime/cms"
)

func spkiOf(tb testing.TB, s cms.Signer) []byte {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.Key.Public())
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

// A signature without certificate names its key; a record in the DNS may bring the key or the
// certificate.
func TestSignWithoutCertificates(t *testing.T) {
	t.Parallel()
	for _, opaque := range []bool{false, true} {
		signed := sign(t, crlf(simple), SignOptions{NoCertificates: true, Chain: []*x509.Certificate{bob().Certificate}, Opaque: opaque, FullSelfCheck: true})
		s := verify(t, signed).Signatures[0]
		if s.Integrity != IntegrityUnknown || s.Code != CodeNoKey || s.Certificate != nil || len(s.Certificates) != 0 || len(s.SubjectKeyID) != 20 {
			t.Fatalf("without a key: %+v", s)
		}
		if err := s.VerifyWithKey(spkiOf(t, bob())); err == nil || s.Integrity != IntegrityUnknown {
			t.Errorf("with another key: %v, %s", err, s.Integrity)
		}
		if err := s.VerifyWithKey([]byte("x")); err == nil || s.Integrity != IntegrityUnknown {
			t.Errorf("with no key: %v, %s", err, s.Integrity)
		}
		if err := s.VerifyWithKey(spkiOf(t, alice())); err != nil || s.Integrity != IntegrityGood || s.Code != "" || s.PublicKey == nil || s.Algorithm != "ecdsa-p256-sha256" {
			t.Errorf("with the key: %v, %+v", err, s)
		}
		s = verify(t, signed).Signatures[0]
		if err := s.VerifyWithCertificate(bob().Certificate); err == nil || s.Integrity != IntegrityUnknown {
			t.Errorf("with another certificate: %v, %s", err, s.Integrity)
		}
		if err := s.VerifyWithCertificate(alice().Certificate); err != nil || s.Integrity != IntegrityGood || s.Certificate == nil {
			t.Errorf("with the certificate: %v, %s", err, s.Integrity)
		}
	}
}

// Content that was changed is bad whether or not the key is at hand, so that nobody is asked for
// it.
func TestChangedContentWithoutKey(t *testing.T) {
	t.Parallel()
	signed := strings.Replace(sign(t, crlf(simple), SignOptions{NoCertificates: true}), "end", "END", 1)
	if s := verify(t, signed).Signatures[0]; s.Integrity != IntegrityBad || s.Code != CodeBadDigest {
		t.Errorf("%s %s, want bad %s", s.Integrity, s.Code, CodeBadDigest)
	}
}

// A stranger puts the key of another into a certificate of his own (RFC 5035, Section 1).
func TestKeySubstitution(t *testing.T) {
	t.Parallel()
	signed := sign(t, crlf(simple), SignOptions{})
	s := verify(t, signed).Signatures[0]
	// same names and serial number, another certificate
	twin := newSigner(alice().Key, "alice@example.org").Certificate
	if err := s.VerifyWithCertificate(twin); err == nil {
		t.Error("another certificate for the key was accepted")
	}
	if s.Integrity != IntegrityGood || !s.Certificate.Equal(alice().Certificate) {
		t.Errorf("after that: %s by %v", s.Integrity, s.Certificate.Subject)
	}
	// The signature of alice with nothing but the twin beside it.
	entity := content
	der, err := cms.Sign(strings.NewReader(entity), cms.SignOptions{Signers: []cms.Signer{alice()}, Certificates: []*x509.Certificate{twin}, Time: signedAt})
	if err != nil {
		t.Fatal(err)
	}
	s = verify(t, head+clearPart(entity, p7s+wrap(der))).Signatures[0]
	if s.Integrity != IntegrityBad || s.Code != CodeKeySubstituted {
		t.Errorf("%s %s, want bad %s", s.Integrity, s.Code, CodeKeySubstituted)
	}
}

func TestSeveralSigners(t *testing.T) {
	t.Parallel()
	for _, opaque := range []bool{false, true} {
		signed := sign(t, crlf(simple), SignOptions{Signers: []cms.Signer{alice(), bob(), carol(), dave()}, Opaque: opaque, FullSelfCheck: true})
		if n := len(holds(t, signed).Signatures); n != 4 {
			t.Errorf("%d signatures, want 4", n)
		}
		if !opaque && !strings.Contains(signed, `micalg="sha-256,sha-384,sha-512"`) {
			t.Error("micalg does not name all digests")
		}
	}
}

// What is signed already is signed again only where that is asked for, and keeps its bytes.
func TestSignAgain(t *testing.T) {
	t.Parallel()
	once := sign(t, crlf(simple), SignOptions{})
	_, inner, _ := strings.Cut(once, "\r\n\r\n")
	for _, opaque := range []bool{false, true} {
		twice := sign(t, once, SignOptions{Signers: []cms.Signer{bob()}, Again: true, Opaque: opaque})
		r := holds(t, twice)
		if len(r.Signatures) != 2 || r.Signatures[0].Algorithm != "ecdsa-p384-sha384" || r.Signatures[1].Algorithm != "ecdsa-p256-sha256" {
			t.Errorf("opaque %v: %s", opaque, summary(r))
		}
		if !opaque && !strings.Contains(twice, inner) {
			t.Error("the inner body was changed")
		}
	}
}

func TestIntegrityWords(t *testing.T) {
	t.Parallel()
	var zero Integrity
	if zero != IntegrityUnknown || zero.String() != "unknown" || IntegrityBad.String() != "bad" || IntegrityGood.String() != "good" {
		t.Error("words of integrity")
	}
	s := &Signature{Part: "2", Covers: CoversMessage, Integrity: IntegrityBad, Code: CodeMalformed}
	if s.VerifyWithCertificate(alice().Certificate) == nil || s.VerifyWithKey(spkiOf(t, alice())) == nil {
		t.Error("a malformed signature was checked")
	}
}

// A weak key is told from a wrong signature.
func TestWeakAndUnsupported(t *testing.T) {
	t.Parallel()
	for code, want := range map[Code]Integrity{
		cms.CodeWeak: IntegrityUnknown, cms.CodeUnsupported: IntegrityUnknown, cms.CodeBadSignature: IntegrityBad, cms.CodeBadAttributes: IntegrityBad,
	} {
		s := &Signature{}
		s.fail(&cms.SignatureError{Code: code, Reason: "x"})
		if s.Integrity != want || s.Code != code || s.Weak != (code == cms.CodeWeak) {
			t.Errorf("%s: %+v", code, s)
		}
	}
}

func TestCertificateOfAnUnsupportedKind(t *testing.T) {
	t.Parallel()
	p224 := newSigner(ecKey(elliptic.P224()), "alice@example.org").Certificate
	s := verify(t, sign(t, crlf(simple), SignOptions{})).Signatures[0]
	s.checkWith(p224)
	if s.Integrity != IntegrityUnknown || s.Code != CodeUnsupported {
		t.Errorf("%s %s, want unknown %s", s.Integrity, s.Code, CodeUnsupported)
	}
}
