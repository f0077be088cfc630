//go:build unix

package peertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is an outside program that runs, in a process group of its own.
type Process struct {
	cmd   *exec.Cmd
	out   strings.Builder
	ended chan struct{}
}

// Run starts a program that stays in the foreground. It ends with the test, its children too; what
// it wrote is logged when the test failed.
func Run(tb testing.TB, program string, args ...string) *Process {
	tb.Helper()
	return runAs(tb, &syscall.SysProcAttr{Setpgid: true}, "", program, args...)
}

// runAs is Run as another user, in a folder that this one may enter.
func runAs(tb testing.TB, attr *syscall.SysProcAttr, dir, program string, args ...string) *Process {
	tb.Helper()
	p := &Process{cmd: exec.Command(program, args...), ended: make(chan struct{})} //nolint:gosec,noctx // of a test; Cleanup ends it
	p.cmd.SysProcAttr, p.cmd.Dir = attr, dir
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() { defer close(p.ended); _ = p.cmd.Wait() }()
	tb.Cleanup(func() {
		p.signal(syscall.SIGCONT)
		p.signal(syscall.SIGTERM)
		hung := time.AfterFunc(time.Minute, func() { p.signal(syscall.SIGKILL) })
		<-p.ended
		hung.Stop()
		if tb.Failed() && p.out.Len() > 0 {
			tb.Logf("%s: %s", program, p.out.String())
		}
	})
	return p
}

// signal is for the program and its children, as long as it was not waited for.
func (p *Process) signal(s syscall.Signal) {
	select {
	case <-p.ended:
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, s)
	}
}

// Kill ends it as a crash would (SIGKILL), and waits for the end.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// Pause stops it where it is (SIGSTOP): it takes connections and answers nothing. Resume lets it go
// on. On a busy machine its threads go on for a moment, which Pause waits for where /proc tells it.
func (p *Process) Pause() {
	p.signal(syscall.SIGSTOP)
	for end := time.Now().Add(patience); !p.stopped() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// stopped reports whether no thread of it runs, as far as that is known.
func (p *Process) stopped() bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid))
	for _, name := range threads {
		stat, _ := os.ReadFile(name) // proc(5): PID (COMMAND) STATE …; gone: nothing that runs
		if _, state, found := strings.Cut(string(stat), ") "); found && !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}

// Resume is the end of a Pause.
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

// Ended is closed when the program has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }
