//go:build cgo && pkcs11

package pkcs11

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/pkcs11"
)

// Open finds the private key of a URI on its token. The URI must mean one token and, of the keys on
// it that can sign mail, one: keys of other kinds do not disturb. Errors, most of them with a
// Hint(): [ErrNotBuilt]; a module that is not there or does not answer; no token, or several; a PIN
// that is missing or wrong (it is not tried again); [ErrNotFound]; several keys; a key that cannot
// sign, or whose public half is nowhere.
func Open(u URI, opts Options) (*Key, error) {
	return within(opts.timeout(), u, func(ctx context.Context) (*Key, error) {
		t, err := tokenFor(ctx, u, opts)
		if err != nil {
			return nil, err
		}
		return t.openKey(ctx, u, opts)
	})
}

// tokenFor loads the module and finds the token, with the PIN that opts or the URI have.
func tokenFor(ctx context.Context, u URI, opts Options) (*token, error) {
	path, err := u.modulePath()
	if err != nil {
		return nil, err
	}
	pin, err := u.pin(opts.PIN)
	if err != nil {
		return nil, err
	}
	m := moduleAt(path)
	if err = m.ready(ctx); err != nil {
		return nil, err
	}
	return m.tokenWith(ctx, u, pin)
}

// tokenWith finds the token of a URI, with a PIN.
func (m *module) tokenWith(ctx context.Context, u URI, pin string) (*token, error) {
	leave, err := m.enterAlone(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	t, err := m.tokenOf(ctx, u)
	if err != nil {
		return nil, err
	}
	return t, t.usePIN(ctx, pin)
}

// openKey finds the key.
func (t *token) openKey(ctx context.Context, u URI, opts Options) (*Key, error) {
	var k *Key
	err := t.with(ctx, func(c cryptoki, s session) error {
		chosen, err := t.choose(reader{c, s.handle, s.hides}, u)
		if err == nil {
			k = t.key(u, chosen, s.connection, opts)
		}
		return err
	})
	return k, err
}

// choose returns the one key that is meant and can sign.
func (t *token) choose(r reader, u URI) (object, error) {
	all, err := r.privateKeys(u)
	if err != nil {
		return object{}, fmt.Errorf("pkcs11: %s: %w", t.id, err)
	}
	usable := slices.DeleteFunc(slices.Clone(all), func(o object) bool { return o.problem != "" })
	switch {
	case len(usable) == 1:
		return usable[0], nil
	case len(usable) > 1:
		return object{}, withHint(fmt.Errorf("pkcs11: %d keys of %s are meant by %s", len(usable), t.id, u), "add id=%%XX… or object=LABEL: there is %s", describe(usable))
	case len(all) > 0:
		return object{}, fmt.Errorf("pkcs11: %s of %s cannot sign mail: %s", all[0], t.id, all[0].problem)
	}
	if r.hidden() {
		return object{}, plain(pkcs11.Error(pkcs11.CKR_USER_NOT_LOGGED_IN))
	}
	others, err := r.privateKeys(URI{})
	hint := "there is " + describe(others)
	if len(others) == 0 || err != nil {
		hint = "there is no private key on it"
	}
	return object{}, withHint(fmt.Errorf("pkcs11: %s has %w for %s", t.id, ErrNotFound, u), "%s", hint)
}

func describe(objects []object) string {
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = o.String()
	}
	return listed(names)
}

// tokenKey is what a Key signs with.
type tokenKey struct {
	token   *token
	uri     URI
	public  crypto.PublicKey
	always  bool
	timeout time.Duration
	refused atomic.Bool // a PIN for one signature was refused

	mu         sync.Mutex
	handle     pkcs11.ObjectHandle
	connection uint64 // of handle
}

// String names the key for errors.
func (k *tokenKey) String() string { return k.token.id.String() }

// key makes the Key of an object, whose handle is of a connection.
func (t *token) key(u URI, o object, connection uint64, opts Options) *Key {
	if len(o.id) > 0 {
		u = u.with(attrID, string(o.id))
	}
	k := &tokenKey{
		token: t, uri: u, public: o.public, always: o.always, timeout: opts.timeout(),
		handle: o.handle, connection: connection,
	}
	place := fmt.Sprintf("PKCS #11 %s, %s, module %s", t.id, o, strings.TrimPrefix(filepath.Base(t.module.path), "lib"))
	return &Key{public: o.public, uri: u, place: place, sign: k.sign}
}

func (k *tokenKey) sign(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	op, err := operationFor(k.public, digest, opts)
	if err != nil {
		return nil, fmt.Errorf("pkcs11: %w", err)
	}
	op.input = slices.Clone(op.input) // a call that hangs reads it later
	return within(k.timeout, k, func(ctx context.Context) (sig []byte, err error) {
		err = k.token.with(ctx, func(c cryptoki, s session) error {
			sig, err = k.signIn(op, c, s)
			return err
		})
		return sig, err
	})
}

// signIn signs with one session.
func (k *tokenKey) signIn(op operation, c cryptoki, s session) ([]byte, error) {
	handle, err := k.find(c, s)
	if err != nil {
		return nil, err
	}
	pin := ""
	if k.always {
		if k.refused.Load() {
			return nil, k.token.login.wrong(k.token.id, "refused the PIN for a signature before", nil)
		}
		pin = k.token.currentPIN()
	}
	sig, err := op.in(c, s.handle, handle, pin)
	if is(err, pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_LOCKED) {
		k.refused.Store(true)
		return nil, k.token.login.wrong(k.token.id, "refused the PIN for a signature", err)
	}
	if err != nil {
		return nil, fmt.Errorf("pkcs11: %s: signing: %w", k.token.id, plain(err))
	}
	return sig, nil
}

// find returns the object's handle in the connection of a session: a new connection has new ones.
func (k *tokenKey) find(c cryptoki, s session) (pkcs11.ObjectHandle, error) {
	k.mu.Lock()
	handle, known := k.handle, k.connection == s.connection
	k.mu.Unlock()
	if known {
		return handle, nil
	}
	o, err := k.token.choose(reader{c, s.handle, s.hides}, k.uri)
	if err != nil {
		return 0, err
	}
	if pub, ok := o.public.(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(k.public) {
		return 0, withHint(fmt.Errorf("pkcs11: %s has another key now for %s", k.token.id, k.uri), "load the identity again: restart dnseal, or reload it with SIGHUP")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.handle, k.connection = o.handle, s.connection
	return o.handle, nil
}

var errGone = errors.New("the key was made and is not found again")
