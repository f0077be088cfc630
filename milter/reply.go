//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"fmt"
	"strings"

	gomilter "github.com/d--j/go-milter"

	"dnseal/smime/message"
)

// The replies of this package: constant words, never a cause.
// RFC 3463, Sections 3.4, 3.7 and 3.8; RFC 5321, Section 4.2.2.
var (
	replyDefer     = message.Reply{Code: 451, Enhanced: "4.7.1", Text: "Service unavailable - try again later"}
	replyReject    = message.Reply{Code: 550, Enhanced: "5.7.1", Text: "Message refused"}
	replyTooBig    = message.Reply{Code: 552, Enhanced: "5.3.4", Text: "Message too big"}
	replyMalformed = message.Reply{Code: 554, Enhanced: "5.6.0", Text: "Message malformed"}
)

// response makes the milter response of a reply, which must be of the 4xx class for Defer and 5xx
// for Reject; any other is replaced by one of this package.
// RFC 5321, Section 4.2.1: the first digit.
func response(action message.Action, r message.Reply) *gomilter.Response {
	code, text := replyOf(action, r)
	resp, err := gomilter.RejectWithCodeAndReason(code, text)
	switch {
	case err == nil:
		return resp
	case action == message.Reject:
		return gomilter.RespReject
	}
	return gomilter.RespTempFail
}

// response is [response], with the reply kept for the log.
func (s *session) response(action message.Action, r message.Reply) *gomilter.Response {
	code, text := replyOf(action, r)
	s.reply = fmt.Sprintf("%d %s", code, text)
	return response(action, r)
}

// replyOf is the code and the text of a reply.
func replyOf(action message.Action, r message.Reply) (code uint16, text string) {
	class, otherwise := 4, replyDefer
	if action == message.Reject {
		class, otherwise = 5, replyReject
	}
	if r.Code/100 != class {
		r = otherwise
	}
	return uint16(r.Code), replyText(class, r)
}

// replyText is what follows the reply code: one line of printable ASCII. The library doubles
// percent signs, as libmilter wants them, and MTAs make one of two.
// RFC 5321, Section 4.2.
func replyText(class int, r message.Reply) string {
	// RFC 3463, Section 2: the class is the first digit of the reply code.
	if !strings.HasPrefix(r.Enhanced, fmt.Sprintf("%d.", class)) {
		r.Enhanced = fmt.Sprintf("%d.7.1", class)
	}
	clean := func(c rune) rune {
		if c < ' ' || c > '~' {
			return ' '
		}
		return c
	}
	text := strings.Map(clean, r.Enhanced+" "+r.Text)
	return text[:min(len(text), len("5.7.1 ")+message.MaxReplyText)]
}
