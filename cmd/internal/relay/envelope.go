package relay

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/cmd/internal/relay/wire"
	"dnseal/smime/message"
)

// mail is the MAIL command as it goes on.
type mail struct {
	from      string
	size      int64
	body      string // "", "7BIT" or "8BITMIME"
	utf8      bool
	needs     []string // extensions the next hop must offer
	forwarded string   // parameters handed on as they came
}

// line makes the MAIL line for a next hop. SIZE is left out: the message will have another.
func (m *mail) line(c *nexthop.Client) string {
	l := "MAIL FROM:<" + m.from + ">"
	if m.body != "" && c.Offers("8BITMIME") {
		l += " BODY=" + m.body
	}
	return l + m.forwarded
}

// cmdMail opens a transaction, here and at the next hop (RFC 5321, Section 4.1.1.2).
func (s *session) cmdMail(ctx context.Context, arg string) {
	path, params, ok := s.parseArgument(arg, "FROM:")
	switch {
	case !ok:
		s.replyError(replyArgument)
		return
	// RFC 5321, Section 4.1.4: after EHLO, and one transaction at a time.
	case s.hello == "" || s.tx != nil:
		s.replyError(replySequence)
		return
	case !s.mayMail() && s.tls == nil && s.srv.opts.TLS != nil:
		s.replyError(replyTLSFirst)
		return
	// RFC 6409, Section 4.3.
	case !s.mayMail():
		s.replyError(replyAuthFirst)
		return
	}
	tx := &transaction{id: newID(), mail: mail{from: path}, start: time.Now()}
	if r := s.mailParams(&tx.mail, params); r.Code != 0 {
		s.replyError(r)
		return
	}
	// RFC 1870, Section 6.1.
	if tx.mail.size > s.srv.opts.Limits.MaxBytes {
		s.reply(replyTooBig)
		return
	}
	// RFC 6531, Section 3.5: 550 to MAIL, 553 to RCPT.
	if !tx.mail.utf8 && !wire.IsASCII(path) {
		s.replyError(wire.NewReply(550, "5.6.7", "Address needs SMTPUTF8"))
		return
	}
	hop, r, err := s.srv.pool.Begin(ctx, s.peer, tx.mail.needs, tx.mail.line)
	if err != nil {
		s.srv.opts.Log.LogAttrs(ctx, hopLevel(err), "relay: next hop", slog.String("id", tx.id), slog.String("error", err.Error()))
	}
	if hop == nil {
		s.record(ctx, tx, ending{result: "next-hop", replies: []wire.Reply{r}})
		s.reply(r.Forward())
		return
	}
	tx.hop, s.tx = hop, tx
	tx.handler, tx.release = message.Hold(s.srv.opts.Handler)
	s.pass("MAIL FROM:<>", r.Forward())
}

// hopLevel is what the log line of trouble with next hops deserves.
func hopLevel(err error) slog.Level {
	if _, ok := errors.AsType[*nexthop.LoginError](err); ok {
		return slog.LevelError // no mail goes there before somebody acts
	}
	return slog.LevelWarn
}

// parseArgument reads what follows MAIL or RCPT.
func (s *session) parseArgument(arg, prefix string) (string, []param, bool) {
	if len(arg) < len(prefix) || !strings.EqualFold(arg[:len(prefix)], prefix) {
		return "", nil, false
	}
	arg = strings.TrimLeft(arg[len(prefix):], " ")
	if s.srv.opts.UnbracketedAddresses && s.trusted() && !strings.HasPrefix(arg, "<") {
		return parseUnbracketed(arg)
	}
	return parsePath(arg)
}

// mailParams reads the parameters of MAIL. A reply with a code refuses them.
func (s *session) mailParams(m *mail, params []param) wire.Reply {
	if !s.esmtp && len(params) > 0 {
		return replyParameter
	}
	for _, p := range params {
		switch p.key {
		// RFC 1870, Section 5: the value is a number of octets, in digits.
		case "SIZE":
			n, err := strconv.ParseUint(p.value, 10, 63)
			if err != nil {
				return replyArgument
			}
			m.size = int64(n)
		// RFC 6152, Section 2: the value is 7BIT or 8BITMIME.
		case "BODY":
			m.body = strings.ToUpper(p.value)
			if m.body != "7BIT" && m.body != "8BITMIME" {
				return replyParameter
			}
		// RFC 4954, Section 5: accepted, and not handed on, because nothing proves it.
		case "AUTH":
		// RFC 6531, Section 3.4.
		case "SMTPUTF8":
			m.utf8 = true
			if !s.forwardParam(m, p, "SMTPUTF8") {
				return replyParameter
			}
		// RFC 3461, Sections 4.3 and 4.4.
		case "RET", "ENVID":
			if !s.forwardParam(m, p, "DSN") {
				return replyParameter
			}
		// RFC 8689, Section 2.
		case "REQUIRETLS":
			if !s.forwardParam(m, p, "REQUIRETLS") {
				return replyParameter
			}
		// RFC 5321, Section 4.1.1.11: 555 for a parameter that is not recognized.
		default:
			return replyParameter
		}
	}
	return wire.Reply{}
}

// forwardParam passes a parameter on to next hops that offer ext. False: it was not offered to this
// client.
func (s *session) forwardParam(m *mail, p param, ext string) bool {
	m.needs = append(m.needs, ext)
	m.forwarded += " " + p.String()
	return slices.Contains(s.offered, ext)
}

// maxTogether is how many pipelined RCPT commands go to the next hop at once.
const maxTogether = 100

// cmdRcpt hands recipients on, together with those already waiting in the
// buffer, so that each gets the next hop's own answer (RFC 5321, 4.1.1.3).
func (s *session) cmdRcpt(ctx context.Context, arg string) {
	args := []string{arg}
	for len(args) < maxTogether {
		line, err := wire.CheckLine(s.in.Pending(), maxCommand)
		if err != nil || len(line) < 5 || !bytes.EqualFold(line[:5], []byte("RCPT ")) {
			break
		}
		args = append(args, strings.TrimRight(string(line[5:]), " "))
		s.in.Skip(len(line) + len("\r\n"))
	}
	for _, r := range s.recipients(ctx, args) {
		s.pass("RCPT TO:<x@x>", s.countRefused(r))
		if s.quit {
			return
		}
	}
}

// recipients answers some RCPT commands: by itself or the handler where these can, else by the next
// hop's replies.
func (s *session) recipients(ctx context.Context, args []string) []wire.Reply {
	replies := make([]wire.Reply, len(args))
	var sent []int
	var rcpts []recipient
	for i, arg := range args {
		rcpt, r := s.checkRcpt(arg, len(rcpts))
		if replies[i] = r; r.Code == 0 {
			sent = append(sent, i)
			rcpts = append(rcpts, rcpt)
		}
	}
	sent, rcpts = s.askHandler(ctx, replies, sent, rcpts)
	var lines []string
	for _, r := range rcpts {
		lines = append(lines, r.line())
	}
	if len(lines) == 0 {
		return replies
	}
	answers, err := s.tx.hop.Commands(lines)
	for n, i := range sent {
		replies[i] = replyHopLost
		if n >= len(answers) {
			continue
		}
		replies[i] = answers[n].Forward()
		if answers[n].OK() {
			s.tx.rcpts = append(s.tx.rcpts, rcpts[n])
		}
		if answers[n].Closes() {
			// 421 is about the connection to the next hop, not about ours.
			replies[i] = replyHopLost
		}
	}
	if err != nil {
		s.srv.opts.Log.LogAttrs(ctx, slog.LevelWarn, "relay: next hop lost at RCPT", slog.String("id", s.tx.id), slog.String("error", err.Error()))
		s.tx.hop.Close()
		s.tx.hop = nil
	}
	return replies
}

// checkRcpt is the reply to a RCPT command that needs no next hop; no code: the next hop decides.
// more is how many go there before it.
func (s *session) checkRcpt(arg string, more int) (recipient, wire.Reply) {
	path, params, ok := s.parseArgument(arg, "TO:")
	switch {
	// RFC 5321, Section 4.1.1.3: only a reverse-path may be null.
	case !ok || path == "":
		return recipient{}, replyArgument
	case s.tx == nil || s.tx.in != nil:
		return recipient{}, replySequence
	case s.tx.hop == nil:
		return recipient{}, replyHopLost
	// RFC 5321, Section 4.5.3.1.10: 452 for too many recipients.
	case len(s.tx.rcpts)+more >= s.srv.opts.Limits.MaxRecipients:
		return recipient{}, replyTooManyRcpt
	// RFC 6531, Section 3.5.
	case !s.tx.mail.utf8 && !wire.IsASCII(path):
		return recipient{}, wire.NewReply(553, "5.6.7", "Address needs SMTPUTF8")
	case s.srv.opts.Inbound && !s.srv.accepts(path):
		return recipient{}, replyNotHere
	}
	for _, p := range params {
		// RFC 3461, Sections 4.1 and 4.2.
		if p.key != "NOTIFY" && p.key != "ORCPT" || !s.tx.hop.Offers("DSN") {
			return recipient{}, replyParameter
		}
	}
	return recipient{path: path, params: params}, wire.Reply{}
}

func (r recipient) line() string {
	var b strings.Builder
	b.WriteString("RCPT TO:<" + r.path + ">")
	for _, p := range r.params {
		b.WriteString(" " + p.String())
	}
	return b.String()
}

// addressLiteral is an address as RFC 5321, Section 4.1.3 writes it.
func addressLiteral(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	return "IPv6:" + a.WithZone("").String()
}
