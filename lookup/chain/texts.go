package chain

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// textOf is the data of a TXT record: its character-strings in a row, without anything between
// (RFC 6376, Section 3.6.2.2).
func textOf(rr dns.RR) (string, bool) {
	txt, ok := rr.(*dns.TXT)
	if !ok {
		return "", false
	}
	var out strings.Builder
	for _, s := range txt.Txt {
		unescape(&out, s)
	}
	return out.String(), true
}

// unescape undoes the escapes in which miekg/dns keeps octets: \DDD for those that are not
// printable, and a backslash before any other (RFC 1035, Section 5.1).
func unescape(out *strings.Builder, s string) {
	const code = 3 // digits
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out.WriteByte(s[i])
			continue
		}
		if i+code < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+1+code], 10, 8); err == nil {
				out.WriteByte(byte(n))
				i += code
				continue
			}
		}
		i++
		out.WriteByte(s[i])
	}
}

// shortText shows the beginning of a text, in one line of printable ASCII.
func shortText(text string) string {
	const most = 60
	if len(text) <= most {
		return strconv.QuoteToASCII(text)
	}
	return fmt.Sprintf("%s… %d octets", strconv.QuoteToASCII(text[:most]), len(text))
}
