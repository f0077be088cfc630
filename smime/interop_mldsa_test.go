package smime_test

import (
	"bytes"
	"strings"
	"testing"

	"dnseal/smime"
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
