//go:build cgo && pkcs11 && unix

package pkcs11

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"

	"github.com/miekg/pkcs11"
)

// fake is a module whose tokens each hold one key. Slots are the tokens that were there when it was
// initialised, by number.
type fake struct {
	cryptoki

	mu          sync.Mutex
	there       []string // labels
	shown       []string
	sessions    map[pkcs11.SessionHandle]uint
	next        pkcs11.SessionHandle
	initialised int
	finalised   bool
	logins      int

	noThreads bool
	running   atomic.Int32
	overlap   atomic.Bool
	// before is called first by OpenSession, Login and Sign.
	before func(call, label string)
	point  []byte
	// Of these the zero value is what most tokens do.
	info      func(slot uint, info *pkcs11.TokenInfo)
	objects   []map[uint]any // attributes in place of those of the one key
	loggedOut bool           // by another part of the process: the key is not seen
	loginErr  error
	// The same for a login for one signature.
	signLogins   int
	signLoginErr error
	signErr      error
	signature    []byte
	signed       []byte // what Sign was given last
}

func newFake(tb testing.TB, there ...string) *fake {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return &fake{there: there, sessions: map[pkcs11.SessionHandle]uint{}, point: point}
}

// call notes what runs at the same time.
func (f *fake) call(name string, slot uint) func() {
	if f.running.Add(1) > 1 && f.noThreads {
		f.overlap.Store(true)
	}
	f.mu.Lock()
	label, before := f.label(slot), f.before
	f.mu.Unlock()
	if before != nil {
		before(name, label)
	}
	return func() { f.running.Add(-1) }
}

func (f *fake) label(slot uint) string {
	if slot < uint(len(f.shown)) {
		return f.shown[slot]
	}
	return ""
}

func (f *fake) gone(label string) bool { return !slices.Contains(f.there, label) }

func (f *fake) Initialize(opts ...pkcs11.InitializeOption) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.noThreads && len(opts) == 0 {
		return pkcs11.Error(pkcs11.CKR_CANT_LOCK)
	}
	f.shown = append([]string(nil), f.there...)
	f.initialised++
	f.finalised = false
	return nil
}

func (f *fake) Finalize() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown, f.finalised = nil, true
	clear(f.sessions)
	return nil
}

func (f *fake) GetInfo() (pkcs11.Info, error)             { return pkcs11.Info{}, nil }
func (f *fake) GetSlotInfo(uint) (pkcs11.SlotInfo, error) { return pkcs11.SlotInfo{}, nil }

func (f *fake) GetSlotList(bool) (slots []uint, err error) {
	defer f.call("GetSlotList", 0)()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.finalised {
		return nil, pkcs11.Error(pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED)
	}
	for i := range f.shown {
		slots = append(slots, uint(i))
	}
	return slots, nil
}

func (f *fake) GetTokenInfo(slot uint) (pkcs11.TokenInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone(f.label(slot)) {
		return pkcs11.TokenInfo{}, pkcs11.Error(pkcs11.CKR_TOKEN_NOT_PRESENT)
	}
	info := pkcs11.TokenInfo{Label: f.label(slot) + "  ", Flags: pkcs11.CKF_TOKEN_INITIALIZED | pkcs11.CKF_LOGIN_REQUIRED | pkcs11.CKF_USER_PIN_INITIALIZED}
	if f.info != nil {
		f.info(slot, &info)
	}
	return info, nil
}

func (f *fake) OpenSession(slot, _ uint) (pkcs11.SessionHandle, error) {
	defer f.call("OpenSession", slot)()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone(f.label(slot)) {
		return 0, pkcs11.Error(pkcs11.CKR_TOKEN_NOT_PRESENT)
	}
	f.next++
	f.sessions[f.next] = slot
	return f.next, nil
}

func (f *fake) CloseSession(s pkcs11.SessionHandle) error {
	defer f.call("CloseSession", 0)()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sessions, s)
	return nil
}

func (f *fake) slotOf(s pkcs11.SessionHandle) (uint, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	slot, ok := f.sessions[s]
	switch {
	case !ok:
		return 0, pkcs11.Error(pkcs11.CKR_SESSION_HANDLE_INVALID)
	case f.gone(f.label(slot)):
		return 0, pkcs11.Error(pkcs11.CKR_DEVICE_REMOVED)
	}
	return slot, nil
}

func (f *fake) Login(s pkcs11.SessionHandle, user uint, _ string) error {
	slot, err := f.slotOf(s)
	if err != nil {
		return err
	}
	f.mu.Lock()
	if user == pkcs11.CKU_CONTEXT_SPECIFIC {
		defer f.mu.Unlock()
		f.signLogins++
		return f.signLoginErr
	}
	f.logins++
	if f.loginErr == nil {
		f.loggedOut = false
	}
	err = f.loginErr
	f.mu.Unlock()
	defer f.call("Login", slot)()
	return err
}

func (f *fake) Logout(pkcs11.SessionHandle) error { return nil }

func (f *fake) GetSessionInfo(pkcs11.SessionHandle) (pkcs11.SessionInfo, error) {
	if f.loggedOut {
		return pkcs11.SessionInfo{State: pkcs11.CKS_RO_PUBLIC_SESSION}, nil
	}
	return pkcs11.SessionInfo{State: pkcs11.CKS_RO_USER_FUNCTIONS}, nil
}

func (f *fake) FindObjectsInit(s pkcs11.SessionHandle, _ []*pkcs11.Attribute) error {
	_, err := f.slotOf(s)
	return err
}

func (f *fake) FindObjectsFinal(pkcs11.SessionHandle) error { return nil }

func (f *fake) FindObjects(s pkcs11.SessionHandle, _ int) (all []pkcs11.ObjectHandle, more bool, err error) {
	// Every second time there are no more. The template is passed over.
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions[s] ^= 1 << 20
	if f.sessions[s]&(1<<20) == 0 || f.loggedOut {
		return nil, false, nil
	}
	for i := range max(1, len(f.objects)) {
		all = append(all, pkcs11.ObjectHandle(i))
	}
	return all, false, nil
}

func (f *fake) GetAttributeValue(_ pkcs11.SessionHandle, o pkcs11.ObjectHandle, a []*pkcs11.Attribute) ([]*pkcs11.Attribute, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	values := map[uint]any{pkcs11.CKA_KEY_TYPE: pkcs11.CKK_EC, pkcs11.CKA_EC_PARAMS: curves[0].parameters[0], pkcs11.CKA_EC_POINT: f.point}
	if len(f.objects) > 0 {
		maps.Copy(values, f.objects[o])
	}
	if v, ok := values[a[0].Type]; ok {
		return []*pkcs11.Attribute{pkcs11.NewAttribute(a[0].Type, v)}, nil
	}
	return nil, pkcs11.Error(pkcs11.CKR_ATTRIBUTE_TYPE_INVALID)
}

func (f *fake) SignInit(s pkcs11.SessionHandle, _ []*pkcs11.Mechanism, _ pkcs11.ObjectHandle) error {
	_, err := f.slotOf(s)
	return err
}

func (f *fake) Sign(s pkcs11.SessionHandle, input []byte) ([]byte, error) {
	slot, err := f.slotOf(s)
	if err != nil {
		return nil, err
	}
	defer f.call("Sign", slot)()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.signed = input
	if f.signature != nil || f.signErr != nil {
		return f.signature, f.signErr
	}
	return make([]byte, 64), nil
}

// module is the fake, initialised.
func (f *fake) module(tb testing.TB) *module {
	tb.Helper()
	m := &module{path: "fake", turn: newGate(1), tokens: map[tokenID]*token{}}
	if err := m.initialize(f); err != nil {
		tb.Fatal(err)
	}
	m.calls = f
	return m
}

// open is Open of the key of a token.
func (m *module) open(tb testing.TB, label string, limit time.Duration) (*Key, error) {
	tb.Helper()
	return m.openURI(tb, "token="+label, Options{PIN: testPIN, Timeout: limit})
}

// openURI is Open of a URI.
func (m *module) openURI(tb testing.TB, rest string, opts Options) (*Key, error) {
	tb.Helper()
	u, err := ParseURI(Scheme + rest)
	if err != nil {
		tb.Fatal(err)
	}
	return within(opts.timeout(), u, func(ctx context.Context) (*Key, error) {
		t, err := m.tokenWith(ctx, u, opts.PIN)
		if err != nil {
			return nil, err
		}
		return t.openKey(ctx, u, opts)
	})
}

func (m *module) mustOpen(tb testing.TB, label string, limit time.Duration) *Key {
	tb.Helper()
	k, err := m.open(tb, label, limit)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func signOnce(k *Key) error {
	_, err := k.Sign(nil, make([]byte, 32), crypto.SHA256)
	return err
}

// long is a time limit that is not reached.
const long = time.Minute

// longAgo is for a module that may be restarted.
func (m *module) longAgo() { m.started = time.Now().Add(-time.Hour) }

// TestRestart: a module that shows a token which came back only when it is initialised is
// initialised anew: not at once again, and not where that would disturb another token.
func TestRestart(t *testing.T) {
	t.Parallel()
	f := newFake(t, "a", "b")
	m := f.module(t)
	a := m.mustOpen(t, "a", long)
	set := func(there ...string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.there = there
		if len(there) == 0 {
			f.shown = nil // it takes note of that it is gone
		}
	}
	fails := func(why string) {
		t.Helper()
		if err := signOnce(a); err == nil || hintOf(err) == "" || f.initialised != 1 {
			t.Errorf("%s: %v, initialised %d times", why, err, f.initialised)
		}
	}
	set()
	fails("gone")
	set("a", "b")
	fails("back, and was initialised a moment ago")
	m.longAgo()
	m.foreign = true
	fails("another part of the process initialised it")
	m.foreign = false
	m.use.RLock()
	fails("a call runs")
	m.use.RUnlock()
	if err := signOnce(a); err != nil || f.initialised != 2 {
		t.Errorf("back: %v, initialised %d times", err, f.initialised)
	}
	b := m.mustOpen(t, "b", long)
	m.longAgo()
	set("b")
	if err := signOnce(a); err == nil || f.initialised != 2 {
		t.Errorf("while b is connected to: %v, initialised %d times", err, f.initialised)
	}
	if _, err := m.open(t, "c", long); err == nil || f.initialised != 2 {
		t.Errorf("while b is connected to: %v, initialised %d times", err, f.initialised)
	}
	if err := signOnce(b); err != nil {
		t.Error(err)
	}
}

// TestNewToken: a token that is made later is found.
func TestNewToken(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	m := f.module(t)
	if _, err := m.open(t, "a", long); err == nil {
		t.Fatal("no token")
	}
	f.there = []string{"a"}
	m.longAgo()
	if err := signOnce(m.mustOpen(t, "a", long)); err != nil {
		t.Error(err)
	}
}

// TestOneThread: a module that cannot be called by several threads is not, whatever is done with it
// at the same time.
func TestOneThread(t *testing.T) {
	t.Parallel()
	f := newFake(t, "a", "b")
	f.noThreads = true
	f.before = func(string, string) { time.Sleep(50 * time.Microsecond) }
	m := f.module(t)
	var group sync.WaitGroup
	for _, label := range []string{"a", "b", "a", "b"} {
		group.Go(func() {
			for range 20 {
				k, err := m.open(t, label, long)
				if err == nil {
					err = signOnce(k)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for _, token := range m.tokens {
		if n := cap(token.permits.places); n != 1 {
			t.Errorf("%d sessions sign at the same time", n)
		}
	}
	if f.overlap.Load() {
		t.Error("two calls at the same time")
	}
	if f.logins != 2 {
		t.Errorf("%d logins, want one for each token", f.logins)
	}
}

// TestOneHangs: while one token of a module does not answer, the others sign, also such as are
// connected to only now. What waits for the one does not become more and more.
func TestOneHangs(t *testing.T) {
	t.Parallel()
	f := newFake(t, "a", "b", "c")
	m := f.module(t)
	for _, hanging := range []string{"Sign", "Login", "OpenSession"} {
		const brief = 100 * time.Millisecond
		a, b := m.mustOpen(t, "a", brief), m.mustOpen(t, "b", long)
		until, hung := make(chan struct{}), make(chan struct{}, 1000)
		f.mu.Lock()
		f.before = func(call, label string) {
			if label == "a" && call == hanging {
				hung <- struct{}{}
				<-until
			}
		}
		f.mu.Unlock()
		if hanging != "Sign" {
			for _, token := range m.tokens {
				token.drop() // the next signature connects to it
			}
		}
		var group sync.WaitGroup
		for range 2 * maxSessions {
			group.Go(func() {
				if err := signOnce(a); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: %v", hanging, err)
				}
			})
		}
		<-hung
		for range 2 * maxSessions {
			group.Go(func() {
				if err := signOnce(b); err != nil {
					t.Errorf("%s: another token: %v", hanging, err)
				}
			})
		}
		if err := signOnce(m.mustOpen(t, "c", long)); err != nil {
			t.Error(err)
		}
		group.Wait()
		// From now on nothing waits. The limit of these calls is not reached.
		peertest.WaitFor(t, "the calls to be late", func() bool { return m.tokenOfKey(a).lateCalls() })
		a = &Key{public: a.public, uri: a.uri, sign: (&tokenKey{token: m.tokenOfKey(a), uri: a.uri, public: a.public, timeout: long}).sign}
		begin := time.Now()
		for range 3 * maxSessions {
			if err := signOnce(a); !errors.Is(err, context.DeadlineExceeded) || hintOf(err) == "" || time.Since(begin) > long/2 {
				t.Fatalf("%s: after %s: %v", hanging, time.Since(begin), err)
			}
		}
		if n := len(hung); n > maxSessions {
			t.Errorf("%s: %d calls hang", hanging, n)
		}
		close(until)
		peertest.WaitFor(t, "the token to sign again", func() bool { return signOnce(a) == nil })
	}
}

func (m *module) tokenOfKey(k *Key) *token { return m.tokens[tokenIDOf(m, k)] }

// lateCalls reports whether calls that are late leave no place for others.
func (t *token) lateCalls() bool {
	return t.turn.late.Load() == 1 || int(t.permits.late.Load()) == cap(t.permits.places)
}
