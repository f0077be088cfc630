package logline

import (
	"bytes"
	"encoding/json"
)

// program is how the name of the program begins in syslog and in the names of units.
const program = "dnseal"

// maxPrefix is how much syslog puts before a line.
const maxPrefix = 400

// unwrap returns a line without what syslog or journald put before or around it. Only lines of this
// program are unwrapped: what others log can be a stranger's.
func (l *Line) unwrap(line []byte) ([]byte, bool) {
	switch {
	case bytes.HasPrefix(line, []byte("time=")):
		return line, true
	case len(line) > 0 && line[0] == '{':
		if bytes.HasPrefix(line, []byte(`{"time":`)) {
			return line, true
		}
		if bytes.HasPrefix(line, []byte(`{"log":`)) {
			return l.docker(line)
		}
		return l.journal(line)
	}
	// The first colon before a space ends the name of the program: times have none, and names of
	// hosts neither.
	i := bytes.Index(line[:min(len(line), maxPrefix)], []byte(": "))
	if i < 0 {
		return nil, false
	}
	tag := line[:i]
	tag = tag[bytes.LastIndexByte(tag, ' ')+1:]
	return line[i+2:], bytes.HasPrefix(tag, []byte(program)) && len(tag) < i
}

// docker is the text of a line of Docker's json-file driver, which begins with it: a container has
// one program, so that nothing says which.
func (l *Line) docker(line []byte) (text []byte, ok bool) {
	whole := object(line, func(key, value []byte) bool {
		if string(key) == `"log"` && value[0] == '"' {
			text, ok = l.unescape(value)
		}
		return true
	})
	return bytes.TrimRight(text, "\r\n"), whole && ok
}

// journal is the message of an entry of the journal in JSON ("journalctl -o json"), where a unit or
// a program of ours wrote it.
func (l *Line) journal(line []byte) (text []byte, ok bool) {
	var by [2]string // SYSLOG_IDENTIFIER, _SYSTEMD_UNIT
	whole := object(line, func(key, value []byte) bool {
		switch string(key) {
		case `"MESSAGE"`:
			text, ok = l.message(value)
		case `"SYSLOG_IDENTIFIER"`:
			by[0] = string(bytes.Trim(value, `"`))
		case `"_SYSTEMD_UNIT"`:
			by[1] = string(bytes.Trim(value, `"`))
		}
		return true
	})
	ours := by == [2]string{}
	for _, name := range by {
		ours = ours || len(name) >= len(program) && name[:len(program)] == program
	}
	return text, whole && ok && ours
}

// message is the value of MESSAGE: a string, or a list of bytes where journald would not call it
// text (systemd.journal-fields(7), sd_journal_get_data(3)).
func (l *Line) message(value []byte) ([]byte, bool) {
	switch value[0] {
	case '"':
		return l.unescape(value)
	case '[':
		var octets []uint8
		var numbers []uint16 // a []uint8 would be base64
		if json.Unmarshal(value, &numbers) != nil {
			return nil, false
		}
		for _, n := range numbers {
			if n > 255 {
				return nil, false
			}
			octets = append(octets, uint8(n))
		}
		return octets, true
	}
	return nil, false
}
