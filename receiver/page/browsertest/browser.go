//go:build unix

// Package browsertest drives a headless Chromium, for tests of pages.
//
//	b := browsertest.Start(t)          // skips the test where there is none, or fails it
//	tab := b.Open(t, "file:///…")      // waits until the page is loaded
//	tab.Foreign(vocabulary)            // elements, attributes and links that no template made
//	tab.Requests()                     // what the page fetched
//	tab.View(390, 844, true)           // the window of a phone, dark
//	tab.Picture(), tab.PDF()           // what it looks like
//	tab.Press("Tab"); tab.Accessible() // with a keyboard, and read aloud
//
// [Tab.Call] sends any other command of the DevTools protocol. The protocol is spoken over two
// pipes (--remote-debugging-pipe), so that no port is open and no library is needed: messages are
// JSON, each with a NUL after it.
//
// # Limitations
//
// It is for tests: every failure ends the test. The browser has no sandbox, because tests may run
// as root, and reaches nothing but loopback and files.
package browsertest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
)

// patience bounds every command, also on a loaded machine.
const patience = 3 * time.Minute

// Browser is a Chromium that runs until the test ends. Safe for concurrent use.
type Browser struct {
	out   *os.File // commands
	ended chan struct{}

	mu      sync.Mutex
	last    int
	waiting map[int]chan reply
	tabs    map[string]*Tab // by session
}

// reply is what comes back: an answer to a command, or an event.
type reply struct {
	ID      int             `json:"id"`
	Session string          `json:"sessionId"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// flags keep Chromium from everything but what the test asks of it.
var flags = []string{
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-default-apps", "--mute-audio", "--hide-scrollbars",
	"--font-render-hinting=none", "--force-color-profile=srgb",
	"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost", "--remote-debugging-pipe",
}

// Start starts a browser; it ends with the test. See [peertest.Skip] for where there is none.
func Start(tb testing.TB) *Browser {
	tb.Helper()
	program, dir := peertest.Program(tb, "chromium"), peertest.ShortDir(tb)
	theirIn, out := pipe(tb)
	in, theirOut := pipe(tb)
	cmd := exec.Command(program, append(flags, "--user-data-dir="+dir, "about:blank")...) //nolint:gosec,noctx // Cleanup ends it
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	_, _ = theirIn.Close(), theirOut.Close()
	b := &Browser{out: out, ended: make(chan struct{}), waiting: map[int]chan reply{}, tabs: map[string]*Tab{}}
	go b.read(in)
	tb.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // with its children
		_ = cmd.Wait()
		<-b.ended
		_, _ = in.Close(), out.Close()
	})
	return b
}

func pipe(tb testing.TB) (r, w *os.File) {
	tb.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	return r, w
}

// read hands out what comes, until the browser ends.
func (b *Browser) read(in *os.File) {
	defer close(b.ended)
	r := bufio.NewReaderSize(in, 1<<20)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m reply
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		answer, tab := b.waiting[m.ID], b.tabs[m.Session]
		delete(b.waiting, m.ID)
		b.mu.Unlock()
		switch {
		case m.ID != 0 && answer != nil:
			answer <- m
		case tab != nil:
			tab.event(m)
		}
	}
}

// call sends a command and waits for its answer; out may be nil.
func (b *Browser) call(ctx context.Context, session, method string, params, out any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if params == nil {
		params = struct{}{}
	}
	answer := make(chan reply, 1)
	b.mu.Lock()
	b.last++
	b.waiting[b.last] = answer
	command := map[string]any{"id": b.last, "method": method, "params": params}
	if session != "" {
		command["sessionId"] = session
	}
	text, err := json.Marshal(command)
	if err == nil {
		_, err = b.out.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		if out == nil {
			return nil
		}
		return json.Unmarshal(m.Result, out)
	case <-b.ended:
		return fmt.Errorf("%s: the browser ended", method)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}
