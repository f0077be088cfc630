package identity

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// TestEncryptedKeys: keys as openssl and certtool encrypt them.
func TestEncryptedKeys(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	peertest.Program(t, "certtool")
	dir := t.TempDir()
	output(t, dir, genP256+" -out k", nil)
	output(t, dir, "openssl genpkey -algorithm RSA-PSS -out pss", nil)
	const p8 = "openssl pkcs8 -topk8 -in k -passout pass:x"
	for _, tt := range []struct{ command, typ, refused, hint string }{
		{genP256 + " -aes256 -pass pass:x", "ECDSA P-256", "", ""},
		{"openssl genpkey -algorithm ED25519 -aes-128-cbc -pass pass:x -outform DER", "Ed25519", "", ""},
		{"openssl pkcs8 -topk8 -in pss -passout pass:x", "RSA 2048 bit, for RSASSA-PSS only", "", ""},
		{p8, "ECDSA P-256", "", ""},
		{p8 + " -outform DER", "ECDSA P-256", "", ""},
		{p8 + " -v2 aes-192-cbc -v2prf hmacWithSHA512", "ECDSA P-256", "", ""},
		{p8 + " -v2 aes128 -v2prf hmacWithSHA1 -iter 100000", "ECDSA P-256", "", ""},
		{p8 + " -v2 des3", "ECDSA P-256", "", ""},
		{p8 + " -scrypt", "ECDSA P-256", "", ""},
		{p8 + " -scrypt -scrypt_N 32768 -scrypt_r 4 -scrypt_p 2", "ECDSA P-256", "", ""},
		{"certtool --to-p8 --load-privkey k --password x", "ECDSA P-256", "", ""},
		{"certtool --to-p8 --load-privkey k --password x --pkcs-cipher aes-128 --outder", "ECDSA P-256", "", ""},
		{"certtool --to-p8 --load-privkey k --password x --pkcs-cipher 3des", "ECDSA P-256", "", ""},
		{p8 + " -v2 camellia128", "", "in a way that is not read (a cipher other than", "openssl pkcs8 -topk8"},
		{p8 + " -v1 PBE-SHA1-3DES", "", "in a way that is not read (an encryption other than PBES2", "openssl pkcs8 -topk8"},
		{"certtool --to-p8 --load-privkey k --password x --pkcs-cipher 3des-pkcs12", "", "in a way that is not read", "openssl pkcs8 -topk8"},
		{p8 + " -passout pass:y", "", "and that in the file password is another", "file password"},
		{"openssl ec -in k -aes256 -passout pass:x", "", "in the older form of openssl", "openssl pkcs8 -topk8"},
	} {
		t.Run(strings.ReplaceAll(tt.command, "/", " "), func(t *testing.T) {
			t.Parallel()
			id, err := Load(folderWith(t, map[string][]byte{keyFile: output(t, dir, tt.command, nil), passwordFile: []byte("x\n")}), formName)
			checkForm(t, id, err, tt.typ, tt.refused, tt.hint)
		})
	}
}

// TestCreateEncrypted: what Create encrypts is opened by openssl and certtool, and by Load with the
// passphrase from each of its places.
func TestCreateEncrypted(t *testing.T) { //nolint:paralleltest // it sets an environment variable
	peertest.Program(t, "openssl")
	peertest.Program(t, "certtool")
	credentials := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	made, failed := Create(dir, formName, CreateOptions{Passphrase: "open-sesame"})
	if failed != nil {
		t.Fatal(failed)
	}
	folder := filepath.Dir(made.KeyFile)
	write(filepath.Join(credentials, "billing.pass"), "open-sesame\n")
	output(t, folder, "openssl pkey -in key.pem -noout -passin file:"+filepath.Join(credentials, "billing.pass"), nil)
	output(t, folder, "certtool -k --infile key.pem --password open-sesame", nil)
	asked := func(answer string) Loader {
		return Loader{Passphrase: func(name string) (string, error) {
			if name != formName {
				t.Errorf("asked for %s", name)
			}
			return answer, nil
		}}
	}
	check := func(what string, l Loader, opens bool) {
		t.Helper()
		id, err := l.Load(dir, formName)
		switch {
		case opens && (err != nil || id.CanSign() != nil):
			t.Errorf("%s: %v", what, err)
		case !opens && (!errors.Is(err, ErrLocked) || Hint(err) == "" || strings.Contains(err.Error(), "sesame")):
			t.Errorf("%s: Load = %v (hint %q), want %v", what, err, Hint(err), ErrLocked)
		}
	}
	check("no passphrase", Loader{}, false)
	check("asked", asked("open-sesame"), true)
	check("asked, another", asked("close"), false)
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	write(filepath.Join(folder, passwordFile), "credential:billing.pass\n")
	check("a credential where there are none", asked("open-sesame"), false)
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	check("a credential", Loader{}, true)
	write(filepath.Join(folder, passwordFile), "credential:nobody")
	check("a credential that is not there", Loader{}, false)
	write(filepath.Join(folder, passwordFile), "open-sesame\r\nsecond")
	check("a file", asked("close"), true)

	// The key itself is a credential, in any form.
	key, err := os.ReadFile(made.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(credentials, "billing.key"), string(key))
	write(made.KeyFile, "credential:billing.key\n")
	check("a key as credential", Loader{}, true)
	write(filepath.Join(credentials, "billing.key"), "credential:billing.key\n")
	if _, err = Load(dir, formName); err == nil {
		t.Error("a credential that names a credential")
	}
	for _, name := range []string{"../x", "", ".", "..", "a b", "a:b", "ä", strings.Repeat("x", 256)} {
		write(made.KeyFile, "credential:"+name)
		if _, err = Load(dir, formName); err == nil || !strings.Contains(err.Error(), "is no name of a systemd credential") {
			t.Errorf("credential %q: %v", name, err)
		}
	}
}
