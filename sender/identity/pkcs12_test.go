package identity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// TestPKCS12 reads what programs wrote that are not everywhere: see testdata/pkcs12.
func TestPKCS12(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ file, password, typ, refused, hint string }{
		{"nss-3.87", "secret", "ECDSA P-256", "", ""},
		{"nss-3.87", "secret\r\nsecond line", "ECDSA P-256", "", ""},
		{"nss-3.87-empty", "", "ECDSA P-256", "", ""},
		{"gpgsm-2.4-rsa", "geheim", "RSA 2048 bit", "", ""},
		{"openssl-3.5-pbmac1", "x", "ECDSA P-256", "", ""},
		{"certtool-3.8", "x", "ECDSA P-256", "", ""},
		{"openssl-3.5-mldsa44", "x", "ML-DSA-44", "", ""},
		{"openssl-3.5-mldsa44-plain", "x", "ML-DSA-44", "", ""},
		{"openssl-3.5-mldsa44", "wrong", "", "another password", "into the file password"},
		{"openssl-3.5-mldsa44-legacy", "x", "", "with a private key or certificate of a form", "openssl pkcs12 -in OLD -nodes"},
		{"openssl-3.5-mlkem768", "x", "", "a private ML-KEM-768 key, which is for encryption only", "encrypt"},
		{"nss-3.87", "", "", "a PKCS #12 file with a password", "into the file password"},
		{"nss-3.87", "wrong", "", "another password", "into the file password"},
		{"openssl-3.5-pbmac1", "wrong", "", "another password", "into the file password"},
		{"certtool-3.8", "wrong", "", "another password", "into the file password"},
		{"gpgsm-2.4-rsa", "wrong", "", "another password", "into the file password"},
		{"openssl-3.0-pss", "x", "", "with a private key or certificate of a form", "openssl pkcs12 -in OLD -nodes"},
		{"gpgsm-2.4-ec", "geheim", "", "with a private key or certificate of a form", "gpgsm 2.4"},
	} {
		t.Run(tt.file+" "+tt.password, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join("testdata", "pkcs12", tt.file+".p12"))
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{keyFile: data}
			if tt.password != "" {
				files[passwordFile] = []byte(tt.password + "\n")
			}
			id, err := Load(folderWith(t, files), formName)
			checkForm(t, id, err, tt.typ, tt.refused, tt.hint)
			if err == nil && (id.Certificate == nil || id.CertFile != id.KeyFile) {
				t.Errorf("no certificate of the key file: %+v", id)
			}
		})
	}
}

// TestPKCS12Truncated: a file that is cut off is said to be that.
func TestPKCS12Truncated(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "pkcs12", "nss-3.87.p12"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := Load(folderWith(t, map[string][]byte{keyFile: data[:len(data)/2]}), formName)
	checkForm(t, id, err, "", "PKCS #12 file that is cut off or damaged (", "copy the file again")
}

// TestPKCS12OfOpenSSL reads what openssl and certtool write, with each of their options; the chain
// comes along, whatever its order.
func TestPKCS12OfOpenSSL(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	peertest.Program(t, "certtool")
	dir := t.TempDir()
	for _, command := range []string{
		genP256 + " -out k",
		genP256 + " -out ca.k",
		"openssl req -new -x509 -subj /CN=CA -key ca.k -out ca",
		"openssl req -new -subj /CN=alice -key k -out csr",
		"openssl x509 -req -in csr -CA ca -CAkey ca.k -out cert",
	} {
		output(t, dir, command, nil)
	}
	const export = "openssl pkcs12 -export -inkey k -in cert -certfile ca -passout pass:"
	const certtool = "certtool --to-p12 --load-privkey k --load-certificate cert --load-ca-certificate ca --p12-name x --password x"
	for _, tt := range []struct{ command, password, refused string }{
		{export + "x", "x", ""},
		{export, "", ""},
		{export + "x -legacy", "x", ""},
		{export + "x -descert -legacy", "x", ""},
		{export + " -legacy", "", ""},
		{export + "x -keypbe NONE -certpbe NONE", "x", ""},
		{export + "x -certpbe NONE", "x", ""},
		{export + "x -nomac", "x", ""},
		{export + "x -macalg sha512 -iter 100000", "x", ""},
		{export + "x -macalg sha1 -maciter", "x", ""},
		{certtool + " --outder", "x", ""},
		{certtool, "x", ""}, // PEM
		{certtool + " --pkcs-cipher=3des-pkcs12 --outder", "x", ""},
		{export + "x -macalg sha384", "x", "the digest of the MAC"},
		{export + "x -keypbe aes-128-cbc -certpbe camellia-128-cbc", "x", "not supported"},
		{"openssl pkcs12 -export -inkey k -nocerts -passout pass:x", "x", "certificate missing"},
		{"openssl pkcs12 -export -in cert -nokeys -passout pass:x", "x", "0 private keys"},
	} {
		t.Run(strings.ReplaceAll(tt.command, "/", " "), func(t *testing.T) {
			t.Parallel()
			files := map[string][]byte{keyFile: output(t, dir, tt.command, nil)}
			if tt.password != "" {
				files[passwordFile] = []byte(tt.password)
			}
			id, err := Load(folderWith(t, files), formName)
			checkForm(t, id, err, "ECDSA P-256", tt.refused, "openssl pkcs12")
			if err == nil && (id.Certificate.Subject.CommonName != "alice" || len(id.Chain) != 1) {
				t.Errorf("certificate of %s, chain of %d", id.Certificate.Subject, len(id.Chain))
			}
		})
	}
}

// TestPasswordFile: the password is as secret as the key.
func TestPasswordFile(t *testing.T) {
	t.Parallel()
	dir := folderWith(t, map[string][]byte{keyFile: []byte("key"), passwordFile: []byte("x")})
	path := filepath.Join(dir, formName, passwordFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, formName); err == nil || !strings.Contains(err.Error(), "can be read by others") || Hint(err) != "chmod 600 "+path {
		t.Errorf("Load = %v (hint %q)", err, Hint(err))
	}
}

// TestCheckName: a certificate for another name is told, and that letters differ in case.
func TestCheckName(t *testing.T) {
	t.Parallel()
	alice := testIdentity(t, Mail, formName, "p256")
	if err := alice.CheckName(); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{
		"bob@example.org":   "its certificate is for alice@example.org, and receivers use that name",
		"Alice@example.org": "its certificate is for alice@example.org (lower and upper case differ, and before the @ they count)",
	} {
		other := &Identity{Name: name, Kind: Mail, Key: alice.Key, Certificate: alice.Certificate}
		if err := other.CheckName(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(Hint(err), "certificate for "+name) {
			t.Errorf("%s: %v (hint %q)", name, err, Hint(err))
		}
	}
	if err := (&Identity{Name: formName, Key: alice.Key}).CheckName(); err != nil {
		t.Error(err)
	}
}
