package milter

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gomilter "github.com/d--j/go-milter"

	"dnseal/smime/message"
)

// frames are good ones, in the order of a session.
func frames() [][]byte {
	return [][]byte{
		optneg(6, 0x1ff, 0x1fffff),
		frame('D', "Cj\x00mx.example\x00{client_addr}\x00192.0.2.7\x00"),
		frame('C', "client.example\x004\x09\xdd192.0.2.7\x00"),
		frame('H', "client.example\x00"),
		frame('D', "M{auth_authen}\x00alice\x00i\x004F00\x00"),
		frame('M', "<a@example.org>\x00SIZE=7\x00"),
		frame('R', "<b@example.net>\x00"),
		frame('T', ""),
		frame('L', "Subject\x00 x\x00"),
		frame('N', ""),
		frame('B', "body\r\n"),
		frame('U', "XYZ\x00"),
		frame('E', ""),
		frame('A', ""),
		frame('K', ""),
		frame('Q', ""),
	}
}

// malformed are frames no MTA sends. Each is sent behind a negotiation, and alone.
var malformed = map[string][]byte{
	"zero length":            {0, 0, 0, 0},
	"512 MiB":                {0x20, 0, 0, 0, 'B'},
	"512 MiB less one":       {0x1f, 0xff, 0xff, 0xff, 'L'},
	"4 GiB":                  {0xff, 0xff, 0xff, 0xff, 'D'},
	"1 MiB and one":          {0, 0x10, 0, 1, 'B'},
	"64 KiB of macros":       {0, 1, 0, 1, 'D'},
	"unknown command":        frame('Z', "x"),
	"NUL command":            frame(0, ""),
	"C empty":                frame('C', ""),
	"C without NUL":          frame('C', "host"),
	"C without family":       frame('C', "host\x00"),
	"C unknown family":       frame('C', "host\x00X\x00\x00a\x00"),
	"C without port":         frame('C', "host\x004"),
	"C short port":           frame('C', "host\x004\x00"),
	"C without address":      frame('C', "host\x004\x00\x00"),
	"C address without NUL":  frame('C', "host\x004\x00\x00192.0.2.1"),
	"C no address":           frame('C', "host\x004\x00\x00bad\x00"),
	"C IPv6 as IPv4":         frame('C', "host\x004\x00\x002001:db8::1\x00"),
	"C IPv6 zone":            frame('C', "host\x006\x00\x00fe80::1%eth0\x00"),
	"C two addresses":        frame('C', "host\x004\x00\x00192.0.2.1\x00192.0.2.2\x00"),
	"H empty":                frame('H', ""),
	"H without NUL":          frame('H', "host"),
	"M empty":                frame('M', ""),
	"M without NUL":          frame('M', "<a@example.org>"),
	"M arguments without":    frame('M', "<a@example.org>\x00SIZE=1"),
	"R empty":                frame('R', ""),
	"R without NUL":          frame('R', "<a@example.org>"),
	"L empty":                frame('L', ""),
	"L without NUL":          frame('L', "Subject"),
	"L without value":        frame('L', "Subject\x00"),
	"L value without NUL":    frame('L', "Subject\x00x"),
	"L three strings":        frame('L', "Subject\x00x\x00y\x00"),
	"U empty":                frame('U', ""),
	"U without NUL":          frame('U', "XYZ"),
	"D empty":                frame('D', ""),
	"O short":                frame('O', "\x00\x00\x00\x06\x00\x00\x01\xff"),
	"O twice":                optneg(6, 0x1ff, 0x1fffff),
	"an answer for an order": frame('a', ""),
}

// TestMalformed wants each malformed frame to close its connection, and no other.
func TestMalformed(t *testing.T) {
	t.Parallel()
	srv := serve(t, Options{Handler: always(accepting)})
	other := srv.connect(t)
	for name, bad := range malformed {
		for _, first := range []bool{false, true} {
			if first && name == "O twice" {
				continue
			}
			c := srv.dial(t)
			if !first {
				negotiateV6(t, c)
			}
			if _, err := c.Write(bad); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(c); len(rest) > 0 || timeout(err) {
				t.Errorf("%s (first: %t): answer %q, %v; want the connection closed", name, first, rest, err)
			}
		}
	}
	if _, a := other.send(mail{raw: simple}); a.Type != gomilter.ActionAccept {
		t.Errorf("the other connection: %v", a)
	}
}

func timeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// TestVersion1 is refused, whatever else it offers.
func TestVersion1(t *testing.T) {
	t.Parallel()
	srv := serve(t, Options{Handler: always(accepting)})
	c := srv.dial(t)
	if _, err := c.Write(optneg(1, 0xff, 0xff)); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(c); len(rest) > 0 || timeout(err) {
		t.Errorf("answer %q, %v", rest, err)
	}
}

// TestTruncated ends a session behind every byte of its frames, once by
// closing and once with the next frame in the middle of the last; and it cuts
// every frame at every byte, with the length of what is left. Each session ends, and the server lives.
func TestTruncated(t *testing.T) {
	t.Parallel()
	srv := serve(t, Options{Handler: always(accepting)})
	const quit = "\x00\x00\x00\x01Q"
	ends := func(what string, sent ...[]byte) {
		t.Helper()
		c := srv.dial(t)
		_, _ = c.Write(slices.Concat(sent...))
		_ = c.(*net.UnixConn).CloseWrite()
		if _, err := io.Copy(io.Discard, c); timeout(err) {
			t.Fatalf("%s the session goes on", what)
		}
		_ = c.Close()
	}
	session := bytes.Join(frames(), nil)
	for n := range session {
		ends(fmt.Sprintf("after %d bytes", n), session[:n])
		ends(fmt.Sprintf("after %d bytes and another frame", n), session[:n], []byte(quit))
	}
	for i, f := range frames() {
		for n := range f[lengthBytes:] {
			short := append(binary.BigEndian.AppendUint32(nil, uint32(n)), f[lengthBytes:lengthBytes+n]...)
			ends(fmt.Sprintf("after %d bytes of frame %q", n, f), bytes.Join(frames()[:i], nil), short, []byte(quit))
		}
	}
	if _, a := srv.connect(t).send(mail{raw: simple}); a.Type != gomilter.ActionAccept {
		t.Errorf("afterwards: %v", a)
	}
}

// TestHostile serves an honest MTA while 3,000 random and mutated connections come in.
func TestHostile(t *testing.T) {
	t.Parallel()
	const attacks, attackers = 3000, 4
	srv := serve(t, Options{Handler: always(accepting), MaxBytes: 1 << 20})
	var wg sync.WaitGroup
	for seed := range uint64(attackers) {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, 6))
			for range attacks / attackers {
				c, err := net.DialTimeout("unix", srv.path, hang)
				if err != nil {
					t.Error(err)
					return
				}
				_ = c.SetDeadline(time.Now().Add(hang))
				go func() { _, _ = c.Write(attack(rnd)); _ = c.(*net.UnixConn).CloseWrite() }()
				if _, err := io.Copy(io.Discard, c); timeout(err) {
					t.Error("a session that does not end")
				}
				_ = c.Close()
			}
		})
	}
	honest := srv.connect(t)
	served := 0
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for open := true; open || served == 0; {
		if _, a := honest.send(mail{raw: simple}); a.Type != gomilter.ActionAccept {
			t.Fatalf("the honest MTA got %v", a)
		}
		served++
		select {
		case <-done:
			open = false
		default:
		}
	}
	t.Logf("%d honest messages beside the attacks", served)
}

// attack is random bytes, or a session with random damage.
func attack(rnd *rand.Rand) []byte {
	if rnd.IntN(4) == 0 {
		b := make([]byte, rnd.IntN(2000))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	}
	all := frames()
	for range rnd.IntN(4) {
		i, j := rnd.IntN(len(all)), rnd.IntN(len(all))
		all[i], all[j] = all[j], all[i]
	}
	b := bytes.Join(all, nil)
	for range 1 + rnd.IntN(5) {
		i := rnd.IntN(len(b))
		switch rnd.IntN(3) {
		case 0:
			b[i] = byte(rnd.Uint32())
		case 1:
			b = append(b[:i:i], b[i+rnd.IntN(len(b)-i):]...)
		default:
			b = append(b[:i:i], append([]byte{byte(rnd.Uint32())}, b[i:]...)...)
		}
		if len(b) == 0 {
			return nil
		}
	}
	return b
}

// TestHeaderFlood sends 100,000 fields: within the limit all of them arrive, above it none does.
func TestHeaderFlood(t *testing.T) {
	t.Parallel()
	const fields = 100_000
	var got record[int]
	srv := serve(t, Options{Handler: always(func(_ context.Context, m *message.Message, _ *message.Envelope) *message.Outcome {
		got.add(len(m.Header()))
		return &message.Outcome{Action: message.Accept}
	})})
	for _, test := range []struct {
		field string
		reply string
	}{
		{"X: y\r\n", "250 accept"},
		{"Subject: longer than the limit lets 100,000 of them be\r\n", "552 5.3.4 Message too big"},
	} {
		_, a := srv.connect(t).send(mail{raw: strings.Repeat(test.field, fields) + "\r\nx"})
		if a.SMTPReply != test.reply {
			t.Errorf("%.10q: answer %q, want %q", test.field, a.SMTPReply, test.reply)
		}
	}
	if all := got.seen(); len(all) != 1 || all[0] != fields {
		t.Errorf("the handler saw headers of %d fields", all)
	}
}

// TestFloods sends 64 MiB of body, and as much in macros, recipients and unknown commands; memory stays small. It does
// not run in parallel with other tests, whose memory would count.
func TestFloods(t *testing.T) {
	srv := serve(t, Options{Handler: always(accepting)})
	piece := strings.Repeat("x", bodyChunk)
	for name, flood := range map[string]struct {
		frame []byte
		times int
	}{
		"body":    {frame('B', piece), 1024},
		"macros":  {frame('D', "M{x}\x00"+piece[:60000]+"\x00"), 1024},
		"NULs":    {frame('D', "M"+strings.Repeat("\x00", 60000)), 200},
		"unknown": {frame('U', piece[:60000]+"\x00"), 1024},
		"hello":   {frame('H', piece[:60000]+"\x00"), 1024},
	} {
		c := srv.dial(t)
		negotiateV6(t, c)
		in := [][]byte{frame('M', "<>\x00"), frame('R', "<x>\x00"), frame('L', "X\x00 y\x00")}
		for range flood.times {
			in = append(in, flood.frame)
		}
		if name == "hello" {
			in = in[3:]
		}
		answers := make(chan error, 1)
		go func() { _, err := io.Copy(io.Discard, c); answers <- err }()
		for _, f := range in {
			if _, err := c.Write(f); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if _, err := c.Write(frame('Q', "")); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := <-answers; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	if mem.HeapAlloc > 64<<20 {
		t.Errorf("%d MiB in use afterwards", mem.HeapAlloc>>20)
	}
}

// TestRecipientFlood defers a message of more recipients than can be kept.
func TestRecipientFlood(t *testing.T) {
	t.Parallel()
	srv := serve(t, Options{Handler: always(accepting)})
	for name, test := range map[string]struct{ size, times int }{
		"many":  {1, maxRecipients + 1},
		"large": {60_000, maxRecipientsBytes/60_000 + 1},
	} {
		c := srv.dial(t)
		negotiateV6(t, c)
		in := bytes.Repeat(frame('R', strings.Repeat("x", test.size)+"\x00"), test.times)
		if _, err := c.Write(slices.Concat(frame('M', "<>\x00"), in, frame('E', ""))); err != nil {
			t.Fatal(err)
		}
		if got := readFrame(t, c); !strings.HasPrefix(string(got), "y451 ") {
			t.Errorf("%s: answer %q", name, got)
		}
	}
}

// TestClaims opens 200 connections that each claim the largest frame and send nothing of it.
func TestClaims(t *testing.T) {
	t.Parallel()
	srv := serve(t, Options{Handler: always(accepting)})
	for range 200 {
		c := srv.dial(t)
		negotiateV6(t, c)
		if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, maxFrame), 'L')); err != nil {
			t.Fatal(err)
		}
	}
	if _, a := srv.connect(t).send(mail{raw: simple}); a.Type != gomilter.ActionAccept {
		t.Errorf("answer %v", a)
	}
}

// FuzzGuard feeds a connection with any bytes: what comes out is whole frames
// that the library's rules allow, a beginning of what came in.
func FuzzGuard(f *testing.F) {
	f.Add(bytes.Join(frames(), nil))
	for _, bad := range malformed {
		f.Add(append(optneg(6, 0x1ff, 0x1fffff), bad...))
	}
	srv, err := New(Options{Handler: always(accepting), Logger: quiet()})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		srv.slots <- struct{}{}
		c := newConn(stream{bytes.NewReader(in)}, srv)
		srv.track(c)
		defer c.Close()
		out, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(in, out) {
			t.Fatalf("%q came out of %q", out, in)
		}
		for first := true; len(out) > lengthBytes; first = false {
			n := int(binary.BigEndian.Uint32(out))
			if n < 1 || n > maxFrame {
				t.Fatalf("a frame of %d bytes", n)
			}
			cmd := out[lengthBytes]
			if first != (cmd == cmdNegotiate) {
				t.Fatalf("command %q at the wrong place", cmd)
			}
			if len(out) < lengthBytes+n { // the connection ended in it
				if hasText(cmd) {
					t.Fatalf("a part of a frame %q", out)
				}
				return
			}
			if data := out[lengthBytes+1 : lengthBytes+n]; hasText(cmd) && cmd != cmdMacro && !terminated(data) {
				t.Fatalf("frame %q %q is not terminated", cmd, data)
			}
			out = out[lengthBytes+n:]
		}
	})
}

// stream is a connection that only reads.
type stream struct{ *bytes.Reader }

func (stream) Write(p []byte) (int, error)      { return len(p), nil }
func (stream) Close() error                     { return nil }
func (stream) LocalAddr() net.Addr              { return nil }
func (stream) RemoteAddr() net.Addr             { return nil }
func (stream) SetDeadline(time.Time) error      { return nil }
func (stream) SetReadDeadline(time.Time) error  { return nil }
func (stream) SetWriteDeadline(time.Time) error { return nil }

var _ net.Conn = stream{}

// FuzzServer plays any bytes to a whole server: a panic would end the process.
func FuzzServer(f *testing.F) {
	f.Add(bytes.Join(frames(), nil))
	for _, bad := range malformed {
		f.Add(append(optneg(6, 0x1ff, 0x1fffff), bad...))
		f.Add(append(optneg(2, 0x3f, 0), bad...))
	}
	srv := serve(f, Options{Handler: always(byOrder), MaxBytes: 1 << 20})
	f.Fuzz(func(t *testing.T, in []byte) {
		c := srv.dial(t)
		defer c.Close()
		written := make(chan struct{})
		go func() {
			defer close(written)
			_, _ = c.Write(in)
			_ = c.(*net.UnixConn).CloseWrite()
		}()
		if _, err := io.Copy(io.Discard, c); timeout(err) {
			t.Error("a session that does not end")
		}
		<-written
	})
}
