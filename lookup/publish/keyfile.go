package publish

import (
	"errors"
	"fmt"
	"strings"
)

// parseClauses reads BIND's form and skips clauses other than key.
func parseClauses(text string) (*Key, error) {
	s := &scanner{rest: text, line: 1}
	var found *Key
	for {
		word := s.next()
		switch {
		case s.err != nil && found != nil:
			return nil, s.err
		case word == "" && found == nil:
			return nil, errors.New(`it holds no key; write: key "name" { algorithm hmac-sha256; secret "base64"; };`)
		case word == "":
			return found, nil
		case word == "key" && found != nil:
			return nil, fmt.Errorf("line %d: a second key; one file holds one key", s.line)
		case word == "key":
			if found = s.key(); s.err != nil {
				return nil, s.err
			}
		default:
			s.skip()
		}
	}
}

// key reads what follows the word key.
func (s *scanner) key() *Key {
	k := &Key{Name: s.next()}
	s.expect("{")
	for s.err == nil {
		switch word := s.next(); word {
		case "algorithm":
			s.value(&k.Algorithm)
		case "secret":
			s.value(&k.secret)
		case "}":
			s.expect(";")
			return k
		default:
			// The word may be a secret that stands in the wrong place.
			s.fail("in a key stand only algorithm and secret")
		}
	}
	return k
}

func (s *scanner) value(to *string) {
	if *to != "" {
		s.fail("algorithm and secret stand there once")
	}
	if *to = s.next(); strings.ContainsAny(*to, "{};") {
		s.fail("a value is missing")
	}
	s.expect(";")
}

// skip goes over a clause of another kind, to its semicolon.
func (s *scanner) skip() {
	for depth := 0; s.err == nil; {
		switch s.next() {
		case "":
			s.fail("it ends in a clause")
		case "{":
			depth++
		case "}":
			depth--
		case ";":
			if depth <= 0 {
				return
			}
		}
	}
}

// scanner takes a file in BIND's form apart: words, strings, and { } ; by themselves.
type scanner struct {
	rest string
	line int
	err  error
}

func (s *scanner) fail(text string) {
	if s.err == nil {
		s.err = fmt.Errorf("line %d: %s", s.line, text)
	}
}

func (s *scanner) expect(mark string) {
	if s.next() != mark {
		s.fail(fmt.Sprintf("%q is missing", mark))
	}
}

// next returns the next word, without its quotes; "" at the end and after an error.
func (s *scanner) next() string {
	s.space()
	switch {
	case s.rest == "" || s.err != nil:
		return ""
	case strings.ContainsRune("{};", rune(s.rest[0])):
		return s.cut(1)
	case s.rest[0] == '"':
		s.cut(1)
		end := strings.IndexAny(s.rest, "\"\n")
		if end <= 0 || s.rest[end] != '"' {
			s.fail("a string is empty or does not end")
			return ""
		}
		word := s.cut(end)
		s.cut(1)
		return word
	}
	if end := strings.IndexAny(s.rest, " \t\r\n{};\""); end >= 0 {
		return s.cut(end)
	}
	return s.cut(len(s.rest))
}

// space goes over white space and comments of three kinds.
func (s *scanner) space() {
	for s.rest != "" {
		var end string
		switch {
		case strings.ContainsRune(" \t\r\n", rune(s.rest[0])):
			s.cut(1)
			continue
		case s.rest[0] == '#' || strings.HasPrefix(s.rest, "//"):
			end = "\n"
		case strings.HasPrefix(s.rest, "/*"):
			end = "*/"
		default:
			return
		}
		i := strings.Index(s.rest, end)
		if i < 0 {
			i = len(s.rest) - len(end)
		}
		s.cut(max(i+len(end), 1))
	}
}

func (s *scanner) cut(n int) string {
	n = min(n, len(s.rest))
	taken := s.rest[:n]
	s.rest = s.rest[n:]
	s.line += strings.Count(taken, "\n")
	return taken
}
