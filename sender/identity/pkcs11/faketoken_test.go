//go:build cgo && pkcs11 && unix

package pkcs11

import (
	"crypto"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"
)

// wantError wants an error with this text and with advice.
func wantError(tb testing.TB, err error, text string) {
	tb.Helper()
	if err == nil || !strings.Contains(err.Error(), text) || hintOf(err) == "" {
		tb.Errorf("%v (%s), want %q", err, hintOf(err), text)
	}
}

// TestWhichToken: tokens that are not initialised do not count, and of several the URI must mean
// one.
func TestWhichToken(t *testing.T) {
	t.Parallel()
	f := newFake(t, "a", "a", "a")
	f.info = func(slot uint, info *pkcs11.TokenInfo) {
		info.SerialNumber = fmt.Sprint(slot)
		if slot == 2 {
			info.Flags = 0
		}
	}
	m := f.module(t)
	_, err := m.open(t, "a", long)
	wantError(t, err, "2 tokens are meant")
	k, err := m.openURI(t, "token=a;serial=1", Options{PIN: testPIN})
	if err != nil || !strings.Contains(k.String(), "serial 1") {
		t.Fatalf("%v, %v", k, err)
	}
	// Another part of the process has ended the module.
	if err = f.Finalize(); err != nil {
		t.Fatal(err)
	}
	if err = signOnce(k); err != nil {
		t.Error(err)
	}
}

// TestLogin: where a PIN could lock the token it is not tried, and where none is wanted neither.
func TestLogin(t *testing.T) {
	t.Parallel()
	const usual = pkcs11.CKF_TOKEN_INITIALIZED | pkcs11.CKF_LOGIN_REQUIRED | pkcs11.CKF_USER_PIN_INITIALIZED
	for flags, want := range map[uint]string{
		usual: "", pkcs11.CKF_TOKEN_INITIALIZED: "",
		usual | pkcs11.CKF_USER_PIN_FINAL_TRY:                   "one more wrong PIN",
		usual | pkcs11.CKF_USER_PIN_LOCKED:                      "is locked",
		usual &^ pkcs11.CKF_USER_PIN_INITIALIZED:                "has no PIN yet",
		usual | pkcs11.CKF_USER_PIN_COUNT_LOW:                   "",
		usual | pkcs11.CKF_PROTECTED_AUTHENTICATION_PATH | 1<<9: "",
	} {
		f := newFake(t, "a")
		f.info = func(_ uint, info *pkcs11.TokenInfo) { info.Flags = flags }
		k, err := f.module(t).open(t, "a", long)
		logins := 0
		if want == "" && flags&pkcs11.CKF_LOGIN_REQUIRED != 0 {
			logins = 1
		}
		if f.logins != logins {
			t.Errorf("flags %x: %d logins, want %d", flags, f.logins, logins)
		}
		if want != "" {
			wantError(t, err, want)
		} else if err != nil || signOnce(k) != nil {
			t.Errorf("flags %x: %v", flags, err)
		}
	}
}

// TestWrongPIN is not tried again, and the right one of another identity is.
func TestWrongPIN(t *testing.T) {
	t.Parallel()
	f := newFake(t, "a")
	m := f.module(t)
	f.loginErr = pkcs11.Error(pkcs11.CKR_PIN_INCORRECT)
	for range 3 {
		_, err := m.open(t, "a", long)
		wantError(t, err, "refused")
		if !errors.Is(err, ErrPIN) || f.logins != 1 {
			t.Fatalf("%d logins: %v", f.logins, err)
		}
	}
	f.loginErr = nil
	k, err := m.openURI(t, "token=a", Options{PIN: "right"})
	if err != nil || f.logins != 2 {
		t.Fatalf("%d logins: %v", f.logins, err)
	}
	// Without a PIN the login of the others counts.
	if _, err = m.openURI(t, "token=a", Options{}); err != nil || f.logins != 2 {
		t.Errorf("%d logins: %v", f.logins, err)
	}
	// A PIN for each signature.
	f.objects = []map[uint]any{{pkcs11.CKA_ALWAYS_AUTHENTICATE: true}}
	always, err := m.openURI(t, "token=a", Options{})
	if err != nil || signOnce(always) != nil || f.signLogins != 1 {
		t.Fatalf("%d logins: %v", f.signLogins, err)
	}
	f.signLoginErr = pkcs11.Error(pkcs11.CKR_PIN_INCORRECT)
	before := f.next
	for range 3 {
		wantError(t, signOnce(always), "refused the PIN for a signature")
	}
	if f.signLogins != 2 {
		t.Errorf("%d logins: a wrong PIN was tried again", f.signLogins)
	}
	if err = signOnce(k); err != nil || f.next == before {
		t.Errorf("the session in which a signature was begun is used for another: %v", err)
	}
}

// TestWhichKey: a module that passes over the template, a key that may not sign, and one that is
// another now.
func TestWhichKey(t *testing.T) {
	t.Parallel()
	f := newFake(t, "a")
	m := f.module(t)
	f.objects = []map[uint]any{{pkcs11.CKA_LABEL: "alice", pkcs11.CKA_ID: "1"}, {pkcs11.CKA_LABEL: "bob", pkcs11.CKA_ID: "2"}}
	_, err := m.open(t, "a", long)
	wantError(t, err, "2 keys")
	k, err := m.openURI(t, "token=a;object=bob", Options{PIN: testPIN})
	if err != nil || !strings.Contains(k.URI().String(), "id=%32") {
		t.Fatalf("%v, %v", k, err)
	}
	f.objects[0][pkcs11.CKA_SIGN] = false
	if _, err = m.openURI(t, "token=a;object=alice", Options{PIN: testPIN}); err == nil || !strings.Contains(err.Error(), "may not sign") {
		t.Errorf("a key that may not sign: %v", err)
	}
	// Another part of the process logs out, and the connection is new.
	f.loggedOut = true
	m.tokenOfKey(k).drop()
	f.loginErr = pkcs11.Error(pkcs11.CKR_USER_ALREADY_LOGGED_IN)
	if err = signOnce(k); err == nil {
		t.Error("the key is not seen")
	}
	f.loginErr = nil
	if err = signOnce(k); err != nil {
		t.Errorf("after a logout: %v", err)
	}
	m.tokenOfKey(k).drop()
	f.point = newFake(t).point
	wantError(t, signOnce(k), "has another key now")
}

// TestLoggedOut: a session that does not see private keys any more is logged in again.
func TestLoggedOut(t *testing.T) {
	t.Parallel()
	f := newFake(t, "a")
	m := f.module(t)
	m.mustOpen(t, "a", long)
	f.loggedOut = true
	if k, err := m.open(t, "a", long); err != nil || signOnce(k) != nil || f.logins != 2 {
		t.Errorf("%v, %d logins", err, f.logins)
	}
}

// TestSignatures: what a token is given, and what it may return.
func TestSignatures(t *testing.T) {
	t.Parallel()
	f := newFake(t, "a")
	m := f.module(t)
	k := m.mustOpen(t, "a", long)
	for digest, ok := range map[int]bool{31: false, 32: true, 33: false, 0: false} {
		if _, err := k.Sign(nil, make([]byte, digest), crypto.SHA256); (err == nil) != ok {
			t.Errorf("a digest of %d octets: %v", digest, err)
		}
	}
	if _, err := k.Sign(nil, make([]byte, 64), crypto.SHA512); err != nil || len(f.signed) != 32 {
		t.Errorf("a digest longer than the key: the token was given %d octets, %v", len(f.signed), err)
	}
	for _, octets := range []int{1, 63, 65, 96} {
		f.signature = make([]byte, octets)
		if err := signOnce(k); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("of %d octets instead of 64", octets)) {
			t.Errorf("a signature of %d octets: %v", octets, err)
		}
	}
	// An operation may be left in a session with an error.
	f.signature, f.signErr = nil, pkcs11.Error(pkcs11.CKR_FUNCTION_FAILED)
	if err := signOnce(k); err == nil || len(f.sessions) != 0 {
		t.Errorf("%v, %d sessions", err, len(f.sessions))
	}
	f.signErr = nil
	if err := signOnce(k); err != nil || f.logins != 2 {
		t.Errorf("%v, %d logins: the last session that is closed ends the login", err, f.logins)
	}
}
