//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// submit hands raw in over SMTP as it stands and returns the reply that decided.
func submit(addr, from string, rcpt []string, raw string) (string, error) {
	c, err := net.DialTimeout("tcp", addr, hang)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err = c.SetDeadline(time.Now().Add(2 * hang)); err != nil {
		return "", err
	}
	in := textproto.NewReader(bufio.NewReader(c))
	say := func(line string) (string, error) {
		if line != "" {
			if _, werr := c.Write([]byte(line + "\r\n")); werr != nil {
				return "", werr
			}
		}
		return readReply(in)
	}
	steps := []string{"", "EHLO client.example", "MAIL FROM:<" + from + ">"}
	for _, r := range rcpt {
		steps = append(steps, "RCPT TO:<"+r+">")
	}
	steps = append(steps, "DATA", stuff(raw)+".")
	reply := ""
	for _, step := range steps {
		if reply, err = say(step); err != nil || reply[0] > '3' {
			return reply, err
		}
	}
	_, _ = say("QUIT")
	return reply, nil
}

// readReply returns the last line of a reply.
func readReply(in *textproto.Reader) (string, error) {
	for {
		line, err := in.ReadLine()
		if err != nil {
			return "", err
		}
		if len(line) < 3 {
			return "", fmt.Errorf("reply %q", line)
		}
		if len(line) == 3 || line[3] == ' ' {
			return line, nil
		}
	}
}

// stuff doubles leading dots (RFC 5321, Section 4.5.2) and ends the last line.
func stuff(raw string) string {
	if !strings.HasSuffix(raw, "\r\n") {
		raw += "\r\n"
	}
	raw = strings.ReplaceAll(raw, "\r\n.", "\r\n..")
	if strings.HasPrefix(raw, ".") {
		raw = "." + raw
	}
	return raw
}

// delivery is a message a sink has taken.
type delivery struct {
	rcpt []string
	raw  string
}

// sink is the last hop: it keeps each message byte by byte.
type sink struct {
	addr string
	ln   net.Listener
	wg   sync.WaitGroup
	got  chan delivery
}

// newSink listens; words are what EHLO offers.
func newSink(tb testing.TB, words ...string) *sink {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &sink{addr: ln.Addr().String(), ln: ln, got: make(chan delivery, 5000)}
	s.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { defer c.Close(); s.talk(c, words) })
		}
	})
	tb.Cleanup(func() { _ = ln.Close(); s.wg.Wait() })
	return s
}

func (s *sink) talk(c net.Conn, words []string) {
	_ = c.SetDeadline(time.Now().Add(4 * hang))
	in := bufio.NewReader(c)
	say := func(line string) { _, _ = c.Write([]byte(line + "\r\n")) }
	say("220 sink.example")
	var d delivery
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "EHLO":
			for _, w := range words {
				say("250-" + w)
			}
			say("250 sink.example")
		case "MAIL":
			d = delivery{}
			say("250 2.1.0 ok")
		case "RCPT":
			d.rcpt = append(d.rcpt, line)
			say("250 2.1.5 ok")
		case "DATA":
			say("354 go on")
			if d.raw, err = readData(in); err != nil {
				return
			}
			s.got <- d
			say("250 2.0.0 taken")
		case "QUIT":
			say("221 2.0.0 bye")
			return
		default:
			say("250 2.0.0 ok")
		}
	}
}

// readData reads up to the final dot and takes the stuffing away.
func readData(in *bufio.Reader) (string, error) {
	var b bytes.Buffer
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return "", err
		}
		ended := b.Len() == 0 || bytes.HasSuffix(b.Bytes(), []byte("\r\n"))
		if ended && string(line) == ".\r\n" {
			return b.String(), nil
		}
		if ended && line[0] == '.' {
			line = line[1:]
		}
		b.Write(line)
	}
}

// next waits for a delivery.
func (s *sink) next(tb testing.TB) delivery {
	tb.Helper()
	select {
	case d := <-s.got:
		return d
	case <-time.After(2 * hang):
		tb.Fatal("nothing was delivered")
	}
	return delivery{}
}
