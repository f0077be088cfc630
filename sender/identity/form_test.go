package identity

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

const formName = "alice@example.org"

// folderWith makes the folder of formName with these files.
func folderWith(tb testing.TB, files map[string][]byte) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	folder := filepath.Join(dir, formName)
	if err := os.Mkdir(folder, 0o700); err != nil {
		tb.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// output runs a program in dir and returns what it writes to standard output; words are separated
// by blanks.
func output(tb testing.TB, dir, command string, input []byte) []byte {
	tb.Helper()
	words := strings.Fields(command)
	cmd := exec.CommandContext(tb.Context(), words[0], words[1:]...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("%s: %v\n%s", command, err, stderr.String())
	}
	return out
}

const genP256 = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"

// TestKeyForms: a key in each form that openssl and certtool write is read, or the error names the
// form and the hint says what to do.
func TestKeyForms(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	for _, tt := range []struct{ command, typ, refused, hint string }{
		{genP256, "ECDSA P-256", "", ""},
		{genP256 + " -outform DER", "ECDSA P-256", "", ""},
		{"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -outform DER", "ECDSA P-384", "", ""},
		{"openssl genpkey -algorithm ED25519 -outform DER", "Ed25519", "", ""},
		{"openssl ecparam -name secp521r1 -genkey", "ECDSA P-521", "", ""},
		{"openssl ecparam -name prime256v1 -genkey -noout -outform DER", "ECDSA P-256", "", ""},
		{"openssl genrsa 2048", "RSA 2048 bit", "", ""},
		{"openssl genrsa -traditional 2048", "RSA 2048 bit", "", ""},
		{"openssl genrsa 1024", "", "RSA of 1024 bits", "identity new"},
		{"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1", "", "brainpoolP256r1", "identity new"},
		{"openssl ecparam -name brainpoolP384t1 -genkey -noout", "", "brainpoolP384t1", "identity new"},
		{"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -outform DER", "", "secp256k1", "identity new"},
		{"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-224", "", "P-224", "identity new"},
		{"openssl ecparam -name wap-wsg-idm-ecid-wtls12 -genkey -noout", "", "unknown curve 2.23.43.1.4.12", "identity new"},
		{"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit", "", "spells out", "-param_enc named_curve"},
		{"openssl ecparam -name prime256v1 -genkey -noout -param_enc explicit", "", "spells out", "-param_enc named_curve"},
		{"openssl genpkey -algorithm ED448", "", "Ed448", "identity new"},
		{"openssl genpkey -algorithm X25519 -outform DER", "", "X25519 key, which is for encryption only", "identity new"},
		{"openssl genpkey -algorithm X448", "", "X448 key, which is for encryption only", "identity new"},
		{"openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_pss_keygen_md:sha1", "", "SHA-1 only", "openssl rsa -traditional"},
		{"openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_pss_keygen_md:sha256", "", "mask (MGF1)", "openssl rsa -traditional"},
		{"openssl genpkey -algorithm RSA-PSS -outform DER", "RSA 2048 bit, for RSASSA-PSS only", "", ""},
		{"openssl dsaparam -genkey -noout 1024", "", "a private DSA key", "identity new"},
		{"openssl ecparam -name prime256v1", "", "parameters of a key", "openssl genpkey"},
		{genP256 + " -aes256 -pass pass:x", "", "encrypted by a passphrase", "openssl pkey -in OLD -out "},
		{"openssl genrsa -traditional -aes256 -passout pass:x 2048", "", "encrypted by a passphrase", "openssl pkey -in OLD -out "},
	} {
		t.Run(strings.ReplaceAll(tt.command, "/", " "), func(t *testing.T) {
			t.Parallel()
			id, err := Load(folderWith(t, map[string][]byte{keyFile: output(t, "", tt.command, nil)}), formName)
			checkForm(t, id, err, tt.typ, tt.refused, tt.hint)
		})
	}
}

func checkForm(tb testing.TB, id *Identity, err error, typ, refused, hint string) {
	tb.Helper()
	if refused == "" {
		if err != nil || id.KeyType() != typ {
			tb.Errorf("Load = %+v, %v, want %s", id, err, typ)
		}
		return
	}
	if err == nil || !strings.Contains(err.Error(), refused) || strings.Contains(err.Error(), "x509") || !strings.Contains(Hint(err), hint) {
		tb.Errorf("Load = %v (hint %q), want %q (hint %q)", err, Hint(err), refused, hint)
	}
}

// TestFilesOfOtherForms: what stands in key.pem by mistake is named, and text around a key does not
// matter.
func TestFilesOfOtherForms(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	key := output(t, "", genP256, nil)
	request := output(t, folderWith(t, map[string][]byte{"k": key}), "openssl req -new -subj /CN=x -key "+formName+"/k", nil)
	cert := output(t, folderWith(t, map[string][]byte{"k": key}), "openssl req -new -x509 -subj /CN=x -key "+formName+"/k", nil)
	armor := func(label string) []byte { return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: []byte{0x30, 0}}) }
	for name, tt := range map[string]struct {
		file               []byte
		typ, refused, hint string
	}{
		"byte order mark":   {append([]byte("\ufeff"), key...), "ECDSA P-256", "", ""},
		"CRLF":              {bytes.ReplaceAll(key, []byte("\n"), []byte("\r\n")), "ECDSA P-256", "", ""},
		"CR":                {bytes.ReplaceAll(key, []byte("\n"), []byte("\r")), "ECDSA P-256", "", ""},
		"bag attributes":    {append([]byte("Bag Attributes\n    localKeyID: 01\nKey Attributes: <No Attributes>\n"), key...), "ECDSA P-256", "", ""},
		"after public key":  {append(output(t, "", "openssl pkey -pubout", key), key...), "ECDSA P-256", "", ""},
		"UTF-16":            {[]byte("\xff\xfe-\x00-\x00"), "", "UTF-16", "iconv"},
		"UTF-16, no mark":   {[]byte("-\x00-\x00-\x00"), "", "UTF-16", "iconv"},
		"request":           {request, "", "a certificate request", "CA"},
		"request, DER":      {output(t, "", "openssl req -outform DER", request), "", "a certificate request", "CA"},
		"certificate":       {cert, "", "a certificate and no private key", "cert.pem"},
		"certificate, DER":  {output(t, "", "openssl x509 -outform DER", cert), "", "a certificate and no private key", "cert.pem"},
		"trusted":           {output(t, "", "openssl x509 -trustout", cert), "", "TRUSTED CERTIFICATE", "openssl x509"},
		"public key":        {output(t, "", "openssl pkey -pubout", key), "ECDSA P-256", "", ""},
		"public key, DER":   {output(t, "", "openssl pkey -pubout -outform DER", key), "ECDSA P-256", "", ""},
		"encrypted, DER":    {output(t, "", "openssl pkcs8 -topk8 -outform DER -passout pass:x", key), "", "encrypted by a passphrase", "openssl pkey"},
		"OpenSSH":           {armor("OPENSSH PRIVATE KEY"), "", "OpenSSH", "ssh-keygen -p -m PKCS8"},
		"OpenSSH, public":   {[]byte("ecdsa-sha2-nistp256 AAAA alice\n"), "", "public key in the form of OpenSSH", "private key"},
		"PuTTY":             {[]byte("PuTTY-User-Key-File-3: ecdsa-sha2-nistp256\n"), "", "PuTTY", "puttygen"},
		"OpenPGP":           {[]byte("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlFgEZ\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n"), "", "OpenPGP", "identity new"},
		"TPM, malformed":    {armor("TSS2 PRIVATE KEY"), "", "the key of a TPM (TSS2 PRIVATE KEY) is malformed", "copy the file again"},
		"another PEM block": {armor("SOMETHING ELSE"), "", `"SOMETHING ELSE"`, "PKCS #8"},
		"cut off":           {key[:len(key)-20], "", "cut off", "copy"},
		"base64":            {bytes.Join(bytes.Split(key, []byte("\n"))[1:4], []byte("\n")), "", "base64", "base64 -d"},
		"empty":             {nil, "", "empty", "identity new"},
		"broken PKCS #8":    {armor("PRIVATE KEY"), "", "malformed", "openssl pkey"},
		"JSON":              {[]byte(`{"kty":"EC"}`), "", "JSON Web Key", "openssl pkey"},
		"Java":              {[]byte("\xfe\xed\xfe\xed\x00\x00\x00\x02"), "", "Java", "keytool"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := Load(folderWith(t, map[string][]byte{keyFile: tt.file}), formName)
			checkForm(t, id, err, tt.typ, tt.refused, tt.hint)
		})
	}
}

// TestCertificateForms: a certificate is read in the forms that openssl writes, with the identity's
// own first where the form has no order.
func TestCertificateForms(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	dir := t.TempDir()
	write := func(name string, data []byte) []byte {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		return data
	}
	key := write("k", output(t, "", genP256, nil))
	write("other", output(t, "", genP256, nil))
	cert := write("cert", output(t, dir, "openssl req -new -x509 -subj /CN=alice -addext subjectAltName=email:"+formName+" -key k", nil))
	write("ca", output(t, dir, "openssl req -new -x509 -subj /CN=CA -key other", nil))
	both := write("both", append(bytes.Clone(cert), output(t, dir, "openssl x509 -in ca -text", nil)...))
	p7 := "openssl crl2pkcs7 -nocrl -certfile ca -certfile cert"
	for name, tt := range map[string]struct {
		key, file     []byte
		chain         int
		refused, hint string
	}{
		"PEM":                {key, cert, 0, "", ""},
		"byte order mark":    {key, append([]byte("\ufeff"), cert...), 0, "", ""},
		"DER":                {key, output(t, "", "openssl x509 -outform DER", cert), 0, "", ""},
		"negative serial":    {key, output(t, dir, "openssl req -new -x509 -set_serial -5 -subj /CN=alice -key k", nil), 0, "", ""},
		"with its CA":        {key, both, 1, "", ""},
		"PKCS #7":            {key, output(t, dir, p7, nil), 1, "", ""},
		"PKCS #7, DER":       {key, output(t, dir, p7+" -outform DER", nil), 1, "", ""},
		"in the key file":    {append(bytes.Clone(both), key...), nil, 1, "", ""},
		"after the key":      {append(bytes.Clone(key), cert...), nil, 0, "", ""},
		"CA alone":           {key, output(t, dir, "openssl x509 -in ca", nil), 0, "is not that of the certificate", "first"},
		"trusted":            {key, output(t, "", "openssl x509 -trustout", cert), 0, "TRUSTED CERTIFICATE", "openssl x509 -in OLD"},
		"request":            {key, output(t, dir, "openssl req -new -subj /CN=x -key k", nil), 0, "certificate request", "CA"},
		"key":                {key, key, 0, "private key", "key is key.pem"},
		"key, DER":           {key, output(t, "", "openssl pkey -outform DER", key), 0, "private key", "key is key.pem"},
		"public key":         {key, output(t, "", "openssl pkey -pubout", key), 0, "public key", "remove"},
		"PKCS #12":           {key, output(t, dir, "openssl pkcs12 -export -inkey k -in cert -passout pass:x", nil), 0, "PKCS #12", "-nokeys"},
		"empty":              {key, []byte("\n"), 0, "empty", "remove"},
		"broken":             {key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30, 0}}), 0, "malformed", "openssl x509"},
		"PKCS #7 of no kind": {key, pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: []byte{0x30, 0}}), 0, "PKCS #7", "openssl pkcs7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string][]byte{keyFile: tt.key}
			if tt.file != nil {
				files[certFile] = tt.file
			}
			id, err := Load(folderWith(t, files), formName)
			if tt.refused == "" {
				if err != nil || id.Certificate.Subject.CommonName != "alice" || len(id.Chain) != tt.chain || id.CertFile == "" {
					t.Errorf("Load = %+v, %v", id, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.refused) || !strings.Contains(Hint(err), tt.hint) {
				t.Errorf("Load = %v (hint %q), want %q (hint %q)", err, Hint(err), tt.refused, tt.hint)
			}
		})
	}
}

// TestUnsupportedAlgorithms: the algorithm of a PKCS #8 key is named.
func TestUnsupportedAlgorithms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		oid  asn1.ObjectIdentifier
		want string
	}{
		{asn1.ObjectIdentifier{1, 3, 101, 111}, "a private X448 key, which is for encryption only; "},
		{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 1}, "a private ML-KEM-512 key, which is for encryption only; "},
		{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 18}, "a private key that is malformed"},
		{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 31}, "a private SLH-DSA-SHAKE-256f key; "},
		{asn1.ObjectIdentifier{1, 2, 3, 4}, "a private key of the unknown algorithm 1.2.3.4; "},
	} {
		der, err := asn1.Marshal(struct {
			Version   int
			Algorithm pkix.AlgorithmIdentifier
			Key       []byte
		}{Algorithm: pkix.AlgorithmIdentifier{Algorithm: tt.oid}, Key: []byte{1}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = readKeyFile(der, new(secrets)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("readKeyFile = %v, want %q", err, tt.want)
		}
	}
	if _, err := readKeyFile([]byte("\x30\x0a\x02\x01\x00\x30\x02\x06\x00\x04\x01\x00"), new(secrets)); err == nil || !strings.Contains(err.Error(), "malformed") {
		t.Errorf("readKeyFile of a key without algorithm = %v", err)
	}
}

// TestHugeKey: a key that would cost hours is not looked into.
func TestHugeKey(t *testing.T) {
	t.Parallel()
	huge := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: make([]byte, maxKey+1)})
	if _, err := readKeyFile(huge, new(secrets)); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("key file: %v", err)
	}
	if _, err := Import(t.TempDir(), "a@example.org", []File{{"key", huge}}, ImportOptions{}); err == nil || !strings.Contains(err.Error(), "too large") || Hint(err) == "" {
		t.Errorf("import: %v", err)
	}
}
