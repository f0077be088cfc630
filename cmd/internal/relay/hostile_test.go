package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"dnseal/smime/message"
)

// TestSmuggling hands in whole transactions hidden after each thing that some server accepts as the
// end of a message. Nothing of them may become a command, and the message may not go on, because
// the next server could be the one.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	hidden := "MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\nFrom: evil@example.org\r\n\r\nx\r\n"
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n\r.\r\n", "\r\r\n.\r\r\n", "\r\n\x00.\r\n\n", "\r\n.\r\r\n"} {
		t.Run(fmt.Sprintf("%q", end), func(t *testing.T) {
			t.Parallel()
			s := (&scriptedHop{}).start(t)
			r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
			k := dial(t, r.addr)
			k.do("EHLO c", "250")
			k.envelope("b@example.net")
			if reply := k.content(simple + "a" + end + hidden); reply != "550 5.6.0 Message holds a bare CR or LF\n" {
				t.Errorf("reply = %q", reply)
			}
			k.do("NOOP", "250")
			if n := len(s.got()); n != 0 {
				t.Errorf("the next hop accepted %d messages", n)
			}
			if got := s.commands("MAIL FROM:<evil"); len(got) != 0 {
				t.Errorf("the next hop saw %q", got)
			}
		})
	}
}

// TestBareLinesAreNoCommands checks that a command line ends in CRLF only.
func TestBareLinesAreNoCommands(t *testing.T) {
	t.Parallel()
	s := (&scriptedHop{}).start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
	k := dial(t, r.addr)
	k.write("EHLO c\nNOOP\r\n")
	k.want("500 5.5.2")
	k.want("250 ")
	k.write("NO\rOP\r\n")
	k.want("500 5.5.2")
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<a@example.org>", "250")
	k.write("RCPT TO:<b@example.net>\r\nRCPT TO:<c@example.net>\nRCPT TO:<d@example.net>\r\n")
	k.want("250")
	k.want("500")
	k.want("250")
	if n := len(s.commands("RCPT")); n != 2 {
		t.Errorf("the next hop saw %d RCPT, want 2", n)
	}
}

// TestLongLines checks that a line over the limit is one error, however long, and costs no memory.
func TestLongLines(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback})
	k := dial(t, r.addr)
	k.write(strings.Repeat("x", 10<<20) + "\r\nNOOP\r\n")
	k.want("500 5.5.6")
	k.want("250")
	// In content they are the message's own affair.
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	long := "X: y\r\n\r\n" + strings.Repeat("z", 1<<20) + "\r\n"
	if reply := k.content(long); !strings.HasPrefix(reply, "250") {
		t.Errorf("reply = %q", reply)
	}
	if got := r.hop.got(); len(got) != 1 || !strings.HasSuffix(strings.Replace(got[0].data, "\r\n\r\n", "", 1), long[8:]) {
		t.Error("the long line arrived changed")
	}
}

// TestGarbage checks that a stream of nonsense ends the connection.
func TestGarbage(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback})
	k := dial(t, r.addr)
	k.write(strings.Repeat("GET / HTTP/1.1\r\n", 20))
	for range 19 {
		k.want("500")
	}
	k.want("421")
	k.wantEOF()
}

// TestSizeIsExact checks that a message of exactly the size announced is accepted and one byte more
// is not, by MAIL, DATA and BDAT.
func TestSizeIsExact(t *testing.T) {
	t.Parallel()
	const limit = 5000
	r := startRelay(t, Options{Trusted: loopback, Limits: Limits{MaxBytes: limit}})
	k := dial(t, r.addr)
	if reply := k.do("EHLO c", "250"); !slices.Contains(words(reply), "SIZE 5000") {
		t.Errorf("EHLO = %q", reply)
	}
	k.do("MAIL FROM:<a@example.org> SIZE=5001", "552 5.3.4")
	k.do("MAIL FROM:<a@example.org> SIZE=5000", "250")
	k.do("RSET", "250")
	fill := func(n int) string { return simple + strings.Repeat("x", n-len(simple)-2) + "\r\n" }
	k.envelope("b@example.net")
	if reply := k.content(fill(limit)); !strings.HasPrefix(reply, "250") {
		t.Errorf("reply to %d bytes = %q", limit, reply)
	}
	k.envelope("b@example.net")
	if reply := k.content(fill(limit + 1)); !strings.HasPrefix(reply, "552 5.3.4") {
		t.Errorf("reply to %d bytes = %q", limit+1, reply)
	}
	// Dots of transparency do not count.
	k.envelope("b@example.net")
	dots := strings.Repeat(".\r\n", (limit-len(simple))/3)
	if reply := k.content(simple + strings.ReplaceAll(dots, ".", "..")); !strings.HasPrefix(reply, "250") {
		t.Errorf("reply to dots = %q", reply)
	}
	k.envelope("b@example.net")
	k.write(fmt.Sprintf("BDAT %d LAST\r\n%s", limit, fill(limit)))
	k.want("250")
	k.envelope("b@example.net")
	k.write(fmt.Sprintf("BDAT %d\r\n%sBDAT 0 LAST\r\n", limit+1, fill(limit+1)))
	k.want("552 5.3.4")
	k.want("503")
	k.do("NOOP", "250")
}

// TestChunking hands in a message in chunks, pipelined, with bytes in it that look like commands
// and ends.
func TestChunking(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	text := simple + "QUIT\r\n.\r\n..x\r\n"
	k.write("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n")
	for _, part := range []string{text[:100], text[100:101], ""} {
		k.write(fmt.Sprintf("BDAT %d\r\n%s", len(part), part))
	}
	k.write(fmt.Sprintf("BDAT %d LAST\r\n%s", len(text)-101, text[101:]))
	for range 6 {
		k.want("250")
	}
	if got := r.hop.got(); len(got) != 1 || !strings.HasSuffix(got[0].data, text) {
		t.Errorf("the next hop accepted %q, want %q", got, text)
	}
}

// hopOverPipes serves the connections to next hops in the same bubble.
func hopOverPipes(opts *Options, hop func(net.Conn)) {
	opts.Hop.Dial = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			hop(theirs)
		}()
		return ours, nil
	}
}

// inBubble runs a dialogue with a relay on a clock of its own, over pipes. The next hop accepts
// everything.
func inBubble(t *testing.T, opts Options, dialogue func(k *talk)) {
	t.Helper()
	inBubbleTo(t, func(c net.Conn) { (&scriptedHop{}).session(c) }, opts, dialogue)
}

func inBubbleTo(t *testing.T, hop func(net.Conn), opts Options, dialogue func(k *talk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opts.NextHop = []string{"127.0.0.1:1"}
		opts.Trusted = loopback // a pipe counts as this machine
		opts.Log = slog.New(slog.DiscardHandler)
		hopOverPipes(&opts, hop)
		s, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		client, server := net.Pipe()
		s.admit(server)
		k := &talk{t: t, conn: client}
		k.greetPipe()
		dialogue(k)
		client.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s.Shutdown(ctx)
	})
}

// TestTimeoutInContent is the worst of timeouts: when content breaks off, its rest must not become
// commands.
func TestTimeoutInContent(t *testing.T) {
	t.Parallel()
	for _, begin := range []string{"DATA\r\n", "BDAT 1000\r\n"} {
		inBubble(t, Options{}, func(k *talk) {
			k.do("HELO c", "250")
			k.envelope("b@example.net")
			k.write(begin)
			if begin == "DATA\r\n" {
				k.want("354")
			}
			k.write("From: a@example.org\r\n\r\n")
			start := time.Now()
			k.want("421 4.4.2")
			if took := time.Since(start); took != 3*time.Minute {
				k.t.Errorf("the timeout came after %v, want 3m", took)
			}
			if _, err := io.WriteString(k.conn, "RSET\r\nMAIL FROM:<evil@example.org>\r\n"); err == nil {
				k.t.Error("the server reads on after a timeout in content")
			}
		})
	}
}

// drip sends one byte after the other, until the function it returns is called.
func drip(k *talk, every time.Duration) func() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := io.WriteString(k.conn, "x"); err != nil {
				return
			}
			time.Sleep(every)
		}
	}()
	return func() {
		k.conn.Close()
		<-done
	}
}

// TestSlowContent checks a client that sends one byte a minute: each read is in time, and the whole
// is not.
func TestSlowContent(t *testing.T) {
	t.Parallel()
	inBubble(t, Options{}, func(k *talk) {
		k.do("HELO c", "250")
		k.envelope("b@example.net")
		k.do("DATA", "354")
		defer drip(k, time.Minute)()
		start := time.Now()
		k.want("421 4.4.2")
		if took := time.Since(start); took != 30*time.Minute {
			k.t.Errorf("the end came after %v, want 30m", took)
		}
	})
}

// TestSlowChunks checks that content in chunks has no more time, whatever comes between them: it
// counts as in flight until its end.
func TestSlowChunks(t *testing.T) {
	t.Parallel()
	for _, between := range []string{"NOOP", "BDAT 0"} {
		inBubble(t, Options{}, func(k *talk) {
			k.do("EHLO c", "250")
			k.envelope("b@example.net")
			start := time.Now()
			k.do("BDAT 0", "250")
			for range 7 {
				time.Sleep(4 * time.Minute)
				k.do(between, "250")
			}
			k.want("421 4.4.2")
			if took := time.Since(start); took != 30*time.Minute {
				k.t.Errorf("the end came after %v, want 30m", took)
			}
		})
	}
}

// TestSlowCommand checks a client that sends one byte of a command each second, and one that sends
// nothing.
func TestSlowCommand(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{time.Second, time.Hour} {
		inBubble(t, Options{}, func(k *talk) {
			defer drip(k, every)()
			start := time.Now()
			k.want("421 4.4.2")
			if took := time.Since(start); took != 5*time.Minute {
				k.t.Errorf("the end came after %v, want 5m", took)
			}
		})
	}
}

// TestSlowHandler checks that a handler which is too slow defers the message, in time for the
// client.
func TestSlowHandler(t *testing.T) {
	t.Parallel()
	slow := handlerFunc(func(ctx context.Context, _ *message.Message, _ *message.Envelope) *message.Outcome {
		<-ctx.Done()
		return nil
	})
	inBubble(t, Options{Handler: slow}, func(k *talk) {
		k.do("HELO c", "250")
		k.envelope("b@example.net")
		start := time.Now()
		if reply := k.content(simple); !strings.HasPrefix(reply, "451") {
			k.t.Errorf("reply = %q", reply)
		}
		if took := time.Since(start); took != 2*time.Minute {
			k.t.Errorf("the answer came after %v, want 2m", took)
		}
	})
}

// TestManyRecipients checks the limit, and that the reply is 452 so that the client goes on with
// the rest later (RFC 5321, 4.5.3.1.10).
func TestManyRecipients(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback, Limits: Limits{MaxRecipients: 150}})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<a@example.org>", "250")
	go func() {
		for n := range 200 {
			fmt.Fprintf(k.conn, "RCPT TO:<b%d@example.net>\r\n", n)
		}
	}()
	for n := range 200 {
		k.want(map[bool]string{true: "250", false: "452 4.5.3"}[n < 150])
	}
	k.content(simple)
	if got := r.hop.got(); len(got) != 1 || len(got[0].rcpts) != 150 {
		t.Errorf("the next hop accepted %d messages", len(got))
	}
}

// TestRecipientsAreSmall checks that a recipient holds its path, and not the long line it came in.
// No other test may run meanwhile.
func TestRecipientsAreSmall(t *testing.T) {
	s := (&scriptedHop{words: []string{"PIPELINING", "DSN"}}).start(t)
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<a@example.org>", "250")
	before := heapKiB()
	const recipients, spaces = 500, 12000
	go func() {
		for range recipients {
			io.WriteString(k.conn, "RCPT TO:<b@example.net> "+strings.Repeat(" ", spaces)+"NOTIFY=NEVER\r\n")
		}
	}()
	for range recipients {
		k.want("250")
	}
	if grown := heapKiB() - before; grown > recipients*spaces/2/1024 {
		t.Errorf("%d recipients take %d KiB", recipients, grown)
	}
}

func heapKiB() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc / 1024)
}

// TestInFlight checks that no more bytes than allowed are on their way in, and that the count comes
// back.
func TestInFlight(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback, Limits: Limits{MaxInFlight: 100000}})
	big := simple + strings.Repeat("x", 90000) + "\r\n"
	first, second := dial(t, r.addr), dial(t, r.addr)
	for _, k := range []*talk{first, second} {
		k.do("EHLO c", "250")
		k.envelope("b@example.net")
	}
	first.write(fmt.Sprintf("BDAT %d\r\n%s", len(big), big))
	first.want("250")
	if reply := second.content(big); reply != "452 4.3.1 Too much mail at once, try again later\n" {
		t.Errorf("reply = %q", reply)
	}
	first.do("BDAT 0 LAST", "250")
	second.envelope("b@example.net")
	if reply := second.content(big); !strings.HasPrefix(reply, "250") {
		t.Errorf("reply = %q", reply)
	}
	if n := r.inFlight.Load(); n != 0 {
		t.Errorf("%d bytes in flight at the end", n)
	}
}

func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	for _, limits := range []Limits{{MaxConnections: 3, WaitTimeout: time.Millisecond}, {MaxConnections: 3, MaxWaiting: 1, WaitTimeout: time.Millisecond}, {MaxPerClient: 3}} {
		r := startRelay(t, Options{Trusted: loopback, Limits: limits})
		var open []*talk
		for range 3 {
			open = append(open, dial(t, r.addr))
		}
		conn, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(conn)
		conn.Close()
		if !strings.HasPrefix(string(b), "421 4.7.0 ") {
			t.Errorf("the fourth connection hears %q", b)
		}
		open[0].do("QUIT", "221")
		open[0].wantEOF()
		// The place is free once the server is done with the first: at the latest when it answers
		// another time.
		for {
			conn, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			first := make([]byte, 3)
			io.ReadFull(conn, first)
			conn.Close()
			if string(first) == "220" {
				break
			}
		}
	}
}

// TestTenThousandIdle opens as many idle connections as there are descriptors for, up to 10,000, at
// a relay in a process of its own. Another client is served nevertheless, and one more than the
// limit hears 421.
func TestTenThousandIdle(t *testing.T) {
	t.Parallel()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	idle := min(10000, int(limit.Cur)-1000)
	if idle < 10000 {
		t.Logf("only %d descriptors", limit.Cur)
	}
	s := startSink(t)
	r := startChild(t, "relay", childConfig{NextHop: []string{s.address()}, MaxConnections: idle + 1})
	conns := make([]net.Conn, 0, idle)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	before := r.memory("VmRSS")
	for range idle {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
			t.Fatalf("connection %d: %v", len(conns), err)
		}
	}
	grown := r.memory("VmRSS") - before
	t.Logf("%d idle connections need %d KiB", idle, grown)
	if most := idleKiB(); grown > most*idle {
		t.Errorf("%d KiB for %d idle connections, want at most %d each", grown, idle, most)
	}
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	if reply := k.content(simple); !strings.HasPrefix(reply, "250") {
		t.Errorf("reply = %q", reply)
	}
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, _ := io.ReadAll(c); !strings.HasPrefix(string(b), "421") {
		t.Errorf("one connection more hears %q", b)
	}
}

// idleKiB is the most memory of an idle connection. Half of it are the two buffers of go-smtp. The
// race detector keeps several bytes of its own for each byte that is touched.
func idleKiB() int {
	const most, detector = 16, 6
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return most * detector
	}
	return most
}

// TestShutdown checks that a message on its way is finished, that idle clients get 421, and
// that nothing is accepted any more.
func TestShutdown(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback})
	busy, resting := dial(t, r.addr), dial(t, r.addr)
	busy.do("EHLO c", "250")
	resting.do("EHLO c", "250")
	busy.envelope("b@example.net")
	down := make(chan error)
	go func() { down <- r.Shutdown(context.Background()) }()
	resting.want("421 4.3.2")
	resting.wantEOF()
	if reply := busy.content(simple); !strings.HasPrefix(reply, "250") {
		t.Errorf("reply = %q", reply)
	}
	busy.want("421 4.3.2")
	busy.wantEOF()
	if err := <-down; err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if _, err := net.Dial("tcp", r.addr); err == nil {
		t.Error("the port is still open")
	}
}

// TestShutdownInTime checks that clients and next hops that do not end are cut off with the
// context.
func TestShutdownInTime(t *testing.T) {
	t.Parallel()
	quiet := make(chan struct{})
	s := (&scriptedHop{answer: func(line string) string {
		if line == "." {
			<-quiet
		}
		return ""
	}}).start(t)
	t.Cleanup(func() { close(quiet) })
	r := startRelay(t, Options{NextHop: []string{s.address()}, Trusted: loopback})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	k.do("DATA", "354")
	k.write(simple + ".\r\n")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := r.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown = %v", err)
	}
}

// TestRetire checks that a server which is replaced serves those who are there until they leave.
func TestRetire(t *testing.T) {
	t.Parallel()
	r := startRelay(t, Options{Trusted: loopback})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	down := make(chan error)
	go func() { down <- r.Retire(context.Background()) }()
	for range 2 {
		k.envelope("b@example.net")
		if reply := k.content(simple); !strings.HasPrefix(reply, "250") {
			t.Errorf("reply = %q", reply)
		}
	}
	k.do("QUIT", "221")
	if err := <-down; err != nil {
		t.Errorf("Retire = %v", err)
	}
}
