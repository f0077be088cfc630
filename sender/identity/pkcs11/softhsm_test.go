//go:build cgo && pkcs11 && unix

package pkcs11

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"

	"github.com/miekg/pkcs11"
)

// softHSM is of all tests: a process has one SoftHSM with one configuration.
var softHSM struct {
	peertest.SoftHSM
	there  bool
	number atomic.Int32
	once   sync.Once
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "softhsm")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	softHSM.SoftHSM, softHSM.there = peertest.NewSoftHSM(dir)
	os.Setenv("SOFTHSM2_CONF", softHSM.Config)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

const testPIN = "correct-horse"

// newTestToken makes a token and returns the beginning of its URIs, without the query.
func newTestToken(tb testing.TB) (label string) {
	tb.Helper()
	if !softHSM.there {
		peertest.Missing(tb, "softhsm2")
	}
	// SoftHSM sees only tokens that were there when it was initialised.
	softHSM.once.Do(func() {
		count, _ := strconv.Atoi(flag.Lookup("test.count").Value.String())
		for i := range 10 * max(count, 1) {
			softHSM.Token(tb, fmt.Sprintf("token%d", i), testPIN)
		}
	})
	return fmt.Sprintf("token%d", softHSM.number.Add(1)-1)
}

func mustURI(tb testing.TB, format string, args ...any) URI {
	tb.Helper()
	u, err := ParseURI(fmt.Sprintf(format, args...) + "?module-path=" + softHSM.Module)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// checkSignatures signs in every way that mail uses, and verifies.
func checkSignatures(tb testing.TB, k crypto.Signer) {
	tb.Helper()
	message := []byte("the content")
	d256, d512 := sha256.Sum256(message), sha512.Sum512(message)
	sign := func(digest []byte, opts crypto.SignerOpts) []byte {
		sig, err := k.Sign(rand.Reader, digest, opts)
		if err != nil {
			tb.Fatalf("%v: %v", opts, err)
		}
		return sig
	}
	switch pub := k.Public().(type) {
	case *rsa.PublicKey:
		if err := rsa.VerifyPKCS1v15(pub, crypto.SHA256, d256[:], sign(d256[:], crypto.SHA256)); err != nil {
			tb.Error(err)
		}
		for _, salt := range []int{rsa.PSSSaltLengthAuto, rsa.PSSSaltLengthEqualsHash, 32, 20} {
			opts := &rsa.PSSOptions{SaltLength: salt, Hash: crypto.SHA512}
			if err := rsa.VerifyPSS(pub, crypto.SHA512, d512[:], sign(d512[:], opts), opts); err != nil {
				tb.Errorf("salt %d: %v", salt, err)
			}
		}
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(pub, d256[:], sign(d256[:], crypto.SHA256)) || !ecdsa.VerifyASN1(pub, d512[:], sign(d512[:], crypto.SHA512)) {
			tb.Error("the signature does not verify")
		}
	case ed25519.PublicKey:
		if !ed25519.Verify(pub, message, sign(message, crypto.Hash(0))) {
			tb.Error("the signature does not verify")
		}
	default:
		tb.Errorf("public key %T", pub)
	}
}

// TestGenerateAndOpen is not parallel: pkcs11-tool reads all tokens, which tests that write
// disturb.
func TestGenerateAndOpen(t *testing.T) {
	label := newTestToken(t)
	for _, algorithm := range []string{"p256", "p384", "p521", "rsa2048", "ed25519"} {
		u := mustURI(t, "pkcs11:token=%s;object=%s", label, algorithm)
		if _, err := Open(u, Options{PIN: testPIN}); !errors.Is(err, ErrNotFound) {
			t.Fatalf("Open before: %v", err)
		}
		made, err := Generate(u, algorithm, Options{PIN: testPIN})
		if err != nil {
			t.Fatal(err)
		}
		checkSignatures(t, made)
		for _, uri := range []URI{u, made.URI()} {
			got, err := Open(uri, Options{PIN: testPIN})
			if err != nil || !made.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(got.Public()) {
				t.Fatalf("Open(%s) = %v, %v", uri, got, err)
			}
		}
		if !strings.Contains(made.String(), label) || !strings.Contains(made.URI().String(), "id=%") {
			t.Errorf("%s, %s", made, made.URI())
		}
	}
	// It is on the token for other programs too.
	list := softHSM.Tool(t, "--token-label", label, "--login", "--pin", testPIN, "--list-objects", "--type", "privkey")
	if strings.Count(list, "Private Key Object") != 5 || !strings.Contains(list, "never extractable") {
		t.Errorf("pkcs11-tool lists\n%s", list)
	}
}

// rawSession is for what other programs put on a token.
func rawSession(t *testing.T, label string) (*pkcs11.Ctx, pkcs11.SessionHandle) {
	t.Helper()
	// The module is initialised by Open.
	_, _ = Open(mustURI(t, "pkcs11:token=%s;object=none", label), Options{PIN: testPIN})
	c := pkcs11.New(softHSM.Module)
	slots, err := c.GetSlotList(true)
	if err != nil {
		t.Fatal(err)
	}
	for _, slot := range slots {
		if info, _ := c.GetTokenInfo(slot); info.Label == label {
			s, err := c.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
			if err != nil {
				t.Fatal(err)
			}
			return c, s
		}
	}
	t.Fatalf("no token %s", label)
	return nil, 0
}

func attributes(pairs ...any) (all []*pkcs11.Attribute) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, pkcs11.NewAttribute(uint(pairs[i].(int)), pairs[i+1]))
	}
	return all
}

// createEC puts an EC private key with these parameters on the token.
func createEC(t *testing.T, c *pkcs11.Ctx, s pkcs11.SessionHandle, label, id, parameters string, value []byte) {
	t.Helper()
	_, err := c.CreateObject(s, attributes(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY, pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC,
		pkcs11.CKA_TOKEN, true, pkcs11.CKA_SIGN, true, pkcs11.CKA_LABEL, label, pkcs11.CKA_ID, []byte(id),
		pkcs11.CKA_EC_PARAMS, []byte(parameters), pkcs11.CKA_VALUE, value))
	if err != nil {
		t.Fatal(err)
	}
}

// TestOtherObjects: what else is on a token does not disturb.
func TestOtherObjects(t *testing.T) {
	t.Parallel()
	label := newTestToken(t)
	c, s := rawSession(t, label)
	_, err := c.CreateObject(s, attributes(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY, pkcs11.CKA_KEY_TYPE, pkcs11.CKK_DSA,
		pkcs11.CKA_TOKEN, true, pkcs11.CKA_SIGN, true, pkcs11.CKA_LABEL, "alice", pkcs11.CKA_ID, "\x06",
		pkcs11.CKA_PRIME, []byte{23}, pkcs11.CKA_SUBPRIME, []byte{11}, pkcs11.CKA_BASE, []byte{4}, pkcs11.CKA_VALUE, []byte{3}))
	if err != nil {
		t.Fatal(err)
	}
	// A secret key, a curve that mail does not use, broken parameters, no id and no label.
	_, err = c.CreateObject(s, attributes(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY, pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES,
		pkcs11.CKA_TOKEN, true, pkcs11.CKA_LABEL, "alice", pkcs11.CKA_VALUE, make([]byte, 16)))
	if err != nil {
		t.Fatal(err)
	}
	one := append(make([]byte, 31), 1)
	createEC(t, c, s, "alice", "\x07", "\x06\x05\x2b\x81\x04\x00\x0a", one) // secp256k1
	createEC(t, c, s, "alice", "\x08", "nonsense", one)
	createEC(t, c, s, "", "", "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", one)
	u := mustURI(t, "pkcs11:token=%s;object=alice", label)
	if _, err = Open(u, Options{PIN: testPIN}); err == nil || !strings.Contains(err.Error(), "cannot sign mail") {
		t.Errorf("only unusable keys: %v", err)
	}
	if _, err = Generate(u, "p256", Options{PIN: testPIN}); err != nil {
		t.Fatal(err)
	}
	k, err := Open(u, Options{PIN: testPIN})
	if err != nil {
		t.Fatal(err)
	}
	checkSignatures(t, k)
	// A second one that can sign: which is meant?
	if _, err = Generate(u, "rsa2048", Options{PIN: testPIN}); err != nil {
		t.Error(err)
	}
	if _, err = Open(u, Options{PIN: testPIN}); err == nil || !strings.Contains(err.Error(), "2 keys") || !strings.Contains(hintOf(err), "ECDSA") || strings.Contains(hintOf(err), "DSA)"+", "+"kind") {
		t.Errorf("two keys: %v (%s)", err, hintOf(err))
	}
	if _, err = Open(mustURI(t, "pkcs11:token=%s;object=bob", label), Options{PIN: testPIN}); !errors.Is(err, ErrNotFound) || !strings.Contains(hintOf(err), `"alice"`) {
		t.Errorf("no such key: %v (%s)", err, hintOf(err))
	}
}

// TestPublicHalf: where there is no public key object, the certificate has the key, or the private
// key itself (RSA).
func TestPublicHalf(t *testing.T) {
	t.Parallel()
	label := newTestToken(t)
	c, s := rawSession(t, label)
	drop := func(name string) {
		if err := c.FindObjectsInit(s, attributes(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY, pkcs11.CKA_LABEL, name)); err != nil {
			t.Fatal(err)
		}
		found, _, err := c.FindObjects(s, 10)
		c.FindObjectsFinal(s)
		if err != nil || len(found) != 1 {
			t.Fatalf("%v, %v", found, err)
		}
		if err := c.DestroyObject(s, found[0]); err != nil {
			t.Fatal(err)
		}
	}
	for _, algorithm := range []string{"rsa2048", "p256"} {
		u := mustURI(t, "pkcs11:token=%s;object=%s", label, algorithm)
		k, err := Generate(u, algorithm, Options{PIN: testPIN})
		if err != nil {
			t.Fatal(err)
		}
		drop(algorithm)
		got, err := Open(u, Options{PIN: testPIN})
		if algorithm == "rsa2048" {
			if err != nil {
				t.Fatal(err)
			}
			checkSignatures(t, got)
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "public half is nowhere") {
			t.Fatalf("without public key: %v", err)
		}
		storeCertificate(t, c, s, k)
		if got, err = Open(u, Options{PIN: testPIN}); err != nil {
			t.Fatal(err)
		}
		checkSignatures(t, got)
	}
}

// storeCertificate puts a certificate of a key on the token, with its id.
func storeCertificate(t *testing.T, c *pkcs11.Ctx, s pkcs11.SessionHandle, k *Key) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CreateObject(s, attributes(pkcs11.CKA_CLASS, pkcs11.CKO_CERTIFICATE, pkcs11.CKA_CERTIFICATE_TYPE, pkcs11.CKC_X_509,
		pkcs11.CKA_TOKEN, true, pkcs11.CKA_ID, k.uri.attrs[attrID], pkcs11.CKA_SUBJECT, []byte{0x30, 0}, pkcs11.CKA_VALUE, der))
	if err != nil {
		t.Fatal(err)
	}
}

func TestPINs(t *testing.T) {
	t.Parallel()
	label := newTestToken(t)
	u := mustURI(t, "pkcs11:token=%s;object=alice", label)
	if _, err := Generate(u, "p256", Options{}); err == nil || !strings.Contains(hintOf(err), `"password"`) {
		t.Errorf("no PIN: %v (%s)", err, hintOf(err))
	}
	for range 2 {
		_, err := Generate(u, "p256", Options{PIN: "wrong-secret"})
		if !errors.Is(err, ErrPIN) || !strings.Contains(hintOf(err), "locks itself") || strings.Contains(err.Error()+hintOf(err), "wrong-secret") {
			t.Fatalf("wrong PIN: %v (%s)", err, hintOf(err))
		}
		if tries(t, label) != 1 {
			t.Fatal("the wrong PIN was tried again")
		}
	}
	k, err := Generate(u, "p256", Options{PIN: testPIN})
	if err != nil {
		t.Fatal(err)
	}
	// Another identity with a wrong PIN is refused although the token is logged in to, and the
	// first goes on.
	if _, err = Open(u, Options{PIN: "another"}); !errors.Is(err, ErrPIN) {
		t.Errorf("wrong PIN of a token that is logged in to: %v", err)
	}
	checkSignatures(t, k)
	// The PIN in a file.
	file := filepath.Join(t.TempDir(), "pin")
	os.WriteFile(file, []byte(testPIN+"\n"), 0o600)
	withFile, err := ParseURI(u.String() + "&pin-source=file:" + file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = Open(withFile, Options{}); err != nil {
		t.Error(err)
	}
	os.Chmod(file, 0o644)
	if _, err = Open(withFile, Options{}); err == nil || !strings.Contains(hintOf(err), "chmod 600") {
		t.Errorf("pin-source that others can read: %v", err)
	}
}

// tries is how often the token was tried with a wrong PIN, as dnseal counts them.
func tries(t *testing.T, label string) int {
	t.Helper()
	m := moduleAt(softHSM.Module)
	leave, err := m.turn.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	for id, token := range m.tokens {
		if id.label == label {
			return len(token.login.refused)
		}
	}
	return 0
}

// TestConcurrent: eight goroutines sign, while others open the same key, log out, and take the
// sessions away.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	label := newTestToken(t)
	u := mustURI(t, "pkcs11:token=%s;object=alice", label)
	k, err := Generate(u, "p256", Options{PIN: testPIN})
	if err != nil {
		t.Fatal(err)
	}
	c, s := rawSession(t, label)
	info, err := c.GetSessionInfo(s)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 40 {
				checkSignatures(t, k)
			}
		})
	}
	wg.Go(func() {
		for range 10 { // as SIGHUP does
			again, err := Open(u, Options{PIN: testPIN})
			if err != nil {
				t.Error(err)
				return
			}
			checkSignatures(t, again)
		}
	})
	wg.Wait()
	// Between signatures, because an interruption can meet the second try too.
	for what, interrupt := range map[string]func() error{
		"logout":   func() error { return c.Logout(s) },
		"sessions": func() error { return c.CloseAllSessions(info.SlotID) },
	} {
		if err := interrupt(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		checkSignatures(t, k)
		s, _ = c.OpenSession(info.SlotID, pkcs11.CKF_SERIAL_SESSION)
	}
}

// hanging is a module that does not return from Sign.
type hanging struct {
	cryptoki
	until chan struct{}
}

func (h hanging) Sign(pkcs11.SessionHandle, []byte) ([]byte, error) {
	<-h.until
	return nil, pkcs11.Error(pkcs11.CKR_DEVICE_REMOVED)
}

// TestHangs: a module that hangs costs each caller the time limit, and no more sessions than there
// may be; Close waits for it. Afterwards the token is connected to again.
func TestHangs(t *testing.T) {
	t.Parallel()
	label := newTestToken(t)
	real := mustURI(t, "pkcs11:token=%s;object=alice", label)
	if _, err := Generate(real, "p256", Options{PIN: testPIN}); err != nil {
		t.Fatal(err)
	}
	// The same library as a module of its own.
	path := filepath.Join(t.TempDir(), "libhang.so")
	if err := os.Symlink(softHSM.Module, path); err != nil {
		t.Fatal(err)
	}
	u, err := ParseURI(fmt.Sprintf("pkcs11:token=%s;object=alice?module-path=%s", label, path))
	if err != nil {
		t.Fatal(err)
	}
	m, until := moduleAt(path), make(chan struct{})
	k, err := Open(u, Options{PIN: testPIN, Timeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	working := m.calls
	m.calls = hanging{working, until}
	var wg sync.WaitGroup
	for range maxSessions + 5 {
		wg.Go(func() {
			if _, err := k.Sign(nil, make([]byte, 32), crypto.SHA256); !errors.Is(err, context.DeadlineExceeded) || hintOf(err) == "" {
				t.Errorf("a module that hangs: %v", err)
			}
		})
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, token := range m.tokens {
		if n := len(token.permits.places); n != maxSessions {
			t.Errorf("%d sessions in use, want %d", n, maxSessions)
		}
		if err := token.close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close with calls that hang: %v", err)
		}
		close(until)
		peertest.WaitFor(t, "calls to end", func() bool { return len(token.permits.places) == 0 })
	}
	if _, err := k.Sign(nil, make([]byte, 32), crypto.SHA256); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	label := newTestToken(t)
	dir := t.TempDir()
	text := filepath.Join(dir, "text.so")
	os.WriteFile(text, []byte("no library"), 0o600)
	for uri, want := range map[string]string{
		"pkcs11:token=x?module-path=/nowhere/x.so":                  "/nowhere/x.so",
		"pkcs11:token=x?module-path=" + text:                        "cannot be loaded",
		"pkcs11:token=x?module-path=" + dir:                         "no module",
		"pkcs11:token=x?module-name=no-such":                        "no module",
		"pkcs11:token=x?module-path=relative.so":                    "not absolute",
		"pkcs11:token=no-such?module-path=" + softHSM.Module:        "no token",
		"pkcs11:model=SoftHSM%20v2?module-path=" + softHSM.Module:   "",
		"pkcs11:library-version=99.1?module-path=" + softHSM.Module: "no token",
		"pkcs11:slot-id=4294967295?module-path=" + softHSM.Module:   "no token",
		"pkcs11:token=" + label + "?module-path=" + softHSM.Module:  "asks for a PIN",
	} {
		u, err := ParseURI(uri)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Open(u, Options{}); err == nil || !strings.Contains(err.Error(), want) || hintOf(err) == "" {
			t.Errorf("%s: %v (%s), want %q", uri, err, hintOf(err), want)
		}
	}
	if _, err := Generate(mustURI(t, "pkcs11:token=%s", label), "p256", Options{PIN: testPIN}); hintOf(err) == "" {
		t.Errorf("no object: %v", err)
	}
	if _, err := Generate(mustURI(t, "pkcs11:token=%s;object=a", label), "rot13", Options{PIN: testPIN}); err == nil {
		t.Error("rot13 keys")
	}
}

// TestAlwaysAuthenticate: a key that wants the PIN for each signature.
func TestAlwaysAuthenticate(t *testing.T) {
	t.Parallel()
	label := newTestToken(t)
	c, s := rawSession(t, label)
	_, _, err := c.GenerateKeyPair(s, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)},
		attributes(pkcs11.CKA_TOKEN, true, pkcs11.CKA_ID, "1", pkcs11.CKA_EC_PARAMS, []byte(curves[0].parameters[0])),
		attributes(pkcs11.CKA_TOKEN, true, pkcs11.CKA_ID, "1", pkcs11.CKA_PRIVATE, true, pkcs11.CKA_SIGN, true, pkcs11.CKA_ALWAYS_AUTHENTICATE, true))
	if err != nil {
		t.Fatal(err)
	}
	k, err := Open(mustURI(t, "pkcs11:token=%s;id=%%31", label), Options{PIN: testPIN})
	if err != nil {
		t.Fatal(err)
	}
	checkSignatures(t, k)
}

// BenchmarkSign compares with the library alone, in one session: the price of sessions, time limit
// and reconnecting. In "both" the two take turns, and "x-library" is how much longer ours takes.
func BenchmarkSign(b *testing.B) {
	label := newTestToken(b)
	for _, algorithm := range []string{"p256", "rsa2048"} {
		u := mustURI(b, "pkcs11:token=%s;object=%s", label, algorithm)
		k, err := Generate(u, algorithm, Options{PIN: testPIN})
		if err != nil {
			b.Fatal(err)
		}
		digest := sha256.Sum256(nil)
		ours := func() {
			if _, err := k.Sign(nil, digest[:], crypto.SHA256); err != nil {
				b.Error(err) // of any goroutine
			}
		}
		library := librarySign(b, k, digest[:])
		b.Run(algorithm+"/both", func(b *testing.B) { benchmarkBoth(b, ours, library) })
		b.Run(algorithm+"/dnseal", func(b *testing.B) {
			for b.Loop() {
				ours()
			}
		})
		b.Run(algorithm+"/dnseal-parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					ours()
				}
			})
		})
		b.Run(algorithm+"/library", func(b *testing.B) {
			for b.Loop() {
				library()
			}
		})
	}
}

func benchmarkBoth(b *testing.B, ours, library func()) {
	b.Helper()
	var took [2]time.Duration
	for b.Loop() {
		for i, sign := range []func(){ours, library} {
			start := time.Now()
			sign()
			took[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(took[0])/float64(took[1]), "x-library")
}

// librarySign signs with miekg/pkcs11 alone.
func librarySign(b *testing.B, k *Key, digest []byte) func() {
	b.Helper()
	m := moduleAt(softHSM.Module)
	slot, _, err := m.slotOf(tokenIDOf(m, k))
	if err != nil {
		b.Fatal(err)
	}
	s, err := m.calls.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		b.Fatal(err)
	}
	objects, err := reader{m.calls, s, true}.privateKeys(k.uri)
	if err != nil || len(objects) != 1 {
		b.Fatal(objects, err)
	}
	op, err := operationFor(k.public, digest, crypto.SHA256)
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if err := m.calls.SignInit(s, []*pkcs11.Mechanism{op.mechanism}, objects[0].handle); err != nil {
			b.Fatal(err)
		}
		if _, err := m.calls.Sign(s, op.input); err != nil {
			b.Fatal(err)
		}
	}
}

func tokenIDOf(m *module, k *Key) tokenID {
	for id := range m.tokens {
		if id.label == k.uri.attrs[attrToken] {
			return id
		}
	}
	return tokenID{}
}
