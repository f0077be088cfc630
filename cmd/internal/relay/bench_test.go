package relay

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime/message"

	"dnseal/lookup/lookuptest/peertest"
)

// childSigner is a relay that signs with a P-256 identity, as dnseal relay would.
func childSigner(c childConfig) (*sender.Sender, error) {
	id, err := identity.Load(c.Dir, "alice@example.org")
	if err != nil {
		return nil, err
	}
	return sender.New(sender.Options{
		Identities: func(string) (*identity.Identity, error) { return id, nil },
		Rules:      []sender.Rule{{Who: []string{"net:127.0.0.0/8"}, From: []string{"alice@example.org"}}},
	})
}

// childPassThrough is the peer: a relay of go-smtp on both sides that signs nothing, with
// connections to the next hop used again.
func childPassThrough(c childConfig, l net.Listener) error {
	b := &passThrough{next: c.NextHop[0]}
	s := smtp.NewServer(b)
	s.MaxMessageBytes = 64 << 20
	s.AllowInsecureAuth = true
	return s.Serve(l)
}

type passThrough struct {
	next string
	mu   sync.Mutex
	idle []*smtp.Client
}

func (b *passThrough) NewSession(*smtp.Conn) (smtp.Session, error) { return &passSession{b: b}, nil }

func (b *passThrough) idleClient() (*smtp.Client, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.idle); n > 0 {
		c := b.idle[n-1]
		b.idle = b.idle[:n-1]
		return c, nil
	}
	return smtp.Dial(b.next)
}

type passSession struct {
	b    *passThrough
	from string
	to   []string
}

func (s *passSession) Reset()        { s.from, s.to = "", nil }
func (s *passSession) Logout() error { return nil }

func (s *passSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *passSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *passSession) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c, err := s.b.idleClient()
	if err != nil {
		return err
	}
	if err := c.SendMail(s.from, s.to, bytes.NewReader(body)); err != nil {
		return err
	}
	s.b.mu.Lock()
	s.b.idle = append(s.b.idle, c)
	s.b.mu.Unlock()
	return nil
}

// contender is a relay under measurement.
type contender struct {
	addr string
	cpu  func() time.Duration // used so far; nil: not measured
	rss  func() int           // peak, KiB
}

func childContender(c *child) contender {
	return contender{
		addr: c.addr,
		cpu:  func() time.Duration { return cpuTime(c.cmd.Process.Pid) },
		rss:  func() int { return c.memory("VmHWM") },
	}
}

// cpuTime is what a process used, by /proc/PID/stat in hundredths of a second.
func cpuTime(pid int) time.Duration {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// counter is smtp-sink, which counts the messages it took.
type counter struct {
	addr     string
	accepted chan int // the count, whenever it is printed
	count    int
}

func startCounter(b *testing.B) *counter {
	b.Helper()
	c := &counter{addr: peertest.FreeAddr(b), accepted: make(chan int)}
	cmd := exec.CommandContext(b.Context(), peertest.Program(b, "smtp-sink"), "-c", "-u", "nobody", c.addr, "1000")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	go c.read(out)
	b.Cleanup(func() {
		cmd.Process.Kill()
		for range c.accepted {
		}
		cmd.Wait()
	})
	peertest.WaitListening(b, c.addr)
	return c
}

// read follows "sess=1 quit=0 mesg=17", printed again after each carriage return.
func (c *counter) read(r io.Reader) {
	defer close(c.accepted)
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\r')
		if err != nil {
			return
		}
		_, n, _ := strings.Cut(line, "mesg=")
		if count, err := strconv.Atoi(strings.TrimSpace(n)); err == nil {
			c.accepted <- count
		}
	}
}

// wait returns when so many messages more were accepted.
func (c *counter) wait(b *testing.B, messages int) {
	b.Helper()
	for target := c.count + messages; c.count < target; {
		select {
		case n, ok := <-c.accepted:
			if !ok {
				b.Fatal("smtp-sink ended")
			}
			c.count = n
		case <-time.After(10 * hangGuard):
			b.Fatalf("smtp-sink took %d messages, want %d", c.count, target)
		}
	}
}

// run is one measurement: smtp-source hands in messages, and it ends when smtp-sink has the last of
// them.
func (c contender) run(b *testing.B, sink *counter, sessions, messages, size int) time.Duration {
	b.Helper()
	arrived := make(chan struct{})
	go func() {
		defer close(arrived)
		sink.wait(b, messages)
	}()
	source := peertest.Program(b, "smtp-source")
	start := time.Now()
	out, err := exec.CommandContext(b.Context(), source, "-s", strconv.Itoa(sessions), "-m", strconv.Itoa(messages), "-l", strconv.Itoa(size),
		"-f", "alice@example.org", "-t", "bob@example.net", "-d", c.addr).CombinedOutput()
	if err != nil {
		b.Fatalf("smtp-source: %v\n%s", err, out)
	}
	<-arrived
	return time.Since(start)
}

// contenders starts the relay, the pass-through of go-smtp, and a Postfix with OpenDKIM (RSA-2048),
// all before one sink.
func contenders(b *testing.B) (signing, passing, opendkim contender, sink *counter) {
	b.Helper()
	sink = startCounter(b)
	dir := b.TempDir()
	if _, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{}); err != nil {
		b.Fatal(err)
	}
	conf := childConfig{NextHop: []string{sink.addr}, MaxConnections: 100, Dir: dir}
	signing = childContender(startChild(b, "signer", conf))
	passing = childContender(startChild(b, "pass-through", conf))
	opendkim = contender{addr: peertest.Postfix(b, peertest.ShortDir(b), sink.addr, "myhostname = dkim.example", "smtpd_milters = unix:"+startOpenDKIM(b), "milter_default_action = tempfail")}
	return signing, passing, opendkim, sink
}

const opendkimConf = `Syslog no
Mode s
UserID opendkim
Canonicalization relaxed/relaxed
SignatureAlgorithm rsa-sha256
Socket local:%[1]s/run/socket
UMask 000
KeyTable file:%[1]s/keytable
SigningTable refile:%[1]s/signingtable
InternalHosts file:%[1]s/trusted
ExternalIgnoreList file:%[1]s/trusted
RequireSafeKeys no
`

func startOpenDKIM(b *testing.B) string {
	b.Helper()
	program, openssl := peertest.Program(b, "opendkim"), peertest.Program(b, "openssl")
	dir := peertest.ShortDir(b)
	mustWrite(b, dir+"/conf", fmt.Sprintf(opendkimConf, dir))
	mustWrite(b, dir+"/keytable", "k1 example.org:sel:"+dir+"/key\n")
	mustWrite(b, dir+"/signingtable", "*@example.org k1\n")
	mustWrite(b, dir+"/trusted", "127.0.0.1\n")
	mustWrite(b, dir+"/run/.keep", "")
	mustRun(b, openssl, "genrsa", "-out", dir+"/key", "2048")
	mustRun(b, "chown", "-R", "opendkim", dir)
	runProgram(b, program, "-f", "-x", dir+"/conf")
	peertest.WaitFor(b, "OpenDKIM", listens("unix", dir+"/run/socket"))
	return dir + "/run/socket"
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// bareSignature is the processor time of what no signer can leave out: a digest of so many bytes
// and, where it counts, a P-256 signature.
func bareSignature(b *testing.B, size int, sign bool) time.Duration {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	text, n := make([]byte, size), time.Duration(0)
	before := ownTime()
	for began := time.Now(); time.Since(began) < time.Second/4; n++ {
		digest := sha256.Sum256(text)
		if sign {
			_, _ = key.Sign(rand.Reader, digest[:], crypto.SHA256)
		}
	}
	return (ownTime() - before) / n
}

// ownTime is the processor time of this process.
func ownTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkAgainstPeers measures what the relay is held to, each figure as a ratio within this run:
// messages a second at 4 KiB and 10 sessions, signed, against a pass-through that signs nothing
// (wanted: 0.9) and against Postfix with OpenDKIM (wanted: 6); and the relay's CPU at 5 MiB as a
// share of the pass-through's (wanted: 0.25 at most). What the relay needs when it signs nothing
// either stands next to them ("relayed"), and the limit of anything that signs on the same
// processors: at 4 KiB the pass-through, then a digest and a signature; at 5 MiB this relay without
// signing, then a digest.
func BenchmarkAgainstPeers(b *testing.B) {
	const small, smallSize = 2000, 4 << 10
	const big, bigSize = 20, 5 << 20
	signing, passing, opendkim, sink := contenders(b)
	relaying := childContender(startChild(b, "relay", childConfig{NextHop: []string{sink.addr}, MaxConnections: 100}))
	for b.Loop() {
		var sign, pass, dkim, relayed []time.Duration
		for range 3 {
			sign = append(sign, signing.run(b, sink, 10, small, smallSize))
			relayed = append(relayed, relaying.run(b, sink, 10, small, smallSize))
			pass = append(pass, passing.run(b, sink, 10, small, smallSize))
			dkim = append(dkim, opendkim.run(b, sink, 10, small/4, smallSize)*4)
		}
		perSecond := func(d []time.Duration) float64 { return small / median(d).Seconds() }
		b.ReportMetric(perSecond(sign), "signed/s")
		b.ReportMetric(perSecond(pass), "passed/s")
		b.ReportMetric(perSecond(dkim), "opendkim/s")
		b.ReportMetric(perSecond(relayed), "relayed/s")
		b.ReportMetric(perSecond(relayed)/perSecond(pass), "relayed:passed")
		b.ReportMetric(perSecond(sign)/perSecond(pass), "signed:passed")
		b.ReportMetric(perSecond(sign)/perSecond(dkim), "signed:opendkim")
		limit := 1 / (1/perSecond(pass) + bareSignature(b, smallSize, true).Seconds()/float64(runtime.GOMAXPROCS(0)))
		b.ReportMetric(limit/perSecond(pass), "limit:passed")
		b.ReportMetric(perSecond(sign)/limit, "signed:limit")
		cpu := func(c contender) float64 {
			before := c.cpu()
			c.run(b, sink, 4, big, bigSize)
			return (c.cpu() - before).Seconds() * 1000 / big
		}
		own, peer, plain := cpu(signing), cpu(passing), cpu(relaying)
		b.ReportMetric(plain/peer, "relayed-cpu:passed")
		b.ReportMetric((plain+bareSignature(b, bigSize, false).Seconds()*1000)/peer, "limit-cpu:passed")
		b.ReportMetric(own, "cpu-ms/5MiB")
		b.ReportMetric(peer, "passed-cpu-ms/5MiB")
		b.ReportMetric(own/peer, "cpu:passed")
	}
}

// BenchmarkMemory reports the peak resident set of the signing relay with 32 connections, at each
// size (wanted: 64 MiB at most). Start it without -race.
func BenchmarkMemory(b *testing.B) {
	for _, size := range []int{4 << 10, 100 << 10, 5 << 20, 20 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			sink, dir := startCounter(b), b.TempDir()
			if _, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{}); err != nil {
				b.Fatal(err)
			}
			c := childContender(startChild(b, "signer", childConfig{NextHop: []string{sink.addr}, MaxConnections: 100, Dir: dir}))
			for b.Loop() {
				c.run(b, sink, 32, 32, size)
			}
			b.ReportMetric(float64(c.rss())/1024, "rss-MiB")
		})
	}
}

// BenchmarkRelay is one message through the relay in this process, to a next hop in it: the cost of
// SMTP alone, and with the signature.
func BenchmarkRelay(b *testing.B) {
	dir := b.TempDir()
	if _, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{}); err != nil {
		b.Fatal(err)
	}
	signer, err := childSigner(childConfig{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{4 << 10, 100 << 10, 5 << 20} {
		for name, h := range map[string]message.Handler{"passed": nil, "signed": signer} {
			b.Run(fmt.Sprintf("%s-%dKiB", name, size>>10), func(b *testing.B) {
				s := (&scriptedHop{words: []string{"PIPELINING", "8BITMIME"}, forget: true}).start(b)
				r := startRelay(b, Options{NextHop: []string{s.address()}, Trusted: loopback, Handler: h})
				text := strings.Replace(simple, "a@", "alice@", 1) + strings.Repeat(strings.Repeat("x", 70)+"\r\n", size/72)
				k := &submitter{addr: r.addr}
				defer k.close()
				b.SetBytes(int64(size))
				for b.Loop() {
					if got, reply := k.try(text); got != done {
						b.Fatalf("reply = %q", reply)
					}
				}
			})
		}
	}
}
