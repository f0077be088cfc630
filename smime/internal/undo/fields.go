package undo

import (
	"bytes"
	"iter"
	"slices"
	"strings"

	"dnseal/smime/internal/entity"
)

// What happens to the headers of parts, which are signed as well (RFC 1847, Section 2.1).

func hasHeader(p *entity.Part) bool { return len(p.Fields) > 0 }

const foldingSentence = "A field in the header of a part was folded or unfolded."

// folding folds and unfolds the fields of all part headers, otherFolding those of each, and each
// field.
//
// RFC 5322, Section 2.2.3: a field says the same however it is folded.
func folding(x *suspect) iter.Seq[candidate] {
	return x.rewrittenFields(ChangeFolding, foldingSentence, refoldings, false)
}

func otherFolding(x *suspect) iter.Seq[candidate] {
	return x.rewrittenFields(ChangeFolding, foldingSentence, refoldings, true)
}

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

// maxFields bounds how many fields of a set of parts are tried one by one.
const maxFields = 60

// rewrittenFields rewrites all fields of all part headers; where single is set, all of each header,
// and each field.
func (x *suspect) rewrittenFields(change Change, sentence string, rewrite []func([]byte) []byte, single bool) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		sets := x.sets(hasHeader)
		if !single {
			sets = sets[:min(1, len(sets))]
		}
		for _, r := range rewrite {
			for _, set := range sets {
				splices := x.fieldSplices(set, r)
				if !x.open() || !yield(candidate{change: change, sentence: sentence, splices: slices.Clone(splices)}) {
					return
				}
				for i := 0; single && i < min(len(splices), maxFields); i++ {
					if !x.open() || !yield(candidate{change: change, sentence: sentence, splices: splices[i : i+1 : i+1]}) {
						return
					}
				}
			}
		}
	}
}

// fieldSplices rewrites every field in the headers of parts.
func (x *suspect) fieldSplices(parts []*entity.Part, rewrite func([]byte) []byte) []splice {
	var splices []splice
	for _, p := range parts {
		at := p.Start
		for _, f := range p.Fields {
			x.budget.spend(fieldCost + int64(len(f.Raw)))
			splices = append(splices, splice{at, at + int64(len(f.Raw)), rewrite(f.Raw)})
			at += int64(len(f.Raw))
		}
	}
	return splices
}

// replaceFolds puts with in place of each fold and its white space. Where with is empty only the
// line ends are removed (RFC 5322, Section 2.2.3: unfolding).
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

const quotingSentence = "Quotation marks around the value of a parameter in the header of a part were added or removed."

var (
	quotedParameter = pattern{text: `=\s*"([A-Za-z0-9!#$&^_.+-]+)"`}
	plainParameter  = pattern{text: `(;\s*[A-Za-z0-9*-]+)=([^";\s]+)`}
)

var requotings = []func([]byte) []byte{
	func(raw []byte) []byte { return quotedParameter.compiled().ReplaceAll(raw, []byte("=$1")) },
	func(raw []byte) []byte { return plainParameter.compiled().ReplaceAll(raw, []byte(`$1="$2"`)) },
	plainCharset,
}

// quoting adds quotation marks around the values of parameters, and removes them.
//
// RFC 2045, Section 5.1: the marks are not part of the value.
func quoting(x *suspect) iter.Seq[candidate] {
	return x.rewrittenFields(ChangeQuoting, quotingSentence, requotings, false)
}

func otherQuoting(x *suspect) iter.Seq[candidate] {
	return x.rewrittenFields(ChangeQuoting, quotingSentence, requotings, true)
}

const caseSentence = "The case of a field name in the header of a part was changed."

// fieldCase changes the case of the names of fields.
//
// RFC 5322, Section 1.2.2, with RFC 5234, Section 2.3: names do not depend on case.
func fieldCase(x *suspect) iter.Seq[candidate] {
	return x.rewrittenFields(ChangeFieldCase, caseSentence, renamings, false)
}

func otherFieldCase(x *suspect) iter.Seq[candidate] {
	return x.rewrittenFields(ChangeFieldCase, caseSentence, renamings, true)
}

var renamings = []func([]byte) []byte{
	func(raw []byte) []byte { return rename(raw, canonicalName) },
	func(raw []byte) []byte { return rename(raw, strings.ToLower) },
	func(raw []byte) []byte { return rename(raw, strings.ToUpper) },
	func(raw []byte) []byte {
		return rename(raw, func(s string) string { return strings.Replace(canonicalName(s), "-Id", "-ID", 1) })
	},
	func(raw []byte) []byte {
		return rename(raw, func(s string) string { return s[:min(1, len(s))] + strings.ToLower(s[min(1, len(s)):]) })
	},
}

func rename(raw []byte, to func(string) string) []byte {
	name, value, ok := bytes.Cut(raw, []byte(":"))
	if !ok {
		return raw
	}
	return append([]byte(to(string(name))+":"), value...)
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
