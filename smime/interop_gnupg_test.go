package smime_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// gnuPG is the program gpgsm, with a home of its own.
type gnuPG struct{ workshop }

// newGnuPG imports the keys that gpgsm 2.2 can import, those of RSA.
func newGnuPG(t *testing.T, ids map[string]*peerIdentity) peer {
	t.Helper()
	for _, name := range []string{"gpgsm", "gpg-agent", "gpgconf", "openssl"} {
		peertest.Program(t, name)
	}
	p := gnuPG{workshop{dir: t.TempDir(), stdin: "x\n"}}
	// The path of the agent's socket is at most 108 octets long, which that of t.TempDir may not
	// leave room for.
	home, err := os.MkdirTemp("", "dnseal") //nolint:usetesting // see above
	must(t, err)
	p.env = []string{"GNUPGHOME=" + home, "LC_ALL=C"}
	t.Cleanup(func() {
		// The agent that gpgsm started, and only that one, ends with its home. The test's context
		// is over by now.
		cmd := exec.Command("gpgconf", "--kill", "gpg-agent")
		cmd.Env = append(os.Environ(), p.env...)
		if out, killed := cmd.CombinedOutput(); killed != nil {
			t.Errorf("gpgconf: %v: %s", killed, out)
		}
		_ = os.RemoveAll(home)
	})
	writeBytes(t, filepath.Join(home, "gpgsm.conf"), []byte("disable-crl-checks\ndisable-policy-checks\ndisable-dirmngr\n"))
	writeBytes(t, filepath.Join(home, "gpg-agent.conf"), []byte("allow-loopback-pinentry\ns2k-count 65536\n"))
	// An agent that gpgsm starts itself is given five seconds, which are not enough on a busy
	// machine. What the agent prints is not read: it would keep a pipe open.
	agent := exec.CommandContext(t.Context(), peertest.Program(t, "gpg-agent"), "--daemon")
	agent.Env = append(os.Environ(), p.env...)
	must(t, agent.Run())
	caFile := filepath.Join(ids["p256"].dir, "ca.pem")
	out, err := p.run(t, "openssl", "x509", "-in", caFile, "-noout", "-fingerprint", "-sha1")
	must(t, err)
	_, fingerprint, _ := strings.Cut(strings.TrimSpace(out), "=")
	writeBytes(t, filepath.Join(home, "trustlist.txt"), []byte(fingerprint+" S relax\n"))
	_, err = p.run(t, "gpgsm", "--batch", "--import", caFile)
	must(t, err)
	for name, id := range ids {
		if !strings.HasPrefix(name, "rsa") {
			continue
		}
		must(t, p.importKey(t, id))
	}
	return p
}

// importKey imports an identity by PKCS #12. gpgsm 2.2 derives a wrong key for one salt of 128
// (findings/gpgsm-pkcs12-salt.sh), so it gets another salt then.
func (p gnuPG) importKey(t *testing.T, id *peerIdentity) (err error) {
	t.Helper()
	for range 5 {
		_, err = p.run(t, "openssl", "pkcs12", "-export", "-legacy", "-in", id.certFile(), "-inkey", id.keyFile(), "-passout", "pass:x", "-out", "p12")
		must(t, err)
		if _, err = p.run(t, "gpgsm", p.withPassphrase("--import", "p12")...); err == nil {
			return nil
		}
	}
	return err
}

func (p gnuPG) withPassphrase(args ...string) []string {
	return append([]string{"--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase-fd", "0"}, args...)
}

func (p gnuPG) sign(t *testing.T, _ row, ids []*peerIdentity, entity []byte, attached bool) ([]byte, error) {
	t.Helper()
	how := "--detach-sign"
	if attached {
		how = "--sign"
	}
	args := p.withPassphrase("--digest-algo", "SHA256", "-u", ids[0].fingerprint(), how, "-o", "out", p.write(t, "entity", entity))
	_, err := p.run(t, "gpgsm", args...)
	return p.produced("out", err)
}

func (p gnuPG) verify(t *testing.T, ids []*peerIdentity, der, entity []byte) error {
	t.Helper()
	args := []string{"--batch", "--status-fd", "1", "--verify", p.write(t, "in", der)}
	if entity != nil {
		args = append(args, p.write(t, "entity", entity))
	}
	// The exit status also tells other things than the signature: its own words count.
	out, err := p.run(t, "gpgsm", args...)
	if strings.Count(out, "GOODSIG") == len(ids) && !strings.Contains(out, "BADSIG") {
		return nil
	}
	return errors.Join(fmt.Errorf("gpgsm: %s", out), err)
}
