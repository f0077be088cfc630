package logline

import (
	"bytes"
	"encoding/json"
)

// json reads a JSON object of one line. Of a value that is no string the text is kept; strings have
// their escapes resolved.
func (l *Line) json(line []byte) bool {
	return object(line, func(key, value []byte) bool {
		key, ok := l.unescape(key)
		if !ok {
			return false
		}
		if value[0] == '"' {
			if value, ok = l.unescape(value); !ok {
				return false
			}
		}
		return l.add(key, value)
	})
}

// unescape is a string of JSON without its quotation marks and escapes.
func (l *Line) unescape(s []byte) ([]byte, bool) {
	if bytes.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1], true
	}
	var text string
	err := json.Unmarshal(s, &text)
	return l.keep(text), err == nil
}

// object calls f with each key, a string, and value of an object, as they stand, until f returns
// false. It reports whether the line is such an object, and nothing else.
func object(line []byte, f func(key, value []byte) bool) bool {
	rest, ok := after(line, '{')
	if !ok {
		return false
	}
	if end, ok := after(rest, '}'); ok {
		return len(space(end)) == 0
	}
	for {
		key := space(rest)
		n := stringEnd(key)
		if n == 0 {
			return false
		}
		value, ok := after(key[n:], ':')
		if !ok {
			return false
		}
		value = space(value)
		m := valueEnd(value)
		if m == 0 || !f(key[:n], value[:m]) {
			return false
		}
		if rest, ok = after(value[m:], ','); ok {
			continue
		}
		end, ok := after(value[m:], '}')
		return ok && len(space(end)) == 0
	}
}

// space is line without the white space at its start.
func space(line []byte) []byte {
	for len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
		line = line[1:]
	}
	return line
}

// after is what follows one byte at the start of line.
func after(line []byte, c byte) ([]byte, bool) {
	line = space(line)
	if len(line) == 0 || line[0] != c {
		return line, false
	}
	return line[1:], true
}

// stringEnd is the length of the JSON string at the start of s; 0: there is none.
func stringEnd(s []byte) int {
	if len(s) == 0 || s[0] != '"' {
		return 0
	}
	return quoted(s)
}

// valueEnd is the length of the value at the start of s; 0: there is none. Of objects and lists
// only the brackets are counted.
func valueEnd(s []byte) int {
	if len(s) == 0 {
		return 0
	}
	switch s[0] {
	case '"':
		return quoted(s)
	case '{', '[':
		return nestedEnd(s)
	}
	n := bytes.IndexAny(s, ",} \t\"")
	if n < 0 || s[n] == '"' {
		return 0
	}
	return n
}

// nestedEnd is valueEnd for an object or a list.
func nestedEnd(s []byte) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			n := quoted(s[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}
