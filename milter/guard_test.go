//go:build !386 && !arm && !mips && !mipsle

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
	"net/netip"
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

// malformed are frames no MTA sends, made of the good ones: each frame that carries strings, cut at
// every byte; each string of a connect frame cut at every byte; each command octet that is none;
// and each length above what is taken.
func malformed() [][]byte {
	var out [][]byte
	for _, f := range frames() {
		cmd, data := f[lengthBytes], string(f[lengthBytes+1:])
		for n := range data {
			if cut := data[:n]; !allowed(cmd, cut) {
				out = append(out, frame(cmd, cut))
			}
		}
	}
	return append(append(append(out, badConnects()...), badCommands()...), badLengths()...)
}

// allowed says that a part of a good frame's data is good data, too.
func allowed(cmd byte, data string) bool {
	switch cmd {
	case cmdBody:
		return true
	case cmdMacro:
		return data != ""
	case cmdMail:
		return strings.HasSuffix(data, "\x00")
	}
	return false
}

// badConnects are connect frames of another family than their address's, and with every beginning
// of an address.
func badConnects() [][]byte {
	const host, port, address = "client.example\x00", "\x09\xdd", "192.0.2.7"
	var out [][]byte
	for family := range 256 {
		if !strings.ContainsRune("46LU", rune(family)) {
			out = append(out, frame(cmdConnect, host+string([]byte{byte(family)})+port+address+"\x00"))
		}
	}
	for n := range address {
		out = append(out, frame(cmdConnect, host+"4"+port+address[:n]+"\x00"))
	}
	return out
}

// badCommands are frames of every command octet that no MTA sends.
func badCommands() [][]byte {
	var known []byte
	for _, f := range frames() {
		known = append(known, f[lengthBytes])
	}
	var out [][]byte
	for cmd := range 256 {
		if bytes.IndexByte(known, byte(cmd)) < 0 {
			out = append(out, frame(byte(cmd), ""))
		}
	}
	return out
}

// badLengths are the beginnings of frames of lengths that are not taken: none, and powers of two
// above the limit, with their neighbours.
func badLengths() [][]byte {
	out := [][]byte{{0, 0, 0, 0}}
	for _, f := range frames() {
		cmd, most := f[lengthBytes], uint64(maxString)
		if cmd == cmdBody || cmd == cmdHeader {
			most = maxFrame
		}
		for length := most; length <= 1<<32; length *= 2 {
			for _, l := range []uint64{length - 1, length, length + 1} {
				if l > most && l < 1<<32 {
					out = append(out, append(binary.BigEndian.AppendUint32(nil, uint32(l)), cmd))
				}
			}
		}
	}
	return out
}

// TestMalformed wants each malformed frame to close its connection, and no other.
func TestMalformed(t *testing.T) {
	t.Parallel()
	srv := serve(t, Options{Handler: always(accepting)})
	other := srv.connect(t)
	negotiation := frames()[0]
	for i, bad := range append(malformed(), negotiation) {
		for _, first := range []bool{false, true} {
			if first && bytes.Equal(bad, negotiation) {
				continue // it is malformed only the second time
			}
			c := srv.dial(t)
			if !first {
				negotiateV6(t, c)
			}
			if _, err := c.Write(bad); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(c); len(rest) > 0 || timeout(err) {
				t.Errorf("frame %d, %.40q (first: %t): answer %q, %v; want the connection closed", i, bad, first, rest, err)
			}
			_ = c.Close()
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

// TestConnectAddress inserts every octet at every place of an address: what is an address still is
// taken, and nothing else.
func TestConnectAddress(t *testing.T) {
	t.Parallel()
	for family, address := range map[string]string{"4": "192.0.2.7", "6": "2001:db8::1"} {
		for n := range len(address) + 1 {
			for b := range 256 {
				if b == '[' || b == ']' {
					continue // some MTAs write IPv6 addresses so
				}
				changed := address[:n] + string([]byte{byte(b)}) + address[n:]
				a, err := netip.ParseAddr(changed)
				want := err == nil && a.Zone() == "" && (family == "6" || a.Is4())
				if got := checkText(cmdConnect, []byte("host\x00"+family+"\x00\x00"+changed+"\x00")) == nil; got != want {
					t.Errorf("family %s, address %q: taken: %t, want %t", family, changed, got, want)
				}
			}
		}
	}
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

// TestTruncated ends a session after every byte of its frames, once by closing and once with the
// next frame in the middle of the last; and it cuts every frame at every byte, with the length of
// what is left. Each session ends, and the server lives.
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
	t.Logf("%d honest messages during the attacks", served)
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

// TestFloods sends 64 MiB of body, and as much in macros, recipients and unknown commands; memory
// stays small. It does not run in parallel with other tests, whose memory would count.
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
	for _, bad := range malformed() {
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
	for _, bad := range malformed() {
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
