package evidence

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// appendMessage appends the record of a message, as encoding/json writes it:
// there is one for each message, and reflection takes longer than everything else that is done
// about it. ok is false where a time is out of what JSON can hold.
func appendMessage(b []byte, m *Message) (_ []byte, ok bool) {
	b = append(b, `{"message":{`...)
	if m.SHA256 != "" {
		b = appendString(append(b, `"sha256":`...), m.SHA256)
		b = append(b, ',')
	}
	b = strconv.AppendInt(append(b, `"size":`...), m.Size, 10)
	b = appendStrings(append(b, `,"signatures":`...), m.Signatures)
	b = appendString(append(b, `,"message_id":`...), m.MessageID)
	b = appendString(append(b, `,"from":`...), m.From)
	b = m.CheckedAt.AppendFormat(append(b, `,"checked_at":"`...), time.RFC3339Nano)
	b = appendString(append(b, `","verdict":`...), m.Verdict)
	b = appendString(append(b, `,"code":`...), m.Code)
	b = appendStrings(append(b, `,"lookups":`...), m.Lookups)
	b = appendString(append(b, `,"anchors":`...), m.Anchors)
	b = appendString(append(b, `,"policy":`...), m.Policy)
	year := m.CheckedAt.Year()
	return append(b, "}}"...), year >= 0 && year <= 9999
}

func appendStrings(b []byte, all []string) []byte {
	if all == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i, s := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

// appendString appends a string in quotes. What is more than plain ASCII is left to encoding/json.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return append(b, quote(s)...)
		}
	}
	b = append(append(b, '"'), s...)
	return append(b, '"')
}

func quote(s string) []byte {
	line, _ := marshal(s) // a string can always be written
	return line
}
