#!/bin/sh
# emersion/go-smtp v0.25.1, the server: Shutdown returns nil, "all connections closed", while the
# connection that Accept returned at that very moment has not been served yet. Serve adds it to the
# wait group only after Shutdown has waited, greets it and runs its session to the end. (Without the
# order that this listener makes, the race detector reports the same as a data race of the group.)
# Who stops a server closes the listener, waits for Serve to return, and calls Shutdown then.
# Output: first the order as it is, then the one that waits for Serve.
set -eu
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.25
MOD
cat >main.go <<'GO'
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"

	"github.com/emersion/go-smtp"
)

type backend struct{}

func (backend) NewSession(*smtp.Conn) (smtp.Session, error) { return backend{}, nil }
func (backend) Mail(string, *smtp.MailOptions) error        { return nil }
func (backend) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (backend) Data(r io.Reader) error                      { _, err := io.Copy(io.Discard, r); return err }
func (backend) Reset()                                      {}
func (backend) Logout() error                               { return nil }

// late is a listener whose only client was accepted just before it was closed.
type late struct {
	waiting, closed, give chan struct{}
	conn                  net.Conn
}

func (l *late) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, net.ErrClosed
	}
	close(l.waiting)
	<-l.give
	c := l.conn
	l.conn = nil
	return c, nil
}

func (l *late) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *late) Addr() net.Addr { return &net.TCPAddr{} }

func try(serveFirst bool) {
	client, server := net.Pipe()
	l := &late{make(chan struct{}), make(chan struct{}), make(chan struct{}), server}
	s := smtp.NewServer(backend{})
	s.Domain = "mx.example.org"
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	<-l.waiting
	down := make(chan error, 1)
	shutdown := func() { down <- s.Shutdown(context.Background()) }
	if serveFirst {
		l.Close()
		close(l.give)
		<-served
		go shutdown()
	} else {
		shutdown()
		close(l.give)
	}
	r := bufio.NewReader(client)
	greeting, _ := r.ReadString('\n')
	select {
	case err := <-down:
		fmt.Printf("Shutdown: %v, then %.3s\n", err, greeting)
	default:
		fmt.Printf("%.3s, Shutdown waits\n", greeting)
	}
	fmt.Fprint(client, "QUIT\r\n")
	bye, _ := r.ReadString('\n')
	fmt.Printf("QUIT %.3s\n", bye)
	client.Close()
}

func main() {
	try(false)
	try(true)
}
GO
go get github.com/emersion/go-smtp@v0.25.1 >/dev/null 2>&1
go run . >out
cat out
diff - out <<'WANT'
Shutdown: <nil>, then 220
QUIT 221
220, Shutdown waits
QUIT 221
WANT
