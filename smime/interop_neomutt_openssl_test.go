package smime_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// neomuttOpenSSL is the program neomutt whose cryptography is the program openssl, at a terminal.
type neomuttOpenSSL struct{ workshop }

func newNeomuttOpenSSL(t *testing.T, root string, _ map[string]*peerIdentity) recipientPeer {
	t.Helper()
	p := neomuttOpenSSL{workshop{root: root, dir: t.TempDir()}}
	p.env = []string{"LC_ALL=C", "TERM=xterm", "HOME=" + p.dir, "LINES=50", "COLUMNS=200", "EMAIL=alice@example.org"}
	for _, dir := range []string{"keys", "certs"} {
		must(t, os.Mkdir(filepath.Join(p.dir, dir), 0o700))
		p.write(t, filepath.Join(dir, ".index"), []byte("alice@example.org alice.0 alice ? t\n"))
	}
	must(t, os.WriteFile(filepath.Join(p.dir, "sendmail"), []byte(mailer), 0o700))
	p.write(t, "rc", []byte(neomuttSettings+neomuttOpenSSLSettings))
	return encryptsMail{p}
}

// neomuttOpenSSLSettings has the commands of the smime.rc that comes with neomutt.
const neomuttOpenSSLSettings = `
set crypt_use_gpgme = no
set crypt_auto_sign = no
set crypt_auto_encrypt = yes
set crypt_protected_headers_write = no
set smime_keys = "./keys"
set smime_certificates = "./certs"
set smime_default_key = "alice.0"
set smime_decrypt_use_default_key = yes
set smime_decrypt_command = "openssl cms -decrypt -passin stdin -inform DER -in %f -inkey %k -recip %c"
set smime_encrypt_command = "openssl cms -encrypt -%a -outform DER -in %f %c"
set smime_encrypt_with = "aes256"
`

// use makes id the key of alice.
func (p neomuttOpenSSL) use(t *testing.T, id *encryptionIdentity) {
	t.Helper()
	for from, to := range map[string]string{id.keyFile(): "keys/alice.0", id.certFile(): "certs/alice.0"} {
		text, err := os.ReadFile(from)
		must(t, err)
		p.write(t, to, text)
	}
}

func (p neomuttOpenSSL) encryptMail(t *testing.T, r encryptionRow, id *encryptionIdentity, entity []byte) ([]byte, error) {
	t.Helper()
	if !r.byDefault() {
		return nil, errNoSuchForm
	}
	p.use(t, id)
	_ = os.Remove(filepath.Join(p.dir, "sent"))
	p.write(t, "body", []byte(strings.ReplaceAll(textOf(string(entity)), "\r\n", "\n")))
	screen, err := p.atTerminal(t, "neomutt -n -F rc -s noon -i body alice@example.org", "y:Send", "y")
	sent, err := p.produced("sent", err)
	if err != nil {
		return nil, errors.Join(err, errors.New(screen[max(0, len(screen)-500):]))
	}
	return withCRLF(sent), nil
}

// decrypted is the text that neomutt shows between its own lines and marks for the terminal.
var decrypted = regexp.MustCompile(`(?s)The following data is S/MIME encrypted --\]\n[^\n]*\n(.*\n)[^\n]*\[-- End of S/MIME encrypted data`)

// decryptMail returns the entity that the text was in, as thunderbird does.
func (p neomuttOpenSSL) decryptMail(t *testing.T, id *encryptionIdentity, text []byte) ([]byte, error) {
	t.Helper()
	p.use(t, id)
	must(t, os.RemoveAll(filepath.Join(p.dir, "box")))
	for _, dir := range []string{"box/cur", "box/new", "box/tmp"} {
		must(t, os.MkdirAll(filepath.Join(p.dir, dir), 0o700))
	}
	_ = os.Remove(filepath.Join(p.dir, "shown"))
	p.write(t, "box/cur/1.1.1:2,", []byte(strings.ReplaceAll(string(text), "\r\n", "\n")))
	screen, err := p.atTerminal(t, `neomutt -n -F rc -e "push <display-message>qq" -f box`, "passphrase", "x\n")
	shown, err := p.produced("shown", err)
	if err != nil {
		return nil, errors.Join(err, errors.New(screen[max(0, len(screen)-500):]))
	}
	found := decrypted.FindSubmatch(shown)
	if found == nil {
		return nil, errors.New(string(shown))
	}
	return append([]byte(strings.TrimSuffix(peerEntity, peerText)), withCRLF(found[1])...), nil
}
