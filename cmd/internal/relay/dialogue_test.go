package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnseal/cmd/internal/relay/sasl"
	"dnseal/smime/message"
)

// dialogue is what a client does in one connection, and what it meets.
type dialogue struct {
	lmtp, hopLMTP, tls, inbound bool
	hop                         []string // EHLO keywords of the next hop
	faults                      []fault
	outcome                     string // of the handler
	steps                       []step
}

// fault is a reply of the next hop to the nth command that begins with verb.
type fault struct {
	verb  string
	n     int
	reply string
}

// step is one command with what follows it at once. It has one reply, and content has its own.
type step struct {
	line    string // with its end
	content string // of DATA with its end, or of BDAT
	wait    bool   // for all replies so far
	pieces  int    // how the bytes are cut where they are written; 0: not
	leave   bool   // the client sends nothing more, although more was announced
}

var (
	greetings = []string{"EHLO c.example\r\n", "EHLO c.example\r\n", "LHLO c.example\r\n", "HELO c\r\n", "EHLO\r\n", "ehlo  c d\r\n", "EHLO \t\r\n", "HELO a b\r\n"}
	senders   = []string{
		"MAIL FROM:<a@example.org>\r\n", "MAIL FROM:<>\r\n", "mail from: <a@example.org> SIZE=100 BODY=8BITMIME\r\n", "MAIL FROM:<a@example.org> BODY=7BIT AUTH=<>\r\n",
		"MAIL FROM:<a@example.org> SIZE=99999999999\r\n", "MAIL FROM:<a@example.org> SIZE=3001\r\n", "MAIL FROM:<a@example.org> SIZE=-1\r\n", "MAIL FROM:<a@example.org> SMTPUTF8\r\n",
		"MAIL FROM:<ä@example.org> SMTPUTF8\r\n", "MAIL FROM:<ä@example.org>\r\n", "MAIL FROM:<a@example.org> RET=HDRS ENVID=QQ\r\n", "MAIL FROM:<a@example.org> RET=ODD\r\n",
		"MAIL FROM:<a@example.org> REQUIRETLS\r\n", "MAIL FROM:<a@example.org> X=Y\r\n", "MAIL FROM:<a@example.org> BODY=BINARYMIME\r\n", "MAIL FROM:<\"a>b\\\"\"@example.org>\r\n",
		"MAIL FROM:<@x.org:a@example.org>\r\n", "MAIL FROM:a@example.org\r\n", "MAIL FROM:<a>\r\n", "MAIL TO:<a@example.org>\r\n", "MAIL\r\n", "MAIL FROM:<a@example.org> SIZE=1=2\r\n", "MAIL FROM:<a@example.org>\t\r\n",
	}
	recipients = []string{
		"RCPT TO:<b@example.net>\r\n", "RCPT TO:<c@example.net>\r\n", "RCPT TO:<b@example.net>\r\n", "rcpt to:<d@example.net>  \r\n", "RCPT TO:<Postmaster>\r\n", "RCPT TO:<>\r\n", "RCPT TO:<b\r\n",
		"RCPT TO:<b@elsewhere.test>\r\n", "RCPT TO:<ü@example.net>\r\n", "RCPT TO:<b@example.net> NOTIFY=NEVER\r\n", "RCPT TO:<b@example.net> ORCPT=x;y\r\n", "RCPT TO:<b@example.net> X\r\n", "RCPT TO:<e@example.net>\n", "RCPT\r\n",
	}
	others = []string{
		"RSET\r\n", "RSET\r\n", "rset x\r\n", "NOOP\r\n", "NOOP x\r\n", "VRFY a\r\n", "VRFY\r\n", "HELP\r\n", "EXPN a\r\n", "\r\n", " \r\n", "X\r\n", "GET / HTTP/1.1\r\n", "NOOP\n", "NO\rOP\r\n", "\x00\xff\r\n", "*\r\n", "=\r\n",
		".\r\n", "QUITX\r\n", "STARTTLSX\r\n", "TURN\r\n", "SEND FROM:<a@example.org>\r\n", "DATA now\r\n", "BDATA 3\r\n", strings.Repeat("x", maxCommand) + "\r\n", "EHLO " + strings.Repeat("x", 600) + "\r\n",
	}
	logins = []string{
		"AUTH PLAIN " + b64("\x00good\x00p") + "\r\n", "AUTH PLAIN " + b64("\x00good\x00p") + "\r\n", "AUTH PLAIN " + b64("\x00bad\x00p") + "\r\n", "AUTH PLAIN\r\n", "AUTH LOGIN\r\n", "auth login\r\n", "AUTH LOGIN =\r\n", "AUTH PLAIN =\r\n",
		"AUTH PLAIN !\r\n", "AUTH X\r\n", "AUTH X !\r\n", "AUTH\r\n", "AUTH PLAIN " + b64("\x00temp\x00p") + " x\r\n", "AUTH PLAIN " + b64("\x00temp\x00p") + "\r\n", "AUTH PLAIN a\tb\r\n", "AUTH  PLAIN\r\n", "AUTH EXTERNAL =\r\n",
	}
	responses = []string{b64("good") + "\r\n", b64("good") + "\r\n", b64("\x00good\x00p") + "\r\n", b64("bad") + "\r\n", "*\r\n", "=\r\n", "\r\n", "!\r\n", "Zz\r\n", b64("good") + "\n", strings.Repeat("x", maxCommand) + "\r\n"}
	tokens    = []string{
		"From: a@example.org\r\n", "Subject: x\r\n", "\r\n", "Hello\r\n", ".", "..\r\n", "\n.\n", "\r.\r", "\n", "\r", "x", ".\r\n", "MAIL FROM:<evil@example.org>\r\n", "RCPT TO:<victim@example.net>\r\n", "QUIT\r\n", "RSET\r\n",
		"\x00ä", strings.Repeat("y", 1100), "Received: x\r\n", "broken header\r\n", " folded\r\n", "From x\r\n",
	}
	outcomes = []string{"", "", "accept", "mark", "reject", "defer", "panic", "nothing"}
)

var enhanced = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}( |$)`)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// anyDialogue draws dialogues that get far, and such that are broken anywhere.
func anyDialogue(t *rapid.T) dialogue {
	d := dialogue{
		lmtp: rapid.IntRange(0, 3).Draw(t, "lmtp") == 0, hopLMTP: rapid.IntRange(0, 3).Draw(t, "next hop LMTP") == 0,
		tls: rapid.Bool().Draw(t, "tls"), inbound: rapid.IntRange(0, 3).Draw(t, "inbound") == 0,
		outcome: rapid.SampledFrom(outcomes).Draw(t, "outcome"),
	}
	for _, w := range []string{"PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "REQUIRETLS"} {
		if rapid.Bool().Draw(t, w) {
			d.hop = append(d.hop, w)
		}
	}
	for range max(0, rapid.IntRange(-3, 3).Draw(t, "faults")) {
		d.faults = append(d.faults, fault{
			verb:  rapid.SampledFrom([]string{"MAIL", "RCPT", "RCPT", "DATA", ".", ".", "RSET", "EHLO", "LHLO"}).Draw(t, "verb"),
			n:     rapid.IntRange(0, 3).Draw(t, "nth"),
			reply: rapid.SampledFrom([]string{"450 4.2.0 later", "550 5.1.1 no", "550-no\r\n550 at all", "421 4.3.2 tired", "close", "nonsense", "551 plain"}).Draw(t, "reply"),
		})
	}
	phrases := rapid.IntRange(1, 7).Draw(t, "phrases")
	if d.tls && rapid.IntRange(0, 3).Draw(t, "at once") > 0 {
		d.steps = append(d.steps, d.line(t, greetings), step{line: "STARTTLS\r\n", wait: true}, d.line(t, greetings))
		if rapid.Bool().Draw(t, "login") {
			d.steps = append(d.steps, d.line(t, logins), d.line(t, responses), d.line(t, responses))
		}
	}
	for range phrases {
		d.steps = append(d.steps, d.phrase(t)...)
	}
	if slices.ContainsFunc(d.faults, func(f fault) bool { return f.verb == "RCPT" }) {
		// How many RCPT are sent together to a next hop that is lost depends on the moment.
		for i := range d.steps {
			d.steps[i].wait = true
		}
	}
	return d
}

func (d *dialogue) line(t *rapid.T, from []string) step {
	s := step{line: rapid.SampledFrom(from).Draw(t, "line"), wait: rapid.IntRange(0, 2).Draw(t, "wait") == 0, pieces: max(0, rapid.IntRange(-3, 4).Draw(t, "pieces"))}
	if d.lmtp && strings.HasPrefix(s.line, "EHLO c") {
		s.line = "L" + s.line[1:]
	}
	return s
}

// phrase is a few commands that belong together.
func (d *dialogue) phrase(t *rapid.T) []step {
	switch rapid.IntRange(0, 11).Draw(t, "phrase") {
	case 0:
		return []step{d.line(t, others)}
	case 1:
		return []step{d.line(t, logins), d.line(t, responses), d.line(t, responses)}
	case 2:
		return []step{d.line(t, greetings), {line: "STARTTLS" + rapid.SampledFrom([]string{"\r\n", "\r\n", " x\r\n", "\r\nNOOP\r\n"}).Draw(t, "STARTTLS"), wait: true}, d.line(t, greetings)}
	case 3:
		return []step{d.line(t, greetings)}
	case 4:
		return []step{d.line(t, senders)}
	case 5:
		return []step{d.line(t, recipients)}
	case 6:
		return []step{d.data(t)}
	case 7:
		return []step{d.chunk(t)}
	case 8:
		return []step{{line: "QUIT\r\n"}, d.line(t, others)}
	}
	steps := []step{{line: "EHLO c\r\n"}, d.line(t, senders[:4])}
	if d.lmtp {
		steps[0].line = "LHLO c\r\n"
	}
	if rapid.Bool().Draw(t, "greeted") {
		steps = steps[1:]
	}
	for range rapid.IntRange(1, 7).Draw(t, "recipients") {
		steps = append(steps, d.line(t, recipients))
	}
	if rapid.Bool().Draw(t, "chunks") {
		for range rapid.IntRange(1, 3).Draw(t, "number") {
			steps = append(steps, d.chunk(t))
		}
		return steps
	}
	return append(steps, d.data(t))
}

func (d *dialogue) data(t *rapid.T) step {
	text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(tokens), 0, 10).Draw(t, "content"), "")
	if rapid.Bool().Draw(t, "good") {
		text = simple
	}
	text = "\r\n" + text + "\r\n"
	for strings.Contains(text, "\r\n.\r\n") { // once may make another
		text = strings.ReplaceAll(text, "\r\n.\r\n", "\r\n..\r\n")
	}
	s := step{line: "DATA\r\n", content: text[2:] + ".\r\n", wait: rapid.IntRange(0, 3).Draw(t, "wait") > 0, pieces: max(0, rapid.IntRange(-3, 9).Draw(t, "pieces"))}
	s.leave = rapid.IntRange(0, 19).Draw(t, "leave") == 0
	return s
}

func (d *dialogue) chunk(t *rapid.T) step {
	text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(tokens), 0, 6).Draw(t, "content"), "")
	if rapid.Bool().Draw(t, "good") {
		text = simple
	}
	s := step{line: fmt.Sprintf("BDAT %d%s\r\n", len(text), rapid.SampledFrom([]string{"", " LAST", " last", " LAST"}).Draw(t, "last")), content: text, pieces: max(0, rapid.IntRange(-3, 9).Draw(t, "pieces"))}
	switch rapid.IntRange(0, 29).Draw(t, "broken") {
	case 0:
		s.line = rapid.SampledFrom([]string{"BDAT\r\n", "BDAT x\r\n", "BDAT -1\r\n", "BDAT 3 FIRST\r\n"}).Draw(t, "BDAT")
	case 1:
		s.leave = true
	}
	return s
}

// handler is what the outcome stands for.
func (d *dialogue) handler() message.Handler {
	if d.outcome == "" {
		return nil
	}
	return handlerFunc(func(context.Context, *message.Message, *message.Envelope) *message.Outcome {
		switch d.outcome {
		case "panic":
			panic("no")
		case "nothing":
			return nil
		case "mark":
			return &message.Outcome{Action: message.Accept, Edit: mark("x")}
		case "reject":
			return &message.Outcome{Action: message.Reject, Reply: message.Reply{Code: 550, Enhanced: "5.7.9", Text: "No"}}
		case "defer":
			return &message.Outcome{Action: message.Defer}
		}
		return &message.Outcome{Action: message.Accept}
	})
}

// scope is a test of its own inside a test.
type scope struct {
	testing.TB
	ends []func()
}

func (s *scope) Cleanup(f func()) { s.ends = append(s.ends, f) }

func (s *scope) end() {
	for _, f := range slices.Backward(s.ends) {
		f()
	}
	s.ends = nil
}

// served is a server of this package, or of another kind with the same behaviour.
type served interface {
	Serve(l net.Listener) error
	Shutdown(ctx context.Context) error
}

// stage is what all dialogues of a test share.
type stage struct {
	dir     string
	server  *tls.Config
	client  *tls.Config
	dovecot string
	start   func(st *stage, d *dialogue, next string) (served, error)
}

func newStage(t *testing.T, start func(st *stage, d *dialogue, next string) (served, error)) *stage {
	t.Helper()
	ca := newAuthority(t)
	st := &stage{dir: t.TempDir(), server: ca.server(t, "relay.example.org"), client: ca.client("relay.example.org"), start: start}
	st.dovecot = filepath.Join(st.dir, "auth")
	l, err := net.Listen("unix", st.dovecot)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { loginService(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return st
}

// loginService speaks Dovecot's authentication protocol: the user "good" may log in, and "temp"
// meets trouble.
func loginService(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	io.WriteString(conn, "VERSION\t1\t2\nMECH\tPLAIN\nMECH\tLOGIN\nDONE\n")
	var said []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if words[0] != "AUTH" && words[0] != "CONT" {
			continue
		}
		_, response, has := strings.Cut(words[len(words)-1], "resp=")
		if words[0] == "CONT" {
			response, has = words[2], true
		}
		if has {
			b, _ := base64.StdEncoding.DecodeString(response)
			said = append(said, string(b))
		}
		if len(said) == 0 || strings.Contains(line, "LOGIN") || words[0] == "CONT" && len(said) < 2 && !strings.Contains(said[0], "\x00") {
			fmt.Fprintf(conn, "CONT\t1\t%s\n", b64("more"))
			continue
		}
		switch {
		case strings.Contains(said[0], "good"):
			io.WriteString(conn, "OK\t1\tuser=good\n")
		case strings.Contains(said[0], "temp"):
			io.WriteString(conn, "FAIL\t1\ttemp\n")
		default:
			io.WriteString(conn, "FAIL\t1\tuser=bad\n")
		}
		said = nil
	}
}

// dialogueTime is what no dialogue needs.
const dialogueTime = 20 * time.Second

func dialogueLimits() Limits { return Limits{MaxBytes: 3000, MaxErrors: 9, MaxRecipients: 4} }

// startOwn starts a server of this package.
func startOwn(st *stage, d *dialogue, next string) (served, error) {
	opts := Options{
		Hostname: "relay.example.org", NextHop: []string{next}, LMTP: d.lmtp, Inbound: d.inbound, Handler: d.handler(), Limits: dialogueLimits(), Log: slog.New(slog.DiscardHandler),
		Auth: sasl.Options{Dovecot: st.dovecot, Pause: time.Nanosecond},
	}
	if d.inbound {
		opts.Recipients = []string{"example.net"}
	} else if !d.tls || d.outcome != "mark" {
		opts.Trusted = loopback
	}
	if d.tls {
		opts.TLS = st.server
	}
	return New(opts)
}

// played is what came of a dialogue.
type played struct {
	replies  []string
	accepted []accepted
	lines    []string // at the next hop
	passed   int      // recipients whose message was answered 250
	wrong    []string // replies that cannot be to their command
}

// play runs a dialogue.
func (st *stage) play(tb testing.TB, d *dialogue) played {
	tb.Helper()
	sc := &scope{TB: tb}
	defer sc.end()
	counts := map[string]int{}
	var mu sync.Mutex
	s := &scriptedHop{lmtp: d.hopLMTP, words: d.hop, answer: func(line string) string {
		mu.Lock()
		defer mu.Unlock()
		verb, _, _ := strings.Cut(line, " ")
		n := counts[verb]
		counts[verb]++
		for _, f := range d.faults {
			if f.verb == verb && f.n == n {
				return f.reply
			}
		}
		if verb == "RCPT" {
			return "250 2.1.5 " + line
		}
		return ""
	}}
	hop, err := net.Listen("unix", filepath.Join(st.dir, "hop"))
	if err != nil {
		tb.Fatal(err)
	}
	s.serve(sc, hop)
	l, err := net.Listen("unix", filepath.Join(st.dir, "relay"))
	if err != nil {
		tb.Fatal(err)
	}
	r, err := st.start(st, d, s.address())
	if err != nil {
		tb.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { r.Serve(l) })
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(dialogueTime))
	p := &player{d: d, conn: conn, r: bufio.NewReader(conn), raw: conn.(*net.UnixConn), tls: st.client}
	p.run()
	conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), hangGuard)
	defer cancel()
	if err := r.Shutdown(ctx); err != nil {
		tb.Fatalf("Shutdown = %v", err)
	}
	wg.Wait()
	s.stop()
	p.accepted = s.mails
	for _, l := range s.lines {
		if l != "QUIT" {
			p.lines = append(p.lines, l)
		}
	}
	return p.played
}

// player is the client of a dialogue.
type player struct {
	played
	d       *dialogue
	conn    net.Conn
	raw     *net.UnixConn
	r       *bufio.Reader
	tls     *tls.Config
	pending []step
	rcpts   int // accepted, of this transaction
	over    bool
}

func (p *player) run() {
	if p.reply("greeting", "220"); p.over {
		return
	}
	for _, s := range p.d.steps {
		p.step(s)
		if p.over {
			return
		}
		if s.leave {
			break
		}
	}
	p.readReplies()
	if p.over {
		return
	}
	p.raw.CloseWrite()
	if line, err := p.r.ReadString('\n'); err == nil {
		p.wrong = append(p.wrong, "one reply more: "+line)
	}
}

// step writes a command, with its content where that does not wait for a reply.
func (p *player) step(s step) {
	if strings.HasPrefix(s.line, "STARTTLS") {
		p.readReplies()
		if p.over {
			return
		}
	}
	wire := s.line
	together := s.content != "" && (strings.HasPrefix(s.line, "BDAT") || !s.wait)
	if together {
		wire += s.content
		if s.leave {
			wire = wire[:len(wire)-1-len(s.content)/2]
		}
	}
	p.write(wire, s.pieces)
	if together && s.leave {
		p.raw.CloseWrite()
	}
	p.pending = append(p.pending, s)
	if s.wait {
		p.readReplies()
	}
}

func (p *player) write(wire string, pieces int) {
	size := len(wire)
	if pieces > 0 {
		size = 1 + len(wire)/pieces
	}
	for part := range slices.Chunk([]byte(wire), max(1, size)) {
		p.conn.Write(part)
	}
}

// readReplies reads the replies to all that was written.
func (p *player) readReplies() {
	pending := p.pending
	p.pending = nil
	for _, s := range pending {
		switch {
		case p.over:
			return
		case s.line == "DATA\r\n":
			p.data(s)
		case strings.HasPrefix(s.line, "BDAT "):
			p.chunk(s)
		case strings.HasPrefix(s.line, "STARTTLS\r\n") || strings.HasPrefix(s.line, "STARTTLS "):
			p.startTLS(s)
		default:
			p.command(s.line)
		}
	}
}

// fine are the codes of success.
var fine = map[string]string{
	"EHLO": "250", "LHLO": "250", "HELO": "250", "MAIL": "250", "RCPT": "250", "DATA": "354", "BDAT": "250", "RSET": "250", "NOOP": "250", "VRFY": "252", "QUIT": "221", "AUTH": "235 334", "STARTTLS": "220",
}

// command reads the reply to one line.
func (p *player) command(line string) {
	verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimRight(line, "\r\n")), " ")
	success := fine[verb]
	if len(p.replies) > 0 && strings.HasPrefix(p.replies[len(p.replies)-1], "334") {
		success = "235 334" // a response
	}
	text := p.reply(line, success)
	if p.over || !strings.HasPrefix(text, "2") {
		return
	}
	switch verb {
	case "EHLO", "LHLO", "HELO", "RSET", "MAIL":
		p.rcpts = 0
	case "RCPT":
		p.rcpts++
		if path := line[strings.Index(line, "<"):]; !strings.Contains(text, strings.TrimRight(path, " \r\n")) && !strings.Contains(text, "?") {
			p.wrong = append(p.wrong, fmt.Sprintf("%q to %q", text, line))
		}
	case "QUIT":
		p.wantEnd()
	}
}

func (p *player) wantEnd() {
	if line, err := p.r.ReadString('\n'); err == nil {
		p.wrong = append(p.wrong, "after the end: "+line)
	}
	p.over = true
	p.replies = append(p.replies, "end")
}

func (p *player) data(s step) {
	text := p.reply(s.line, "354")
	if p.over {
		return
	}
	if !strings.HasPrefix(text, "354") {
		if s.wait {
			return
		}
		content := s.content
		if s.leave {
			content = content[:len(content)-1-len(s.content)/2]
		}
		for line := range strings.Lines(content) {
			if !strings.HasSuffix(line, "\n") || p.over {
				return
			}
			p.command(line)
		}
		return
	}
	if s.wait {
		content := s.content
		if s.leave {
			content = content[:len(content)-1-len(s.content)/2]
		}
		p.write(content, s.pieces)
	}
	if s.leave {
		p.raw.CloseWrite()
		p.wantEnd()
		return
	}
	p.final(p.reply(s.line, "250"))
}

// final reads what follows the first reply to a whole message.
func (p *player) final(text string) {
	n := p.rcpts
	p.rcpts = 0
	for i := range n {
		if i > 0 && p.d.lmtp {
			text = p.reply("content", "250")
		}
		if p.over {
			return
		}
		if strings.HasPrefix(text, "250") {
			p.passed++
		}
	}
}

func (p *player) chunk(s step) {
	if s.leave {
		p.raw.CloseWrite()
	}
	text := p.reply(s.line, "250")
	switch {
	case p.over:
	case strings.HasPrefix(text, "501"):
		p.wantEnd()
	case strings.HasPrefix(text, "503"):
	case strings.Contains(strings.ToUpper(s.line), "LAST"):
		p.final(text)
	case !strings.HasPrefix(text, "250"):
		p.rcpts = 0
	}
}

func (p *player) startTLS(s step) {
	text := p.reply(s.line, "220")
	switch {
	case p.over:
	case strings.HasPrefix(text, "220"):
		conn := tls.Client(p.conn, p.tls)
		if err := conn.Handshake(); err != nil {
			p.replies, p.over = append(p.replies, err.Error()), true
			return
		}
		p.conn, p.r = conn, bufio.NewReader(conn)
	case strings.HasPrefix(text, "554"):
		p.wantEnd()
	case strings.HasSuffix(s.line, "NOOP\r\n"):
		p.command("NOOP\r\n")
	}
}

// reply reads one reply, and notes its codes, the words of EHLO and challenges.
func (p *player) reply(line, success string) string {
	var text, note []string
	for {
		l, err := p.r.ReadString('\n')
		if errors.Is(err, os.ErrDeadlineExceeded) {
			p.wrong = append(p.wrong, fmt.Sprintf("no reply to %.60q", line))
		}
		if err != nil {
			p.replies, p.over = append(p.replies, "end"), true
			return ""
		}
		l = strings.TrimSuffix(l, "\r\n")
		if len(l) < 4 || strings.ContainsAny(l, "\r\n") || len(text) > 0 && l[:3] != text[0][:3] {
			p.wrong = append(p.wrong, fmt.Sprintf("%q to %.60q", l, line))
			p.over = true
			return ""
		}
		text = append(text, l)
		if l[3] == ' ' {
			break
		}
	}
	for i, l := range text {
		word, _, _ := strings.Cut(l[4:], " ")
		switch {
		case l[:3] == "334" || i > 0 && !enhanced.MatchString(l[4:]):
			note = append(note, l[4:])
		case enhanced.MatchString(l[4:]):
			note = append(note, word)
		default:
			note = append(note, "-")
		}
	}
	slices.Sort(note)
	code := text[0][:3]
	if refused, _ := strconv.Atoi(code); refused < 400 && !strings.Contains(success, code) || refused < 500 && refused >= 400 && code != "421" && slices.Contains([]string{"NOOP", "RSET", "VRFY", "QUIT"}, strings.TrimRight(line, "\r\n")) {
		p.wrong = append(p.wrong, fmt.Sprintf("%q to %.60q", text, line))
	}
	p.replies = append(p.replies, code+" "+strings.Join(note, ","))
	return strings.Join(text, "\n")
}

// TestDialogues plays random dialogues: pipelined, broken, in chunks, with TLS, logins and LMTP.
// Each command has one reply, in order; what reached the next hop was answered 250; the connection
// and the server come to an end.
func TestDialogues(t *testing.T) {
	t.Parallel()
	st := newStage(t, startOwn)
	rapid.Check(t, func(rt *rapid.T) {
		d := anyDialogue(rt)
		p := st.play(t, &d)
		if len(p.wrong) > 0 {
			rt.Fatalf("wrong replies %q among %q", p.wrong, p.replies)
		}
		accepted := 0
		for _, m := range p.accepted {
			accepted += len(m.rcpts)
		}
		// Recipients that an LMTP next hop accepted may hear of it too late: with one answer for
		// all, or where the reply for another recipient could not be read.
		unread := slices.ContainsFunc(d.faults, func(f fault) bool { return f.verb == "." && f.reply == "nonsense" })
		if accepted < p.passed || accepted > p.passed && (d.lmtp && !unread || !d.hopLMTP) {
			rt.Fatalf("%d recipients reached, %d answered with 250: %q", accepted, p.passed, p.replies)
		}
	})
}
