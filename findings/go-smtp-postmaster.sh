#!/bin/sh
# emersion/go-smtp v0.25.1, the server: RCPT TO:<Postmaster> is refused with
#   501 5.5.2 Was expecting RCPT arg syntax of TO:<address>
# before the backend sees the recipient, so no backend can accept it. RFC 5321, Section 4.1.1.3, has
# "<Postmaster>" (case-insensitive, without a domain) as a form of its own in the grammar of RCPT,
# and Section 4.5.1 makes every server that delivers or relays accept it.
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
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"

	"github.com/emersion/go-smtp"
)

type backend struct{}

func (backend) NewSession(*smtp.Conn) (smtp.Session, error) { return backend{}, nil }
func (backend) Mail(string, *smtp.MailOptions) error        { return nil }
func (backend) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (backend) Data(r io.Reader) error                      { _, err := io.Copy(io.Discard, r); return err }
func (backend) Reset()                                      {}
func (backend) Logout() error                               { return nil }

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	s := smtp.NewServer(backend{})
	s.Domain = "mx.example.org"
	go s.Serve(l)
	defer s.Close()
	c, err := textproto.Dial("tcp", l.Addr().String())
	check(err)
	_, _, err = c.ReadResponse(220)
	check(err)
	for _, line := range []string{
		"EHLO client.example.net", "MAIL FROM:<alice@example.net>",
		"RCPT TO:<postmaster@example.org>", "RCPT TO:<Postmaster>",
	} {
		check(c.PrintfLine("%s", line))
		code, _, _ := c.ReadResponse(0)
		fmt.Println(line, code)
	}
}
GO
go get github.com/emersion/go-smtp@v0.25.1 >/dev/null 2>&1
go run . >out
cat out
diff - out <<'WANT'
EHLO client.example.net 250
MAIL FROM:<alice@example.net> 250
RCPT TO:<postmaster@example.org> 250
RCPT TO:<Postmaster> 501
WANT
