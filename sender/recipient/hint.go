package recipient

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/smime/message"
)

// hint looks for those whose record is proven absent under the local part in the case that most
// people write: a key found so is another mailbox's (RFC 5321, Section 2.4), and is not used.
func (s *search) hint(ctx context.Context, some []*wanted) {
	each(some, func(w *wanted) {
		other := message.Address{Local: otherCase(w.address.Local), Domain: w.address.Domain}
		name, err := dane.SMIMEAName(other.Local, other.Domain)
		if err != nil || other == w.address {
			return
		}
		if res := s.Lookup.Lookup(ctx, name, dane.SMIMEA); res.Status == dnssec.Secure && res.Presence == dane.Present {
			w.Err.Hint = fmt.Sprintf("there is a record for %s: local parts are compared letter by letter", other)
		}
	})
}

// otherCase is a local part in lower case, or where it is that already with a capital at the
// beginning of each of its words.
func otherCase(local string) string {
	if lower := strings.ToLower(local); lower != local {
		return lower
	}
	first := true
	return strings.Map(func(r rune) rune {
		defer func() { first = !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' }()
		if first {
			return unicode.ToTitle(r)
		}
		return r
	}, local)
}
