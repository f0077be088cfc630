//go:build unix && (!submit || tpm)

package tpm

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// der is the contents of the PEM block, which encode writes of loadable keys only.
func (f *keyFile) der(tb testing.TB) []byte {
	tb.Helper()
	block, _ := pem.Decode(f.encode())
	return block.Bytes
}

// openFile is Open of a key file that need not have a PEM form.
func openFile(tb testing.TB, f *keyFile, socket string) (*Key, error) {
	tb.Helper()
	public, err := f.signingKey()
	if err != nil {
		tb.Fatal(err)
	}
	k := &Key{file: f, public: public, device: deviceAt(socket), limit: time.Minute}
	return k, k.device.use(k.limit, func(c *connection) error { return c.load(k) })
}

// TestRSAParent: a key below an RSA storage key is found also where the file does not say so.
func TestRSAParent(t *testing.T) {
	t.Parallel()
	socket := peertest.SWTPM(t)
	template, err := templateOf("p256")
	if err != nil {
		t.Fatal(err)
	}
	f := &keyFile{emptyAuth: true, parent: handleOwner}
	err = deviceAt(socket).use(time.Minute, func(c *connection) error {
		parent, flush, failed := c.parent(handleOwner, true)
		if failed != nil {
			return failed
		}
		defer flush()
		made, failed := tpm2.Create{ParentHandle: parent, InPublic: tpm2.New2B(template)}.Execute(c)
		if failed == nil {
			f.public, f.private = tpm2.Marshal(made.OutPublic), tpm2.Marshal(made.OutPrivate)
		}
		return failed
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f.rsaParent = range []bool{false, true} {
		k, failed := openFile(t, f, socket)
		if failed != nil {
			t.Fatalf("rsaParent %t: %v", f.rsaParent, failed)
		}
		checkSignatures(t, k)
	}
	// A handle that is neither a hierarchy nor persistent.
	f.parent = 0x40000123
	if _, err = Open(f.der(t), Options{Device: socket}); err == nil || !strings.Contains(err.Error(), "neither a hierarchy nor persistent") {
		t.Errorf("another parent: %v", err)
	}
	checkEmpty(t, socket)
}

// TestImportable: a key that was made elsewhere for this TPM, here without encryption for the way.
func TestImportable(t *testing.T) {
	t.Parallel()
	socket := peertest.SWTPM(t)
	made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := made.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	scalar, err := made.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	template, err := templateOf("p256")
	if err != nil {
		t.Fatal(err)
	}
	template.ObjectAttributes.FixedTPM, template.ObjectAttributes.FixedParent, template.ObjectAttributes.SensitiveDataOrigin = false, false, false
	template.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{
		X: tpm2.TPM2BECCParameter{Buffer: point[1:33]}, Y: tpm2.TPM2BECCParameter{Buffer: point[33:]},
	})
	sensitive := tpm2.Marshal(tpm2.New2B(tpm2.TPMTSensitive{
		SensitiveType: tpm2.TPMAlgECC,
		Sensitive:     tpm2.NewTPMUSensitiveComposite(tpm2.TPMAlgECC, &tpm2.TPM2BECCParameter{Buffer: scalar}),
	}))
	f := &keyFile{importable: true, emptyAuth: true, parent: handleOwner, public: tpm2.Marshal(tpm2.New2B(template)), secret: []byte{0, 0}}
	f.private = append(binary.BigEndian.AppendUint16(nil, uint16(len(sensitive))), sensitive...)
	k, err := openFile(t, f, socket)
	if err != nil {
		t.Fatal(err)
	}
	if !made.PublicKey.Equal(k.Public()) {
		t.Error("another key")
	}
	checkSignatures(t, k)
	checkEmpty(t, socket)
}

// listening notes what goes to the TPM.
type listening struct {
	transport.TPM

	commands bytes.Buffer
}

func (l *listening) Send(command []byte) ([]byte, error) {
	l.commands.Write(command)
	return l.TPM.Send(command)
}

// TestPasswordStaysHere: the password of a key is proven, not sent, and a wrong one is tried once.
func TestPasswordStaysHere(t *testing.T) {
	t.Parallel()
	socket := peertest.SWTPM(t)
	_, text, err := Create("p256", Options{Device: socket, Auth: "open sesame"})
	if err != nil {
		t.Fatal(err)
	}
	k, err := Open(blockOf(t, text), Options{Device: socket, Auth: "open sesame"})
	if err != nil {
		t.Fatal(err)
	}
	var heard listening
	command, err := k.signCommand(make([]byte, 32), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	err = k.device.use(time.Minute, func(c *connection) error {
		heard.TPM = c.tpm
		c.tpm = &heard
		_, failed := c.sign(k, command)
		return failed
	})
	if err != nil || heard.commands.Len() == 0 || strings.Contains(heard.commands.String(), "open sesame") {
		t.Errorf("%v; the TPM was sent %q", err, heard.commands.String())
	}
	wrong, err := Open(blockOf(t, text), Options{Device: socket, Auth: "wrong-secret"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err = signOnce(wrong); !errors.Is(err, ErrAuth) {
			t.Errorf("a wrong password: %v", err)
		}
		wrong.device = deviceAt(socket + "-none") // where no second try arrives
	}
}

func signOnce(k *Key) error {
	_, err := k.Sign(nil, make([]byte, 32), crypto.SHA256)
	return err
}

// TestOptions: what no key of a TPM signs is refused here.
func TestOptions(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k := &Key{public: key.Public(), device: deviceAt("none")}
	for _, opts := range []crypto.SignerOpts{
		nil, crypto.Hash(0), crypto.SHA1, crypto.SHA384,
		&rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: 20}, &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: rsa.PSSSaltLengthAuto},
	} {
		if _, err = k.Sign(nil, make([]byte, 32), opts); !errors.Is(err, errOptions) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
	// A TPM that makes a longer salt than is wanted.
	digest := sha256.Sum256(nil)
	for salt, ok := range map[int]bool{rsa.PSSSaltLengthEqualsHash: true, 100: false} {
		made, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: salt})
		if err != nil {
			t.Fatal(err)
		}
		sig := tpm2.TPMTSignature{SigAlg: tpm2.TPMAlgRSAPSS, Signature: tpm2.NewTPMUSignature(tpm2.TPMAlgRSAPSS, &tpm2.TPMSSignatureRSA{
			Hash: tpm2.TPMAlgSHA256, Sig: tpm2.TPM2BPublicKeyRSA{Buffer: made},
		})}
		_, err = k.signature(sig, digest[:], &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: rsa.PSSSaltLengthEqualsHash})
		if (err == nil) != ok || err != nil && hintOf(err) == "" {
			t.Errorf("salt %d: %v", salt, err)
		}
	}
	// Keys that do not sign digests made elsewhere.
	for what, change := range map[string]func(*tpm2.TPMAObject){
		"restricted": func(a *tpm2.TPMAObject) { a.Restricted = true },
		"no signing": func(a *tpm2.TPMAObject) { a.SignEncrypt = false },
	} {
		template, err := templateOf("rsa2048")
		if err != nil {
			t.Fatal(err)
		}
		change(&template.ObjectAttributes)
		template.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgRSA, &tpm2.TPM2BPublicKeyRSA{Buffer: key.N.Bytes()})
		f := &keyFile{emptyAuth: true, parent: handleOwner, public: tpm2.Marshal(tpm2.New2B(template)), private: []byte{0, 1, 7}}
		if _, err = Open(f.der(t), Options{Device: "none"}); err == nil || !strings.Contains(err.Error(), "may not sign") || hintOf(err) == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestLostKey: a key that the TPM does not have any more, as after a restart behind a resource
// manager, is loaded again.
func TestLostKey(t *testing.T) {
	t.Parallel()
	socket := peertest.SWTPM(t)
	d := deviceAt(socket)
	d.keep = 50 * time.Millisecond // as with a resource manager
	k, _, err := Create("p256", Options{Device: socket})
	if err != nil {
		t.Fatal(err)
	}
	command, err := k.signCommand(make([]byte, 32), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	err = d.use(time.Minute, func(c *connection) error {
		if failed := c.load(k); failed != nil {
			return failed
		}
		c.flush(c.handle.Handle)
		_, failed := c.sign(k, command)
		return failed
	})
	if err != nil {
		t.Error(err)
	}
	checkEmpty(t, socket)
}
