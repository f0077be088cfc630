package relay

import (
	"io"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// backend is a session as go-smtp calls it. What a command leads to is decided before the library
// reads it; only content and logins wait until the library has begun its part of the dialogue.
type backend struct{ *session }

// errRefused makes the library reply with a refusal; the words are those that are expected.
var errRefused = &smtp.SMTPError{Code: 550, Message: "Refused"}

// Mail implements smtp.Session.
func (b backend) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt implements smtp.Session. The library counts the accepted recipients: LMTP has a reply for
// each of them (RFC 2033, Section 4.2).
func (b backend) Rcpt(string, *smtp.RcptOptions) error {
	if !b.expected[0].OK() {
		return errRefused
	}
	return nil
}

// Data implements smtp.Session. The library sees nothing of the content but its end.
func (b backend) Data(io.Reader) error {
	b.receiveContent(b.srv.ctx)
	b.feed = ".\r\n"
	return nil
}

// Reset implements smtp.Session.
func (b backend) Reset() { b.dropTransaction() }

// Logout implements smtp.Session.
func (b backend) Logout() error { return nil }

// AuthMechanisms implements smtp.AuthSession.
func (b backend) AuthMechanisms() []string { return b.mechanisms(b.srv.ctx) }

// Auth implements smtp.AuthSession.
func (b backend) Auth(string) (sasl.Server, error) {
	if !b.beginLogin(b.srv.ctx) {
		return nil, errRefused
	}
	return b, nil
}

// Next implements sasl.Server. The response is the one the guard decoded.
func (b backend) Next([]byte) (challenge []byte, done bool, err error) {
	challenge, done = b.stepLogin(b.srv.ctx)
	if done && !b.loggedIn() {
		return nil, true, errRefused
	}
	return challenge, done, nil
}
