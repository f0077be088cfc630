package submit

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-smtp"
)

// refusal is a recipient that the server did not take.
type refusal struct {
	Recipient string
	*Failure
}

// send hands in one message of size octets. left are the recipients who did not get it, each with
// its failure. Where err is set nobody got it. Errors: a *Failure.
func (s *session) send(from string, to []string, size int64, utf8 bool, content io.Reader) (left []refusal, err *Failure) {
	if err = s.mail(from, size, utf8); err != nil {
		return nil, err
	}
	var taken int
	for _, r := range to {
		if e := s.Rcpt(r, nil); e != nil {
			f := s.inTransaction("RCPT TO:<"+r+">", e)
			if s.broken {
				return nil, f
			}
			left = append(left, refusal{r, f})
			continue
		}
		taken++
	}
	if taken == 0 {
		s.again()
		return nil, all(s.server, left)
	}
	if err = s.content(content); err != nil {
		return nil, err
	}
	return left, nil
}

// all is the failure of a message of which no recipient was taken: permanent where that of each is.
func all(s Server, left []refusal) *Failure {
	f := &Failure{Message: true, Permanent: true}
	texts := make([]string, len(left))
	for i, r := range left {
		texts[i] = strings.TrimPrefix(r.Error(), s.String()+" ")
		f.Permanent = f.Permanent && r.Permanent
	}
	f.Cause = fmt.Errorf("%s %s", s, strings.Join(texts, "; "))
	return f
}

func (s *session) mail(from string, size int64, utf8 bool) *Failure {
	// RFC 1870, Section 6.1.
	if most, ok := s.MaxMessageSize(); ok && most > 0 && size > int64(most) {
		return &Failure{Cause: fmt.Errorf("%s takes messages of at most %d bytes, and this one has %d", s.server, most, size), Permanent: true, Message: true}
	}
	if ok, _ := s.Extension("SMTPUTF8"); utf8 && !ok {
		return &Failure{Cause: fmt.Errorf("%s does not offer SMTPUTF8, which an address of this message needs", s.server), Permanent: true, Message: true}
	}
	if err := s.Mail(from, &smtp.MailOptions{Size: size, UTF8: utf8}); err != nil {
		f := s.inTransaction("MAIL FROM:<"+from+">", err)
		s.again()
		// RFC 4954, Section 6: nobody is logged in, whatever the message is
		if e, ok := errors.AsType[*smtp.SMTPError](err); ok && e.Code == 530 {
			f.Message, f.hint = false, "log in: by a password (--user), or by a certificate that the server lists (--identity or --client)"
			// RFC 3207, Section 4, has the same code for another want.
			if _, secured := s.TLSConnectionState(); !secured && strings.Contains(strings.ToUpper(e.Message), "STARTTLS") {
				f.hint = "leave --tls none out: the server wants STARTTLS"
			}
		}
		return f
	}
	return nil
}

// content sends the message. Only the reply to its end says that it was taken (RFC 5321, Section
// 4.2.5).
func (s *session) content(content io.Reader) *Failure {
	w, err := s.Data()
	if err != nil {
		f := s.inTransaction("DATA", err)
		s.again()
		return f
	}
	if _, err := io.Copy(w, content); err != nil {
		s.broken = true // the end is not sent: the message is not whole
		return s.inTransaction("the content", err)
	}
	if err := w.Close(); err != nil {
		f := s.inTransaction("the content", err)
		if _, said := errors.AsType[*smtp.SMTPError](err); !said {
			f.Cause = fmt.Errorf("%w before the reply to the content; the server may have the message", f.Cause)
		}
		return f
	}
	return nil
}

// inTransaction is the failure of a step of a transaction. After 421, or without a reply, the
// session ends.
func (s *session) inTransaction(step string, err error) *Failure {
	f := failed(s.server, step, err)
	answer, said := errors.AsType[*smtp.SMTPError](err)
	s.broken = s.broken || !said || answer.Code == 421
	f.Message = !s.broken
	return f
}

// again ends a transaction, so that another can begin.
func (s *session) again() {
	if !s.broken && s.Reset() != nil {
		s.broken = true
	}
}
