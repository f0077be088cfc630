package undo

import (
	"bytes"
	"iter"
	"slices"

	"dnseal/smime/internal/entity"
)

func isQP(p *entity.Part) bool { return p.Leaf() && p.CTE == "quoted-printable" }

// quotedPrintable writes quoted-printable as other programs do.
//
// RFC 2045, Section 6.7, rule 5: lines have at most 76 characters, broken anywhere; rule 1: any
// character may be escaped.
func quotedPrintable(x *suspect) iter.Seq[candidate] { return x.rewrittenQP(usualQP()) }

func otherQuotedPrintable(x *suspect) iter.Seq[candidate] { return x.rewrittenQP(otherQP()) }

// qpForm writes the body of a part, which has these octets, as a program may have written it.
type qpForm func(body, octets []byte) []byte

func ownForm(_, octets []byte) []byte { return encodeOwnQP(octets) }

func standardForm(_, octets []byte) []byte { return encodeStandardQP(octets) }

// otherLast adds and removes what ends the last line.
func otherLast(f qpForm) []qpForm {
	ends := []qpForm{f}
	for _, end := range []string{"", "\r\n", "=", "=\r\n", "=\r\n\r\n"} {
		ends = append(ends, func(body, octets []byte) []byte {
			b := bytes.TrimSuffix(bytes.TrimSuffix(f(body, octets), crlfBytes), []byte("="))
			return append(slices.Clip(b), end...)
		})
	}
	return ends
}

func kept(body, _ []byte) []byte { return body }

func joined(body, _ []byte) []byte { return joinSoft(body) }

// rebroken keeps the escapes and breaks the lines elsewhere.
func rebroken(columns int, full bool) qpForm {
	return func(body, _ []byte) []byte { return breakSoft(joinSoft(body), columns, full, qpGuards{}) }
}

// rewritten escapes the usual characters, and breaks the lines.
func rewritten(columns int, full bool, guards qpGuards) qpForm {
	return func(_, octets []byte) []byte {
		return breakSoft(escapeQP(octets, guards), columns, full, guards)
	}
}

func usualQP() []qpForm {
	return []qpForm{
		ownForm, standardForm, joined, rebroken(76, false), rebroken(76, true), rebroken(73, false), rebroken(72, false),
		rewritten(76, false, qpGuards{from: true}), rewritten(76, false, qpGuards{from: true, dot: true}),
		mapped(bytes.ToLower), mapped(bytes.ToUpper),
	}
}

func otherQP() []qpForm {
	forms := otherLast(kept)
	for _, columns := range []int{76, 72, 75, 74, 73, 71, 70, 68, 65, 64} {
		for _, full := range []bool{false, true} {
			forms = append(forms, otherLast(rebroken(columns, full))...)
		}
	}
	forms = append(append(append(forms, otherLast(joined)...), otherLast(ownForm)...), otherLast(standardForm)...)
	for _, full := range []bool{false, true} {
		for _, columns := range []int{76, 73, 72} {
			for n := range 16 {
				forms = append(forms, rewritten(columns, full, qpGuards{from: n&1 > 0, dot: n&2 > 0, ebcdic: n&4 > 0, space: n&8 > 0}))
			}
		}
	}
	return forms
}

func (x *suspect) rewrittenQP(forms []qpForm) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, set := range x.sets(isQP) {
			for _, form := range forms {
				if !x.open() || !yield(x.qpCandidate(set, form)) {
					return
				}
			}
		}
	}
}

func (x *suspect) qpCandidate(set []*entity.Part, form qpForm) candidate {
	var splices []splice
	for _, p := range set {
		octets, _ := x.octets(p)
		x.budget.spend(codingCost * int64(len(x.body(p))))
		splices = append(splices, bodySplice(p, form(x.body(p), canonicalLines(octets))))
	}
	return candidate{splices: splices, describe: func() (Change, string) {
		now, before := make([]byte, 0), make([]byte, 0)
		for i, p := range set {
			now, before = append(now, x.body(p)...), append(before, splices[i].with...)
		}
		return describeQP(now, before)
	}}
}

// describeQP says in what two forms of the same quoted-printable text differ.
func describeQP(now, before []byte) (Change, string) {
	n, b := trimLast(now), trimLast(before)
	same := bytes.Equal(n, b)
	switch {
	case same && endsSoft(now) == endsSoft(before):
		return ChangeFinalLine, "A line break at the end of a quoted-printable part was added or removed."
	case same && endsSoft(before):
		return ChangeSoftBreaks, "The last soft line break of a quoted-printable part was removed."
	case same:
		return ChangeSoftBreaks, "A soft line break was added at the end of a quoted-printable part."
	}
	n, b = joinSoft(n), joinSoft(b)
	switch {
	case bytes.Equal(n, b) && endsSoft(before) && !endsSoft(now):
		return ChangeSoftBreaks, "The soft line breaks of a quoted-printable part were moved, and the last one was removed."
	case bytes.Equal(n, b):
		return ChangeSoftBreaks, "The soft line breaks of a quoted-printable part were moved."
	case bytes.EqualFold(n, b):
		return ChangeEscapes, "The case of the escapes in a quoted-printable part was changed (=C3 and =c3)."
	}
	return ChangeQuotedPrintable, "A quoted-printable part was written anew, with other characters escaped."
}

func endsSoft(b []byte) bool {
	return bytes.HasSuffix(bytes.TrimRight(b, "\r\n"), []byte("="))
}

// trimLast leaves out what ends the last line.
func trimLast(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimRight(b, "\r\n"), []byte("="))
}

func joinSoft(b []byte) []byte { return bytes.ReplaceAll(b, []byte("=\r\n"), nil) }

// mapped writes the escapes of quoted-printable in another case.
//
// RFC 2045, Section 6.7, rule 1: they are in upper case, but decoders accept both.
func mapped(to func([]byte) []byte) qpForm {
	return func(body, _ []byte) []byte { return mapEscapes(body, to) }
}

// mapEscapes replaces each escape of quoted-printable text (RFC 2045, Section 6.7) by to of it.
func mapEscapes(b []byte, to func([]byte) []byte) []byte {
	out := bytes.Clone(b)
	for i := 0; i+2 < len(out); i++ {
		if out[i] == '=' && entity.IsHex(out[i+1]) && entity.IsHex(out[i+2]) {
			copy(out[i+1:], to(out[i+1:i+3]))
			i += 2
		}
	}
	return out
}
