package publish

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// CheckServer checks "host", "host:port" or an address; the host is not looked up. Errors: no host
// name, no port from 1 to 65535.
func CheckServer(text string) error {
	host, port := splitHost(text)
	if _, err := netip.ParseAddr(host); err != nil {
		if _, err = canonical(host); err != nil || strings.ContainsAny(host, " /#\\") {
			return fmt.Errorf("publish: server %q: want host or host:port", text)
		}
	}
	if p, err := strconv.ParseUint(port, 10, 16); err != nil || p == 0 {
		return fmt.Errorf("publish: server %q: %q is no port; want 1 to 65535", text, port)
	}
	return nil
}

// CheckZone checks the name of a zone. Errors: no domain name, the root.
func CheckZone(text string) error {
	name, err := canonical(text)
	if err == nil && name == "." {
		err = errors.New("the root is no zone for keys")
	}
	if err != nil {
		return fmt.Errorf("publish: zone %w", err)
	}
	return nil
}

// splitHost takes the port off; without one it is 53.
func splitHost(text string) (host, port string) {
	if host, port, err := net.SplitHostPort(text); err == nil {
		return host, port
	}
	if len(text) > 2 && text[0] == '[' && text[len(text)-1] == ']' {
		text = text[1 : len(text)-1]
	}
	return text, "53"
}

// SplitCommand splits a command into the program and its arguments at spaces. What stands between
// two quotes, single or double, is one argument or a part of it; nothing else has a meaning, as no
// shell reads it. Whoever wants a shell writes one: sh -c 'commands'. Errors: a quote that does not
// end, a control character.
func SplitCommand(text string) ([]string, error) {
	var out []string
	var word strings.Builder
	var quote rune
	inWord := false
	for _, c := range text {
		switch {
		case c < ' ' && c != '\t':
			return nil, errors.New("publish: a command holds no control characters and is one line")
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case c == ' ' || c == '\t':
			if inWord {
				out = append(out, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("publish: a quote (%c) of the command does not end", quote)
	}
	if inWord {
		out = append(out, word.String())
	}
	return out, nil
}
