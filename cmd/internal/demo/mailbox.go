package demo

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Mailbox is an SMTP server that keeps each message as it was transferred, byte for byte. It is the
// last stop of the demo.
type Mailbox struct {
	Mail     chan []byte // messages that arrived
	server   *smtp.Server
	listener net.Listener
	served   sync.WaitGroup
}

// ServeMailbox serves a mailbox on a listener until Close.
func ServeMailbox(l net.Listener) *Mailbox {
	b := &Mailbox{Mail: make(chan []byte, 8), listener: l}
	b.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return session{b.Mail}, nil }))
	b.server.Domain = "mailbox.example.net"
	b.server.MaxLineLength = 0 // lines of messages may have any length
	b.server.ErrorLog = log.New(io.Discard, "", 0)
	b.served.Go(func() { _ = b.server.Serve(l) }) // it ends with the listener
	return b
}

// Addr is the address of the mailbox.
func (b *Mailbox) Addr() string { return b.listener.Addr().String() }

// Wait returns the next message, or an error after the time limit.
func (b *Mailbox) Wait(limit time.Duration) ([]byte, error) {
	select {
	case m := <-b.Mail:
		return m, nil
	case <-time.After(limit):
		return nil, errors.New("no message arrived")
	}
}

// Close ends the mailbox after its connections, which clients end.
func (b *Mailbox) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = b.listener.Close()
	b.served.Wait() // first: Shutdown does not see a connection that Serve is just taking
	_ = b.server.Shutdown(ctx)
}

// session implements smtp.Session: it accepts every sender and recipient.
type session struct{ mail chan<- []byte }

func (session) Reset()                               {}
func (session) Logout() error                        { return nil }
func (session) Mail(string, *smtp.MailOptions) error { return nil }
func (session) Rcpt(string, *smtp.RcptOptions) error { return nil }

func (s session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mail <- data
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: "in Bob's mailbox"}
}
