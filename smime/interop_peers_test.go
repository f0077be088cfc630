package smime_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// peer is a CMS implementation of somebody else's.
type peer interface {
	// sign returns the SignedData over entity by ids, with it inside when attached.
	sign(t *testing.T, r row, ids []*peerIdentity, entity []byte, attached bool) ([]byte, error)
	// verify judges a SignedData, over entity where that is not nil. The certificates are those of
	// ids.
	verify(t *testing.T, ids []*peerIdentity, der, entity []byte) error
}

// workshop is a folder in which programs run, one job after the other.
type workshop struct {
	root  string // of another Debian; "" for this machine
	dir   string
	env   []string
	stdin string
}

// run runs a program in the folder. The error has what it printed.
func (w workshop) run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	cmd := w.command(t.Context(), t, name, args...)
	cmd.Env = append(os.Environ(), w.env...)
	cmd.Stdin = strings.NewReader(w.stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

func (w workshop) write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(w.dir, name)
	writeBytes(t, path, data)
	return path
}

// produced returns what a program wrote to the file, if it ended well.
func (w workshop) produced(name string, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(w.dir, name))
}

// must is for the setting up of a peer.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openSSL is the program openssl.
type openSSL struct{ workshop }

func newOpenSSL(t *testing.T, root string, _ map[string]*peerIdentity) peer {
	t.Helper()
	p := openSSL{workshop{root: root, dir: t.TempDir()}}
	p.needs(t, "openssl")
	return p
}

func (p openSSL) sign(t *testing.T, r row, ids []*peerIdentity, entity []byte, attached bool) ([]byte, error) {
	t.Helper()
	args := []string{"cms", "-sign", "-in", p.write(t, "entity", entity), "-binary", "-md", r.digest, "-outform", "DER", "-out", "out"}
	for _, id := range ids {
		args = append(args, "-signer", id.certFile(), "-inkey", id.keyFile())
	}
	if attached {
		args = append(args, "-nodetach")
	}
	if r.pss {
		args = append(args, "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest")
	}
	if r.bare {
		args = append(args, "-keyid", "-nocerts")
	} else {
		args = append(args, "-cades") // signingCertificateV2
	}
	_, err := p.run(t, "openssl", args...)
	return p.produced("out", err)
}

func (p openSSL) verify(t *testing.T, ids []*peerIdentity, der, entity []byte) error {
	t.Helper()
	args := []string{"cms", "-verify", "-inform", "DER", "-in", p.write(t, "in", der), "-binary", "-CAfile", filepath.Join(ids[0].dir, "ca.pem"), "-certfile", ids[0].certFile(), "-out", "out"}
	if entity != nil {
		args = append(args, "-content", p.write(t, "entity", entity))
	}
	_, err := p.run(t, "openssl", args...)
	return err
}

// gnuTLS is the program certtool.
type gnuTLS struct{ workshop }

func newGnuTLS(t *testing.T, root string, _ map[string]*peerIdentity) peer {
	t.Helper()
	p := gnuTLS{workshop{root: root, dir: t.TempDir()}}
	p.needs(t, "certtool")
	return p
}

func (p gnuTLS) sign(t *testing.T, r row, ids []*peerIdentity, entity []byte, attached bool) ([]byte, error) {
	t.Helper()
	how := "--p7-detached-sign"
	if attached {
		how = "--p7-sign"
	}
	_, err := p.run(t, "certtool", how, "--p7-time", "--hash", strings.ToUpper(r.digest), "--load-privkey", ids[0].keyFile(), "--load-certificate", ids[0].certFile(),
		"--infile", p.write(t, "entity", entity), "--outder", "--outfile", "out")
	return p.produced("out", err)
}

func (p gnuTLS) verify(t *testing.T, ids []*peerIdentity, der, entity []byte) error {
	t.Helper()
	args := []string{"--p7-verify", "--inder", "--load-ca-certificate", filepath.Join(ids[0].dir, "ca.pem"), "--infile", p.write(t, "in", der)}
	if entity != nil {
		args = append(args, "--load-data", p.write(t, "entity", entity))
	}
	_, err := p.run(t, "certtool", args...)
	return err
}

// nss is the programs certutil, pk12util and cmsutil, with a database of their own.
type nss struct{ workshop }

func newNSS(t *testing.T, root string, ids map[string]*peerIdentity) peer {
	t.Helper()
	p := nss{workshop{root: root, dir: t.TempDir()}}
	p.needs(t, "certutil", "pk12util", "cmsutil", "openssl")
	_, err := p.run(t, "certutil", "-N", "-d", "sql:.", "--empty-password")
	must(t, err)
	for _, file := range anchors(ids) {
		// Where a certificate is its own anchor the folder has the name of the identity, and
		// NSS wants it trusted as that of a peer.
		name, trust := filepath.Base(filepath.Dir(file)), "P,P,P"
		if ids[name] == nil {
			trust = "CT,C,C"
		}
		_, err = p.run(t, "certutil", "-A", "-d", "sql:.", "-n", name, "-t", trust, "-i", file)
		must(t, err)
	}
	for name, id := range ids {
		if name == "ed25519" {
			continue // it cannot be imported
		}
		_, err = p.run(t, "openssl", "pkcs12", "-export", "-in", id.certFile(), "-inkey", id.keyFile(), "-passout", "pass:x", "-name", name, "-out", "p12")
		must(t, err)
		_, err = p.run(t, "pk12util", "-i", "p12", "-d", "sql:.", "-W", "x", "-K", "")
		must(t, err)
	}
	return p
}

func (p nss) sign(t *testing.T, r row, ids []*peerIdentity, entity []byte, attached bool) ([]byte, error) {
	t.Helper()
	if ids[0].name == "ed25519" {
		return nil, errNoImport
	}
	args := []string{"-S", "-d", "sql:.", "-N", ids[0].name, "-G", "-P", "-H", strings.ToUpper(r.digest), "-i", p.write(t, "entity", entity), "-o", "out"}
	if !attached {
		args = append(args, "-T")
	}
	_, err := p.run(t, "cmsutil", args...)
	return p.produced("out", err)
}

func (p nss) verify(t *testing.T, ids []*peerIdentity, der, entity []byte) error {
	t.Helper()
	args := []string{"-D", "-d", "sql:.", "-i", p.write(t, "in", der), "-n", "-u", "4", "-h", "1"}
	if entity != nil {
		args = append(args, "-c", p.write(t, "entity", entity))
	}
	// With -h the exit status is 0 whatever the signature is.
	out, err := p.run(t, "cmsutil", args...)
	if err == nil && strings.Count(out, "status=GoodSignature") == len(ids) && strings.Count(out, "status=") == len(ids) {
		return nil
	}
	return errors.Join(fmt.Errorf("cmsutil: %s", out), err)
}
