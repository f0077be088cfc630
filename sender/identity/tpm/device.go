//go:build !submit || tpm

package tpm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// idle is how long a connection to a resource manager stays open, with the key that is loaded,
// after it was used: the next message often comes soon.
const idle = time.Second

// keepFor is how long a connection is kept. A resource manager removes what is loaded when the
// process ends; else it would stay in the TPM, and the TPM has one client only.
func keepFor(path string) time.Duration {
	if path == defaultDevice || strings.HasPrefix(filepath.Base(path), "tpmrm") {
		return idle
	}
	return 0
}

// device is a TPM, of which a process has one connection at a time.
type device struct {
	path string
	// turn is held while the connection is used.
	turn chan struct{}
	// hung is when the last call ended that the TPM did not answer in time; nil: it answered.
	hung       atomic.Pointer[time.Time]
	connection *connection
	keep       time.Duration
	expiry     *time.Timer
}

var devices struct {
	sync.Mutex
	byPath map[string]*device
}

// deviceAt returns the TPM of a path; it need not be there.
func deviceAt(path string) *device {
	if path == "" {
		path = os.Getenv(Env)
	}
	if path == "" {
		path = defaultDevice
	}
	devices.Lock()
	defer devices.Unlock()
	d := devices.byPath[path]
	if d == nil {
		d = &device{path: path, turn: make(chan struct{}, 1), keep: keepFor(path)}
		if devices.byPath == nil {
			devices.byPath = map[string]*device{}
		}
		devices.byPath[path] = d
	}
	return d
}

// use calls f with the connection, and once more with a new one where the connection, not the TPM,
// had an error. It returns after limit at the latest: then the connection is closed, which ends f.
// Of a TPM that did not answer the last call one call at a time waits, after a pause: else all that
// wants to sign, or is loaded, would wait for the time limit, more and more of it.
func (d *device) use(limit time.Duration, f func(*connection) error) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	if !d.begin(deadline.C) {
		return d.slow(limit)
	}
	done := make(chan error, 1)
	var a attempt
	go func() {
		defer func() { <-d.turn }()
		err := d.try(f, &a)
		if errors.Is(err, errBroken) {
			err = d.try(f, &a)
		}
		d.expire()
		done <- err
	}()
	select {
	case err := <-done:
		d.hung.Store(nil)
		return err
	case <-deadline.C:
		now := time.Now()
		d.hung.Store(&now)
		a.end()
		return d.slow(limit)
	}
}

// hungPause is how long a TPM that did not answer is not tried.
const hungPause = 5 * time.Second

// begin waits for the turn.
func (d *device) begin(deadline <-chan time.Time) bool {
	hung := d.hung.Load()
	if hung != nil && time.Since(*hung) < hungPause {
		return false
	}
	select {
	case d.turn <- struct{}{}:
		return true
	default:
	}
	if hung != nil {
		return false
	}
	select {
	case d.turn <- struct{}{}:
		return true
	case <-deadline:
		return false
	}
}

// attempt is a call of use that can end before what it started.
type attempt struct {
	mu         sync.Mutex
	ended      bool
	connection *connection
}

// with says which connection is used; false: use has returned.
func (a *attempt) with(c *connection) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.connection = c
	return !a.ended
}

// end ends what waits for the TPM.
func (a *attempt) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	if a.connection != nil {
		a.connection.abandon()
	}
}

func (d *device) slow(limit time.Duration) error {
	return withHint(fmt.Errorf("tpm: %s does not answer within %s: %w", d.path, limit, os.ErrDeadlineExceeded), "see whether another program holds it, and use its resource manager: /dev/tpmrm0")
}

// try calls f; turn is held.
func (d *device) try(f func(*connection) error, a *attempt) error {
	if !a.with(nil) {
		return errBroken
	}
	if d.connection == nil {
		c, err := connect(d.path)
		if err != nil {
			return err
		}
		d.connection = c
	}
	c := d.connection
	err := errBroken
	if a.with(c) {
		err = f(c)
	} else {
		c.breakOff()
	}
	if c.isBroken() {
		d.drop()
	}
	return err
}

// expire gives the connection up when it is not used for a while; turn is held.
func (d *device) expire() {
	if d.expiry != nil {
		d.expiry.Stop()
	}
	if d.connection == nil {
		return
	}
	if d.keep == 0 {
		d.drop()
		return
	}
	unused := d.connection
	d.expiry = time.AfterFunc(d.keep, func() {
		select {
		case d.turn <- struct{}{}:
		default:
			return // it is used
		}
		defer func() { <-d.turn }()
		if d.connection == unused {
			d.drop()
		}
	})
}

// drop flushes what is loaded and closes the connection; turn is held.
func (d *device) drop() {
	d.connection.unload()
	_ = d.connection.stream.Close() // nothing is written to it any more
	d.connection = nil
}

// connection is an open TPM, with the key that is loaded.
type connection struct {
	stream io.Closer
	tpm    transport.TPM
	loaded *Key
	handle tpm2.AuthHandle

	mu     sync.Mutex
	broken bool
}

// errBroken says that the connection to the TPM had an error.
var errBroken = errors.New("the connection to the TPM was lost")

// Send implements transport.TPM. A command that the TPM does not start is sent again: TPM 2.0
// Library, Part 1, Section 37.
func (c *connection) Send(command []byte) ([]byte, error) {
	for wait := time.Millisecond; ; wait = min(2*wait, time.Second) {
		if c.isBroken() {
			return nil, fmt.Errorf("tpm: %w", errBroken)
		}
		response, err := c.tpm.Send(command)
		if err != nil {
			c.breakOff()
			return nil, fmt.Errorf("tpm: %w: %w", errBroken, err)
		}
		if !isBusy(response) {
			return response, nil
		}
		time.Sleep(wait)
	}
}

// isBusy reports whether the TPM asks for the command again.
func isBusy(response []byte) bool {
	const codeAt = 6 // after tag and size
	if len(response) < codeAt+4 {
		return false
	}
	switch tpm2.TPMRC(binary.BigEndian.Uint32(response[codeAt:])) {
	case tpm2.TPMRCRetry, tpm2.TPMRCYielded, tpm2.TPMRCTesting:
		return true
	default:
		return false
	}
}

func (c *connection) breakOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
}

func (c *connection) isBroken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// abandon ends what waits for the TPM.
func (c *connection) abandon() {
	c.breakOff()
	_ = c.stream.Close() // it is given up
}
