package dkim

import (
	"fmt"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// closed are the fields that are in a signature once more than in the message, also those that are
// not there: nobody can add another that readers would show or parse by (RFC 6376, Section 8.15).
var closed = []string{
	"From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding",
}

// closedIfThere are so only where the message has one: mailing lists add them.
var closedIfThere = []string{"Sender", "In-Reply-To", "References"}

// open are signed as often as they are there: who sends a message on may add others (RFC 6376,
// Section 5.4.1).
var open = []string{
	"Resent-Date", "Resent-From", "Resent-To", "Resent-Cc", "Resent-Message-ID",
	"List-Id", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner", "List-Archive",
}

// A signature has its names in one line, which has at most 998 octets (RFC 5322, Section 2.1.1):
// servers break longer ones, and the signature with them.
const (
	maxSigned   = 50
	maxNameList = 950 // octets of them all, with the colons
)

// signedNames are the names in the h= of a signature (RFC 6376, Section 3.5). The error is
// [ErrUnsuitable].
func signedNames(header []message.Field) ([]string, error) {
	there := map[string]int{}
	for _, f := range header {
		there[strings.ToLower(f.Name())]++
	}
	var names []string
	add := func(name string, times int) {
		names = append(names, slices.Repeat([]string{name}, min(times, maxSigned+1))...)
	}
	for _, name := range closed {
		add(name, there[strings.ToLower(name)]+1)
	}
	for _, name := range closedIfThere {
		if n := there[strings.ToLower(name)]; n > 0 {
			add(name, n+1)
		}
	}
	for _, name := range open {
		add(name, there[strings.ToLower(name)])
	}
	if len(names) > maxSigned {
		return nil, fmt.Errorf("%w: %d header fields to sign, at most %d are", ErrUnsuitable, len(names), maxSigned)
	}
	if n := len(strings.Join(names, ":")); n > maxNameList {
		return nil, fmt.Errorf("%w: %d octets of names of header fields to sign, at most %d are", ErrUnsuitable, n, maxNameList)
	}
	return names, nil
}

// oneLineEach is the header with each field that can be signed in one line.
func oneLineEach(header []message.Field) string {
	var out strings.Builder
	for _, f := range header {
		name := f.Name()
		is := func(other string) bool { return strings.EqualFold(name, other) }
		if name == "" || !slices.ContainsFunc(closed, is) && !slices.ContainsFunc(closedIfThere, is) && !slices.ContainsFunc(open, is) {
			continue
		}
		out.WriteString(name + ":" + strings.NewReplacer("\r", "", "\n", "").Replace(f.Value()) + "\r\n")
	}
	return out.String()
}
