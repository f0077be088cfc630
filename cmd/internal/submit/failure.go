package submit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/emersion/go-smtp"
)

// Failure says why a message was not handed in.
type Failure struct {
	// Cause is what happened, with the server and the step.
	Cause error
	// Permanent says that it does not pass by itself (RFC 5321, Section 4.2.1: 5yz; a certificate
	// that does not verify). Else it is worth another try.
	Permanent bool
	// Message says that it is about the message or its addresses, and not about the connection: the
	// server may take others.
	Message bool
	hint    string
}

func (f *Failure) Error() string { return f.Cause.Error() }

func (f *Failure) Unwrap() error { return f.Cause }

// Hint says what to do; empty where there is no advice.
func (f *Failure) Hint() string { return f.hint }

// Reply is a server's reply on one line.
func reply(e *smtp.SMTPError) string {
	text := fmt.Sprint(e.Code)
	if c := e.EnhancedCode; c != smtp.NoEnhancedCode && c != smtp.EnhancedCodeNotSet {
		text += fmt.Sprintf(" %d.%d.%d", c[0], c[1], c[2])
	}
	words := strings.Join(strings.Fields(e.Message), " ")
	const most = 400
	if len(words) > most {
		words = strings.ToValidUTF8(words[:most], "") + "…"
	}
	return strings.TrimSpace(text + " " + words)
}

// failed is the failure of a step of the connection with a server.
func failed(s Server, step string, err error) *Failure {
	if answer, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return &Failure{Cause: fmt.Errorf("%s answers %s with %s", s, step, reply(answer)), Permanent: answer.Code/100 == 5}
	}
	f := &Failure{Cause: fmt.Errorf("%s: %s: %w", s, step, plain(err))}
	var verification *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &verification):
		f.Permanent, f.hint = true, "the server's certificate must be for the name that --server says, by a CA of the system or of --roots"
	case errors.As(err, &header):
		f.Permanent, f.hint = true, "the port speaks no TLS: leave tls: out for STARTTLS"
	case errors.As(err, &alert), strings.Contains(err.Error(), "remote error: tls: "):
		f.Permanent = true
	}
	return f
}

// plain is an error of the network in words for people.
func plain(err error) error {
	var dns *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return errors.New("there is no such host")
	case errors.As(err, &dns):
		return errors.New("the name cannot be looked up now")
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return errors.New("no answer in time")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errors.New("the connection was cut")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("connection refused")
	}
	return err
}
