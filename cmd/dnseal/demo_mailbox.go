package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// bobsMailbox is the last station of the demo: an SMTP server that keeps what it is given, byte for
// byte.
type bobsMailbox struct {
	listener net.Listener
	wg       sync.WaitGroup
	mail     chan []byte
}

func openMailbox() (*bobsMailbox, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, no name to resolve
	if err != nil {
		return nil, err
	}
	return serveMailbox(l), nil
}

func serveMailbox(l net.Listener) *bobsMailbox {
	b := &bobsMailbox{listener: l, mail: make(chan []byte, 8)}
	b.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.wg.Go(func() {
				defer conn.Close() //nolint:errcheck // all was said
				_ = conn.SetDeadline(time.Now().Add(time.Minute))
				_ = b.session(conn)
			})
		}
	})
	return b
}

func (b *bobsMailbox) addr() string { return b.listener.Addr().String() }

// wait returns the next message.
func (b *bobsMailbox) wait(limit time.Duration) ([]byte, error) {
	select {
	case m := <-b.mail:
		return m, nil
	case <-time.After(limit):
		return nil, errors.New("no message arrived")
	}
}

// close waits for the connections, which their clients end.
func (b *bobsMailbox) close() {
	_ = b.listener.Close()
	b.wg.Wait()
}

// session speaks as much SMTP as a relay needs (RFC 5321, 4.5.1).
func (b *bobsMailbox) session(conn io.ReadWriter) error {
	r := bufio.NewReader(conn)
	reply := func(text string) error {
		_, err := io.WriteString(conn, text+"\r\n")
		return err
	}
	err := reply("220 mailbox.example.net ESMTP")
	for err == nil {
		var line string
		if line, err = r.ReadString('\n'); err != nil {
			return err
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
		switch verb {
		case "EHLO":
			err = reply("250-mailbox.example.net\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES")
		case "DATA":
			if err = reply("354 go on"); err != nil {
				return err
			}
			var data []byte
			if data, err = readData(r); err != nil {
				return err
			}
			b.mail <- data
			err = reply("250 2.0.0 in Bob's mailbox")
		case "QUIT":
			return reply("221 2.0.0 bye")
		default:
			err = reply("250 2.0.0 ok")
		}
	}
	return err
}

// readData reads content up to the single dot and takes the dots of transparency away (RFC 5321,
// 4.5.2).
func readData(r *bufio.Reader) ([]byte, error) {
	var data bytes.Buffer
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		if string(line) == ".\r\n" {
			return data.Bytes(), nil
		}
		data.Write(bytes.TrimPrefix(line, []byte(".")))
	}
}
