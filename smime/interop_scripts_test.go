package smime_test

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/smime/cms/enveloped"
)

// script is a library of another language, through a program of testdata/interop.
type script struct {
	workshop
	interpreter []string
	// whole is set where it wants the message to sign with its header.
	whole bool
}

var (
	// errClearOnly is why a program does not sign in opaque form.
	errClearOnly = errors.New("does not sign in this form")
	// errNoImport is why a program does not sign with a key.
	errNoImport = errors.New("cannot import the key")
)

// startScript makes the start of a program, whose file is the first of args, from the name of its
// interpreter.
func startScript(interpreter, file string, whole bool, args ...string) func(*testing.T, string, map[string]*peerIdentity) mailProgram {
	return func(t *testing.T, root string, _ map[string]*peerIdentity) mailProgram {
		t.Helper()
		return newScript(t, root, interpreter, file, whole, args)
	}
}

func newScript(t *testing.T, root, interpreter, file string, whole bool, args []string) script {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "interop", file))
	must(t, err)
	s := script{workshop: workshop{root: root, dir: t.TempDir(), env: []string{"LC_ALL=C"}}, whole: whole}
	s.interpreter = append([]string{interpreter, s.write(t, file, text)}, args...)
	return s
}

func (s script) do(t *testing.T, args ...string) error {
	t.Helper()
	out, err := s.run(t, s.interpreter[0], append(s.interpreter[1:], args...)...)
	if err != nil {
		return errors.New(out)
	}
	return nil
}

func attachedWord(attached bool) string {
	if attached {
		return "attached"
	}
	return "detached"
}

// signMail has the script sign, and gives its message the header where it has none.
func (s script) signMail(t *testing.T, _ row, id *peerIdentity, opaque bool) ([]byte, error) {
	t.Helper()
	text := peerEntity
	if s.whole {
		if opaque {
			return nil, errClearOnly
		}
		text = peerMail
	}
	_ = os.Remove(filepath.Join(s.dir, "out"))
	err := s.do(t, "sign", s.write(t, "entity", []byte(text)), filepath.Join(s.dir, "out"), attachedWord(opaque), id.keyFile(), id.certFile())
	out, err := s.produced("out", err)
	if err != nil || s.whole {
		return withCRLF(out), err
	}
	return append([]byte(peerHeader), withCRLF(out)...), nil
}

func withCRLF(text []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

func (s script) verifyMail(t *testing.T, id *peerIdentity, text []byte) error {
	t.Helper()
	return s.do(t, "verify", s.write(t, "in", text), filepath.Join(id.dir, "ca.pem"))
}

// pkijs knows CMS only.
type pkijs struct{ script }

func newPKIjs(t *testing.T, root string, _ map[string]*peerIdentity) peer {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, "opt", "node_modules", "pkijs")); err != nil {
		t.Skip("skipped: pkijs was not to be had when the Debian 13 was made")
	}
	s := newScript(t, root, "node", "pkijs.mjs", false, nil)
	must(t, os.Symlink("/opt/node_modules", filepath.Join(s.dir, "node_modules")))
	return pkijs{s}
}

func (p pkijs) sign(t *testing.T, r row, ids []*peerIdentity, entity []byte, attached bool) ([]byte, error) {
	t.Helper()
	scheme := map[bool]string{true: "RSA-PSS", false: "RSASSA-PKCS1-v1_5"}[r.pss]
	switch {
	case strings.HasPrefix(ids[0].name, "p"):
		scheme = "ECDSA"
	case ids[0].name == "ed25519":
		scheme = "Ed25519"
	}
	err := p.do(t, "sign", p.write(t, "entity", entity), filepath.Join(p.dir, "out"), attachedWord(attached), ids[0].keyFile(), ids[0].certFile(), r.digest, scheme)
	return p.produced("out", err)
}

func (p pkijs) verify(t *testing.T, ids []*peerIdentity, der, entity []byte) error {
	t.Helper()
	content := "-"
	if entity != nil {
		content = p.write(t, "entity", entity)
	}
	return p.do(t, "verify", p.write(t, "in", der), content, filepath.Join(ids[0].dir, "ca.pem"))
}

// scriptOfCMS and scriptOfMail start programs of testdata/interop that encrypt.
func scriptOfCMS(interpreter, file string, args ...string) func(*testing.T, string, map[string]*peerIdentity) recipientPeer {
	return func(t *testing.T, root string, _ map[string]*peerIdentity) recipientPeer {
		t.Helper()
		return newScript(t, root, interpreter, file, false, args)
	}
}

func scriptOfMail(interpreter, file string, whole bool, args ...string) func(*testing.T, string, map[string]*peerIdentity) recipientPeer {
	return func(t *testing.T, root string, _ map[string]*peerIdentity) recipientPeer {
		t.Helper()
		return encryptsMail{newScript(t, root, interpreter, file, whole, args)}
	}
}

// encryptMail has the script encrypt an entity, or a message where it wants that.
func (s script) encryptMail(t *testing.T, r encryptionRow, id *encryptionIdentity, entity []byte) ([]byte, error) {
	t.Helper()
	if s.whole {
		if !r.byDefault() {
			return nil, errNoSuchForm
		}
		entity = append([]byte(peerHeader+"MIME-Version: 1.0\r\n"), entity...)
	}
	out, err := s.encrypt(t, r, id, entity)
	return withCRLF(out), err
}

func (s script) decryptMail(t *testing.T, id *encryptionIdentity, text []byte) ([]byte, error) {
	t.Helper()
	return s.decrypt(t, id, text)
}

func (s script) encrypt(t *testing.T, r encryptionRow, id *encryptionIdentity, text []byte) ([]byte, error) {
	t.Helper()
	if r.keyID || r.cipher == enveloped.ChaCha20Poly1305 {
		return nil, errNoSuchForm
	}
	cipher := cmp.Or(r.cipher, enveloped.AES128CBC)
	err := s.do(t, "encrypt", s.write(t, "text", text), filepath.Join(s.dir, "out"), id.keyFile(), id.certFile(), string(cipher))
	return s.produced("out", err)
}

func (s script) decrypt(t *testing.T, id *encryptionIdentity, text []byte) ([]byte, error) {
	t.Helper()
	err := s.do(t, "decrypt", s.write(t, "in", text), filepath.Join(s.dir, "plain"), id.keyFile(), id.certFile())
	return s.produced("plain", err)
}
