package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/ber"
)

const testContent = "Content-Type: text/plain\r\n\r\nMeet me at noon.\r\n"

// sign signs testContent, or dies.
func sign(tb testing.TB, opts SignOptions) []byte {
	tb.Helper()
	opts.Time = testTime
	der, err := Sign(strings.NewReader(testContent), opts)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

// verify reads a detached SignedData and judges its only signer over content.
func verify(tb testing.TB, der []byte, content string, pub crypto.PublicKey) error {
	tb.Helper()
	sd, err := Read(bytes.NewReader(der), nil)
	if err != nil {
		return err
	}
	d := sd.Digests()
	d.Write([]byte(content))
	return sd.Signers[0].Verify(d, pub)
}

func TestSignDetached(t *testing.T) {
	t.Parallel()
	for _, id := range identities {
		t.Run(id.name+" "+id.key, func(t *testing.T) {
			t.Parallel()
			s := id.signer(t)
			der := sign(t, SignOptions{Signers: []Signer{s}, Certificates: []*x509.Certificate{s.Certificate}})
			sd, err := Read(bytes.NewReader(der), nil)
			if err != nil {
				t.Fatal(err)
			}
			si := sd.Signers[0]
			if sd.Attached || sd.ContentType.String() != "1.2.840.113549.1.7.1" || !si.SignedAttributes || !si.SigningTime.Equal(testTime) {
				t.Errorf("read %+v, signer %+v", sd, si)
			}
			cert := si.Certificate(sd, nil)
			if cert == nil || !cert.Equal(s.Certificate) {
				t.Fatalf("Certificate = %v", cert)
			}
			pub, err := PublicKey(cert)
			if err != nil {
				t.Fatal(err)
			}
			if got := si.AlgorithmWith(pub); got != id.name {
				t.Errorf("AlgorithmWith = %q, want %q", got, id.name)
			}
			if err := verify(t, der, testContent, pub); err != nil {
				t.Errorf("Verify = %v", err)
			}
			if code := codeOf(verify(t, der, testContent+"!", pub)); code != CodeBadDigest {
				t.Errorf("Verify of changed content = %q", code)
			}
		})
	}
}

// TestSignedAttributes: what is signed beside the content, each once and in the order of DER;
// without a certificate nothing is bound to one.
func TestSignedAttributes(t *testing.T) {
	t.Parallel()
	const always = "1.2.840.113549.1.9.3 1.2.840.113549.1.9.5 1.2.840.113549.1.9.52 1.2.840.113549.1.9.4 1.2.840.113549.1.9.15"
	const certified = "1.2.840.113549.1.9.3 1.2.840.113549.1.9.5 1.2.840.113549.1.9.52 1.2.840.113549.1.9.4 1.2.840.113549.1.9.16.2.47 1.2.840.113549.1.9.15"
	with := identities[0].signer(t)
	for want, s := range map[string]Signer{certified: with, always: {Key: with.Key}} {
		sd, err := Read(bytes.NewReader(sign(t, SignOptions{Signers: []Signer{s}})), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		var attr, id cryptobyte.String
		for set := cryptobyte.String(contents(t, sd.Signers[0].rawAttributes)); !set.Empty(); {
			if !set.ReadASN1(&attr, cbasn1.SEQUENCE) || !attr.ReadASN1(&id, cbasn1.OBJECT_IDENTIFIER) {
				t.Fatal("not attributes")
			}
			got = append(got, objectIdentifier(string(id)).String())
		}
		if list := strings.Join(got, " "); list != want {
			t.Errorf("signed attributes %s, want %s", list, want)
		}
	}
}

// codeOf is the Code of a SignatureError, "" for nil, else the error itself.
func codeOf(err error) Code {
	if e, ok := errors.AsType[*SignatureError](err); ok {
		return e.Code
	}
	if err != nil {
		return Code(err.Error())
	}
	return ""
}

func TestSignAttached(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 127, 128, 255, 256, 65535, 65536, 1 << 17} {
		s := identities[0].signer(t)
		content := bytes.Repeat([]byte("x"), size)
		var der, out bytes.Buffer
		opts := SignOptions{Signers: []Signer{s}, Time: testTime}
		if err := SignAttached(&der, bytes.NewReader(content), int64(size), opts); err != nil {
			t.Fatal(err)
		}
		sd, err := Read(&der, &out)
		if err != nil {
			t.Fatal(err)
		}
		if !sd.Attached || sd.ContentSize != int64(size) || !bytes.Equal(out.Bytes(), content) {
			t.Errorf("%d octets came back as %d (ContentSize %d)", size, out.Len(), sd.ContentSize)
		}
		if err := sd.Signers[0].Verify(sd.Digests(), s.Key.Public()); err != nil {
			t.Errorf("%d octets: Verify = %v", size, err)
		}
	}
}

// TestPSSKey verifies under keys that crypto/x509 does not understand.
func TestPSSKey(t *testing.T) {
	t.Parallel()
	key := testKey(t, "rsa2048")
	der := sign(t, SignOptions{Signers: []Signer{{Key: key, PSS: true}}})
	plain := sign(t, SignOptions{Signers: []Signer{{Key: key}}})
	strict := scheme{family: familyPSS, hash: crypto.SHA256, saltLength: 33}
	other := scheme{family: familyPSS, hash: crypto.SHA512, saltLength: 20}
	for _, tt := range []struct {
		name       string
		parameters []byte
		der        []byte
		want       Code
	}{
		{"any parameters", nil, der, ""},
		{"these parameters", identities[6].scheme(t).pssParameters(), der, ""},
		{"longer salt", strict.pssParameters(), der, CodeBadSignature},
		{"other digest", other.pssParameters(), der, CodeBadSignature},
		{"PKCS #1 v1.5", nil, plain, CodeBadSignature},
	} {
		pub, err := PublicKey(pssCertificate(t, key, tt.parameters))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := codeOf(verify(t, tt.der, testContent, pub)); got != tt.want {
			t.Errorf("%s: Verify = %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestSeveralSigners with different digests, one of them without a certificate, sign the content in
// one pass.
func TestSeveralSigners(t *testing.T) {
	t.Parallel()
	var opts SignOptions
	for _, id := range identities {
		s := id.signer(t)
		opts.Certificates = append(opts.Certificates, s.Certificate, s.Certificate)
		// MaxSigners of them: one of each algorithm.
		if !slices.Contains([]string{"rsa3072", "rsa4096", "mldsa44", "mldsa87"}, id.key) {
			opts.Signers = append(opts.Signers, s)
		}
	}
	opts.Signers = append(opts.Signers, Signer{Key: testKey(t, "rsa4096")})
	der := sign(t, opts)
	sd, err := Read(bytes.NewReader(der), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(sd.Signers) != len(opts.Signers) || len(sd.Certificates) != 10 {
		t.Errorf("%d signers with %d certificates came back", len(sd.Signers), len(sd.Certificates))
	}
	content := testContent
	if got := verdictOf(der, &content); string(got) != strings.TrimSpace(strings.Repeat("pass ", len(opts.Signers))) {
		t.Errorf("judged %q", got)
	}
	again, err := readElement(der, ber.Limit{What: "test", Max: 1 << 20})
	if err != nil || !bytes.Equal(again, der) {
		t.Errorf("what Sign wrote is not DER: %v", err)
	}
}

// TestDeterministic: with keys whose signatures are, all octets are the same each time.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"rsa2048", "ed25519"} {
		s := Signer{Key: testKey(t, name)}
		if !bytes.Equal(sign(t, SignOptions{Signers: []Signer{s}}), sign(t, SignOptions{Signers: []Signer{s}})) {
			t.Errorf("%s: Sign makes something else the second time", name)
		}
	}
}

// TestTrouble: an announced size that is not there leaves an error, as does trouble with reading,
// writing or the key.
func TestTrouble(t *testing.T) {
	t.Parallel()
	trouble := errors.New("trouble")
	opts := SignOptions{Signers: []Signer{{Key: testKey(t, "p256")}}, Time: testTime}
	content := strings.NewReader(testContent)
	if err := SignAttached(io.Discard, content, content.Size()+1, opts); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("SignAttached of short content = %v", err)
	}
	if _, err := Sign(iotest.ErrReader(trouble), opts); !errors.Is(err, trouble) {
		t.Errorf("Sign of unreadable content = %v", err)
	}
	for n := range 3 {
		content.Seek(0, io.SeekStart)
		if err := SignAttached(&failingWriter{n, trouble}, content, content.Size(), opts); !errors.Is(err, trouble) {
			t.Errorf("SignAttached to a writer that fails at write %d = %v", n, err)
		}
	}
	opts.Signers[0].Key = brokenKey{opts.Signers[0].Key, trouble}
	if _, err := Sign(strings.NewReader(testContent), opts); !errors.Is(err, trouble) {
		t.Errorf("Sign with a broken key = %v", err)
	}
}

// failingWriter fails after n writes.
type failingWriter struct {
	n   int
	err error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.n--; w.n < 0 {
		return 0, w.err
	}
	return len(p), nil
}

// brokenKey is a key whose token is gone.
type brokenKey struct {
	crypto.Signer
	err error
}

func (k brokenKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, k.err }

// TestReady: a signer that is ready signs the same as one that is not, also several times at once.
func TestReady(t *testing.T) {
	t.Parallel()
	for _, id := range identities {
		s := id.signer(t)
		ready, err := s.Ready()
		if err != nil {
			t.Fatal(err)
		}
		want := signedBy(t, s)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				got := signedBy(t, ready)
				if !bytes.Equal(got.rawAttributes, want.rawAttributes) || !bytes.Equal(got.Serial, want.Serial) || got.Algorithm != want.Algorithm {
					t.Errorf("%s: a ready signer signs\n% x, not\n% x", id.name, got.rawAttributes, want.rawAttributes)
				}
			})
		}
		wg.Wait()
	}
	other := identities[0].signer(t)
	other.Key = testKey(t, "p384")
	if _, err := other.Ready(); err == nil {
		t.Error("ready with the certificate of another key")
	}
}

// signedBy signs testContent twice with s, and returns one of the two right SignerInfos.
func signedBy(t *testing.T, s Signer) *SignerInfo {
	t.Helper()
	opts := SignOptions{Signers: []Signer{s, s}, Certificates: []*x509.Certificate{s.Certificate}, Time: testTime}
	der, err := Sign(strings.NewReader(testContent), opts)
	if err != nil {
		t.Error(err)
		return new(SignerInfo)
	}
	content := testContent
	if got := verdictOf(der, &content); got != "pass pass" {
		t.Errorf("signed by a ready signer: %q", got)
	}
	sd, err := Read(bytes.NewReader(der), nil)
	if err != nil {
		t.Error(err)
		return new(SignerInfo)
	}
	return sd.Signers[0]
}
