package verify

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"dnseal/receiver/evidence"
	stamped "dnseal/receiver/evidence/timestamp"
)

// authority is a time-stamping service on loopback whose stamps have this accuracy, and its
// certificate, which is a root.
func authority(t *testing.T, accuracy time.Duration) (string, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "tsa"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: []byte{0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 8}}},
	}
	certify := func(c *x509.Certificate) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, c, ca, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	root, tsa := certify(ca), certify(leaf)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		req, err := timestamp.ParseRequest(query)
		if err != nil {
			t.Error(err)
			return
		}
		stamp := timestamp.Timestamp{
			HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage, Nonce: req.Nonce, Time: time.Now(), Policy: asn1.ObjectIdentifier{1, 2},
			AddTSACertificate: true, Accuracy: accuracy,
		}
		reply, err := stamp.CreateResponseWithOpts(tsa, key, crypto.SHA256)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(reply)
	}))
	t.Cleanup(s.Close)
	return s.URL, root
}

// TestWitness: what a time stamp in a seal proves, and the line that says why it proves nothing.
func TestWitness(t *testing.T) {
	t.Parallel()
	url, root := authority(t, time.Second)
	vague, vagueRoot := authority(t, 10*time.Minute)
	digest, other := sha256.Sum256([]byte("evidence")), sha256.Sum256([]byte("other"))
	token := func(url string, digest [32]byte) []byte {
		out, err := stamped.Request(t.Context(), url, digest, stamped.RequestOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	right := token(url, digest)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name, by, why string
		ctx           context.Context
		token         []byte
		sum           string
		roots         []*x509.Certificate
	}{
		{"right", "the time stamp of CN=tsa", "", t.Context(), right, hex.EncodeToString(digest[:]), []*x509.Certificate{root}},
		{"of an inaccurate clock", "the time stamp of CN=tsa (to within 10m0s)", "", t.Context(), token(vague, digest), hex.EncodeToString(digest[:]), []*x509.Certificate{vagueRoot}},
		{"of another file", "", "the token is over another digest", t.Context(), token(url, other), hex.EncodeToString(digest[:]), []*x509.Certificate{root}},
		{"of another authority", "", "no root given vouches", t.Context(), right, hex.EncodeToString(digest[:]), []*x509.Certificate{vagueRoot}},
		{"without roots", "", "no --timestamp-roots", t.Context(), right, hex.EncodeToString(digest[:]), nil},
		{"without digest", "", "no digest", t.Context(), right, "00", []*x509.Certificate{root}},
		{"too late", "", "context canceled", ended, right, hex.EncodeToString(digest[:]), []*x509.Certificate{root}},
		{"none", "", "", t.Context(), nil, hex.EncodeToString(digest[:]), []*x509.Certificate{root}},
	} {
		by, at, err := Witness(c.ctx, c.roots)(&evidence.Seal{SHA256: c.sum, Token: c.token}, nil)
		if by != c.by || (err != nil) != (c.why != "") || err != nil && (!strings.Contains(err.Error(), c.why) || strings.Contains(err.Error(), "\n")) || (by != "") == at.IsZero() {
			t.Errorf("%s: %q at %s, %v", c.name, by, at, err)
		}
	}
}
