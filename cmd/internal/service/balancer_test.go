package service

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dnseal/cmd/internal/demo"
	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup/lookuptest/peertest"
)

// TestDrain: from SIGTERM on balancers are told, and clients are still accepted until the time is
// over. A message in progress then is finished.
func TestDrain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(worldtest.OneRelay + "[service]\nhealth = \"unix:DIR/health\"\ndrain = \"30s\"\n")
	over := make(chan time.Time)
	r := &running{log: &worldtest.Buffer{}}
	r.service = newService("relay", w.Path("dnseal.toml"), r.log)
	r.after = func(time.Duration) <-chan time.Time { return over }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.run(ctx, nil) }()
	peertest.WaitFor(t, "ready", func() bool { return strings.Contains(r.log.String(), "msg=ready") })
	if got := w.health("/readyz"); got != http.StatusOK {
		t.Errorf("/readyz: %d", got)
	}
	if got := w.health("/metrics"); got != http.StatusNotFound {
		t.Errorf("the health checks answer /metrics: %d", got)
	}
	cancel()
	peertest.WaitFor(t, "503", func() bool { return w.health("/readyz") == http.StatusServiceUnavailable })
	if got := w.health("/healthz"); got != http.StatusOK || !strings.Contains(w.get("/readyz"), "not ready") {
		t.Errorf("/healthz while it drains: %d", got)
	}
	must(t, w.submit("alice@example.org"))
	w.Mailbox.Wait(hang)
	late := w.waiting()
	over <- time.Now()
	if line, err := late.ReadString('\n'); !strings.HasPrefix(line, "421 4.3.2") {
		t.Errorf("an idle client at the end: %q, %v", line, err)
	}
	must(t, <-done)
}

// health asks the listener for health checks.
func (w *world) health(path string) int {
	w.T.Helper()
	conn, err := net.Dial("unix", w.Path("health"))
	must(w.T, err)
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.0\r\n\r\n", path)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(w.T, err)
	defer resp.Body.Close()
	return resp.StatusCode
}

// door is "dnseal relay" in a process of its own.
type door struct {
	address, health, conf string
	cmd                   *exec.Cmd
	log                   *worldtest.Buffer
}

func (d *door) start(tb testing.TB) {
	tb.Helper()
	d.log = &worldtest.Buffer{}
	d.cmd = exec.Command(os.Args[0], d.conf)
	d.cmd.Env = append(os.Environ(), "DNSEAL_TEST_SERVICE=relay")
	d.cmd.Stderr = d.log
	must(tb, d.cmd.Start())
	peertest.WaitFor(tb, "ready", func() bool { return strings.Contains(d.log.String(), "msg=ready") })
}

// stop sends the signal, and waits for the end.
func (d *door) stop(t *testing.T) {
	t.Helper()
	must(t, d.cmd.Process.Signal(os.Interrupt))
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("a door ends with %v:\n%s", err, d.log)
	}
}

// doors are as many relays of a world before a next hop, and HAProxy before them, whose address is
// front.
func (w *world) doors(tb testing.TB, n int, nextHop string) (all []*door, front string) {
	tb.Helper()
	haproxy := peertest.Program(tb, "haproxy")
	front = peertest.FreeAddr(tb)
	text, err := os.ReadFile(w.Config(""))
	must(tb, err)
	servers := ""
	for i := range n {
		d := &door{address: peertest.FreeAddr(tb), health: peertest.FreeAddr(tb)}
		relay := strings.Replace(strings.ReplaceAll(worldtest.OneRelay, "DIR/", w.Dir+"/"), "unix:"+w.Dir+"/relay", d.address, 1)
		relay = strings.Replace(relay, "unix:"+w.Dir+"/mailbox", nextHop, 1)
		d.conf = w.Write(fmt.Sprintf("door%d.toml", i), fmt.Sprintf("%s%sproxies = [\"127.0.0.0/8\"]\n[service]\nhealth = %q\ndrain = \"2s\"\n", text, relay, d.health))
		d.start(tb)
		tb.Cleanup(func() { d.cmd.Process.Kill(); d.cmd.Wait() })
		host, port, _ := net.SplitHostPort(d.health)
		servers += fmt.Sprintf("  server door%d %s addr %s port %s\n", i, d.address, host, port)
		all = append(all, d)
	}
	conf := w.Write("haproxy.cfg", `defaults
  mode tcp
  timeout connect 10s
  timeout client 2m
  timeout server 10m
  retries 3
  option redispatch
frontend submission
  bind `+front+`
  default_backend doors
backend doors
  balance leastconn
  option httpchk GET /readyz
  http-check expect status 200
  default-server check inter 100ms fall 1 rise 1 send-proxy-v2
`+servers)
	log := &worldtest.Buffer{}
	cmd := exec.Command(haproxy, "-db", "-f", conf)
	cmd.Stdout, cmd.Stderr = log, log
	must(tb, cmd.Start())
	tb.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if tb.Failed() {
			tb.Logf("HAProxy:\n%s", log)
		}
	})
	peertest.WaitListening(tb, front)
	return all, front
}

// handInAt hands one message in.
func handInAt(address, subject string) error {
	c, err := smtp.Dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err = c.Mail("alice@example.org"); err != nil {
		return err
	}
	if err = c.Rcpt("bob@example.net"); err != nil {
		return err
	}
	data, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprintf(data, "From: alice@example.org\r\nTo: bob@example.net\r\nSubject: %s\r\n\r\ntext\r\n", subject)
	if err = data.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// TestRollingRestart restarts the relays behind HAProxy one after the other, under load: no message
// is refused, lost or doubled.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollingRestart(t, 2, 3, "unix:"+w.Path("mailbox"), w.Mailbox.Mail)
}

// TestRollingRestartPostfix is the same where the queue behind the relays is Postfix's: once that
// is empty each message has arrived, once.
func TestRollingRestartPostfix(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 4} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			mailbox := demo.ServeMailbox(l)
			t.Cleanup(mailbox.Close)
			dir := peertest.ShortDir(t)
			queue := peertest.Postfix(t, dir, l.Addr().String(), "myhostname = queue.example")
			newWorld(t).rollingRestart(t, n, 1, queue, mailbox.Mail, dir+"/spool")
		})
	}
}

// arrivals collects the subjects of mail until end is called, which returns how often each came.
func arrivals(mail <-chan []byte) (end func() map[string]int) {
	arrived, stop, done := map[string]int{}, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case m := <-mail:
				_, subject, _ := strings.Cut(string(m), "\r\nSubject: ")
				subject, _, _ = strings.Cut(subject, "\r\n")
				arrived[subject]++
			case <-stop:
				return
			}
		}
	}()
	return sync.OnceValue(func() map[string]int {
		close(stop)
		<-done
		return arrived
	})
}

// rollingRestart restarts n relays while clients hand mail in; the queues are folders of Postfix
// that must be empty at the end.
func (w *world) rollingRestart(t *testing.T, n, clients int, nextHop string, mail <-chan []byte, queues ...string) {
	t.Helper()
	doors, front := w.doors(t, n, nextHop)
	end := arrivals(mail)
	defer end()
	// HAProxy knows of a door only when it has asked it.
	peertest.WaitFor(t, "all doors to serve", func() bool {
		if err := handInAt(front, "first"); err != nil {
			t.Log(err)
		}
		return !slices.ContainsFunc(doors, func(d *door) bool { return !served(d) })
	})
	var stop atomic.Bool
	var accepted sync.Map
	var load sync.WaitGroup
	for i := range clients {
		load.Go(func() {
			for j := 0; !stop.Load(); j++ {
				subject := fmt.Sprintf("m%d-%d", i, j)
				if err := handInAt(front, subject); err != nil {
					t.Errorf("%s: %v", subject, err)
					return
				}
				accepted.Store(subject, true)
			}
		})
	}
	for _, d := range doors {
		d.stop(t)
		d.start(t)
		peertest.WaitFor(t, "the new door to serve", func() bool { return served(d) || t.Failed() })
	}
	stop.Store(true)
	load.Wait()
	for _, queue := range queues {
		peertest.WaitFor(t, "Postfix's queue to be empty", func() bool { return queued(t, queue) == 0 })
	}
	arrived, total := end(), 0
	accepted.Range(func(subject, _ any) bool {
		if total++; arrived[subject.(string)] != 1 {
			t.Errorf("%s was accepted, and arrived %d times", subject, arrived[subject.(string)])
		}
		return true
	})
	t.Logf("%d messages through the restart of %d relays", total, n)
}

// queued is how many messages Postfix has in its queues.
func queued(t *testing.T, spool string) (n int) {
	t.Helper()
	for _, queue := range []string{"maildrop", "incoming", "active", "deferred"} {
		must(t, filepath.WalkDir(filepath.Join(spool, queue), func(_ string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				n++
			}
			if errors.Is(err, fs.ErrNotExist) { // it went on meanwhile
				return nil
			}
			return err
		}))
	}
	return n
}

func served(d *door) bool { return strings.Contains(d.log.String(), "msg=message") }

// cpu is the processor time that the process has used.
func (d *door) cpu(tb testing.TB) time.Duration {
	tb.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	must(tb, err)
	_, after, _ := strings.Cut(string(stat), ") ")
	words := strings.Fields(after) // proc_pid_stat(5): utime is the 14th field, the 12th here
	ticks := 0
	for _, w := range words[11:13] {
		n, err := strconv.Atoi(w)
		must(tb, err)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}

// BenchmarkBalanced hands signed mail in at one, two and four relays behind HAProxy, by as many
// clients for each of them: a relay with little to do needs more time for a message, because it
// falls asleep and wakes up for each. Where the cores are shared the number to look at is the time
// of the processor that the relays need for a message.
func BenchmarkBalanced(b *testing.B) {
	for _, n := range []int{1, 2, 4} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			w := newWorld(b)
			doors, front := w.doors(b, n, "unix:"+w.Path("mailbox"))
			var collector sync.WaitGroup
			stop := make(chan struct{})
			collector.Go(func() {
				for {
					select {
					case <-w.Mailbox.Mail:
					case <-stop:
						return
					}
				}
			})
			peertest.WaitFor(b, "all doors to serve", func() bool {
				return handInAt(front, "first") == nil && !slices.ContainsFunc(doors, func(d *door) bool { return !served(d) })
			})
			before := time.Duration(0)
			for _, d := range doors {
				before += d.cpu(b)
			}
			b.SetParallelism(4 * n)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := handInAt(front, "load"); err != nil {
						b.Error(err)
					}
				}
			})
			b.StopTimer()
			used := -before
			for _, d := range doors {
				used += d.cpu(b)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-us/message")
			close(stop)
			collector.Wait()
		})
	}
}
