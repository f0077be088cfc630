package identity

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/smime/cms"
)

const (
	genPSS = "openssl genpkey -algorithm RSA-PSS"
	ofMail = " -addext subjectAltName=email:" + formName + " -addext extendedKeyUsage=emailProtection"
)

// signAs signs a text as the identity, in a folder with the files "text" and "signed" (DER,
// detached). The signature verifies, and its algorithm is want.
func signAs(tb testing.TB, id *Identity, want string) (dir string) {
	tb.Helper()
	text := []byte("signed by an identity\r\n")
	der, err := cms.Sign(bytes.NewReader(text), cms.SignOptions{Signers: []cms.Signer{id.Signer()}, Certificates: append(id.Chain, id.Certificate), Time: time.Now()})
	if err != nil {
		tb.Fatal(err)
	}
	sd, err := cms.Read(bytes.NewReader(der), nil)
	if err != nil {
		tb.Fatal(err)
	}
	d := sd.Digests()
	if _, err = d.Write(text); err != nil {
		tb.Fatal(err)
	}
	pub, err := cms.PublicKey(id.Certificate)
	if err != nil {
		tb.Fatal(err)
	}
	if err := sd.Signers[0].Verify(d, pub); err != nil {
		tb.Error(err)
	}
	if got := sd.Signers[0].AlgorithmWith(pub); got != want {
		tb.Errorf("the signature is by %s, want %s", got, want)
	}
	dir = tb.TempDir()
	for name, data := range map[string][]byte{"text": text, "signed": der, "trusted": encodeCertificate(id.Certificate)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// TestPSSKeys: a key that is for RSASSA-PSS only signs as its parameters allow, and openssl and
// certtool accept the signature (RFC 4055, Section 3.3).
func TestPSSKeys(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	peertest.Program(t, "certtool")
	for name, tt := range map[string]struct{ command, algorithm string }{
		"any":             {genPSS, "rsa-pss-sha256"},
		"SHA-256":         {genPSS + " -pkeyopt rsa_pss_keygen_md:sha256 -pkeyopt rsa_pss_keygen_mgf1_md:sha256", "rsa-pss-sha256"},
		"SHA-512":         {genPSS + " -pkeyopt rsa_pss_keygen_md:sha512 -pkeyopt rsa_pss_keygen_mgf1_md:sha512 -pkeyopt rsa_pss_keygen_saltlen:64", "rsa-pss-sha512"},
		"a long salt":     {genPSS + " -pkeyopt rsa_pss_keygen_md:sha384 -pkeyopt rsa_pss_keygen_mgf1_md:sha384 -pkeyopt rsa_pss_keygen_saltlen:140", "rsa-pss-sha384"},
		"certtool":        {"certtool --generate-privkey --key-type rsa-pss --bits 2048", "rsa-pss-sha256"},
		"certtool SHA384": {"certtool --generate-privkey --key-type rsa-pss --bits 2048 --hash SHA384 --salt-size 48", "rsa-pss-sha384"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := output(t, "", tt.command, nil)
			cert := output(t, "", "openssl req -new -x509 -subj /CN=alice -key /dev/stdin"+ofMail, key)
			id, err := Load(folderWith(t, map[string][]byte{keyFile: key, certFile: cert}), formName)
			if err != nil || !id.PSS {
				t.Fatalf("Load = %+v, %v", id, err)
			}
			dir := signAs(t, id, tt.algorithm)
			output(t, dir, "openssl cms -verify -binary -inform DER -in signed -content text -CAfile trusted", nil)
			// certtool 3.7 refuses what it makes itself by another digest
			if tt.algorithm == "rsa-pss-sha256" {
				output(t, dir, "certtool --p7-verify --inder --infile signed --load-data text --load-ca-certificate trusted", nil)
			}
			// The record of a raw key is of the same octets as that of its certificate, where the
			// same program wrote both.
			if strings.HasPrefix(tt.command, "certtool") {
				return
			}
			raw, err := Load(folderWith(t, map[string][]byte{keyFile: key}), formName)
			if err != nil {
				t.Fatal(err)
			}
			if spki, err := raw.SPKI(); err != nil || !bytes.Equal(spki, id.Certificate.RawSubjectPublicKeyInfo) {
				t.Errorf("the raw key's SPKI is %x, %v", spki, err)
			}
		})
	}
}

// TestSaltTooLong: no signature can have the salt that the key asks for.
func TestSaltTooLong(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	const ofSHA256 = genPSS + " -pkeyopt rsa_pss_keygen_md:sha256 -pkeyopt rsa_pss_keygen_mgf1_md:sha256 -pkeyopt rsa_pss_keygen_saltlen:"
	// RFC 8017, Section 9.1.1: 256 octets hold digest, salt and two more.
	for salt, fits := range map[string]bool{"222": true, "223": false} {
		_, err := Load(folderWith(t, map[string][]byte{keyFile: output(t, "", ofSHA256+salt, nil)}), formName)
		if (err == nil) != fits || err != nil && Hint(err) == "" {
			t.Errorf("salt of %s octets: %v (hint %q)", salt, err, Hint(err))
		}
	}
}

// TestCAKeepsScheme: an identity signs on as it did when its certificate is replaced by a CA's,
// whatever the CA signs with.
func TestCAKeepsScheme(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	for _, tt := range []struct{ algorithm, command, want string }{
		{"rsa2048-pss", "", "rsa-pss-sha256"},
		{"rsa2048", "", "rsa-sha256"},
		{"p256", "", "ecdsa-p256-sha256"},
		{"", genPSS, "rsa-pss-sha256"},
	} {
		for _, padding := range []string{"pkcs1", "pss"} {
			t.Run(tt.algorithm+padding, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				folder := filepath.Join(dir, formName)
				if tt.command == "" {
					if _, err := Create(dir, formName, CreateOptions{Algorithm: tt.algorithm}); err != nil {
						t.Fatal(err)
					}
				} else {
					dir = folderWith(t, map[string][]byte{keyFile: output(t, "", tt.command, nil)})
					folder = filepath.Join(dir, formName)
				}
				output(t, folder, "openssl req -new -subj /CN=alice -key key.pem -out csr"+ofMail, nil)
				output(t, folder, "openssl req -new -x509 -newkey rsa:2048 -noenc -subj /CN=CA -keyout ca.key -out ca", nil)
				output(t, folder, "openssl x509 -req -in csr -copy_extensions copy -CA ca -CAkey ca.key -sigopt rsa_padding_mode:"+padding+" -out cert.pem", nil)
				id, err := Load(dir, formName)
				if err != nil {
					t.Fatal(err)
				}
				signed := signAs(t, id, tt.want)
				output(t, signed, "openssl cms -verify -binary -inform DER -in signed -content text -CAfile "+filepath.Join(folder, "ca"), nil)
			})
		}
	}
}

// TestCertificateForPSSOnly: the certificate's SubjectPublicKeyInfo chooses the scheme of a key
// that is for both, and restricts one that is not restricted.
func TestCertificateForPSSOnly(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	const restricted = genPSS + " -pkeyopt rsa_pss_keygen_md:sha384 -pkeyopt rsa_pss_keygen_mgf1_md:sha384"
	key := output(t, "", restricted, nil)
	cert := output(t, "", "openssl req -new -x509 -subj /CN=alice -key /dev/stdin"+ofMail, key)
	for _, plain := range [][]byte{
		output(t, "", "openssl rsa -traditional", key), // RSA-PSS PRIVATE KEY
		output(t, "", "openssl rsa -inform DER", output(t, "", "openssl rsa -traditional -outform DER", key)),
	} {
		id, err := Load(folderWith(t, map[string][]byte{keyFile: plain, certFile: cert}), formName)
		if err != nil || !id.PSS {
			t.Fatalf("Load = %+v, %v", id, err)
		}
		signAs(t, id, "rsa-pss-sha384")
	}
}
