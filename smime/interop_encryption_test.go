package smime_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dnseal/smime/cms/enveloped"
)

// recipientPeer encrypts and decrypts.
type recipientPeer interface {
	// encrypt returns the EnvelopedData or AuthEnvelopedData of text for id, made in the way of the
	// row, or errNoSuchForm.
	encrypt(t *testing.T, r encryptionRow, id *encryptionIdentity, text []byte) ([]byte, error)
	// decrypt opens one.
	decrypt(t *testing.T, id *encryptionIdentity, der []byte) ([]byte, error)
}

// errNoSuchForm is why a program does not encrypt in the way of a row.
var errNoSuchForm = errors.New("does not encrypt in this form")

// encryptionRow is a way to encrypt.
type encryptionRow struct {
	name, key string
	cipher    enveloped.Cipher
	oaep      bool
	keyID     bool
	beside    string // another key that it is also encrypted for; only by dnseal
	theirs    bool   // dnseal does not encrypt so
}

// byDefault is set where a program without options could encrypt so.
func (r encryptionRow) byDefault() bool {
	return !r.oaep && !r.keyID && !r.theirs && !r.cipher.Authenticated() && r.curve()+r.rsa() != ""
}

// curve is the name of an elliptic curve, rsa that of an RSA key.
func (r encryptionRow) curve() string { return r.keyOf("p256", "p384", "p521") }
func (r encryptionRow) rsa() string   { return r.keyOf("rsa2048") }

func (r encryptionRow) keyOf(names ...string) string {
	if slices.Contains(names, r.key) {
		return r.key
	}
	return ""
}

const tripleDES enveloped.Cipher = "3des-cbc" // which is only read

var encryptionRows = []encryptionRow{
	{name: "RSA, AES-CBC", key: "rsa2048"},
	{name: "RSA beside P-256, AES-CBC", key: "rsa2048", beside: "p256"},
	{name: "RSA, 3DES", key: "rsa2048", cipher: tripleDES, theirs: true},
	{name: "RSA by key identifier, AES-CBC", key: "rsa2048", keyID: true},
	{name: "RSA, AES-GCM", key: "rsa2048", cipher: enveloped.AES128GCM},
	{name: "RSA-OAEP, AES-CBC", key: "rsa2048", oaep: true},
	{name: "RSA-OAEP, AES-GCM", key: "rsa2048", oaep: true, cipher: enveloped.AES256GCM},
	{name: "P-256, AES-CBC", key: "p256"},
	{name: "P-256 by key identifier, AES-CBC", key: "p256", keyID: true},
	{name: "P-256, AES-GCM", key: "p256", cipher: enveloped.AES256GCM},
	{name: "P-384, AES-CBC", key: "p384", cipher: enveloped.AES256CBC},
	{name: "P-384, AES-GCM", key: "p384", cipher: enveloped.AES256GCM},
	{name: "P-521, AES-CBC", key: "p521", cipher: enveloped.AES256CBC},
	{name: "P-521, AES-GCM", key: "p521", cipher: enveloped.AES256GCM},
	{name: "X25519, AES-CBC", key: "x25519"},
	{name: "RSA, ChaCha20-Poly1305", key: "rsa2048", cipher: enveloped.ChaCha20Poly1305},
	{name: "ML-KEM-768, AES-CBC", key: "ml-kem-768", cipher: enveloped.AES256CBC},
	{name: "ML-KEM-768 by KDF3, AES-CBC", key: "ml-kem-768", cipher: enveloped.AES256CBC, theirs: true},
	{name: "ML-KEM-768, AES-GCM", key: "ml-kem-768", cipher: enveloped.AES256GCM},
	{name: "ML-KEM-1024, AES-CBC", key: "ml-kem-1024", cipher: enveloped.AES256CBC},
	{name: "ML-KEM-1024, AES-GCM", key: "ml-kem-1024", cipher: enveloped.AES256GCM},
}

// encryptionProgram is a peer: here, or of Debian 13.
type encryptionProgram struct {
	name     string
	debian13 bool
	start    func(*testing.T, string, map[string]*peerIdentity) recipientPeer
	// composes says that it encrypts mail that it composes: the text in an entity of its own.
	composes bool
	// reads and writes have y for the rows that it reads of ours, and that we read of it.
	reads, writes string
}

// encrypts starts a peer that also encrypts.
func encrypts(start func(*testing.T, string, map[string]*peerIdentity) peer) func(*testing.T, string, map[string]*peerIdentity) recipientPeer {
	return func(t *testing.T, root string, ids map[string]*peerIdentity) recipientPeer {
		t.Helper()
		return start(t, root, ids).(recipientPeer)
	}
}

var encryptionPrograms = []encryptionProgram{
	{"OpenSSL 3.0", false, encrypts(newOpenSSL), false, "yy-yyyyyyyyyyy-------", "y-yyyyyyyyyyyy-------"},
	{"OpenSSL 3.5", true, encrypts(newOpenSSL), false, "yy-yyyyyyyyyyy-------", "y-yyyyyyyyyyyy-------"},
	{"GnuPG 2.2", false, encrypts(newGnuPG), false, "yy-------------------", "y--------------------"},
	{"GnuPG 2.4", true, encrypts(newGnuPG), false, "yy-----y--y-y--------", "y------y--y-y--------"},
	{"NSS 3.87", false, encrypts(newNSS), false, "y--y-----------------", "y--------------------"},
	{"NSS 3.110", true, encrypts(newNSS), false, "yy-y-y-yy-y-y--------", "y------y--y-y--------"},
	{"Bouncy Castle 1.72", false, newBouncyCastleEncryption, false, "yy-yyyyyyyyyyy-y-----", "y-yyyyyyyyyyyy-------"},
	{"Bouncy Castle 1.80", true, newBouncyCastleEncryption, false, "yy-yyyyyyyyyyy-yy-yyy", "y-yyyyyyyyyyyy--yyyyy"},
	{"Thunderbird 140", true, newThunderbirdEncryption, true, "yy-y-y-yy-y-y--------", "y------y--y-y--------"},
	{"neomutt 20250510, openssl", true, newNeomuttOpenSSL, true, "yy-y-y-yy-y-y--------", "y------y--y-y--------"},
	{"Crypt::SMIME 0.31", true, scriptOfMail("perl", "perl.pl", true), true, "yy-yyyyyyyyyyy-------", "y------y--y-y--------"},
	{"PHP 8.4, cms", true, scriptOfCMS("php", "php.php", "cms"), false, "yy-yyyyyyyyyyy-------", "y-y----y--y-y--------"},
	{"PHP 8.4, pkcs7", true, scriptOfMail("php", "php.php", false, "pkcs7"), false, "y--------------------", "y-y------------------"},
	{"Ruby 3.3", true, scriptOfCMS("ruby", "ruby.rb"), false, "y--------------------", "y-y------------------"},
	{"pkijs 4.0", true, encrypts(newPKIjs), false, "-----y---------------", "-----y-y--y-y--------"},
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
			all := encryptionIdentities(t, ids)
			program := p.start(t, root, ids)
			for i, r := range encryptionRows {
				holdCell(t, r.name+": what dnseal writes", p.reads[i], opensOurs(t, program, all, r))
				holdCell(t, r.name+": what it writes", p.writes[i], openTheirs(t, program, all[r.key], r, p.composes))
			}
		})
	}
}

// holdCell holds one cell to what is expected: y where there is no error.
func holdCell(t *testing.T, name string, want byte, err error) {
	t.Helper()
	switch {
	case (err == nil) == (want == 'y'):
		if err != nil {
			t.Logf("%s: %v", name, err)
		}
	case err == nil:
		t.Errorf("%s: is read, want %c", name, want)
	default:
		t.Errorf("%s: want %c: %v", name, want, err)
	}
}

// opensOurs has the program open what is written here: octet for octet.
func opensOurs(t *testing.T, program recipientPeer, all map[string]*encryptionIdentity, r encryptionRow) error {
	t.Helper()
	if r.theirs {
		return errNoSuchForm
	}
	id := all[r.key]
	to := []enveloped.Recipient{id.to}
	to[0].OAEP, to[0].ByKeyIdentifier = r.oaep, r.keyID
	if r.beside != "" {
		to = append(to, all[r.beside].to)
	}
	var der bytes.Buffer
	text := r.text("dnseal")
	must(t, enveloped.Encrypt(&der, strings.NewReader(text), int64(len(text)), enveloped.EncryptOptions{Recipients: to, Cipher: r.cipher}))
	got, err := program.decrypt(t, id, der.Bytes())
	if err != nil {
		return err
	}
	return sameText(got, text)
}

// openTheirs opens what the program writes: octet for octet.
func openTheirs(t *testing.T, program recipientPeer, id *encryptionIdentity, r encryptionRow, composes bool) error {
	t.Helper()
	if r.beside != "" {
		return errNoSuchForm
	}
	text := r.text("the other")
	der, err := program.encrypt(t, r, id, []byte(text))
	if err != nil {
		return err
	}
	var plain bytes.Buffer
	found, err := enveloped.Decrypt(bytes.NewReader(der), &plain, enveloped.DecryptOptions{Keys: []enveloped.Key{id.key}})
	if err != nil {
		return fmt.Errorf("dnseal: %w", err)
	}
	special := r.cipher == tripleDES || r.cipher.Authenticated() || found.Authenticated
	if special && found.Cipher != r.cipher || r.oaep != (found.KeyEncryption == "rsa-oaep") {
		return fmt.Errorf("by %s and %s instead", found.KeyEncryption, found.Cipher)
	}
	if composes {
		return sameText([]byte(textOf(plain.String())), textOf(text))
	}
	return sameText(plain.Bytes(), text)
}

// text is another one for every row and writer: what a program left lying is not taken for it.
func (r encryptionRow) text(writer string) string {
	return peerEntity + "For " + r.name + ", encrypted by " + writer + ".\r\n"
}

func sameText(got []byte, want string) error {
	if string(got) != want {
		return fmt.Errorf("%d octets are not those that were encrypted: %.100q", len(got), got)
	}
	return nil
}

// TestInteropEncryptionTable: the table of the README. What none of them does is in a line below.
func TestInteropEncryptionTable(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	var none []string
	table.WriteString("| encrypted for, by |")
	for _, p := range encryptionPrograms {
		table.WriteString(" " + p.name + " |")
	}
	table.WriteString("\n|---|" + strings.Repeat("---|", len(encryptionPrograms)) + "\n")
	for i, r := range encryptionRows {
		line := ""
		for _, p := range encryptionPrograms {
			arrows := map[string]string{"yy": "→ ←", "y-": "→", "-y": "←"}[p.reads[i:i+1]+p.writes[i:i+1]]
			line += " " + arrows + " |"
		}
		if strings.ContainsAny(line, "→←") {
			table.WriteString("| " + r.name + " |" + line + "\n")
		} else {
			none = append(none, r.name)
		}
	}
	holdTable(t, "interop encryption", table.String()+"\nNone of them: "+strings.Join(none, "; ")+".\n")
}
