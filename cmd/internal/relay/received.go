package relay

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/base32"
	"strings"
	"time"

	"dnseal/cmd/internal/relay/wire"
	"dnseal/smime/message"
)

// maxReceived is how many Received fields a message may carry (RFC 5321, Section 6.3: at least
// 100).
const maxReceived = 100

// received makes the trace field of RFC 5321, Section 4.4, with its final CRLF.
func (s *session) received(tx *transaction, now time.Time) string {
	var b strings.Builder
	b.WriteString("Received: from " + hostToken(s.hello))
	if s.peer.Addr.IsValid() {
		b.WriteString(" ([" + addressLiteral(s.peer.Addr.Addr()) + "])")
	}
	b.WriteString("\r\n\tby " + hostToken(s.srv.opts.Hostname) + " with " + s.protocol(tx) + " id " + tx.id)
	if s.tls != nil {
		b.WriteString("\r\n\t(" + tls.VersionName(s.tls.Version) + " " + tls.CipherSuiteName(s.tls.CipherSuite) + ")")
	}
	// RFC 5321, Section 7.6: with several recipients the clause would show one to another.
	if len(tx.rcpts) == 1 && wire.IsASCII(tx.rcpts[0].path) {
		b.WriteString("\r\n\tfor <" + tx.rcpts[0].path + ">")
	}
	// RFC 5321, Section 4.4: the date-time ends the field.
	b.WriteString("; " + now.Format(message.DateFormat) + "\r\n")
	return b.String()
}

// protocol is the "with" word (RFC 3848; RFC 6531, Section 4.3).
func (s *session) protocol(tx *transaction) string {
	word := "SMTP"
	// RFC 3848: LMTP is a word of its own, with S and A as ESMTP has them.
	if s.srv.opts.LMTP {
		word = "LMTP"
	}
	switch {
	case tx.mail.utf8:
		// RFC 6531, Section 4.3.
		word = "UTF8" + word
	// RFC 3848: ESMTP after EHLO.
	case s.esmtp && word == "SMTP":
		word = "ESMTP"
	case !s.esmtp:
		return word
	}
	if s.tls != nil {
		// RFC 3848: S for STARTTLS, A for AUTH.
		word += "S"
	}
	if s.loggedIn() {
		word += "A"
	}
	return word
}

// hostToken keeps what may stand for a host in a trace field.
func hostToken(s string) string {
	ok := s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_[]", r)
	})
	if !ok {
		return "unknown"
	}
	return s
}

// newID names a transaction in the log and in the trace field.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])
}
