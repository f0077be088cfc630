package ca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender/identity"
	"dnseal/smime/certificate"
)

func testKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// testRequest makes a request as DER.
func testRequest(tb testing.TB, key crypto.Signer, csr x509.CertificateRequest) []byte {
	tb.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &csr, key)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func encodePEM(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

func mailRequest(tb testing.TB) []byte {
	tb.Helper()
	return testRequest(tb, testKey(tb), x509.CertificateRequest{EmailAddresses: []string{"alice@example.org"}})
}

func TestReadRequest(t *testing.T) {
	t.Parallel()
	utf8Name, err := certificate.SMTPUTF8AltName("jörg@example.org")
	if err != nil {
		t.Fatal(err)
	}
	der := mailRequest(t)
	tests := []struct {
		what string
		data []byte
		name string
		kind identity.Kind
	}{
		{"DER", der, "alice@example.org", identity.Mail},
		{"PEM", encodePEM("CERTIFICATE REQUEST", der), "alice@example.org", identity.Mail},
		{"PEM of others", append([]byte("\ufeffSubject: alice\n"), encodePEM("NEW CERTIFICATE REQUEST", der)...), "alice@example.org", identity.Mail},
		{"after a key", append(encodePEM("EC PARAMETERS", []byte{6, 0}), encodePEM("CERTIFICATE REQUEST", der)...), "alice@example.org", identity.Mail},
		{"a device", testRequest(t, testKey(t), x509.CertificateRequest{DNSNames: []string{"Sensor7._device.Example.org"}}), "sensor7._device.example.org", identity.Device},
		{"UTF-8", testRequest(t, testKey(t), x509.CertificateRequest{ExtraExtensions: []pkix.Extension{utf8Name}}), "jörg@example.org", identity.Mail},
		{"no name", testRequest(t, testKey(t), x509.CertificateRequest{Subject: pkix.Name{CommonName: "alice@example.org"}}), "", ""},
		{"the name twice", testRequest(t, testKey(t), x509.CertificateRequest{EmailAddresses: []string{"alice@example.org", "alice@EXAMPLE.org"}}), "alice@example.org", identity.Mail},
		{"an address in the subject", testRequest(t, testKey(t), x509.CertificateRequest{
			Subject:        pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "eve@example.org"}}},
			EmailAddresses: []string{"alice@example.org"},
		}), "alice@example.org", identity.Mail},
	}
	for _, tt := range tests {
		r, err := ReadRequest(tt.data)
		if err != nil || r.Name != tt.name || r.Kind != tt.kind || len(r.LeftOut) > 0 {
			t.Errorf("%s: %+v, %v", tt.what, r, err)
		}
	}
}

// extension asks for a value, which is DER or text of asn1.Marshal.
func extension(tb testing.TB, id asn1.ObjectIdentifier, critical bool, value any) pkix.Extension {
	tb.Helper()
	der, ok := value.([]byte)
	if !ok {
		var err error
		if der, err = asn1.Marshal(value); err != nil {
			tb.Fatal(err)
		}
	}
	return pkix.Extension{Id: id, Critical: critical, Value: der}
}

func usage(bits byte) asn1.BitString { return asn1.BitString{Bytes: []byte{bits}, BitLength: 8} }

func TestReadRequestRefuses(t *testing.T) {
	t.Parallel()
	der := mailRequest(t)
	changed := bytes.Clone(der)
	changed[bytes.Index(changed, []byte("alice@"))] ^= 0x20
	asks := func(exts ...pkix.Extension) []byte {
		t.Helper()
		return testRequest(t, testKey(t), x509.CertificateRequest{EmailAddresses: []string{"alice@example.org"}, ExtraExtensions: exts})
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		what string
		data []byte
		want string
	}{
		{"nothing", nil, "no certificate request"},
		{"text", []byte("hello"), "no certificate request"},
		{"a certificate", encodePEM("CERTIFICATE", der), "no certificate request"},
		{"cut", encodePEM("CERTIFICATE REQUEST", der)[:100], "cut off or damaged"},
		{"broken DER", der[:len(der)-3], "cannot be read"},
		{"more after it", append(bytes.Clone(der), 0), "cannot be read"},
		{"too long", make([]byte, MaxRequest+1), "more than 65536 octets"},
		{"another name than signed", changed, "signature of the request"},
		{"short RSA", testRequest(t, small, x509.CertificateRequest{EmailAddresses: []string{"alice@example.org"}}), "RSA of 1024 bits"},
		{"P-224", testRequest(t, p224, x509.CertificateRequest{EmailAddresses: []string{"alice@example.org"}}), "P-224"},
		{"small order", smallOrderRequest(t), "small order"},
		{"two names", testRequest(t, testKey(t), x509.CertificateRequest{EmailAddresses: []string{"alice@example.org", "bob@example.org"}}), "2 names"},
		{"mail and DNS", testRequest(t, testKey(t), x509.CertificateRequest{EmailAddresses: []string{"alice@example.org"}, DNSNames: []string{"example.org"}}), "2 names"},
		{"wildcard", testRequest(t, testKey(t), x509.CertificateRequest{DNSNames: []string{"*.example.org"}}), "neither a mail address nor"},
		{"no address", testRequest(t, testKey(t), x509.CertificateRequest{EmailAddresses: []string{"alice"}}), "no mail address and no DNS name"},
		{"an IP address", testRequest(t, testKey(t), x509.CertificateRequest{DNSNames: []string{"a.example.org"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)}}), "IP address or a URI"},
		{"a URI", testRequest(t, testKey(t), x509.CertificateRequest{URIs: []*url.URL{{Scheme: "spiffe", Host: "example.org"}}}), "IP address or a URI"},
		{"a CA", asks(extension(t, oidBasicConstraints, true, struct{ CA bool }{true})), "certificate of a CA"},
		{"a CA, malformed", asks(extension(t, oidBasicConstraints, false, []byte{0x30, 0x05, 0x01})), "certificate of a CA"},
		{"keyCertSign", asks(extension(t, oidKeyUsage, true, usage(0x84))), "signs certificates"},
		{"only encryption", asks(extension(t, oidKeyUsage, true, usage(0x20))), "does not sign"},
		{"key usage, malformed", asks(extension(t, oidKeyUsage, true, []byte{1})), "cannot be read"},
		{"unknown and critical", asks(extension(t, asn1.ObjectIdentifier{1, 2, 3, 4}, true, 1)), "critical extension 1.2.3.4"},
		{"name constraints", asks(extension(t, oidNameConstraints, true, []byte{0x30, 0})), "critical extension 2.5.29.30"},
	}
	for _, tt := range tests {
		r, err := ReadRequest(tt.data)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %+v, %v, want %q", tt.what, r, err, tt.want)
		}
	}
}

// smallOrderRequest is a request of the neutral element, under which a signature of R = the neutral
// element and S = 0 holds for any message.
func smallOrderRequest(tb testing.TB) []byte {
	tb.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	der := testRequest(tb, key, x509.CertificateRequest{EmailAddresses: []string{"alice@example.org"}})
	neutral := append([]byte{1}, make([]byte, 31)...)
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		tb.Fatal("no Ed25519 key")
	}
	der = bytes.Replace(der, public, neutral, 1)
	copy(der[len(der)-64:], append(neutral, make([]byte, 32)...))
	return der
}

// TestLeftOut: what is not certified is said, and not in the certificate.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	a := newCA(t, t.TempDir(), "example.org", Options{})
	r, err := ReadRequest(testRequest(t, testKey(t), x509.CertificateRequest{
		Subject:        pkix.Name{CommonName: "Eve", Organization: []string{"Evil"}},
		EmailAddresses: []string{"alice@example.org"},
		ExtraExtensions: []pkix.Extension{
			extension(t, asn1.ObjectIdentifier{1, 2, 3, 4}, false, 1),
			extension(t, oidKeyUsage, true, usage(0xf8)), // all of 0 to 4
			extension(t, oidBasicConstraints, true, struct{}{}),
		},
	}))
	if err != nil || len(r.LeftOut) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	c, err := a.Issue(t.Context(), r, IssueOptions{Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject.String() != "CN=alice@example.org" || c.BasicConstraintsValid || c.KeyUsage != x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment|x509.KeyUsageKeyAgreement {
		t.Errorf("%s, %v, %v", c.Subject, c.BasicConstraintsValid, c.KeyUsage)
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{1, 2, 3, 4}) {
			t.Error("an extension that the CA does not know was copied")
		}
	}
}

// TestRequestPrograms: requests of openssl, certtool and gpgsm become certificates that openssl and
// certtool find right.
func TestRequestPrograms(t *testing.T) {
	t.Parallel()
	const san = "subjectAltName=email:alice@example.org"
	tests := []struct {
		what, program string
		args          []string
		refused       string
	}{
		{"P-384", "openssl", []string{"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-keyout", "k", "-out", "csr", "-subj", "/CN=x", "-addext", san}, ""},
		{"RSA", "openssl", []string{"req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "k", "-outform", "DER", "-out", "csr", "-subj", "/O=x/emailAddress=eve@evil.example", "-addext", san, "-addext", "keyUsage=critical,digitalSignature,keyEncipherment"}, ""},
		{"RSASSA-PSS signature", "openssl", []string{"req", "-new", "-newkey", "rsa:2048", "-nodes", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest", "-keyout", "k", "-out", "csr", "-subj", "/CN=x", "-addext", san}, ""},
		{"RSASSA-PSS, long salt", "openssl", []string{"req", "-new", "-newkey", "rsa:2048", "-nodes", "-sigopt", "rsa_padding_mode:pss", "-keyout", "k", "-out", "csr", "-subj", "/CN=x", "-addext", san}, "algorithm that is not supported"},
		{"Ed25519", "openssl", []string{"req", "-new", "-newkey", "ed25519", "-nodes", "-keyout", "k", "-out", "csr", "-subj", "/CN=x", "-addext", san}, ""},
		{"RSASSA-PSS key", "openssl", []string{"req", "-new", "-newkey", "rsa-pss", "-nodes", "-keyout", "k", "-out", "csr", "-subj", "/CN=x", "-addext", san}, "for RSASSA-PSS only"},
		{"secp256k1", "openssl", []string{"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1", "-nodes", "-keyout", "k", "-out", "csr", "-subj", "/CN=x", "-addext", san}, "elliptic curve"},
		{"a CA", "openssl", []string{"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k", "-out", "csr", "-subj", "/CN=x", "-addext", san, "-addext", "basicConstraints=critical,CA:TRUE"}, "certificate of a CA"},
		{"certtool", "certtool", []string{"--generate-request", "--load-privkey", "key.pem", "--template", "template", "--outfile", "csr"}, ""},
		{"gpgsm", "gpgsm", []string{"--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "0", "--armor", "--output", "csr", "--gen-key", "parameters"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			program := peertest.Program(t, tt.program)
			dir := requestFolder(t)
			cmd := exec.CommandContext(t.Context(), program, tt.args...)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "GNUPGHOME="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			data, err := os.ReadFile(filepath.Join(dir, "csr"))
			if err != nil {
				t.Fatal(err)
			}
			r, err := ReadRequest(data)
			if tt.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tt.refused) {
					t.Errorf("%v, want %q", err, tt.refused)
				}
				return
			}
			if err != nil || r.Name != "alice@example.org" {
				t.Fatalf("%+v, %v", r, err)
			}
			checkIssued(t, r)
		})
	}
}

// requestFolder holds what the programs want to find.
func requestFolder(t *testing.T) string {
	t.Helper()
	dir := peertest.ShortDir(t)
	key, err := x509.MarshalPKCS8PrivateKey(testKey(t))
	if err != nil {
		t.Fatal(err)
	}
	peertest.WriteFile(t, filepath.Join(dir, "key.pem"), string(encodePEM("PRIVATE KEY", key)))
	peertest.WriteFile(t, filepath.Join(dir, "template"), "cn = \"Alice\"\nemail = \"alice@example.org\"\nsigning_key\n")
	peertest.WriteFile(t, filepath.Join(dir, "gpg-agent.conf"), "allow-loopback-pinentry\n")
	peertest.WriteFile(t, filepath.Join(dir, "parameters"), "Key-Type: RSA\nKey-Length: 2048\nKey-Usage: sign, encrypt\nName-DN: CN=Alice\nName-Email: alice@example.org\n")
	t.Cleanup(func() {
		kill := exec.Command("gpgconf", "--kill", "all") // the test's context has ended
		kill.Env = append(os.Environ(), "GNUPGHOME="+dir)
		_ = kill.Run() // where there is no agent there is nothing to end
	})
	return dir
}

// checkIssued lets openssl and certtool verify what a CA makes of a request.
func checkIssued(t *testing.T, r *Request) {
	t.Helper()
	dir := t.TempDir()
	a, err := New(dir, "example.org", Options{})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.Issue(t.Context(), r, IssueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	caFile, leaf := filepath.Join(a.Folder, "cert.pem"), filepath.Join(dir, "leaf.pem")
	peertest.WriteFile(t, leaf, string(identity.EncodeCertificates(cert)))
	for _, args := range [][]string{
		{"openssl", "verify", "-x509_strict", "-purpose", "smimesign", "-CAfile", caFile, leaf},
		{"certtool", "--verify", "--load-ca-certificate", caFile, "--infile", leaf},
	} {
		if out, err := exec.CommandContext(t.Context(), peertest.Program(t, args[0]), args[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", args[0], err, out)
		}
	}
}

func FuzzReadRequest(f *testing.F) {
	f.Add(mailRequest(f))
	f.Add(encodePEM("CERTIFICATE REQUEST", mailRequest(f)))
	f.Add(smallOrderRequest(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ReadRequest(data)
		if err != nil {
			return
		}
		if r.Public == nil || r.Name == "" != (r.Kind == "") {
			t.Errorf("%+v", r)
		}
		if kind, name, err := identity.ParseName(r.Name); r.Name != "" && (err != nil || kind != r.Kind || name != r.Name) {
			t.Errorf("%q: %s %q, %v", r.Name, kind, name, err)
		}
	})
}
