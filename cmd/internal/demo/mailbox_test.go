package demo

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// lateListener accepts its only connection after it was closed, as late as can be.
type lateListener struct {
	conn   net.Conn
	closed chan struct{}
}

func (l *lateListener) Accept() (net.Conn, error) {
	<-l.closed
	conn := l.conn
	if l.conn = nil; conn == nil {
		return nil, net.ErrClosed
	}
	time.Sleep(time.Second) // the test's own time: until nothing else goes on
	return conn, nil
}

func (l *lateListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *lateListener) Addr() net.Addr { return &net.TCPAddr{} }

// TestMailboxClose: a connection that is accepted while the mailbox closes is waited for, too.
func TestMailboxClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		b := ServeMailbox(&lateListener{server, make(chan struct{})})
		closed := make(chan struct{})
		go func() { b.Close(); close(closed) }()
		r := bufio.NewReader(client)
		if greeting, err := r.ReadString('\n'); !strings.HasPrefix(greeting, "220 ") {
			t.Errorf("greeting %q, %v", greeting, err)
		}
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close does not wait for the connection")
		default:
		}
		_, _ = io.WriteString(client, "QUIT\r\n")
		_, _ = io.Copy(io.Discard, r)
		_ = client.Close()
		<-closed
	})
}
