//go:build unix && (!submit || tpm)

package tpm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"

	"github.com/google/go-tpm/tpm2"
)

func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func checkSignatures(tb testing.TB, k crypto.Signer) {
	tb.Helper()
	digest := sha256.Sum256([]byte("the content"))
	sig, err := k.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	switch pub := k.Public().(type) {
	case *rsa.PublicKey:
		if err = rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], sig); err != nil {
			tb.Error(err)
		}
		opts := &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}
		if sig, err = k.Sign(rand.Reader, digest[:], opts); err == nil {
			err = rsa.VerifyPSS(pub, crypto.SHA256, digest[:], sig, opts)
		}
		if err != nil {
			tb.Error(err)
		}
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(pub, digest[:], sig) {
			tb.Error("the signature does not verify")
		}
	}
}

func blockOf(tb testing.TB, text []byte) []byte {
	tb.Helper()
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			tb.Fatal("no block")
		}
		if block.Type == BlockType {
			return block.Bytes
		}
		text = rest
	}
}

func TestCreateAndOpen(t *testing.T) {
	t.Parallel()
	socket := peertest.SWTPM(t)
	for _, algorithm := range []string{"p256", "p384", "rsa2048"} {
		for _, auth := range []string{"", "a password"} {
			opts := Options{Device: socket, Auth: auth}
			made, text, err := Create(algorithm, opts)
			if err != nil {
				t.Fatal(err)
			}
			checkSignatures(t, made)
			k, err := Open(blockOf(t, text), opts)
			if err != nil || !made.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(k.Public()) {
				t.Fatalf("%s: Open = %v, %v", algorithm, k, err)
			}
			checkSignatures(t, k)
		}
	}
	checkEmpty(t, socket)
}

// checkEmpty: nothing is left in the TPM when the connection is given up.
func checkEmpty(t *testing.T, socket string) {
	t.Helper()
	d := deviceAt(socket)
	waitClosed(t, d)
	err := d.use(time.Minute, func(c *connection) error {
		// Objects, HMAC sessions, policy sessions.
		for _, first := range []uint32{0x80000000, 0x02000000, 0x03000000} {
			got, err := tpm2.GetCapability{Capability: tpm2.TPMCapHandles, Property: first, PropertyCount: 10}.Execute(c)
			if err != nil {
				return err
			}
			handles, err := got.CapabilityData.Data.Handles()
			if err != nil || len(handles.Handle) > 0 {
				t.Errorf("left in the TPM: %x, %v", handles, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// waitClosed waits until the connection is given up.
func waitClosed(t *testing.T, d *device) {
	t.Helper()
	peertest.WaitFor(t, "the connection to be given up", func() bool {
		d.turn <- struct{}{}
		defer func() { <-d.turn }()
		return d.connection == nil
	})
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	socket := peertest.SWTPM(t)
	_, text, err := Create("p256", Options{Device: socket, Auth: "right"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = Open(blockOf(t, text), Options{Device: socket}); !errors.Is(err, ErrAuth) || !strings.Contains(hintOf(err), "password") {
		t.Errorf("no password: %v (%s)", err, hintOf(err))
	}
	k, err := Open(blockOf(t, text), Options{Device: socket, Auth: "wrong-secret"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = k.Sign(nil, make([]byte, 32), crypto.SHA256)
		if !errors.Is(err, ErrAuth) || hintOf(err) == "" || strings.Contains(err.Error()+hintOf(err), "wrong-secret") {
			t.Errorf("wrong password: %v (%s)", err, hintOf(err))
		}
	}
	checkEmpty(t, socket)
}

// TestOwnerPassword: where the owner hierarchy has a password, the persistent storage key is the
// parent, and without one the error says what is wrong.
func TestOwnerPassword(t *testing.T) {
	t.Parallel()
	socket := peertest.SWTPM(t)
	tool(t, socket, "tpm2_createprimary", "-C", "o", "-G", "ecc", "-c", socket+".ctx")
	tool(t, socket, "tpm2_changeauth", "-c", "owner", "secret")
	if _, _, err := Create("p256", Options{Device: socket}); err == nil {
		t.Error("a key below an owner hierarchy with a password")
	}
	tool(t, socket, "tpm2_evictcontrol", "-C", "o", "-P", "secret", "-c", socket+".ctx", "0x81000001")
	tool(t, socket, "tpm2_flushcontext", "-t")
	k, _, err := Create("p256", Options{Device: socket})
	if err != nil {
		t.Fatal(err)
	}
	checkSignatures(t, k)
}

func tool(t *testing.T, socket, name string, args ...string) {
	t.Helper()
	runWith(t, "TPM2TOOLS_TCTI=swtpm:path="+socket, name, args...)
}

func runWith(t *testing.T, env, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), peertest.Program(t, name), args...)
	cmd.Env = append(os.Environ(), env)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// TestOpenssl: keys that tpm2-openssl made sign here, and ours sign there.
func TestOpenssl(t *testing.T) {
	t.Parallel()
	if found, _ := filepath.Glob("/usr/lib/*/ossl-modules/tpm2.so"); len(found) == 0 {
		peertest.Missing(t, "tpm2-openssl")
	}
	socket := peertest.SWTPM(t)
	openssl := func(args ...string) {
		t.Helper()
		runWith(t, "TPM2OPENSSL_TCTI=swtpm:path="+socket, "openssl", args...)
	}
	provider := []string{"-provider", "tpm2", "-provider", "default", "-propquery", "?provider=tpm2"}
	dir := t.TempDir()
	for algorithm, args := range map[string][]string{
		"p256":    {"-algorithm", "EC", "-pkeyopt", "group:P-256"},
		"rsa2048": {"-algorithm", "RSA", "-pkeyopt", "bits:2048"},
	} {
		theirs := filepath.Join(dir, algorithm)
		openssl(append(append([]string{"genpkey", "-out", theirs}, provider[:4]...), args...)...)
		text, err := os.ReadFile(theirs)
		if err != nil {
			t.Fatal(err)
		}
		k, err := Open(blockOf(t, text), Options{Device: socket})
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		checkSignatures(t, k)
		_, text, err = Create(algorithm, Options{Device: socket})
		if err != nil {
			t.Fatal(err)
		}
		waitClosed(t, deviceAt(socket)) // openssl opens the socket itself
		ours := filepath.Join(dir, algorithm+"-ours")
		if err = os.WriteFile(ours, text, 0o600); err != nil {
			t.Fatal(err)
		}
		openssl(append([]string{"pkeyutl", "-sign", "-inkey", ours, "-in", ours, "-rawin", "-digest", "sha256", "-out", ours + ".sig"}, provider...)...)
	}
}

func TestConcurrent(t *testing.T) {
	t.Parallel()
	socket := peertest.SWTPM(t)
	deviceAt(socket).keep = 50 * time.Millisecond // as with a resource manager
	var keys []*Key
	for range 2 {
		k, _, err := Create("p256", Options{Device: socket})
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 5 {
				checkSignatures(t, keys[i%2])
			}
		})
	}
	wg.Wait()
	checkEmpty(t, socket)
}

// TestHangs: a TPM that takes commands and answers nothing. Each call has its time limit; after one
// that did not answer one at a time waits, after a pause.
func TestHangs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(peertest.ShortDir(t), "tpm")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	conns := make(chan net.Conn, 100)
	d := deviceAt(path)
	go func() {
		defer close(ended)
		for {
			conn, failed := l.Accept()
			if failed != nil {
				return
			}
			conns <- conn
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	try := func(limit time.Duration) {
		t.Helper()
		start := time.Now()
		_, _, failed := Create("p256", Options{Device: path, Timeout: limit})
		if !errors.Is(failed, os.ErrDeadlineExceeded) || hintOf(failed) == "" || time.Since(start) > 20*time.Second {
			t.Errorf("a TPM that hangs: after %s: %v (%s)", time.Since(start), failed, hintOf(failed))
		}
	}
	for range 2 {
		try(50 * time.Millisecond)
		<-conns
		peertest.WaitFor(t, "the call to be given up", func() bool { return len(d.turn) == 0 })
		try(time.Minute) // in the pause
		earlier := time.Now().Add(-hungPause)
		d.hung.Store(&earlier)
	}
	probe := make(chan error)
	go func() {
		_, _, failed := Create("p256", Options{Device: path, Timeout: time.Minute})
		probe <- failed
	}()
	conn := <-conns // it waits
	for range 3 {
		try(time.Minute)
	}
	// The TPM is back and gone: that is another error, and others wait for their turn again.
	l.Close()
	conn.Close()
	<-ended
	if err = <-probe; errors.Is(err, os.ErrDeadlineExceeded) || d.hung.Load() != nil {
		t.Errorf("a TPM that ended the connection: %v", err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	os.WriteFile(file, nil, 0o600)
	for path, want := range map[string]string{filepath.Join(dir, "none"): "there is no TPM", file: "neither a device nor a socket"} {
		if _, _, err := Create("p256", Options{Device: path}); err == nil || !strings.Contains(err.Error(), want) || hintOf(err) == "" {
			t.Errorf("%s: %v (%s)", path, err, hintOf(err))
		}
	}
	if _, _, err := Create("ed25519", Options{}); err == nil || hintOf(err) == "" {
		t.Errorf("ed25519: %v", err)
	}
}

// TestOtherTPM: a key of one TPM is none of another.
func TestOtherTPM(t *testing.T) {
	t.Parallel()
	first, second := peertest.SWTPM(t), peertest.SWTPM(t)
	_, text, err := Create("p256", Options{Device: first})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = Open(blockOf(t, text), Options{Device: second}); err == nil || !strings.Contains(err.Error(), "of another TPM") || hintOf(err) == "" {
		t.Errorf("Open in another TPM: %v (%s)", err, hintOf(err))
	}
	checkEmpty(t, second)
}
