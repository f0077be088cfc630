package report

import (
	"bytes"
	"cmp"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"dnseal/cmd/internal/logline"
)

// Line counts a line. Lines of others are counted as unknown.
func (c *Counter) Line(text []byte) {
	c.lines++
	l := &c.line
	if !l.Parse(text) {
		if len(bytes.TrimSpace(text)) == 0 {
			c.lines--
			return
		}
		c.unknown++
		return
	}
	if !c.wanted(l) {
		return
	}
	if c.from.IsZero() || l.Time.Before(c.from) {
		c.from = l.Time
	}
	if l.Time.After(c.to) {
		c.to = l.Time
	}
	reason := string(l.Get("reason"))
	switch l.Msg {
	case logline.MessageEvent:
		c.message(l)
	case logline.RefusedEvent:
		c.connections.add(reason, "", string(l.Get("error")), lines(l))
	case logline.LoginEvent:
		c.logins.add(string(l.Get("mechanism"))+" "+reason, "", string(l.Get("error")), 1)
	case logline.DeferredEvent:
		c.noLogins.add(cmp.Or(string(l.Get("zone")), string(l.Get("service"))), "", string(l.Get("error")), lines(l))
	default:
		if l.Level != slog.LevelInfo.String() {
			c.trouble.add(l.Level+" "+l.Msg, "", cmp.Or(string(l.Get("error")), reason), 1)
		}
	}
}

// lines is how many lines a line stands for.
func lines(l *logline.Line) int64 {
	n, _ := strconv.ParseInt(string(l.Get("not_logged")), 10, 32)
	return 1 + max(n, 0)
}

// wanted applies the filters. A line of no listener has no role, and is counted where no role is
// asked for.
func (c *Counter) wanted(l *logline.Line) bool {
	o := &c.opts
	return (o.Since.IsZero() || !l.Time.Before(o.Since)) && (o.Until.IsZero() || l.Time.Before(o.Until)) &&
		(o.Door == "" || doorOf(l) == o.Door) && (o.Role == "" || string(l.Get(logline.Role)) == o.Role)
}

// doorOf is the door of a line; older logs tell it by the role alone.
func doorOf(l *logline.Line) string {
	if door := l.Get(logline.Door); door != nil {
		return string(door)
	}
	switch string(l.Get(logline.Role)) {
	case "submission", "inbound":
		return "relay"
	case "sign", "verify":
		return "milter"
	}
	return ""
}

// message counts the line of a message.
func (c *Counter) message(l *logline.Line) {
	p := c.verifying
	var outcome string
	result := string(l.Get("result"))
	switch string(l.Get(logline.Role)) {
	case "submission", "sign":
		p, outcome = c.signing, signingOutcome(result)
	default:
		outcome = verifyingOutcome(result)
	}
	switch answer(l) {
	case '4':
		outcome = Deferred
	case '5':
		outcome = Refused
	}
	p.Messages++
	size, _ := strconv.ParseInt(string(l.Get("bytes")), 10, 64)
	p.Bytes += max(size, 0)
	p.Outcomes[outcome]++
	p.results.add(cmp.Or(result, "none"), outcome, "", 1)
	p.days.add(c.day(l.Time), outcome, "", 1)
	for name, t := range p.by {
		t.add(value(l, name), outcome, "", 1)
	}
	if outcome == Signed || outcome == Pass {
		return
	}
	why := cause(l, result)
	example := cmp.Or(string(l.Get("reason")), string(l.Get("error")), string(l.Get("reply")))
	p.reasons.add(why, outcome, example, 1)
	if outcome == Deferred {
		p.deferred.add(why, "", example, 1)
	}
}

// answer is the first digit of what the client was told: of the last reply in the line, or as the
// action says.
func answer(l *logline.Line) byte {
	if reply := l.Get("reply"); len(reply) > 0 {
		return max(reply[0], '2')
	}
	switch string(l.Get("action")) {
	case "defer":
		return '4'
	case "reject":
		return '5'
	}
	return '2'
}

func signingOutcome(result string) string {
	switch strings.TrimPrefix(result, "observe:") {
	case "signed":
		if result != "signed" {
			return Unsigned // it was only observed
		}
		return Signed
	case "left-alone":
		return Already
	}
	return Unsigned
}

func verifyingOutcome(result string) string {
	switch result {
	case "pass":
		return Pass
	case "none", "passed":
		return Unsigned
	case "temperror":
		return Undecided
	}
	return Failed
}

// value is the name in a line by which a table is made.
func value(l *logline.Line, name string) string {
	if name != "from_domain" {
		return string(l.Get(name))
	}
	from := l.Get("from")
	if i := bytes.LastIndexByte(from, '@'); i >= 0 {
		return strings.ToLower(string(bytes.Trim(from[i+1:], "> ")))
	}
	return ""
}

// cause is why: the result, with code and class where they say more.
func cause(l *logline.Line, result string) string {
	words := []string{cmp.Or(result, "none")}
	code, class := string(l.Get("code")), string(l.Get("class"))
	if code != "" && code != result {
		words = append(words, code)
	}
	if class != "" && class != result && class != code {
		words = append(words, "("+class+")")
	}
	if code == "" && class == "" && answer(l) >= '4' && len(l.Get("reply")) >= 3 {
		words = append(words, "reply "+string(l.Get("reply")[:3]))
	}
	return strings.Join(words, " ")
}

// day is the day of a time.
func (c *Counter) day(t time.Time) string {
	if c.opts.UTC {
		return t.UTC().Format(time.DateOnly)
	}
	return t.Local().Format(time.DateOnly)
}
