package undo

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// What happens to the headers of parts, which are signed as well.

func hasHeader(p *entity.Part) bool { return len(p.Fields) > 0 }

// undoFolding folds and unfolds the fields of part headers.
func undoFolding(x *suspect) bool {
	return x.headers(ChangeFolding, foldingSentence, refoldings)
}

const foldingSentence = "A field in the header of a part was folded or unfolded."

var refoldings = []func([]byte) []byte{
	func(raw []byte) []byte { return replaceFolds(raw, "") },
	func(raw []byte) []byte { return replaceFolds(raw, " ") },
	func(raw []byte) []byte { return replaceFolds(raw, "\r\n ") },
	func(raw []byte) []byte { return replaceFolds(raw, "\r\n\t") },
	func(raw []byte) []byte { return foldAtParameters(raw, "\r\n ") },
	func(raw []byte) []byte { return foldAtParameters(raw, "\r\n\t") },
	func(raw []byte) []byte { return foldLastParameter(raw, "\r\n ") },
	func(raw []byte) []byte { return foldLastParameter(raw, "\r\n\t") },
}

// headers tries other fields in all part headers, in each of them, and for each single field.
func (x *suspect) headers(change Change, sentence string, rewrite []func([]byte) []byte) bool {
	for _, r := range rewrite {
		for _, set := range x.sets(hasHeader) {
			splices := x.fieldSplices(set, r)
			if x.spliced(change, sentence, splices...) {
				return true
			}
			for _, s := range splices[:min(len(splices), maxSingles)] {
				if x.spliced(change, sentence, s) {
					return true
				}
			}
		}
	}
	return false
}

// fieldSplices writes every field in the headers of parts anew.
func (x *suspect) fieldSplices(parts []*entity.Part, rewrite func([]byte) []byte) []splice {
	var splices []splice
	for _, p := range parts {
		at := p.Start
		for _, f := range p.Fields {
			splices = append(splices, splice{at, at + int64(len(f.Raw)), rewrite(f.Raw)})
			at += int64(len(f.Raw))
		}
	}
	return splices
}

// replaceFolds writes with for every folding, with the white space behind it; an empty one keeps
// that.
func replaceFolds(raw []byte, with string) []byte {
	lines := bytes.Split(bytes.TrimSuffix(raw, crlfBytes), crlfBytes)
	out := bytes.Clone(lines[0])
	for _, l := range lines[1:] {
		if with != "" {
			l = bytes.TrimLeft(l, " \t")
			out = append(out, with...)
		}
		out = append(out, l...)
	}
	return append(out, crlfBytes...)
}

// foldAtParameters writes every parameter on a line of its own.
func foldAtParameters(raw []byte, fold string) []byte {
	flat := replaceFolds(raw, " ")
	return bytes.ReplaceAll(flat, []byte("; "), []byte(";"+fold))
}

// foldLastParameter writes the last parameter on a line of its own, as a signer does who added it
// to a field that was there.
func foldLastParameter(raw []byte, fold string) []byte {
	flat := replaceFolds(raw, " ")
	i := bytes.LastIndex(flat, []byte("; "))
	if i < 0 {
		return flat
	}
	return slices.Concat(flat[:i+1], []byte(fold), flat[i+2:])
}

const quotingSentence = "The value of a parameter in the header of a part was written with quotes, or without."

var (
	quotedParameter = regexp.MustCompile(`=\s*"([A-Za-z0-9!#$&^_.+-]+)"`)
	plainParameter  = regexp.MustCompile(`(;\s*[A-Za-z0-9*-]+)=([^";\s]+)`)
)

var requotings = []func([]byte) []byte{
	func(raw []byte) []byte { return quotedParameter.ReplaceAll(raw, []byte("=$1")) },
	func(raw []byte) []byte { return plainParameter.ReplaceAll(raw, []byte(`$1="$2"`)) },
}

// undoQuoting puts quotes around the values of parameters, and takes them away.
func undoQuoting(x *suspect) bool { return x.headers(ChangeQuoting, quotingSentence, requotings) }

// undoFieldCase writes the names of fields in other letters.
func undoFieldCase(x *suspect) bool {
	rename := func(to func(string) string) func([]byte) []byte {
		return func(raw []byte) []byte {
			name, value, ok := bytes.Cut(raw, []byte(":"))
			if !ok {
				return raw
			}
			return append([]byte(to(string(name))+":"), value...)
		}
	}
	return x.headers(ChangeFieldCase, "The name of a field in the header of a part was written in other letters.", []func([]byte) []byte{
		rename(canonicalName),
		rename(strings.ToLower),
		rename(strings.ToUpper),
		rename(func(s string) string { return strings.Replace(canonicalName(s), "-Id", "-ID", 1) }),
		rename(func(s string) string { return s[:1] + strings.ToLower(s[1:]) }),
	})
}

// canonicalName has a capital letter at the start of every word.
func canonicalName(s string) string {
	words := strings.Split(strings.ToLower(s), "-")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "-")
}

// undoFieldAdded takes a field out of a part header, and all that begin with X-.
func undoFieldAdded(x *suspect) bool {
	for _, p := range x.parts(hasHeader) {
		at := p.Start
		var extra []splice
		for _, f := range p.Fields {
			s := splice{at, at + int64(len(f.Raw)), nil}
			at = s.end
			if x.spliced(ChangeFieldAdded, "The field "+fieldName(f)+" was put into the header of "+x.called(p)+".", s) {
				return true
			}
			if f.Begins("X-") {
				extra = append(extra, s)
			}
		}
		if len(extra) > 1 && x.spliced(ChangeFieldAdded, "Fields that begin with X- were put into the header of "+x.called(p)+".", extra...) {
			return true
		}
	}
	return false
}

func fieldName(f message.Field) string { return entity.Quoted(f.Name()) }
