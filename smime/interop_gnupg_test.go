package smime_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// gnuPG is the program gpgsm, with a home of its own.
type gnuPG struct{ workshop }

// newGnuPG imports the keys that gpgsm can import: gpgsm 2.2 those of RSA.
func newGnuPG(t *testing.T, root string, ids map[string]*peerIdentity) peer {
	t.Helper()
	p := gnuPG{workshop{root: root, dir: t.TempDir(), stdin: "x\n"}}
	p.needs(t, "gpgsm", "gpg-agent", "gpgconf", "openssl")
	// The path of the agent's socket is at most 108 octets long, which that of t.TempDir may not
	// leave room for.
	home, err := os.MkdirTemp("", "dnseal") //nolint:usetesting // see above
	must(t, err)
	p.env = []string{"GNUPGHOME=" + home, "LC_ALL=C"}
	t.Cleanup(func() {
		// The agent that gpgsm started, and only that one, ends with its home. The test's context
		// is over by now.
		cmd := p.command(context.Background(), t, "gpgconf", "--kill", "gpg-agent")
		cmd.Env = append(os.Environ(), p.env...)
		if out, killed := cmd.CombinedOutput(); killed != nil {
			t.Errorf("gpgconf: %v: %s", killed, out)
		}
		_ = os.RemoveAll(home)
	})
	// A certificate that its own key signed is left out by default.
	writeBytes(t, filepath.Join(home, "gpgsm.conf"), []byte("include-certs 1\ndisable-crl-checks\ndisable-policy-checks\ndisable-dirmngr\n"))
	writeBytes(t, filepath.Join(home, "gpg-agent.conf"), []byte("allow-loopback-pinentry\ns2k-count 65536\npinentry-program "+filepath.Join(home, "pinentry")+"\n"))
	// Programs that sign through gpgsm do not hand it the passphrase.
	must(t, os.WriteFile(filepath.Join(home, "pinentry"), []byte(pinentry), 0o700))
	// An agent that gpgsm starts itself is given five seconds, which are not enough on a busy
	// machine. What the agent prints is not read: it would keep a pipe open.
	agent := p.command(t.Context(), t, "gpg-agent", "--daemon")
	agent.Env = append(os.Environ(), p.env...)
	must(t, agent.Run())
	p.trust(t, home, anchors(ids))
	for name, id := range ids {
		if strings.HasPrefix(name, "rsa") || root != "" && name != "ed25519" {
			must(t, p.importKey(t, id))
		}
	}
	return p
}

// trust imports certificates and puts them on the list of those that are trusted.
func (p gnuPG) trust(t *testing.T, home string, files []string) {
	t.Helper()
	var list strings.Builder
	for _, file := range files {
		out, err := p.run(t, "openssl", "x509", "-in", file, "-noout", "-fingerprint", "-sha1")
		must(t, err)
		_, fingerprint, _ := strings.Cut(strings.TrimSpace(out), "=")
		list.WriteString(fingerprint + " S relax\n")
		_, err = p.run(t, "gpgsm", "--batch", "--import", file)
		must(t, err)
	}
	writeBytes(t, filepath.Join(home, "trustlist.txt"), []byte(list.String()))
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

const pinentry = `#!/bin/sh
echo OK
while read -r request _; do
	[ "$request" != GETPIN ] || echo D x
	echo OK
done
`

func (p gnuPG) withPassphrase(args ...string) []string {
	return append([]string{"--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase-fd", "0"}, args...)
}

func (p gnuPG) sign(t *testing.T, r row, ids []*peerIdentity, entity []byte, attached bool) ([]byte, error) {
	t.Helper()
	how := "--detach-sign"
	if attached {
		how = "--sign"
	}
	args := p.withPassphrase("--digest-algo", strings.ToUpper(r.digest), "-u", ids[0].fingerprint(), how, "-o", "out", p.write(t, "entity", entity))
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
