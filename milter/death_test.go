//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	gomilter "github.com/d--j/go-milter"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender"
	"dnseal/smime/message"
)

// The environment that makes the test binary a milter of its own: where, as what, and with what.
const (
	childSocket = "DNSEAL_TEST_MILTER"
	childRole   = "DNSEAL_TEST_ROLE"
	childWith   = "DNSEAL_TEST_WITH"
)

func childEnv(path, role string, with ...string) []string {
	return append(os.Environ(), childSocket+"="+path, childRole+"="+role, childWith+"="+strings.Join(with, "\x1f"))
}

// beMilter serves at path until it is killed.
func beMilter(path, role string, with []string) error {
	ln, err := Listen(context.Background(), Address{Network: "unix", Address: path}, ListenOptions{Mode: 0o777})
	if err != nil {
		return err
	}
	switch role {
	case "bare echo":
		return bareServer(func() gomilter.Milter { return &bareEcho{} }).Serve(ln)
	case "bare noop":
		return bareServer(func() gomilter.Milter { return &bareNoop{} }).Serve(ln)
	}
	h, err := roleHandler(role, with)
	if err != nil {
		return err
	}
	srv, err := New(Options{Handler: h, Logger: quiet()})
	if err != nil {
		return err
	}
	return srv.Serve(ln)
}

// child is a milter in a process of its own.
type child struct {
	tb   testing.TB
	path string
	mu   sync.Mutex
	cmd  *exec.Cmd
}

func startChild(tb testing.TB) *child {
	tb.Helper()
	dir := peertest.ShortDir(tb)
	openToAll(tb, dir)
	c := &child{tb: tb, path: filepath.Join(dir, "s")}
	if err := c.start(); err != nil {
		tb.Fatal(err)
	}
	peertest.WaitFor(tb, "the milter to listen", func() bool {
		conn, err := net.Dial("unix", c.path)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	tb.Cleanup(c.kill)
	return c
}

func (c *child) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cmd = exec.Command(os.Args[0], "-test.run=^$")
	c.cmd.Env = childEnv(c.path, "by order")
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c.cmd.Start()
}

func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// TestDead has Postfix ask a milter that is not there: mail is deferred, not passed on.
func TestDead(t *testing.T) {
	t.Parallel()
	c := startChild(t)
	out := newSink(t)
	p := startPostfix(t, out.addr, []string{"unix:" + c.path})
	if reply, err := submit(p.addr, author, []string{recipient}, simple); err != nil || !strings.HasPrefix(reply, "250 ") {
		t.Fatalf("alive: Postfix answers %q, %v", reply, err)
	}
	c.kill()
	if reply, err := submit(p.addr, author, []string{recipient}, simple); err != nil || !strings.HasPrefix(reply, "451 4.7.1") {
		t.Errorf("dead: Postfix answers %q, %v", reply, err)
	}
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	peertest.WaitFor(t, "mail to pass again", func() bool {
		reply, err := submit(p.addr, author, []string{recipient}, simple)
		return err == nil && strings.HasPrefix(reply, "250 ")
	})
}

// load submits messages from several clients at a time, each again until it is
// taken, and calls after when one was. It returns how many attempts were answered otherwise.
func load(t *testing.T, addr string, count, clients int, raw func(n int) string, after func(taken int)) int {
	t.Helper()
	var next, taken, refused atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(count); n = next.Add(1) {
				for {
					reply, err := submit(addr, author, []string{recipient}, raw(int(n)))
					if err == nil && strings.HasPrefix(reply, "250 ") {
						break
					}
					if refused.Add(1) > 100*int64(count) || err == nil && reply[0] == '5' {
						t.Errorf("message %d: %q, %v", n, reply, err)
						return
					}
				}
				after(int(taken.Add(1)))
			}
		})
	}
	wg.Wait()
	return int(refused.Load())
}

// TestKill kills the milter again and again while 1,000 messages come in: each
// that was taken is delivered, and none without its edit.
func TestKill(t *testing.T) {
	t.Parallel()
	const count = 1000
	c := startChild(t)
	out := newSink(t)
	p := startPostfix(t, out.addr, []string{"unix:" + c.path})
	var kills atomic.Int64
	refused := load(t, p.addr, count, 6, func(n int) string {
		return fmt.Sprintf("From: %s\r\nSubject: change %d\r\n\r\nbody %d\r\n", author, n, n)
	}, func(taken int) {
		if taken%100 != 50 {
			return
		}
		c.kill()
		if err := c.start(); err != nil {
			t.Error(err)
		}
		kills.Add(1)
	})
	missing := map[string]bool{}
	for n := 1; n <= count; n++ {
		missing[fmt.Sprintf("BODY %d\r\n", n)] = true
	}
	for len(missing) > 0 && !t.Failed() {
		d := out.next(t)
		_, body, _ := strings.Cut(d.raw, "\r\n\r\n")
		if !strings.HasPrefix(d.raw, "X-Seen: yes\r\n") && !strings.Contains(d.raw, "\r\nX-Seen: yes\r\n") || !strings.HasPrefix(body, "BODY ") {
			t.Fatalf("delivered without its edit:\n%s", d.raw)
		}
		delete(missing, body)
	}
	t.Logf("%d kills, %d attempts answered by 4xx", kills.Load(), refused)
}

// TestReload swaps the signer under load: not one message fails.
func TestReload(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	var current atomic.Pointer[message.Handler]
	renew := func() {
		h := o.signer(sender.Options{})
		current.Store(&h)
	}
	renew()
	srv := serve(t, Options{Handler: newest{&current}})
	openToAll(t, srv.path)
	out := newSink(t)
	p := startPostfix(t, out.addr, []string{"unix:" + srv.path})
	const count = 200
	refused := load(t, p.addr, count, 4, func(int) string { return from(author) }, func(int) { renew() })
	if refused > 0 {
		t.Errorf("%d attempts failed", refused)
	}
	for range count {
		if d := out.next(t); !strings.Contains(d.raw, "multipart/signed") {
			t.Fatalf("delivered unsigned:\n%s", d.raw)
		}
	}
}
