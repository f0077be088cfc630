package message

import (
	"strings"
	"time"
)

// Received is what a Received field says. Anybody can write such a field.
type Received struct {
	By   string    // the host that received the message; "" for none
	With string    // the protocol, in upper case, e.g. "ESMTPS"; "" for none
	At   time.Time // in UTC; zero for none that can be parsed
}

// ParseReceived reads the unfolded value of a Received field (RFC 5321, Section 4.4). It looks for
// the words of the clauses, and takes what follows the last semicolon as the time.
func ParseReceived(value string) Received {
	var r Received
	clauses := value
	if i := strings.LastIndexByte(value, ';'); i >= 0 {
		clauses = value[:i]
		// RFC 5322, Section 3.6.7.
		r.At = parseDate(value[i+1:])
	}
	words := strings.Fields(clauses)
	for i := 0; i+1 < len(words); i++ {
		// A word ends at a semicolon: the last one may be in a comment after the date.
		word, _, _ := strings.Cut(words[i+1], ";")
		switch {
		case r.By == "" && strings.EqualFold(words[i], "by"):
			r.By = word
		// RFC 3848: the protocol says whether it was SMTP or ESMTP.
		case r.With == "" && strings.EqualFold(words[i], "with"):
			r.With = strings.ToUpper(word)
		}
	}
	return r
}
