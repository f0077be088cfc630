//go:build cgo && pkcs11

package pkcs11

import (
	"context"
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
	// permits has one element for each session in use.
	permits chan struct{}
	// ended is closed by close.
	ended chan struct{}

	mu         sync.Mutex // not held over a call into the module
	connection uint64     // its number; 0: none yet
	alive      bool
	open       int // sessions of this connection: the last one that is closed ends the login
	closed     bool
	idle       []session // open, of this connection

	// These are changed with module.turn held.
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
	return &token{module: m, id: id, permits: make(chan struct{}, n), ended: make(chan struct{})}
}

// with calls f with a session that is logged in. When the connection is lost f is called once more,
// with a new one.
func (t *token) with(ctx context.Context, f func(cryptoki, session) error) error {
	select {
	case t.permits <- struct{}{}:
		defer func() { <-t.permits }()
	case <-t.ended:
		return t.errClosed()
	case <-ctx.Done():
		return ctx.Err()
	}
	if t.module.alone != nil {
		if err := t.module.alone.lock(ctx); err != nil {
			return err
		}
		defer t.module.alone.unlock()
	}
	err := t.once(ctx, f)
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
	err = f(t.module.calls, s)
	t.put(s, err)
	return err
}

// take returns an idle session, or opens one; where there is no connection it makes one.
func (t *token) take(ctx context.Context) (session, error) {
	if s, err := t.takeIdle(); err != nil || s.connection != 0 {
		return s, err
	}
	if err := t.module.turn.lock(ctx); err != nil {
		return session{}, err
	}
	defer t.module.turn.unlock()
	// Another may have connected meanwhile, and signed.
	s, err := t.takeIdle()
	if err != nil || s.connection != 0 {
		return s, err
	}
	if !t.isAlive() {
		return t.connect()
	}
	s, err = t.newSession()
	if lost(err) {
		t.drop()
		return t.connect()
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

// connect looks for the token and logs in; module.turn is held.
func (t *token) connect() (session, error) {
	slot, info, err := t.module.slotOf(t.id)
	if err != nil {
		return session{}, err
	}
	t.slot, t.hides = slot, info.Flags&pkcs11.CKF_LOGIN_REQUIRED != 0
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

// newSession opens a session; module.turn is held.
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
	close(t.ended)
	for range cap(t.permits) {
		select {
		case t.permits <- struct{}{}: // never given back
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	t.drop()
	return nil
}
