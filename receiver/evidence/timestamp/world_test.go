package timestamp

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"go.uber.org/goleak"

	"dnseal/lookup/lookuptest/peertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is when the tests' tokens are made; the certificates hold for an hour around it.
var now = time.Now().UTC().Truncate(time.Second)

var testDigest = sha256.Sum256([]byte("evidence"))

// authority is a key with its certificate.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// issue makes a certificate by ca (nil: by itself); edit changes what is for time stamps.
func issue(tb testing.TB, name string, ca *authority, edit func(*x509.Certificate)) *authority {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	edit(template)
	a := &authority{key: key}
	parent := &authority{key, template}
	if ca != nil {
		parent = ca
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, &key.PublicKey, parent.key)
	if err != nil {
		tb.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	return a
}

func isCA(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }

// usage is extendedKeyUsage.
func usage(critical bool, purposes ...int) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		var oids []asn1.ObjectIdentifier
		for _, p := range purposes {
			oids = append(oids, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, p})
		}
		value, err := asn1.Marshal(oids)
		if err != nil {
			panic(err) // a list of numbers
		}
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: oidExtKeyUsage, Critical: critical, Value: value})
	}
}

var forStamps = usage(true, 8)

// service answers by digitorus/timestamp, as a; edit changes the stamp.
func (a *authority) service(tb testing.TB, edit func(*timestamp.Timestamp)) http.HandlerFunc {
	tb.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			tb.Error(err)
		}
		req, err := timestamp.ParseRequest(body)
		if err != nil || !req.Certificates || r.Header.Get("Content-Type") != typeQuery {
			tb.Errorf("request %x: %v", body, err)
			return
		}
		reply, err := a.stamp(req, edit)
		if err != nil {
			tb.Error(err)
		}
		w.Header().Set("Content-Type", typeReply)
		_, _ = w.Write(reply)
	}
}

func (a *authority) stamp(req *timestamp.Request, edit func(*timestamp.Timestamp)) ([]byte, error) {
	t := &timestamp.Timestamp{
		HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage, Nonce: req.Nonce, Time: now, Policy: asn1.ObjectIdentifier{1, 2, 3},
		Accuracy: time.Second + 5*time.Millisecond, AddTSACertificate: true,
	}
	if edit != nil {
		edit(t)
	}
	return t.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
}

// token is one by a, as Request keeps it.
func (a *authority) token(tb testing.TB, edit func(*timestamp.Timestamp)) []byte {
	tb.Helper()
	reply, err := a.stamp(&timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: testDigest[:]}, edit)
	if err != nil {
		tb.Fatal(err)
	}
	token, err := granted(reply)
	if err != nil {
		tb.Fatal(err)
	}
	kept, ok := strip(token)
	if !ok {
		tb.Fatal("a token that is none")
	}
	return kept
}

// serve starts a service on loopback.
func serve(tb testing.TB, h http.Handler) string {
	tb.Helper()
	s := httptest.NewServer(h)
	tb.Cleanup(s.Close)
	return s.URL
}

// openSSL is a service that answers by openssl ts, as a authorised by ca.
func openSSL(t *testing.T, a, ca *authority) http.HandlerFunc {
	t.Helper()
	program, dir := peertest.Program(t, "openssl"), t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"key.pem":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}),
		"root.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}),
		"serial":   []byte("01\n"),
		"ts.cnf": []byte(`[tsa]
default_tsa = config
[config]
serial = serial
signer_cert = cert.pem
signer_key = key.pem
signer_digest = sha256
certs = root.pem
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.5
digests = sha256
accuracy = secs:1, millisecs:500, microsecs:100
clock_precision_digits = 3
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
`),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(w http.ResponseWriter, r *http.Request) {
		query, err := io.ReadAll(r.Body)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "query"), query, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
		cmd := exec.CommandContext(r.Context(), program, "ts", "-reply", "-config", "ts.cnf", "-queryfile", "query", "-out", "reply")
		cmd.Dir = dir
		if out, failed := cmd.CombinedOutput(); failed != nil {
			t.Errorf("openssl ts: %v: %s", failed, out)
		}
		reply, err := os.ReadFile(filepath.Join(dir, "reply"))
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", typeReply)
		_, _ = w.Write(reply)
	}
}

// openSSLAccepts verifies a token by openssl ts.
func openSSLAccepts(t *testing.T, token []byte, root *authority) {
	t.Helper()
	program, dir := peertest.Program(t, "openssl"), t.TempDir()
	for name, text := range map[string][]byte{"token": token, "root.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.cert.Raw})} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program, "ts", "-verify", "-in", "token", "-token_in", "-digest", fmt.Sprintf("%x", testDigest), "-CAfile", "root.pem")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("openssl ts -verify: %v: %s", err, out)
	}
}

// elements are those inside a constructed element.
func elements(tb testing.TB, der []byte) (tag asn1.RawValue, inside [][]byte) {
	tb.Helper()
	if _, err := asn1.Unmarshal(der, &tag); err != nil {
		tb.Fatal(err)
	}
	for rest := tag.Bytes; len(rest) > 0; {
		var e asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &e); err != nil {
			tb.Fatal(err)
		}
		inside = append(inside, e.FullBytes)
	}
	return tag, inside
}

// edited is der with the element at a path of indices changed.
func edited(tb testing.TB, der []byte, edit func([]byte) []byte, path ...int) []byte {
	tb.Helper()
	if len(path) == 0 {
		return edit(der)
	}
	tag, inside := elements(tb, der)
	inside[path[0]] = edited(tb, inside[path[0]], edit, path[1:]...)
	out, err := asn1.Marshal(asn1.RawValue{Class: tag.Class, Tag: tag.Tag, IsCompound: true, Bytes: slices.Concat(inside...)})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// Paths in a ContentInfo with SignedData (RFC 5652, Section 5.1).
var (
	toCertificates = []int{1, 0, 3}
	toSigner       = []int{1, 0, 4, 0}
)

// adding appends an element to a constructed one.
func adding(tb testing.TB, element []byte) func([]byte) []byte {
	tb.Helper()
	return func(der []byte) []byte {
		tag, inside := elements(tb, der)
		out, err := asn1.Marshal(asn1.RawValue{Class: tag.Class, Tag: tag.Tag, IsCompound: true, Bytes: slices.Concat(append(inside, element)...)})
		if err != nil {
			tb.Fatal(err)
		}
		return out
	}
}
