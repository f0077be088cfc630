//go:build cgo && pkcs11

package pkcs11

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/miekg/pkcs11"
)

// maxSessions is how many sessions of a token sign at the same time.
const maxSessions = 16

// tokenID is how a token is found again after it was removed: its slot may be another then.
type tokenID struct{ label, serial, manufacturer, model string }

func (id tokenID) String() string {
	if id.serial == "" {
		return fmt.Sprintf("token %q", id.label)
	}
	return fmt.Sprintf("token %q (serial %s)", id.label, id.serial)
}

// session is one of a connection.
type session struct {
	handle     pkcs11.SessionHandle
	slot       uint
	connection uint64
	hides      bool // private keys, where it is not logged in
}

// token is the connection to a token, which all its keys share.
type token struct {
	module *module
	id     tokenID
	// permits are for what uses a session.
	permits *gate
	// turn is held while it is connected to, and sessions are opened.
	turn *gate

	mu         sync.Mutex // not held over a call into the module
	connection uint64     // its number; 0: none yet
	alive      bool
	open       int // sessions of this connection: the last one that is closed ends the login
	closed     bool
	idle       []session // open, of this connection

	// These are changed with turn held.
	slot  uint
	hides bool // private keys from who is not logged in
	login login
}

func newToken(m *module, id tokenID, info pkcs11.TokenInfo) *token {
	n := uint(maxSessions)
	// 0: without limit; else all bits: unknown.
	if m.alone != nil {
		n = 1
	} else if most := info.MaxSessionCount; most > 0 {
		n = min(n, most)
	}
	return &token{module: m, id: id, permits: newGate(int(n)), turn: newGate(1)}
}

// with calls f with a session that is logged in. When the connection is lost f is called once more,
// with a new one.
func (t *token) with(ctx context.Context, f func(cryptoki, session) error) error {
	leave, err := t.permits.enter(ctx)
	if errors.Is(err, ErrClosed) {
		return t.errClosed()
	}
	if err != nil {
		return err
	}
	defer leave()
	leave, err = t.module.enterAlone(ctx)
	if err != nil {
		return err
	}
	defer leave()
	err = t.once(ctx, f)
	if lost(err) {
		err = t.once(ctx, f)
	}
	return err
}

func (t *token) once(ctx context.Context, f func(cryptoki, session) error) error {
	s, err := t.take(ctx)
	if err != nil {
		return err
	}
	defer t.module.use.RUnlock()
	err = f(t.module.calls, s)
	t.put(s, err)
	return err
}

// take returns an idle session, or opens one; where there is no connection it makes one. With a
// session module.use is held.
func (t *token) take(ctx context.Context) (session, error) {
	if s, err := t.taken(t.takeIdle); err != nil || s.connection != 0 {
		return s, err
	}
	leave, err := t.turn.enter(ctx)
	if err != nil {
		return session{}, err
	}
	defer leave()
	// Another may have connected meanwhile, and signed.
	if s, err := t.taken(t.takeOrOpen); err != nil || s.connection != 0 {
		return s, err
	}
	return t.connect(ctx)
}

// taken holds module.use where f returns a session.
func (t *token) taken(f func() (session, error)) (session, error) {
	t.module.use.RLock()
	s, err := f()
	if err != nil || s.connection == 0 {
		t.module.use.RUnlock()
	}
	return s, err
}

// takeOrOpen returns no session where there is no connection; turn is held.
func (t *token) takeOrOpen() (session, error) {
	s, err := t.takeIdle()
	if err != nil || s.connection != 0 || !t.isAlive() {
		return s, err
	}
	s, err = t.newSession()
	if lost(err) {
		t.drop()
		return session{}, nil
	}
	return s, err
}

func (t *token) errClosed() error { return fmt.Errorf("pkcs11: %s: %w", t.id, ErrClosed) }

func (t *token) takeIdle() (session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return session{}, t.errClosed()
	}
	n := len(t.idle)
	if n == 0 {
		return session{}, nil
	}
	s := t.idle[n-1]
	t.idle = t.idle[:n-1]
	return s, nil
}

func (t *token) isAlive() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.alive
}

// put gives a session back. One in which the module had an error is closed: an operation may be
// left in it.
func (t *token) put(s session, err error) {
	t.mu.Lock()
	current := t.alive && s.connection == t.connection
	if current && !fromModule(err) {
		t.idle = append(t.idle, s)
		t.mu.Unlock()
		return
	}
	last := false
	if current {
		t.open--
		last = t.open == 0
	}
	t.mu.Unlock()
	if current && (last || lost(err)) {
		t.drop()
	}
	_ = t.module.calls.CloseSession(s.handle) // it may be closed already
}

// drop ends a connection that is lost.
func (t *token) drop() {
	t.mu.Lock()
	idle := t.idle
	t.alive, t.idle = false, nil
	t.mu.Unlock()
	for _, s := range idle {
		_ = t.module.calls.CloseSession(s.handle) // of a token that is gone
	}
}

// connect looks for the token and logs in; turn is held. With a session module.use is held.
func (t *token) connect(ctx context.Context) (session, error) {
	info, err := t.locate(ctx)
	if err != nil {
		return session{}, err
	}
	s, err := t.logIn(info)
	if err != nil {
		t.module.use.RUnlock()
	}
	return s, err
}

// locate finds the slot, and holds module.use.
func (t *token) locate(ctx context.Context) (pkcs11.TokenInfo, error) {
	leave, err := t.module.turn.enter(ctx)
	if err != nil {
		return pkcs11.TokenInfo{}, err
	}
	defer leave()
	if t.module.ended {
		return pkcs11.TokenInfo{}, t.errClosed()
	}
	slot, info, err := t.module.slotOf(t.id)
	if err == nil {
		t.slot, t.hides = slot, info.Flags&pkcs11.CKF_LOGIN_REQUIRED != 0
		t.module.use.RLock()
	}
	return info, err
}

func (t *token) logIn(info pkcs11.TokenInfo) (session, error) {
	t.mu.Lock()
	t.connection++
	t.open = 0
	t.mu.Unlock()
	s, err := t.newSession()
	if err != nil {
		return session{}, err
	}
	if err := t.login.in(t.module.calls, s.handle, t.id, info.Flags); err != nil {
		_ = t.module.calls.CloseSession(s.handle)
		return session{}, err
	}
	t.mu.Lock()
	t.alive = true
	t.mu.Unlock()
	return s, nil
}

// newSession opens a session; turn is held.
func (t *token) newSession() (session, error) {
	handle, err := t.module.calls.OpenSession(t.slot, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		return session{}, fmt.Errorf("pkcs11: %s: a session: %w", t.id, plain(err))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open++
	return session{handle, t.slot, t.connection, t.hides}, nil
}

// close waits for the sessions in use and closes all.
func (t *token) close(ctx context.Context) error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	if err := t.permits.close(ctx); err != nil {
		return err
	}
	leave, err := t.module.enterAlone(ctx)
	if err != nil {
		return err
	}
	defer leave()
	t.drop()
	return nil
}
