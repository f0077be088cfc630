//go:build cgo && pkcs11

package pkcs11

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/miekg/pkcs11"
)

// login is how a token is logged in to.
type login struct {
	pin string
	// refused are the digests of PINs that the token refused: it locks itself after some of them.
	refused map[[sha256.Size]byte]bool
}

const lockAdvice = "dnseal tries a wrong PIN once only, because a token locks itself after a few"

// in logs in to a token with these flags, where it wants that.
func (l *login) in(c cryptoki, s pkcs11.SessionHandle, id tokenID, flags uint) error {
	pad := flags&pkcs11.CKF_PROTECTED_AUTHENTICATION_PATH != 0
	digest := sha256.Sum256([]byte(l.pin))
	switch {
	case flags&pkcs11.CKF_LOGIN_REQUIRED == 0:
		return nil
	case flags&pkcs11.CKF_USER_PIN_INITIALIZED == 0:
		return withHint(fmt.Errorf("pkcs11: %s has no PIN yet", id), "initialise it with: pkcs11-tool --module FILE --init-pin")
	case l.pin == "" && !pad:
		return withHint(&pinError{text: fmt.Sprintf("pkcs11: %s asks for a PIN", id)}, `write it into the file "password" beside the key (chmod 600), or name a file with pin-source in the URI`)
	case flags&pkcs11.CKF_USER_PIN_LOCKED != 0:
		return withHint(fmt.Errorf("pkcs11: %s is locked after wrong PINs", id), "its security officer can unlock it: pkcs11-tool --module FILE --unlock-pin")
	case l.refused[digest]:
		return l.wrong(id, "refused this PIN before", nil)
	case flags&pkcs11.CKF_USER_PIN_FINAL_TRY != 0:
		return withHint(fmt.Errorf("pkcs11: %s would lock itself after one more wrong PIN, so dnseal does not try it", id),
			"log in with the right PIN once, which resets the count: pkcs11-tool --module FILE --login --list-objects")
	}
	err := c.Login(s, pkcs11.CKU_USER, l.pin)
	if is(err, pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE) {
		l.remember(digest)
		return l.wrong(id, "refused the PIN", nil)
	}
	return l.result(id, err)
}

// result explains what Login returned.
func (l *login) result(id tokenID, err error) error {
	switch {
	case err == nil, is(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN):
		return nil
	case is(err, pkcs11.CKR_PIN_LOCKED):
		return withHint(fmt.Errorf("pkcs11: %s is locked after wrong PINs", id), "its security officer can unlock it: pkcs11-tool --module FILE --unlock-pin")
	case is(err, pkcs11.CKR_PIN_EXPIRED):
		return withHint(fmt.Errorf("pkcs11: the PIN of %s has expired", id), "set a new one: pkcs11-tool --module FILE --login --change-pin")
	}
	return fmt.Errorf("pkcs11: %s: login: %w", id, plain(err))
}

func (l *login) remember(digest [sha256.Size]byte) {
	if l.refused == nil || len(l.refused) > 100 {
		l.refused = map[[sha256.Size]byte]bool{}
	}
	l.refused[digest] = true
}

func (l *login) wrong(id tokenID, what string, code error) error {
	return withHint(&pinError{fmt.Sprintf("pkcs11: %s %s", id, what), code}, `correct the file "password" beside the key, or that of pin-source; %s`, lockAdvice)
}

// pinError is an error of a PIN.
type pinError struct {
	text string
	code error // of the module, which ends the session; nil: none
}

func (e *pinError) Error() string        { return e.text }
func (e *pinError) Is(target error) bool { return target == ErrPIN }
func (e *pinError) Unwrap() error        { return e.code }

// usePIN sets the PIN of a token. Where the token is logged in to with another one, it is logged in
// to anew: the PIN can have been changed.
func (t *token) usePIN(ctx context.Context, pin string) error {
	leave, err := t.turn.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	old := t.currentPIN()
	if old == pin || pin == "" {
		return nil
	}
	t.setPIN(pin)
	if !t.isAlive() {
		return nil
	}
	if err = t.again(ctx); err != nil {
		t.setPIN(old) // the keys that are open stay so
	}
	return err
}

func (t *token) setPIN(pin string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.login.pin = pin
}

// again logs out, which ends the operations of other keys: they connect again. t.turn is held.
func (t *token) again(ctx context.Context) error {
	t.module.use.RLock()
	if s, err := t.newSession(); err == nil {
		_ = t.module.calls.Logout(s.handle) // without login there is none to end
		t.put(s, nil)
	}
	t.drop()
	t.module.use.RUnlock()
	s, err := t.connect(ctx)
	if err == nil {
		t.put(s, nil)
		t.module.use.RUnlock()
	}
	return err
}
