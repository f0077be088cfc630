package cms

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnseal/smime/cms/internal/ber"
)

// change changes one thing about a right signature.
type change = func(f *forgery, s *forgedSigner)

// rule is one change to a right signature by key, and what becomes of it.
type rule struct {
	name   string
	key    string
	change change
	want   Code
}

func testRules(t *testing.T, rules []rule) {
	t.Helper()
	for _, tt := range rules {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			key := testKey(t, tt.key)
			cert := testCertificate(t, key, 1)
			s := forgeWeak(t, cert, key)
			f := &forgery{digests: [][]byte{s.digest}, contentType: oidData, certs: []*x509.Certificate{cert}}
			tt.change(f, s)
			f.infos = [][]byte{s.der(t, testContent)}
			content := testContent
			if got := verdictOf(f.der(), &content); got != tt.want {
				t.Errorf("detached: judged %q, want %q", got, tt.want)
			}
			f.content = &content
			if got := verdictOf(f.der(), nil); got != tt.want {
				t.Errorf("attached: judged %q, want %q", got, tt.want)
			}
		})
	}
}

// withAttributes adds signed attributes.
func withAttributes(attrs ...[]byte) change {
	return func(_ *forgery, s *forgedSigner) { s.attrs = append(s.attrs, attrs...) }
}

// withAlgorithms names another digest and another signature algorithm.
func withAlgorithms(digest, signature []byte) change {
	return func(_ *forgery, s *forgedSigner) { s.digest, s.signature = digest, signature }
}

func algorithmDER(oid string, parameters ...[]byte) []byte {
	return ber.TLV(ber.TagSequence, append([][]byte{oidDER(oid)}, parameters...)...)
}

var derSHA256, derECDSA256 = algorithmDER(oidSHA256), algorithmDER(oidECDSAWithSHA256)

// TestRulesAttributes: signed and unsigned attributes, present, absent, twice, malformed.
func TestRulesAttributes(t *testing.T) {
	t.Parallel()
	protection := func(digest, signature []byte) []byte {
		return attribute(oidAlgorithmProtection, ber.TLV(ber.TagSequence, digest, retag(bytes.Clone(signature), ber.TagContext1)))
	}
	utc := func(text string) []byte { return attribute(oidSigningTime, ber.TLV(ber.TagUTCTime, []byte(text))) }
	testRules(t, []rule{
		{"no signed attributes", "p256", func(_ *forgery, s *forgedSigner) { s.attrs = nil }, "pass"},
		{"no signed attributes, RSA", "rsa2048", func(_ *forgery, s *forgedSigner) { s.attrs = nil }, "pass"},
		{"no signed attributes, Ed25519", "ed25519", func(_ *forgery, s *forgedSigner) { s.attrs = nil }, "pass"},
		{"no signed attributes, other content", "p256", func(_ *forgery, s *forgedSigner) { s.attrs, s.signed = nil, []byte("other") }, CodeBadSignature},
		{"no signed attributes, Ed25519, other content", "ed25519", func(_ *forgery, s *forgedSigner) { s.attrs, s.signed = nil, []byte("other") }, CodeBadSignature},
		{"unknown attribute twice", "p256", withAttributes(attribute("\x2a\x03", ber.Null), attribute("\x2a\x03", ber.Null)), "pass"},
		{"attribute without value", "p256", withAttributes(ber.TLV(ber.TagSequence, oidDER("\x2a\x03"))), CodeBadAttributes},
		{"contentType twice", "p256", withAttributes(contentTypeIs(oidData)), CodeBadAttributes},
		{"unsigned attributes", "p256", func(_ *forgery, s *forgedSigner) {
			s.unsigned = ber.TLV(ber.TagContext1, attribute("\x2a\x03", ber.Null))
		}, "pass"},

		{"signingTime", "p256", withAttributes(utc("261124100000Z")), "pass"},
		{"signingTime twice", "p256", withAttributes(utc("261124100000Z"), utc("261124100000Z")), CodeBadAttributes},
		{"signingTime of another type", "p256", withAttributes(attribute(oidSigningTime, ber.TLV(ber.TagOctetString, []byte("261124100000Z")))), CodeBadAttributes},
		{"signingTime in no time", "p256", withAttributes(utc("269924100000Z")), CodeBadAttributes},
		{"capabilities that are none", "p256", withAttributes(attribute(oidSMIMECapabilities, ber.Null)), "pass"},
		{"capabilities without value", "p256", withAttributes(attribute(oidSMIMECapabilities, nil)), "pass"},
		{"capabilities twice", "p256", withAttributes(attribute(oidSMIMECapabilities, ber.TLV(ber.TagSequence)), attribute(oidSMIMECapabilities, ber.TLV(ber.TagSequence))), "pass"},
		{"capabilities that are no set", "p256", withAttributes(ber.TLV(ber.TagSequence, oidDER(oidSMIMECapabilities), ber.TLV(ber.TagSequence))), CodeBadAttributes},
		{"signingTime without value", "p256", withAttributes(attribute(oidSigningTime, nil)), CodeBadAttributes},
		{"signingTime of two values", "p256", withAttributes(attribute(oidSigningTime, slices.Repeat(ber.TLV(ber.TagUTCTime, []byte("261124100000Z")), 2))), CodeBadAttributes},

		{"CMSAlgorithmProtection", "p256", withAttributes(protection(derSHA256, derECDSA256)), "pass"},
		{"CMSAlgorithmProtection with NULL", "p256", withAttributes(protection(algorithmDER(oidSHA256, ber.Null), derECDSA256)), "pass"},
		{"CMSAlgorithmProtection of another digest", "p256", withAttributes(protection(algorithmDER(oidSHA384), derECDSA256)), CodeBadAttributes},
		{"CMSAlgorithmProtection of another signature", "p256", withAttributes(protection(derSHA256, algorithmDER(oidECDSAWithSHA384))), CodeBadAttributes},
		{"CMSAlgorithmProtection for a MAC", "p256", withAttributes(attribute(oidAlgorithmProtection, ber.TLV(ber.TagSequence, derSHA256, ber.TLV(ber.TagContext2)))), CodeBadAttributes},
	})
}

// TestRulesAlgorithms: weak, unknown and contradicting algorithms, with parameters and without.
func TestRulesAlgorithms(t *testing.T) {
	t.Parallel()
	const slhDSA = "\x60\x86\x48\x01\x65\x03\x04\x03\x14"
	testRules(t, []rule{
		{"SHA-1 with RSA", "rsa2048", func(f *forgery, s *forgedSigner) { s.useDigest(f, crypto.SHA1, oidSHA1, oidRSA) }, CodeWeak},
		{"SHA-1 with RSA, wrong", "rsa2048", func(f *forgery, s *forgedSigner) {
			s.useDigest(f, crypto.SHA1, oidSHA1, oidRSA)
			s.signed = []byte("other")
		}, CodeBadSignature},
		{"MD5", "rsa2048", withAlgorithms(algorithmDER(oidMD5, ber.Null), algorithmDER(oidRSA, ber.Null)), CodeWeak},
		{"sha256WithRSAEncryption", "rsa2048", withAlgorithms(derSHA256, algorithmDER(oidSHA256WithRSA, ber.Null)), "pass"},
		{"RSA without parameters", "rsa2048", withAlgorithms(derSHA256, algorithmDER(oidRSA)), "pass"},
		{"SHA-256 with NULL", "p256", withAlgorithms(algorithmDER(oidSHA256, ber.Null), derECDSA256), "pass"},
		{"SHA-256 with parameters", "p256", withAlgorithms(algorithmDER(oidSHA256, ber.TLV(ber.TagSequence)), derECDSA256), CodeUnsupported},
		{"ECDSA with NULL", "p256", withAlgorithms(derSHA256, algorithmDER(oidECDSAWithSHA256, ber.Null)), "pass"},
		{"ECDSA with NULL, P-384", "p384", withAlgorithms(algorithmDER(oidSHA384), algorithmDER(oidECDSAWithSHA384, ber.Null)), "pass"},
		{"ECDSA with NULL, P-521", "p521", withAlgorithms(algorithmDER(oidSHA512, ber.Null), algorithmDER(oidECDSAWithSHA512, ber.Null)), "pass"},
		{"ECDSA with NULL, other content", "p256", func(_ *forgery, s *forgedSigner) {
			s.signature, s.signed = algorithmDER(oidECDSAWithSHA256, ber.Null), []byte("other")
		}, CodeBadSignature},
		{"ECDSA with NULL and SHA-1", "p256", func(f *forgery, s *forgedSigner) {
			s.useDigest(f, crypto.SHA1, oidSHA1, oidECDSAWithSHA1)
			s.signature = algorithmDER(oidECDSAWithSHA1, ber.Null)
		}, CodeWeak},
		{"ECDSA with parameters", "p256", withAlgorithms(derSHA256, algorithmDER(oidECDSAWithSHA256, ber.TLV(ber.TagSequence))), CodeUnsupported},
		{"ECDSA with a curve", "p256", withAlgorithms(derSHA256, algorithmDER(oidECDSAWithSHA256, oidDER("\x2a\x86\x48\xce\x3d\x03\x01\x07"))), CodeUnsupported},
		{"ECDSA with a NULL that holds something", "p256", withAlgorithms(derSHA256, algorithmDER(oidECDSAWithSHA256, ber.TLV(ber.TagNull, []byte{0}))), CodeUnsupported},
		{"ECDSA as Windows names it", "p256", withAlgorithms(derSHA256, algorithmDER(oidECPublicKey)), "pass"},
		{"ECDSA as Windows names it, with the curve", "p256", withAlgorithms(derSHA256, algorithmDER(oidECPublicKey, oidDER("\x2a\x86\x48\xce\x3d\x03\x01\x07"))), "pass"},
		{"ECDSA as Windows names it, with SHA-1", "p256", func(f *forgery, s *forgedSigner) { s.useDigest(f, crypto.SHA1, oidSHA1, oidECPublicKey) }, CodeWeak},
		{"the algorithm of an EC key with another key", "rsa2048", withAlgorithms(derSHA256, algorithmDER(oidECPublicKey)), CodeBadSignature},
		{"Ed25519 with parameters", "ed25519", withAlgorithms(algorithmDER(oidSHA512), algorithmDER(oidEd25519, ber.Null)), CodeUnsupported},
		{"Ed25519 with SHA-256", "ed25519", ed25519With(crypto.SHA256, oidSHA256, ""), CodeUnsupported},
		{"Ed25519 with SHA-256, wrong", "ed25519", ed25519With(crypto.SHA256, oidSHA256, "other"), CodeBadSignature},
		{"Ed25519 with SHA-1", "ed25519", ed25519With(crypto.SHA1, oidSHA1, ""), CodeWeak},
		{"Ed25519 with SHA-1, wrong", "ed25519", ed25519With(crypto.SHA1, oidSHA1, "other"), CodeBadSignature},
		{"Ed25519 with SHA-256, other content", "ed25519", func(f *forgery, s *forgedSigner) {
			ed25519With(crypto.SHA256, oidSHA256, "")(f, s)
			s.attrs[1] = messageDigestOf(crypto.SHA256, "other")
		}, CodeBadDigest},
		{"Ed25519 with SHA-256 by another kind of key", "p256", func(f *forgery, s *forgedSigner) {
			s.signature = algorithmDER(oidEd25519)
		}, CodeBadSignature},
		{"signed with digestAlgorithm", "p256", withAlgorithms(derSHA256, algorithmDER(oidECDSAWithSHA384)), CodeUnsupported},
		{"signed with the digest of signatureAlgorithm", "p384", func(f *forgery, s *forgedSigner) {
			s.digest, s.attrs[1] = derSHA256, messageDigestOf(crypto.SHA256, testContent)
			f.digests = [][]byte{derSHA256}
		}, CodeUnsupported},
		{"signed with neither digest", "p256", func(_ *forgery, s *forgedSigner) {
			s.signature, s.signed = algorithmDER(oidECDSAWithSHA384), []byte("other")
		}, CodeBadSignature},
		{"signed with neither digest, RSA", "rsa2048", func(_ *forgery, s *forgedSigner) {
			s.signature, s.signed = algorithmDER(oidSHA512WithRSA, ber.Null), []byte("other")
		}, CodeBadSignature},
		{"signed with digestAlgorithm, where SHA-1 is named", "rsa2048", withAlgorithms(derSHA256, algorithmDER(oidSHA1WithRSA, ber.Null)), CodeWeak},
		{"another kind of key", "p256", withAlgorithms(derSHA256, algorithmDER(oidRSA, ber.Null)), CodeBadSignature},
		{"unknown signature algorithm", "p256", withAlgorithms(derSHA256, algorithmDER(slhDSA)), CodeUnsupported},
		{"unknown signature algorithm, other content", "p256", func(_ *forgery, s *forgedSigner) {
			s.signature = algorithmDER(slhDSA)
			s.attrs[1] = messageDigestOf(crypto.SHA256, "other")
		}, CodeBadDigest},
		{"unknown digest algorithm", "p256", withAlgorithms(algorithmDER(slhDSA), derECDSA256), CodeUnsupported},
		{"unknown PSS parameters", "rsa2048", withAlgorithms(derSHA256, algorithmDER(oidRSAPSS, ber.TLV(ber.TagSequence, ber.TLV(ber.TagContext0, algorithmDER(slhDSA))))), CodeUnsupported},
		{"PSS without parameters", "rsa2048", withAlgorithms(derSHA256, algorithmDER(oidRSAPSS)), CodeUnsupported},
		{"RSA of 1024 bits", "rsa1024", func(*forgery, *forgedSigner) {}, CodeWeak},
	})
}

// ed25519With has an Ed25519 signer name another digest, and sign something else; "": the
// attributes.
func ed25519With(h crypto.Hash, oid, other string) change {
	return func(f *forgery, s *forgedSigner) {
		s.attrs[1] = messageDigestOf(h, testContent)
		s.digest = algorithmDER(oid)
		f.digests = append(f.digests, s.digest)
		if other != "" {
			s.signed = []byte(other)
		}
	}
}

// TestRulesSigner: signature values that are none, and how a SignerInfo names its certificate.
func TestRulesSigner(t *testing.T) {
	t.Parallel()
	testRules(t, []rule{
		{"signature of nothing", "p256", func(_ *forgery, s *forgedSigner) { s.value = []byte{} }, CodeBadSignature},
		{"signature of zeros", "p256", func(_ *forgery, s *forgedSigner) { s.value = []byte{0x30, 6, 2, 1, 0, 2, 1, 0} }, CodeBadSignature},
		{"Ed25519 signature too short", "ed25519", func(_ *forgery, s *forgedSigner) { s.value = make([]byte, 63) }, CodeBadSignature},
		{"another serial number", "p256", func(f *forgery, s *forgedSigner) {
			s.sid = ber.TLV(ber.TagSequence, f.certs[0].RawIssuer, []byte{ber.TagInteger, 1, 9})
		}, "no certificate"},
		{"negative serial number", "p256", func(f *forgery, s *forgedSigner) {
			s.sid = ber.TLV(ber.TagSequence, f.certs[0].RawIssuer, []byte{ber.TagInteger, 1, 0xff})
		}, "no certificate"},
		{"SubjectKeyIdentifier", "p256", func(f *forgery, s *forgedSigner) { s.sid = ber.TLV(ber.TagImplicitOctet, f.certs[0].SubjectKeyId) }, "pass"},
		{"another SubjectKeyIdentifier", "p256", func(_ *forgery, s *forgedSigner) { s.sid = ber.TLV(ber.TagImplicitOctet, make([]byte, 20)) }, "no certificate"},
		{"empty SubjectKeyIdentifier", "p256", func(_ *forgery, s *forgedSigner) { s.sid = ber.TLV(ber.TagImplicitOctet) }, "malformed"},
		{"empty serial number", "p256", func(f *forgery, s *forgedSigner) {
			s.sid = ber.TLV(ber.TagSequence, f.certs[0].RawIssuer, []byte{ber.TagInteger, 0})
		}, "malformed"},
	})
}

// forgeWeak is forge over testContent, also for keys that do not sign here.
func forgeWeak(tb testing.TB, cert *x509.Certificate, key crypto.Signer) *forgedSigner {
	tb.Helper()
	strong := testKey(tb, "rsa2048")
	if _, err := signingScheme(key.Public(), false); err == nil {
		return forge(tb, cert, key, testContent)
	}
	s := forge(tb, cert, strong, testContent)
	s.key = key
	return s
}

// TestNotAnnounced: attached content is hashed with what is announced before it; a signer with
// another digest cannot be judged.
func TestNotAnnounced(t *testing.T) {
	t.Parallel()
	key := testKey(t, "p256")
	cert := testCertificate(t, key, 1)
	content := testContent
	for _, attrs := range []bool{true, false} {
		s := forge(t, cert, key, testContent)
		if !attrs {
			s.attrs = nil
		}
		f := &forgery{contentType: oidData, content: &content, certs: []*x509.Certificate{cert}, infos: [][]byte{s.der(t, testContent)}}
		if got := verdictOf(f.der(), nil); got != CodeUnsupported {
			t.Errorf("attributes %t: judged %q, want %q", attrs, got, CodeUnsupported)
		}
		f.content = nil
		if got := verdictOf(f.der(), &content); got != "pass" {
			t.Errorf("attributes %t, detached: judged %q, want pass", attrs, got)
		}
	}
}

// TestEd25519Content: without signed attributes the content itself is signed, as much as is held of
// it.
func TestEd25519Content(t *testing.T) {
	t.Parallel()
	key := testKey(t, "ed25519")
	cert := testCertificate(t, key, 1)
	for size, want := range map[int]Code{0: "pass", maxHeld: "pass", maxHeld + 1: CodeUnsupported} {
		content := strings.Repeat("x", size)
		s := forge(t, cert, key, content)
		s.attrs = nil
		f := &forgery{digests: [][]byte{s.digest}, contentType: oidData, certs: []*x509.Certificate{cert}, infos: [][]byte{s.der(t, content)}}
		if got := verdictOf(f.der(), &content); got != want {
			t.Errorf("%d octets detached: %q, want %q", size, got, want)
		}
		f.content = &content
		if got := verdictOf(f.der(), nil); got != want {
			t.Errorf("%d octets attached: %q, want %q", size, got, want)
		}
	}
}

// TestVerifyKeys: keys that nobody can have signed with.
func TestVerifyKeys(t *testing.T) {
	t.Parallel()
	der := sign(t, SignOptions{Signers: []Signer{{Key: testKey(t, "ed25519")}}})
	for _, tt := range []struct {
		name string
		pub  crypto.PublicKey
		want Code
	}{
		{"nil", nil, CodeUnsupported},
		{"the right one", testKey(t, "ed25519").Public(), ""},
		{"too short", testKey(t, "ed25519").Public().(ed25519.PublicKey)[:31], CodeUnsupported},
		{"RSA", testKey(t, "rsa2048").Public(), CodeBadSignature},
		{"some other type", "key", CodeUnsupported},
	} {
		if got := codeOf(verify(t, der, testContent, tt.pub)); got != tt.want {
			t.Errorf("%s: Verify = %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestBitFlips: no bit of a message can be changed so that it passes as something else than was
// signed.
func TestBitFlips(t *testing.T) {
	t.Parallel()
	for _, m := range messagesOfAllKinds(t) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			right, err := Read(bytes.NewReader(m.der), nil)
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				der := bytes.Clone(m.der)
				bit := rapid.IntRange(0, len(der)*8-1).Draw(t, "bit")
				der[bit/8] ^= 1 << (bit % 8)
				if verdictOf(der, m.detached) != "pass" {
					return
				}
				// What may differ is what nobody signed: the version, other certificates, what is
				// announced.
				sd, err := Read(bytes.NewReader(der), nil)
				if err != nil {
					t.Fatal(err)
				}
				got, want := sd.Signers[0], right.Signers[0]
				if !bytes.Equal(got.rawAttributes, want.rawAttributes) || !bytes.Equal(got.Certificate(sd, nil).Raw, want.Certificate(right, nil).Raw) {
					t.Fatalf("bit %d changed: %+v passes for %+v", bit, got, want)
				}
			})
		})
	}
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&SyntaxError{Offset: 7, Reason: "truncated"}, "cms: malformed at octet 7: truncated"},
		{limitSigners.Exceeded(), "cms: over the limit of 8 for signers"},
		{failure(CodeWeak, "SHA-1"), "cms: weak: SHA-1"},
		{&ContentTypeError{Type: objectIdentifier("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03")}, "cms: content type envelopedData is not signed-data"},
		{&ContentTypeError{Type: objectIdentifier("\x2a\x03")}, "cms: content type 1.2.3 is not signed-data"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("Error() = %q, want %q", got, tt.want)
		}
	}
}

// TestOtherContent: ContentInfos of other types say which.
func TestOtherContent(t *testing.T) {
	t.Parallel()
	for oid, want := range map[string]string{
		"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01":         "data",
		"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03":         "envelopedData",
		"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17": "authEnvelopedData",
		"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09": "compressedData",
	} {
		_, err := Read(bytes.NewReader(ber.TLV(ber.TagSequence, oidDER(oid), ber.TLV(ber.TagContext0))), nil)
		if other, ok := errors.AsType[*ContentTypeError](err); !ok || other.Name() != want {
			t.Errorf("Read = %v, want a ContentTypeError for %s", err, want)
		}
	}
}

// TestSigningTimes of both forms come back.
func TestSigningTimes(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{testTime, time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC)} {
		at = at.In(time.FixedZone("", 3600))
		der, err := Sign(strings.NewReader(""), SignOptions{Signers: []Signer{{Key: testKey(t, "p256")}}, Time: at})
		if err != nil {
			t.Fatal(err)
		}
		sd, err := Read(bytes.NewReader(der), nil)
		if err != nil || !sd.Signers[0].SigningTime.Equal(at) {
			t.Errorf("signed at %s, read %s, %v", at, sd.Signers[0].SigningTime, err)
		}
	}
}
