package service

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"dnseal/cmd/internal/config"
	"dnseal/receiver/evidence"
	stamps "dnseal/receiver/evidence/timestamp"
)

// stampService is a time-stamping service whose certificate vouches for itself.
func stampService(t *testing.T) (http.HandlerFunc, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "tsa"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: []byte{0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 8}}},
	}
	certificate := func(c *x509.Certificate) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, c, root, &key.PublicKey, key)
		must(t, err)
		cert, err := x509.ParseCertificate(der)
		must(t, err)
		return cert
	}
	anchor, tsa := certificate(root), certificate(leaf)
	return func(w http.ResponseWriter, r *http.Request) {
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
			HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage, Nonce: req.Nonce, Time: time.Now(), Policy: asn1.ObjectIdentifier{1, 2}, AddTSACertificate: true,
		}
		reply, err := stamp.CreateResponseWithOpts(tsa, key, crypto.SHA256)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(reply)
	}, anchor
}

// TestStamper: seals are stamped by the service; one that gives no stamp is not asked again at
// once, so that a start with many files does not wait for each.
func TestStamper(t *testing.T) {
	t.Parallel()
	handler, root := stampService(t)
	var down atomic.Bool
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1); down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		handler(w, r)
	}))
	defer server.Close()
	c := new(config.Config)
	if stamper(c) != nil {
		t.Error("stamped by nobody")
	}
	c.Evidence.Timestamp = server.URL
	prove, digest := stamper(c), sha256.Sum256([]byte("evidence"))
	var seal evidence.Seal
	must(t, prove(&seal, digest, nil))
	if _, err := stamps.Verify(t.Context(), seal.Token, digest, []*x509.Certificate{root}, time.Now()); err != nil {
		t.Error(err)
	}
	down.Store(true)
	seal = evidence.Seal{}
	for i := range 3 {
		err := prove(&seal, digest, nil)
		if err == nil || len(seal.Token) > 0 || errors.Is(err, errPause) != (i > 0) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
}
