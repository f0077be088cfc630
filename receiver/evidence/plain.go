package evidence

import (
	"strings"
	"time"
)

// parseMessage reads a line about a message. Most are in the form that [Writer] gives them, which
// is read in a tenth of the time; every other one is read as JSON, with the same result.
func parseMessage(line []byte) (*Message, error) {
	p := plain{rest: string(line)}
	if m, ok := p.message(); ok {
		return m, nil
	}
	r, err := parse(line)
	if err == nil && r.Message == nil {
		err = ErrForm
	}
	if err != nil {
		return nil, err
	}
	return r.Message, nil
}

// plain reads a line in the form that Writer gives it: all fields in their order, no space between
// tokens, and strings of printable ASCII without escapes. It never accepts what is not that.
type plain struct{ rest string }

func (p *plain) message() (*Message, bool) {
	m := new(Message)
	ok := p.skip(`{"message":{`)
	if p.skip(`"sha256":`) {
		ok = ok && p.text(&m.SHA256) && p.skip(`,`)
	}
	ok = ok && p.skip(`"size":`) && p.number(&m.Size) &&
		p.skip(`,"signatures":`) && p.texts(&m.Signatures) &&
		p.skip(`,"message_id":`) && p.text(&m.MessageID) &&
		p.skip(`,"from":`) && p.text(&m.From) &&
		p.skip(`,"checked_at":`) && p.time(&m.CheckedAt) &&
		p.skip(`,"verdict":`) && p.text(&m.Verdict) &&
		p.skip(`,"code":`) && p.text(&m.Code) &&
		p.skip(`,"lookups":`) && p.texts(&m.Lookups) &&
		p.skip(`,"anchors":`) && p.text(&m.Anchors) &&
		p.skip(`,"policy":`) && p.text(&m.Policy)
	var sum string
	ok = ok && p.skip(`},"sum":`) && p.text(&sum) && p.rest == `}`
	return m, ok
}

// skip passes over s.
func (p *plain) skip(s string) (ok bool) {
	p.rest, ok = strings.CutPrefix(p.rest, s)
	return ok
}

// text reads a string.
func (p *plain) text(to *string) bool {
	if !p.skip(`"`) {
		return false
	}
	end := strings.IndexByte(p.rest, '"')
	if end < 0 {
		return false
	}
	text := p.rest[:end]
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	*to, p.rest = text, p.rest[end+1:]
	return true
}

// texts reads a list of strings.
func (p *plain) texts(to *[]string) bool {
	out := []string{}
	if !p.skip(`[`) {
		return false
	}
	for !p.skip(`]`) {
		var text string
		if len(out) > 0 && !p.skip(`,`) || !p.text(&text) {
			return false
		}
		out = append(out, text)
	}
	*to = out
	return true
}

// number reads one that is not negative. Those of more than 18 digits may be out of range.
func (p *plain) number(to *int64) bool {
	n := 0
	for ; n < len(p.rest) && '0' <= p.rest[n] && p.rest[n] <= '9'; n++ {
		*to = *to*10 + int64(p.rest[n]-'0')
	}
	ok := n == 1 || 1 < n && n <= 18 && p.rest[0] != '0'
	p.rest = p.rest[n:]
	return ok
}

// time reads one as JSON has it.
func (p *plain) time(to *time.Time) bool {
	var text string
	return p.text(&text) && to.UnmarshalText([]byte(text)) == nil
}
