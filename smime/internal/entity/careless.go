package entity

import (
	"slices"
	"strings"
)

// carelessReader reads a Content-Type as the readers of mail do, who look for what they know and
// pass over the rest.
type carelessReader struct {
	scanner
	typ MediaType
	// unseparated is set when a parameter follows without a semicolon.
	unseparated bool
}

// carelessType reads a Content-Type value that is not as it should be. Its name is "" where the
// value is empty. It reports false where readers would come to different results.
func carelessType(value string) (MediaType, bool) {
	first, _, _ := strings.Cut(value, ";")
	switch first = strings.TrimSpace(first); {
	case strings.Trim(value, "; \t") == "":
		return MediaType{}, true
	case first == "" || strings.Contains(first, "=") && !strings.Contains(first, "/"):
		// RFC 2045, Section 5.2: no type is text
		value = "text/plain; " + strings.TrimLeft(value, "; \t")
	}
	r := carelessReader{scanner: scanner{s: value}}
	r.space()
	name, odd := r.mediaTypeName()
	switch r.typ.Name = strings.ToLower(name); {
	case odd:
		return MediaType{}, false
	case r.typ.Name == "text" || r.typ.Name == "text/":
		r.typ.Name = "text/plain"
	case !hasSubtype(r.typ.Name):
		return MediaType{}, false
	}
	for r.s != "" {
		if !r.parameter() {
			return MediaType{}, false
		}
	}
	r.typ.joinContinuations()
	if r.unseparated && (!IsText(&Part{Type: r.typ}) || r.typ.Has("boundary")) {
		return MediaType{}, false // whether the parameter is seen makes another message of it
	}
	return r.typ, !r.typ.Ambiguous
}

// parameter reads the next parameter, and reports false when readers do not agree on it.
func (r *carelessReader) parameter() bool {
	separated := r.consume(';')
	r.space()
	name := strings.ToLower(r.token())
	r.space()
	switch {
	case name == "":
		return r.s == "" || separated && r.s[0] == ';'
	case len(r.typ.Params) == maxParameters:
		return false
	case !r.consume('='):
		return separated && (r.s == "" || r.s[0] == ';') // without a value it says nothing
	}
	r.unseparated = r.unseparated || !separated
	r.space()
	value, ok := r.words(name)
	switch {
	case !ok:
		return false
	case value == "":
		return true
	case r.typ.Has(name):
		return sameParam(name, r.typ.Get(name), value)
	}
	r.typ.Params = append(r.typ.Params, Param{name, value})
	return true
}

// words reads a value; that of a name may be several words without the quotes they need.
func (r *carelessReader) words(name string) (string, bool) {
	if r.s == "" || r.s[0] == ';' {
		return "", true
	}
	quoted := r.s[0] == '"'
	value, ok := r.value()
	r.space()
	for ok && r.s != "" && r.s[0] != ';' && !r.atParameter() {
		if quoted || name != "name" && name != "filename" {
			return "", false
		}
		var word string
		word, ok = r.value()
		value += " " + word
		r.space()
	}
	return value, ok
}

// atParameter reports whether one of the usual parameters begins here.
func (r *carelessReader) atParameter() bool {
	name, _, found := strings.Cut(r.s, "=")
	return found && slices.Contains([]string{
		"charset", "format", "delsp", "name", "filename", "boundary", "type", "start", "report-type", "method", "protocol", "micalg", "smime-type", "reply-type", "x-unix-mode",
	}, strings.ToLower(strings.TrimSpace(name)))
}
