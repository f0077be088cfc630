package peertest

import "strings"

// Undot reads content by RFC 5321, Section 4.5.2, line by line, where only CRLF ends a line. The
// rest is what follows the end of the content.
func Undot(s string) (body, rest string) {
	var b strings.Builder
	for {
		line, more, _ := strings.Cut(s, "\r\n")
		if line == "." {
			return b.String(), more
		}
		b.WriteString(strings.TrimPrefix(line, ".") + "\r\n")
		s = more
	}
}
