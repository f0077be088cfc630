package smime_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"filippo.io/mldsa"

	"dnseal/smime"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// OpenSSL 3.5 signs with ML-DSA.
func TestInteropDebian13MLDSA(t *testing.T) {
	if *debian13 == "" {
		t.Skip("skipped: the programs of Debian 13 have their turn with make interop")
	}
	w := workshop{root: *debian13, dir: t.TempDir()}
	for _, name := range []string{"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"} {
		_, err := w.run(t, "openssl", "req", "-x509", "-newkey", name, "-noenc", "-keyout", "key", "-out", "cert", "-subj", "/CN=alice",
			"-addext", "subjectAltName=email:alice@example.org")
		must(t, err)
		_, err = w.run(t, "openssl", "cms", "-sign", "-in", w.write(t, "entity", []byte(peerEntity)), "-binary", "-md", "sha512", "-signer", "cert", "-inkey", "key", "-outform", "DER", "-out", "out")
		der, err := w.produced("out", err)
		must(t, err)
		m, err := message.Read(bytes.NewReader(putTogether(der, []byte(peerEntity), "sha512")), message.ReadOptions{})
		must(t, err)
		report, err := smime.Verify(t.Context(), m)
		must(t, err)
		m.Close()
		if len(report.Signatures) != 1 {
			t.Fatalf("%s: %d signatures: %s %s", name, len(report.Signatures), report.Code, report.Reason)
		}
		s := report.Signatures[0]
		if s.Integrity != smime.IntegrityGood || s.Algorithm != strings.ToLower(name) {
			t.Errorf("%s: %s by %s: %s: %s", name, s.Integrity, s.Algorithm, s.Code, s.Reason)
		}
	}
}

// OpenSSL 3.5 verifies our ML-DSA signatures, and passes over those beside one by P-256.
func TestInteropDebian13MLDSAOurs(t *testing.T) {
	if *debian13 == "" {
		t.Skip("skipped: the programs of Debian 13 have their turn with make interop")
	}
	w := workshop{root: *debian13, dir: t.TempDir()}
	// The certificates are the tests' own, and their dates of the past.
	verifies := func(der, entity []byte) error {
		args := []string{"cms", "-verify", "-inform", "DER", "-in", w.write(t, "in", der), "-binary", "-noverify", "-out", "out"}
		if entity != nil {
			args = append(args, "-content", w.write(t, "entity", entity))
		}
		_, err := w.run(t, "openssl", args...)
		return err
	}
	p256 := newPeerIdentities(t, t.TempDir())["p256"].signer
	for _, parameters := range []mldsa.Parameters{mldsa.MLDSA44(), mldsa.MLDSA65(), mldsa.MLDSA87()} {
		alone := smime.NewPostQuantum(t, parameters, "alice@example.org")
		hybrid := cms.Signer{Key: p256.Key, Certificate: p256.Certificate, PostQuantum: &alone}
		for _, s := range []cms.Signer{alone, hybrid} {
			for _, form := range forms {
				der, entity := takeApart(t, signMessage(t, smime.SignOptions{Signers: []cms.Signer{s}, Time: time.Now(), Opaque: form.opaque}))
				if err := verifies(der, entity); err != nil {
					t.Errorf("%s, beside %t, %s: %v", parameters, s.PostQuantum != nil, form.name, err)
				}
				if form.opaque {
					der = changed(t, der)
				} else {
					entity = changed(t, entity)
				}
				if verifies(der, entity) == nil {
					t.Errorf("%s, beside %t, %s: it also accepts another text", parameters, s.PostQuantum != nil, form.name)
				}
			}
		}
	}
}
