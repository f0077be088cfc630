package relay

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/sender"
	"dnseal/smime/message"
)

// Children are this test program run again as a relay or a next hop, so that they can be killed.
// They get their listening socket as file 3, which survives them: their port stays theirs.
const (
	childRole    = "DNSEAL_TEST_CHILD"
	childOptions = "DNSEAL_TEST_CHILD_OPTIONS"
)

// childConfig configures a child.
type childConfig struct {
	NextHop        []string
	MaxConnections int
	Dir            string // of a next hop: where messages go; of a signer: its identities
	Door           doorConfig
}

// runChild serves until it is killed or its standard input ends.
func runChild(role string) {
	var c childConfig
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err == nil {
		err = json.Unmarshal([]byte(os.Getenv(childOptions)), &c)
	}
	if err != nil {
		slog.Error("child", slog.String("error", err.Error()))
		os.Exit(1)
	}
	go func() { // gone with the parent
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	os.Stdout.WriteString("ready\n")
	switch role {
	case "relay":
		err = childRelay(c, l, handlerFunc(func(context.Context, *message.Message, *message.Envelope) *message.Outcome {
			return &message.Outcome{Action: message.Accept, Edit: mark("child")}
		}))
	case "signer":
		var s *sender.Sender
		if s, err = childSigner(c); err == nil {
			err = childRelay(c, l, s)
		}
	case "door":
		err = childDoor(c, l)
	case "pass-through":
		err = childPassThrough(c, l)
	default:
		err = childHop(c, l)
	}
	slog.Error(role, slog.String("error", err.Error()))
	os.Exit(1)
}

func childRelay(c childConfig, l net.Listener, h message.Handler) error {
	s, err := New(Options{
		Hostname: "relay.example.org", NextHop: c.NextHop, Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Handler: h,
		Limits: Limits{MaxConnections: c.MaxConnections, WaitTimeout: time.Millisecond, MaxPerClient: c.MaxConnections},
		Log:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// childHop is a next hop that has a message in a file before it answers 250. The file has its name
// only when it is whole.
func childHop(c childConfig, l net.Listener) error {
	return newSink(func(m accepted) error {
		name := filepath.Join(c.Dir, rand.Text())
		if err := os.WriteFile(name, []byte(m.data), 0o600); err != nil {
			return err
		}
		return os.Rename(name, filepath.Join(c.Dir, "mail-"+filepath.Base(name)))
	}).Serve(l)
}

// child is one such program, which can be killed and started again.
type child struct {
	tb   testing.TB
	role string
	conf childConfig
	addr string
	file *os.File

	mu     sync.Mutex
	cmd    *exec.Cmd
	stdin  io.Closer
	killed int
}

func startChild(tb testing.TB, role string, conf childConfig) *child {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		tb.Fatal(err)
	}
	c := &child{tb: tb, role: role, conf: conf, addr: l.Addr().String(), file: file}
	if err := c.start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		c.kill()
		file.Close()
	})
	return c
}

func (c *child) start() error {
	opts, err := json.Marshal(c.conf)
	if err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childRole+"="+c.role, childOptions+"="+string(opts))
	cmd.ExtraFiles = []*os.File{c.file}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err = cmd.Start(); err != nil {
		return err
	}
	_, err = bufio.NewReader(stdout).ReadString('\n')
	c.mu.Lock()
	c.cmd, c.stdin = cmd, stdin
	c.mu.Unlock()
	return err
}

// kill sends SIGKILL and waits for the end.
func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd == nil {
		return
	}
	c.cmd.Process.Kill()
	c.cmd.Wait()
	c.stdin.Close()
	c.cmd = nil
	c.killed++
}

// memory is the child's resident set, in KiB, by a field of /proc/PID/status.
func (c *child) memory(field string) int {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(c.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), field+":")
	words := strings.Fields(rest)
	if len(words) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(words[0])
	return n
}

// attempt is how far one try to hand in a message got.
type attempt int

const (
	refused attempt = iota // it was refused, and nothing can have been accepted
	// the answer, to us or to the relay, was cut off: it may have been accepted
	cutOff
	done // 250
)

// submitter hands in messages over a connection that it opens again when it broke.
type submitter struct {
	addr string
	conn net.Conn
	r    *bufio.Reader
}

func (s *submitter) close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

func (s *submitter) open() bool {
	if s.conn != nil {
		return true
	}
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		return false
	}
	s.conn, s.r = conn, bufio.NewReader(conn)
	conn.SetDeadline(time.Now().Add(hangGuard))
	return s.reply()[0] == '2' && s.command("EHLO c")[0] == '2'
}

// reply returns one reply, "-" when there is none.
func (s *submitter) reply() string {
	for {
		line, err := s.r.ReadString('\n')
		if err != nil || len(line) < 4 {
			s.close()
			return "-"
		}
		if line[3] == ' ' {
			return line
		}
	}
}

func (s *submitter) command(line string) string {
	if s.conn == nil {
		return "-"
	}
	if _, err := io.WriteString(s.conn, line+"\r\n"); err != nil {
		s.close()
		return "-"
	}
	return s.reply()
}

// try hands in one message. The reply that ended it comes with it.
func (s *submitter) try(content string) (attempt, string) {
	return s.tryFor("b@example.net", content)
}

func (s *submitter) tryFor(rcpt, content string) (attempt, string) {
	if !s.open() {
		s.close()
		return refused, "-"
	}
	s.conn.SetDeadline(time.Now().Add(hangGuard))
	for _, line := range []string{"MAIL FROM:<a@example.org>", "RCPT TO:<" + rcpt + ">", "DATA"} {
		if r := s.command(line); r[0] != '2' && r[0] != '3' {
			s.command("RSET")
			return refused, r
		}
	}
	r := s.command(content + ".")
	switch {
	case r[0] == '2':
		return done, r
	// 451 4.4.2 is the relay's word for a next hop that went away.
	case r == "-" || strings.HasPrefix(r, "451 4.4.2"):
		return cutOff, r
	}
	return refused, r
}
