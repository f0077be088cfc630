package relay

import (
	"fmt"
	"strconv"
	"strings"

	"dnseal/smime/message"
)

// reply is an SMTP reply (RFC 5321, Section 4.2). Lines hold the text after the code, with the
// enhanced status code where there is one.
type reply struct {
	code  int
	lines []string
}

// limits of a reply from the next hop that is handed on.
const (
	maxReplyLines = 32
	maxReplyLine  = 512 // RFC 5321, 4.5.3.1.5
)

// say makes a reply of one line. enhanced may be empty (greeting, EHLO, 354: RFC 2034, Section 4).
func say(code int, enhanced, text string) reply {
	if enhanced != "" {
		text = enhanced + " " + text
	}
	return reply{code: code, lines: []string{text}}
}

func (r reply) ok() bool        { return r.code >= 200 && r.code < 300 }
func (r reply) temporary() bool { return r.code >= 400 && r.code < 500 }

// closes reports whether the speaker hangs up after this reply (RFC 5321, 3.8).
func (r reply) closes() bool { return r.code == 421 }

// String is the reply as one line, for logs.
func (r reply) String() string { return strconv.Itoa(r.code) + " " + strings.Join(r.lines, " ") }

// append writes the reply in wire form (RFC 5321, 4.2.1).
func (r reply) append(b []byte) []byte {
	lines := r.lines
	if len(lines) == 0 {
		lines = []string{""}
	}
	for i, l := range lines {
		sep := byte('-')
		if i == len(lines)-1 {
			sep = ' '
		}
		b = strconv.AppendInt(b, int64(r.code), 10)
		b = append(append(append(b, sep), l...), '\r', '\n')
	}
	return b
}

// handOn makes a next hop's reply fit for the client: printable, and with an
// enhanced status code in every line, because we offered them (RFC 2034, Section 4).
func (r reply) handOn() reply {
	out := reply{code: r.code}
	for _, l := range r.lines {
		l = printable(l)
		if !startsEnhanced(l) {
			l = fmt.Sprintf("%d.0.0 %s", r.code/100, l)
		}
		out.lines = append(out.lines, l)
	}
	if len(out.lines) == 0 {
		out.lines = []string{fmt.Sprintf("%d.0.0", r.code/100)}
	}
	return out
}

// startsEnhanced reports whether text begins with a status code of RFC 3463, Section 2.
func startsEnhanced(text string) bool {
	word, _, _ := strings.Cut(text, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || len(parts[0]) != 1 {
		return false
	}
	for _, p := range parts {
		if n, err := strconv.Atoi(p); err != nil || n < 0 || n > 999 {
			return false
		}
	}
	return true
}

// printable reduces s to printable ASCII, one line.
func printable(s string) string {
	if len(s) > maxReplyLine {
		s = s[:maxReplyLine]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// fromOutcome turns a handler's reply into ours; fallback where the handler left it open or asked
// for a code of another class.
func fromOutcome(r message.Reply, fallback reply) reply {
	if r.Code/100 != fallback.code/100 {
		return fallback
	}
	return say(r.Code, r.Enhanced, printable(r.Text))
}

// Replies that say nothing about causes: those go to the log.
var (
	replyOK          = say(250, "2.0.0", "Ok")
	replyBye         = say(221, "2.0.0", "Bye")
	replySyntax      = say(500, "5.5.2", "Syntax error")
	replyTooLong     = say(500, "5.5.6", "Line too long")
	replyUnknown     = say(500, "5.5.1", "Unknown command")
	replyArgument    = say(501, "5.5.4", "Syntax error in arguments")
	replySequence    = say(503, "5.5.1", "Bad sequence of commands")
	replyParameter   = say(555, "5.5.4", "Unsupported parameter")
	replyClosing     = say(421, "4.3.2", "Shutting down, try again")
	replyBusy        = say(421, "4.7.0", "Too many connections, try again later")
	replyTimeout     = say(421, "4.4.2", "Timeout")
	replyErrors      = say(421, "4.7.0", "Too many errors")
	replyLocal       = say(451, "4.3.0", "Local trouble, try again later")
	replyNoHop       = say(451, "4.4.1", "Next hop not available, try again later")
	replyHopLost     = say(451, "4.4.2", "Next hop lost, try again later")
	replyPartly      = say(451, "4.4.2", "Taken for some recipients only, try again")
	replyDefer       = say(451, "4.7.1", "Cannot be decided now, try again later")
	replyReject      = say(550, "5.7.1", "Refused by policy")
	replyTooBig      = say(552, "5.3.4", "Message too big")
	replyFull        = say(452, "4.3.1", "Too much mail at once, try again later")
	replyTooManyRcpt = say(452, "4.5.3", "Too many recipients")
	replyLoop        = say(554, "5.4.6", "Mail loop: too many Received fields")
	replyBareLine    = say(550, "5.6.0", "Message holds a bare CR or LF")
	replyMalformed   = say(554, "5.6.0", "Message header is malformed")
	reply8Bit        = say(554, "5.6.3", "8-bit message, and the next hop takes 7-bit only")
	replyAuthFirst   = say(530, "5.7.0", "Authentication required")
	replyTLSFirst    = say(530, "5.7.0", "Must issue a STARTTLS command first")
	replyAuthFailed  = say(535, "5.7.8", "Authentication failed")
	replyAuthLater   = say(454, "4.7.0", "Temporary authentication failure")
	replyDenied      = say(554, "5.7.1", "Access denied")
	replyNotHere     = say(550, "5.7.1", "Relay access denied")
)
