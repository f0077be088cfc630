package dkim

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// maxField is the largest DKIM-Signature field, in octets, and maxRecord the largest key record,
// that is read. A signature by RSA-8192 with 200 names of header fields has 5,000.
const (
	maxField  = 16 << 10
	maxRecord = 8 << 10
)

// tag is one of a tag-list, with the octets of the list that are its value, white space around it
// included.
type tag struct {
	name       string
	value      string // without white space around it
	start, end int
}

// tagList is the tags of a DKIM-Signature field or a key record, in order.
type tagList []tag

// parseTags reads a tag-list. Errors: what is no tag-list, a name that comes twice.
// RFC 6376, Section 3.2.
func parseTags(text []byte) (tagList, error) {
	var out tagList
	for start := 0; start <= len(text); {
		end := len(text)
		if i := bytes.IndexByte(text[start:], ';'); i >= 0 {
			end = start + i
		}
		spec := text[start:end]
		switch t, err := parseTag(spec, start); {
		case err == nil && out.has(t.name):
			return nil, fmt.Errorf("the tag %s= stands twice", t.name)
		case err == nil:
			out = append(out, t)
		// tag-list = tag-spec *( ";" tag-spec ) [ ";" ]
		case end < len(text) || len(trimFWS(string(spec))) > 0 || len(out) == 0:
			return nil, err
		}
		start = end + 1
	}
	return out, nil
}

var errNoTag = errors.New("it is no list of tags")

func parseTag(spec []byte, offset int) (tag, error) {
	before, value, ok := bytes.Cut(spec, []byte("="))
	name := trimFWS(string(before))
	if !ok || !isTagName(name) {
		return tag{}, errNoTag
	}
	t := tag{name: name, value: trimFWS(string(value)), start: offset + len(before) + 1, end: offset + len(spec)}
	if strings.ContainsFunc(t.value, func(r rune) bool { return r < ' ' && !strings.ContainsRune(fws, r) || r == 0x7f }) {
		return tag{}, fmt.Errorf("the tag %s= holds a control character", name)
	}
	return t, nil
}

// isTagName: tag-name = ALPHA *ALNUMPUNC.
func isTagName(s string) bool {
	for i := range len(s) {
		alpha := 'a' <= s[i]|0x20 && s[i]|0x20 <= 'z'
		if !alpha && (i == 0 || s[i] != '_' && (s[i] < '0' || s[i] > '9')) {
			return false
		}
	}
	return s != ""
}

func (l tagList) has(name string) bool {
	_, ok := l.find(name)
	return ok
}

func (l tagList) find(name string) (tag, bool) {
	for _, t := range l {
		if t.name == name {
			return t, true
		}
	}
	return tag{}, false
}

// get returns the value of a tag, "" where it is missing.
func (l tagList) get(name string) string {
	t, _ := l.find(name)
	return t.value
}

// list returns the value of a tag as a list, white space taken out.
func (l tagList) list(name string) []string { return strings.Split(withoutFWS(l.get(name)), ":") }

// fws are the characters of folding white space (RFC 6376, Section 2.8).
const fws = " \t\r\n"

func trimFWS(s string) string { return strings.Trim(s, fws) }

func withoutFWS(s string) string {
	if !strings.ContainsAny(s, fws) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(fws, r) {
			return -1
		}
		return r
	}, s)
}
