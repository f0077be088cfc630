package logline

import (
	"bytes"
	"strconv"
)

// text reads a line of slog's text handler: key=value with one space between, what has a space, an
// equals sign, a quotation mark or a control in it as strconv.Quote writes it.
func (l *Line) text(line []byte) bool {
	for {
		key, rest, ok := l.token(line, '=')
		if !ok || len(rest) == 0 || rest[0] != '=' || line[0] == ' ' {
			return false
		}
		value, rest, ok := l.token(rest[1:], ' ')
		if !ok || !l.add(key, value) {
			return false
		}
		if len(rest) == 0 {
			return true
		}
		if rest[0] != ' ' {
			return false
		}
		line = rest[1:]
	}
}

// token reads a key or a value, which ends before the byte end or with the line.
func (l *Line) token(line []byte, end byte) (token, rest []byte, ok bool) {
	if len(line) == 0 || line[0] != '"' {
		i := bytes.IndexByte(line, end)
		if i < 0 {
			i = len(line)
		}
		return line[:i], line[i:], bytes.IndexByte(line[:i], '"') < 0
	}
	n := quoted(line)
	if n == 0 {
		return nil, nil, false
	}
	inside := line[1 : n-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return inside, line[n:], true
	}
	text, err := strconv.Unquote(string(line[:n]))
	return l.keep(text), line[n:], err == nil
}

// quoted is the length of the string in quotation marks at the start of line; 0: it does not end.
func quoted(line []byte) int {
	for i := 1; i < len(line); i++ {
		j := bytes.IndexByte(line[i:], '"')
		if j < 0 {
			return 0
		}
		slashes := 0
		for i+j-slashes > 1 && line[i+j-slashes-1] == '\\' {
			slashes++
		}
		i += j
		if slashes%2 == 0 {
			return i + 1
		}
	}
	return 0
}

// keep puts a value that is not as it stands in the line into the buffer.
func (l *Line) keep(text string) []byte {
	from := len(l.buffer)
	l.buffer = append(l.buffer, text...)
	return l.buffer[from:len(l.buffer):len(l.buffer)]
}
