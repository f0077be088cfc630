package cms

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"

	"dnseal/smime/cms/internal/ber"
)

// hybrid is alice's P-256 key with a key for ML-DSA beside it.
func hybrid(tb testing.TB, key string) Signer {
	tb.Helper()
	s, beside := identities[0].signer(tb), testKey(tb, key)
	s.PostQuantum = &Signer{Key: beside, Certificate: testCertificate(tb, beside, 2)}
	return s
}

// besideOf is the signature beside the first one of a message over testContent, and what Verify
// says of it.
func besideOf(tb testing.TB, der []byte) (*SignedData, error, error) {
	tb.Helper()
	sd, err := Read(bytes.NewReader(der), nil)
	if err != nil {
		tb.Fatal(err)
	}
	d := sd.Digests()
	if !sd.Attached {
		d.Write([]byte(testContent))
	}
	si := sd.Signers[0]
	if wrong := si.Verify(d, testKey(tb, "p256").Public()); wrong != nil {
		tb.Errorf("the classical signature: %v", wrong)
	}
	beside, err := si.PostQuantum()
	var wrong error
	if beside != nil {
		pub, keyErr := PublicKey(beside.Signers[0].Certificate(beside, nil))
		if wrong = keyErr; keyErr == nil {
			wrong = beside.Signers[0].Verify(d, pub)
		}
	}
	return beside, wrong, err
}

// TestPostQuantum: the signature by ML-DSA comes back from beside the classical one and holds, also
// where content is inside; without it the classical one is as right as before.
func TestPostQuantum(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"mldsa44", "mldsa65", "mldsa87"} {
		s := hybrid(t, key)
		opts := SignOptions{
			Signers: []Signer{s}, Certificates: []*x509.Certificate{s.Certificate}, Time: testTime,
			Unsigned: [][]Attribute{{{OIDStaple, octets(60 << 10)}}},
		}
		var attached bytes.Buffer
		if err := SignAttached(&attached, strings.NewReader(testContent), int64(len(testContent)), opts); err != nil {
			t.Fatal(err)
		}
		for _, der := range [][]byte{sign(t, opts), attached.Bytes()} {
			beside, wrong, err := besideOf(t, der)
			if beside == nil || err != nil || wrong != nil {
				t.Errorf("%s: %v, %v, %v", key, beside, err, wrong)
				continue
			}
			if si := beside.Signers[0]; !si.SigningTime.Equal(testTime) || len(beside.Certificates) != 1 || !si.HashesCertificate() {
				t.Errorf("%s: %+v", key, si)
			}
			sd, err := Read(bytes.NewReader(der), nil)
			if values, _ := sd.Signers[0].Unsigned(OIDStaple); err != nil || len(values) != 1 || len(sd.Certificates) != 1 {
				t.Errorf("%s: %d staples, %v", key, len(values), err)
			}
		}
	}
}

// TestPostQuantumOther: of changed content neither holds, and without certificate the signature
// beside names its key.
func TestPostQuantumOther(t *testing.T) {
	t.Parallel()
	s := hybrid(t, "mldsa65")
	s.PostQuantum.Certificate = nil
	der := sign(t, SignOptions{Signers: []Signer{s}, Certificates: []*x509.Certificate{s.Certificate}})
	sd, err := Read(bytes.NewReader(der), nil)
	if err != nil {
		t.Fatal(err)
	}
	beside, err := sd.Signers[0].PostQuantum()
	if err != nil || beside == nil {
		t.Fatal(err)
	}
	pub, si := testKey(t, "mldsa65").Public(), beside.Signers[0]
	if len(beside.Certificates) != 0 || si.MatchKey(spkiOf(t, pub)) != nil {
		t.Errorf("it does not name its key: %+v", si)
	}
	d := sd.Digests()
	d.Write([]byte(testContent + "!"))
	if code := codeOf(si.Verify(d, pub)); code != CodeBadDigest {
		t.Errorf("of other content: %q", code)
	}
}

// TestPostQuantumReady: a signer that is ready gets its post-quantum signer later.
func TestPostQuantumReady(t *testing.T) {
	t.Parallel()
	s := hybrid(t, "mldsa44")
	beside := s.PostQuantum
	s.PostQuantum = nil
	ready, err := s.Ready()
	if err != nil {
		t.Fatal(err)
	}
	ready.PostQuantum = beside
	for _, s := range []Signer{ready, s} {
		got, wrong, err := besideOf(t, sign(t, SignOptions{Signers: []Signer{s}, Certificates: []*x509.Certificate{s.Certificate}}))
		if (got != nil) != (s.PostQuantum != nil) || wrong != nil || err != nil {
			t.Errorf("%v, %v, %v", got, wrong, err)
		}
	}
}

func TestPostQuantumSigner(t *testing.T) {
	t.Parallel()
	twice, bare, other, large := hybrid(t, "mldsa65"), hybrid(t, "mldsa65"), hybrid(t, "mldsa65"), hybrid(t, "mldsa65")
	twice.PostQuantum.PostQuantum = &Signer{Key: testKey(t, "mldsa44")}
	bare.PostQuantum.Key = nil
	other.PostQuantum = &Signer{Key: testKey(t, "ed25519")}
	big := *large.PostQuantum.Certificate
	big.Raw = ber.TLV(ber.TagSequence, make([]byte, MaxUnsignedSize))
	large.PostQuantum.Chain = []*x509.Certificate{&big}
	for name, s := range map[string]Signer{"one beside one": twice, "no key": bare, "an Ed25519 key": other, "too large": large} {
		if _, err := Sign(strings.NewReader(testContent), SignOptions{Signers: []Signer{s}, Time: testTime}); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
	// A SignerInfo that nobody would read is not written.
	s := hybrid(t, "mldsa65")
	big.Raw = ber.TLV(ber.TagSequence, make([]byte, MaxUnsignedSize-16<<10))
	s.PostQuantum.Chain = []*x509.Certificate{&big, &big}
	opts := SignOptions{Signers: []Signer{s}, Time: testTime, Unsigned: [][]Attribute{{{OIDStaple, octets(MaxUnsignedSize - 100)}}}}
	if _, err := Sign(strings.NewReader(testContent), opts); err != nil {
		t.Errorf("up to the limits: %v", err)
	}
}

// besideAttribute is the DER of the attribute with these values.
func besideAttribute(tb testing.TB, values ...[]byte) []byte {
	tb.Helper()
	oid, err := OIDPostQuantum.MarshalBinary()
	if err != nil {
		tb.Fatal(err)
	}
	return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, oid), ber.TLV(ber.TagSet, values...))
}

// hybridForgery is a message over testContent with a forged signature beside alice's right one.
func hybridForgery(tb testing.TB, attrs ...[]byte) []byte {
	tb.Helper()
	key := testKey(tb, "p256")
	cert := testCertificate(tb, key, 1)
	s := forge(tb, cert, key, testContent)
	s.unsigned = ber.TLV(ber.TagContext1, attrs...)
	return forgery{digests: [][]byte{s.digest, algorithmDER(oidSHA512)}, contentType: oidData, certs: []*x509.Certificate{cert}, infos: [][]byte{s.der(tb, testContent)}}.der()
}

// forgedBeside is the signature beside, with a change.
func forgedBeside(tb testing.TB, change change) []byte {
	tb.Helper()
	key := testKey(tb, "mldsa65")
	cert := testCertificate(tb, key, 2)
	s := forge(tb, cert, key, testContent)
	f := forgery{digests: [][]byte{s.digest}, contentType: oidData, certs: []*x509.Certificate{cert}}
	if change != nil {
		change(&f, s)
	}
	if f.infos == nil {
		f.infos = [][]byte{s.der(tb, testContent)}
	}
	return f.der()
}

// hybridForgeries are messages with every kind of signature beside, and what becomes of it: ""
// where it holds, "none" where there is none, "malformed", or the code of Verify.
func hybridForgeries(tb testing.TB) map[string]struct {
	der  []byte
	want Code
} {
	tb.Helper()
	content := testContent
	one := func(change change) []byte { return hybridForgery(tb, besideAttribute(tb, forgedBeside(tb, change))) }
	good := forgedBeside(tb, nil)
	type row = struct {
		der  []byte
		want Code
	}
	return map[string]row{
		"good":           {one(nil), ""},
		"no attribute":   {hybridForgery(tb), "none"},
		"no value":       {hybridForgery(tb, besideAttribute(tb)), "none"},
		"two values":     {hybridForgery(tb, besideAttribute(tb, good, good)), "malformed"},
		"two attributes": {hybridForgery(tb, besideAttribute(tb, good), besideAttribute(tb, good)), "malformed"},
		"no ContentInfo": {hybridForgery(tb, besideAttribute(tb, octets(5))), "malformed"},
		"other content":  {one(func(_ *forgery, s *forgedSigner) { s.attrs[1] = messageDigestOf(s.scheme.hash, "other") }), CodeBadDigest},
		"a wrong value":  {one(func(_ *forgery, s *forgedSigner) { s.signed = []byte("other") }), CodeBadSignature},
		"content inside": {one(func(f *forgery, _ *forgedSigner) { f.content = &content }), "malformed"},
		"not id-data":    {one(func(f *forgery, _ *forgedSigner) { f.contentType = oidSignedData }), "malformed"},
		"no attributes":  {one(func(_ *forgery, s *forgedSigner) { s.attrs = nil }), "malformed"},
		"no signer":      {one(func(f *forgery, _ *forgedSigner) { f.infos = [][]byte{} }), "malformed"},
		"two signers":    {one(func(f *forgery, s *forgedSigner) { f.infos = slices.Repeat([][]byte{s.der(tb, content)}, 2) }), "malformed"},
		"one inside it":  {one(func(_ *forgery, s *forgedSigner) { s.unsigned = ber.TLV(ber.TagContext1, besideAttribute(tb, good)) }), ""},
	}
}

// TestPostQuantumForged: whatever stands beside it, the classical signature is as right as it was.
func TestPostQuantumForged(t *testing.T) {
	t.Parallel()
	for name, tt := range hybridForgeries(t) {
		beside, wrong, err := besideOf(t, tt.der)
		got := codeOf(wrong)
		var syntax *SyntaxError
		switch {
		case beside == nil && err == nil:
			got = "none"
		case errors.As(err, &syntax):
			got = "malformed"
		}
		if got != tt.want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, tt.want)
		}
		if beside != nil {
			if inner, err := beside.Signers[0].PostQuantum(); inner != nil || err != nil {
				t.Errorf("%s: a signature beside the one beside is read", name)
			}
		}
	}
}
