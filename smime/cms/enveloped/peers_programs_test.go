package enveloped

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
)

// newSelfSigned is a person whose certificate is by her own key, as programs with a trust store of
// their own want it.
func newSelfSigned(t *testing.T, name string) person {
	t.Helper()
	private := testKey(t, name)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "alice@example.org"}, EmailAddresses: []string{"alice@example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.(crypto.Signer).Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return person{Key{Private: private, Certificate: cert}, cert.PublicKey}
}

// decryptsPeer decrypts what a peer wrote to a file.
func decryptsPeer(t *testing.T, dir, name string, key Key, what string) {
	t.Helper()
	var out strings.Builder
	got, err := Decrypt(bytes.NewReader(readFile(t, dir, name)), &out, DecryptOptions{Keys: []Key{key}})
	if err != nil || out.String() != testContent {
		t.Errorf("%s: %q, %+v, %v", what, out.String(), got, err)
	}
}

// TestNSS: cmsutil decrypts what is written for an RSA key, and the other way round.
func TestNSS(t *testing.T) {
	t.Parallel()
	dir, p := t.TempDir(), newSelfSigned(t, "rsa2048")
	writePerson(t, dir, "rsa", p)
	writeFile(t, dir, "body", []byte(testContent))
	mustPeer(t, dir, "certutil", "-N", "-d", "sql:.", "--empty-password")
	mustPeer(t, dir, "certutil", "-A", "-d", "sql:.", "-n", "alice", "-t", "CTP,CTP,CTP", "-i", "rsa.pem")
	mustPeer(t, dir, "openssl", "pkcs12", "-export", "-in", "rsa.pem", "-inkey", "rsa.key", "-passout", "pass:x", "-name", "alice", "-out", "p12")
	mustPeer(t, dir, "pk12util", "-i", "p12", "-d", "sql:.", "-W", "x", "-K", "")

	mustPeer(t, dir, "cmsutil", "-E", "-d", "sql:.", "-r", "alice@example.org", "-i", "body", "-o", "out")
	decryptsPeer(t, dir, "out", p.Key, "cmsutil -E")
	for _, c := range []Cipher{AES128CBC, AES256CBC} {
		to := []Recipient{{Certificate: newPerson(t, "rsa3072", 3).Certificate}, {Certificate: p.Certificate}}
		writeFile(t, dir, "in", mustEncrypt(t, testContent, EncryptOptions{Recipients: to, Cipher: c}))
		mustPeer(t, dir, "cmsutil", "-D", "-d", "sql:.", "-i", "in", "-o", "plain")
		if got := readFile(t, dir, "plain"); string(got) != testContent {
			t.Errorf("cmsutil -D, %s: %q", c, got)
		}
	}
}

// TestGnuPG: gpgsm decrypts what is written for an RSA key, and the other way round.
func TestGnuPG(t *testing.T) {
	t.Parallel()
	dir, p := t.TempDir(), newSelfSigned(t, "rsa2048")
	writePerson(t, dir, "rsa", p)
	writeFile(t, dir, "body", []byte(testContent))
	// The path of the agent's socket is at most 108 octets long, which that of t.TempDir may not
	// leave room for.
	home, err := os.MkdirTemp("", "dnseal") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	gpg := func(ctx context.Context, name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, peertest.Program(t, name), args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader("x\n")
		cmd.Env = append(os.Environ(), "GNUPGHOME="+home, "LC_ALL=C")
		return cmd
	}
	t.Cleanup(func() {
		// The agent that gpgsm started, and only that one, ends with its home. The test's context
		// is over by now.
		if out, killed := gpg(context.Background(), "gpgconf", "--kill", "gpg-agent").CombinedOutput(); killed != nil {
			t.Errorf("gpgconf: %v: %s", killed, out)
		}
		_ = os.RemoveAll(home)
	})
	writeFile(t, home, "gpgsm.conf", []byte("disable-crl-checks\ndisable-policy-checks\ndisable-dirmngr\n"))
	writeFile(t, home, "gpg-agent.conf", []byte("allow-loopback-pinentry\ns2k-count 65536\n"))
	fingerprint, err := peer(t, dir, "openssl", "x509", "-in", "rsa.pem", "-noout", "-fingerprint", "-sha1")
	if err != nil {
		t.Fatal(err)
	}
	_, colons, _ := strings.Cut(strings.TrimSpace(string(fingerprint)), "=")
	writeFile(t, home, "trustlist.txt", []byte(colons+" S relax\n"))
	// An agent that gpgsm starts itself is given five seconds, which are not enough on a busy
	// machine.
	if err = gpg(t.Context(), "gpg-agent", "--daemon").Run(); err != nil {
		t.Fatal(err)
	}
	withPassphrase := []string{"--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase-fd", "0"}
	run := func(args ...string) error {
		out, failed := gpg(t.Context(), "gpgsm", append(withPassphrase, args...)...).CombinedOutput()
		if failed != nil {
			t.Logf("gpgsm %q: %s", args, out)
		}
		return failed
	}
	// gpgsm 2.2 derives a wrong key for one salt of 128, so it gets another one then.
	for range 5 {
		mustPeer(t, dir, "openssl", "pkcs12", "-export", "-legacy", "-in", "rsa.pem", "-inkey", "rsa.key", "-passout", "pass:x", "-out", "p12")
		if err = run("--import", "p12"); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := run("-r", strings.ReplaceAll(colons, ":", ""), "-o", "out", "--encrypt", "body"); err != nil {
		t.Fatal(err)
	}
	decryptsPeer(t, dir, "out", p.Key, "gpgsm --encrypt")
	for _, c := range []Cipher{AES128CBC, AES256CBC} {
		to := []Recipient{{Certificate: newPerson(t, "p256", 3).Certificate}, {Certificate: p.Certificate}}
		writeFile(t, dir, "in", mustEncrypt(t, testContent, EncryptOptions{Recipients: to, Cipher: c}))
		if err := run("-o", "plain", "--decrypt", "in"); err != nil {
			t.Errorf("gpgsm --decrypt, %s: %v", c, err)
		} else if got := readFile(t, dir, "plain"); string(got) != testContent {
			t.Errorf("gpgsm --decrypt, %s: %q", c, got)
		}
	}
}

// TestBouncyCastle: Bouncy Castle decrypts what is written for RSA and elliptic curves, under CBC
// and GCM, and the other way round.
func TestBouncyCastle(t *testing.T) {
	if os.Getenv("DNSEAL_PEERS") != "required" {
		t.Skip("skipped: Bouncy Castle has its turn with DNSEAL_PEERS=required")
	}
	t.Parallel()
	var jars []string
	for _, jar := range []string{"bcprov.jar", "bcutil.jar", "bcpkix.jar"} {
		path := filepath.Join("/usr/share/java", jar)
		if _, err := os.Stat(path); err != nil {
			peertest.Missing(t, path)
		}
		jars = append(jars, path)
	}
	dir, people := peerFolder(t, peerKeys...)
	source, err := filepath.Abs(filepath.Join("testdata", "interop", "BouncyCastle.java"))
	if err != nil {
		t.Fatal(err)
	}
	do := bouncyCastle(t, dir, strings.Join(jars, ":"), source)
	for _, name := range peerKeys {
		ways := []string{"ecdh"}
		if strings.HasPrefix(name, "rsa") {
			ways = []string{"rsa", "oaep", "skid"}
		}
		for _, c := range []Cipher{AES128CBC, AES256CBC, AES128GCM, AES256GCM} {
			for _, way := range ways {
				what := fmt.Sprintf("%s, %s, %s", name, way, c)
				if answer := do("encrypt", "body", "out", string(c), way, name+".pem"); answer != "ok" {
					t.Errorf("%s: encrypt: %s", what, answer)
				} else {
					decryptsPeer(t, dir, "out", people[name].Key, what)
				}
				r := Recipient{Certificate: people[name].Certificate, OAEP: way == "oaep", ByKeyIdentifier: way == "skid"}
				writeFile(t, dir, "in", mustEncrypt(t, testContent, EncryptOptions{Recipients: []Recipient{r}, Cipher: c}))
				if answer := do("decrypt", "in", "plain", name+".key"); answer != "ok" {
					t.Errorf("%s: decrypt: %s", what, answer)
				} else if got := readFile(t, dir, "plain"); string(got) != testContent {
					t.Errorf("%s: decrypt: %q", what, got)
				}
			}
		}
	}
}

// bouncyCastle starts the Java program, which does one job after the other: starting it takes
// seconds. Names of files are those in dir.
func bouncyCastle(t *testing.T, dir, jars, source string) func(job ...string) string {
	t.Helper()
	// It ends with its input, not with the test's context, which is over by the time of Cleanup.
	cmd := exec.CommandContext(context.Background(), peertest.Program(t, "java"), "-cp", jars, source)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	jobs, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = jobs.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("java: %v", err)
		}
	})
	lines := bufio.NewScanner(answers)
	return func(job ...string) string {
		if _, err := io.WriteString(jobs, strings.Join(job, "\t")+"\n"); err != nil {
			return err.Error()
		}
		if !lines.Scan() {
			return "no answer"
		}
		return lines.Text()
	}
}
