package smime_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"dnseal/smime/cms/enveloped"
)

// recipientPeer encrypts and decrypts.
type recipientPeer interface {
	// encrypt returns the EnvelopedData of text for id, as the program makes it by itself.
	encrypt(t *testing.T, id *peerIdentity, text []byte) ([]byte, error)
	// decrypt opens one.
	decrypt(t *testing.T, id *peerIdentity, der []byte) ([]byte, error)
}

func (p openSSL) encrypt(t *testing.T, id *peerIdentity, text []byte) ([]byte, error) {
	t.Helper()
	_, err := p.run(t, "openssl", "cms", "-encrypt", "-binary", "-in", p.write(t, "text", text), "-outform", "DER", "-out", "out", "-recip", id.certFile())
	return p.produced("out", err)
}

func (p openSSL) decrypt(t *testing.T, id *peerIdentity, der []byte) ([]byte, error) {
	t.Helper()
	_, err := p.run(t, "openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", p.write(t, "in", der), "-recip", id.certFile(), "-inkey", id.keyFile(), "-out", "plain")
	return p.produced("plain", err)
}

func (p nss) encrypt(t *testing.T, id *peerIdentity, text []byte) ([]byte, error) {
	t.Helper()
	_, err := p.run(t, "cmsutil", "-E", "-d", "sql:.", "-r", id.name, "-i", p.write(t, "text", text), "-o", "out")
	return p.produced("out", err)
}

func (p nss) decrypt(t *testing.T, _ *peerIdentity, der []byte) ([]byte, error) {
	t.Helper()
	_, err := p.run(t, "cmsutil", "-D", "-d", "sql:.", "-i", p.write(t, "in", der), "-o", "plain")
	return p.produced("plain", err)
}

func (p gnuPG) encrypt(t *testing.T, id *peerIdentity, text []byte) ([]byte, error) {
	t.Helper()
	_, err := p.run(t, "gpgsm", "--batch", "--yes", "-r", id.fingerprint(), "-o", "out", "--encrypt", p.write(t, "text", text))
	return p.produced("out", err)
}

func (p gnuPG) decrypt(t *testing.T, _ *peerIdentity, der []byte) ([]byte, error) {
	t.Helper()
	_, err := p.run(t, "gpgsm", p.withPassphrase("-o", "plain", "--decrypt", p.write(t, "in", der))...)
	return p.produced("plain", err)
}

// encryptionRow is a way in which mail is encrypted here.
type encryptionRow struct {
	name, key string
	cipher    enveloped.Cipher
	oaep      bool
	keyID     bool
}

var encryptionRows = []encryptionRow{
	{name: "RSA, AES-CBC", key: "rsa2048"},
	{name: "P-256, AES-CBC", key: "p256"},
	{name: "P-384, AES-CBC", key: "p384", cipher: enveloped.AES256CBC},
	{name: "RSA-OAEP, AES-CBC", key: "rsa2048", oaep: true},
	{name: "RSA by key identifier", key: "rsa2048", keyID: true},
	{name: "RSA, AES-GCM", key: "rsa2048", cipher: enveloped.AES128GCM},
	{name: "P-256, AES-GCM", key: "p256", cipher: enveloped.AES256GCM},
}

// encryptionPrograms are the peers: here, and those of Debian 13. reads are the rows that they read
// of ours, and writes the keys for which we read what they write.
var encryptionPrograms = []struct {
	name          string
	debian13      bool
	start         func(*testing.T, string, map[string]*peerIdentity) peer
	reads, writes string
}{
	{"OpenSSL 3.0", false, newOpenSSL, "yyyyyyy", "rsa2048 p256 p384"},
	{"OpenSSL 3.5", true, newOpenSSL, "yyyyyyy", "rsa2048 p256 p384"},
	{"GnuPG 2.2", false, newGnuPG, "ynnnnnn", "rsa2048"},
	{"GnuPG 2.4", true, newGnuPG, "yyynnnn", "rsa2048 p256 p384"},
	{"NSS 3.87", false, newNSS, "ynnnynn", "rsa2048"},
	{"NSS 3.110", true, newNSS, "yyyyynn", "rsa2048 p256 p384"},
}

// TestInteropEncryption: what each program reads of ours, and we of theirs: those of this machine,
// and with -debian13 those there. The table is in the README.
func TestInteropEncryption(t *testing.T) {
	t.Parallel()
	for _, p := range encryptionPrograms {
		root := ""
		if p.debian13 {
			root = *debian13
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			if p.debian13 && root == "" {
				t.Skip("skipped: the programs of Debian 13 have their turn with make interop")
			}
			ids := peerIdentitiesFor(t, t.TempDir(), x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment|x509.KeyUsageKeyAgreement)
			program := p.start(t, root, ids).(recipientPeer)
			var reads strings.Builder
			for _, r := range encryptionRows {
				reads.WriteString(opensOurs(t, program, ids, r))
			}
			if reads.String() != p.reads {
				t.Errorf("it reads %s, want %s of ours", reads.String(), p.reads)
			}
			var writes []string
			for _, key := range []string{"rsa2048", "p256", "p384"} {
				if readByUs(t, program, ids[key]) {
					writes = append(writes, key)
				}
			}
			if got := strings.Join(writes, " "); got != p.writes {
				t.Errorf("we read what it writes for %s, want %s", got, p.writes)
			}
		})
	}
}

// opensOurs is "y" where the program reads what is written here.
func opensOurs(t *testing.T, program recipientPeer, ids map[string]*peerIdentity, r encryptionRow) string {
	t.Helper()
	id := ids[r.key]
	to := enveloped.Recipient{Certificate: id.signer.Certificate, OAEP: r.oaep, ByKeyIdentifier: r.keyID}
	var der bytes.Buffer
	must(t, enveloped.Encrypt(&der, strings.NewReader(peerEntity), int64(len(peerEntity)), enveloped.EncryptOptions{Recipients: []enveloped.Recipient{to}, Cipher: r.cipher}))
	got, err := program.decrypt(t, id, der.Bytes())
	if err == nil && string(got) == peerEntity {
		return "y"
	}
	t.Logf("%s: %v", r.name, errors.Join(err, fmt.Errorf("%d octets", len(got))))
	return "n"
}

// readByUs reports whether what the program writes is read here.
func readByUs(t *testing.T, program recipientPeer, id *peerIdentity) bool {
	t.Helper()
	der, err := program.encrypt(t, id, []byte(peerEntity))
	if err != nil {
		t.Logf("%s: %v", id.name, err)
		return false
	}
	var plain bytes.Buffer
	key := enveloped.Key{Private: crypto.PrivateKey(id.signer.Key), Certificate: id.signer.Certificate}
	_, err = enveloped.Decrypt(bytes.NewReader(der), &plain, enveloped.DecryptOptions{Keys: []enveloped.Key{key}})
	if err != nil {
		t.Errorf("%s: %v", id.name, err)
	}
	return err == nil && plain.String() == peerEntity
}

// TestInteropEncryptionTable: the table of the README.
func TestInteropEncryptionTable(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| program |")
	for _, r := range encryptionRows {
		table.WriteString(" " + r.name + " |")
	}
	table.WriteString(" we read of it |\n|---|" + strings.Repeat("---|", len(encryptionRows)+1) + "\n")
	names := strings.NewReplacer("rsa2048", "RSA", "p256", "P-256", "p384", "P-384", " ", ", ")
	for _, p := range encryptionPrograms {
		table.WriteString("| " + p.name + " |")
		for _, c := range p.reads {
			table.WriteString(map[rune]string{'y': " yes |", 'n': " no |"}[c])
		}
		table.WriteString(" " + names.Replace(p.writes) + " |\n")
	}
	readme, err := os.ReadFile("../README.md")
	must(t, err)
	if !strings.Contains(string(readme), table.String()) {
		t.Errorf("the README does not have\n%s", table.String())
	}
}
