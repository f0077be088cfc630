package undo

import (
	"bytes"
	"iter"
	"slices"

	"dnseal/smime/internal/entity"
)

// What several systems did one after the other, or one system at once: a list that appends its
// footer and encodes the text again, a gateway that adds fields to the parts and folds others, a
// mailbox that quotes "From " and strips white space. RFC 2049, Section 3, and RFC 6377, Section
// 3.3, describe them.

// undoing undoes one thing, so that something else can be tried on the result.
type undoing struct {
	change   Change
	sentence string
	undo     func(*suspect) iter.Seq[[]byte] // the contents it may have been before
}

var steps = []undoing{
	{ChangeFieldAdded, "Fields that begin with X- were added to the headers of parts.", withoutExtraFields},
	{ChangeFooter, "Text was appended to a part, as mailing lists and gateways do.", withoutFooters},
	{ChangeFrom, fromSentence, func(x *suspect) iter.Seq[[]byte] { return texts(unquoteFrom(x.text)) }},
	{ChangeTrailing, trailingRemoved, func(x *suspect) iter.Seq[[]byte] {
		dashes := restoreDashes(x.text)
		return texts(dashes, reflow(x.text), reflow(dashes))
	}},
	{ChangeTrailing, trailingAdded, func(x *suspect) iter.Seq[[]byte] { return texts(stripTrailing(x.text)) }},
	{ChangeLongLine, longLineSentence, func(x *suspect) iter.Seq[[]byte] {
		return texts(joinLines(x.text, entity.MaxOctets), joinLines(x.text, 990))
	}},
	{ChangeFinalLine, "Line breaks at the end of the content were removed or added.", func(x *suspect) iter.Seq[[]byte] {
		return texts(append(bytes.Clone(x.text), crlfBytes...), bytes.TrimSuffix(x.text, crlfBytes))
	}},
	{ChangeFolding, foldingSentence, rewriting(refoldings)},
	{ChangeQuoting, quotingSentence, rewriting(requotings)},
	{ChangeLineEnds, "LF line breaks were changed to CRLF.", func(x *suspect) iter.Seq[[]byte] {
		return texts(bytes.ReplaceAll(x.text, crlfBytes, lfBytes))
	}},
}

func texts(all ...[]byte) iter.Seq[[]byte] { return slices.Values(all) }

// finalUndos are tried on the content that a step left: all that need to read it only once.
var finalUndos = []func(*suspect) bool{
	undoFinalLine, undoFrom, undoLongLines, undoTrailing, undoReencoding, undoEscapes, undoSoftBreaks, undoBase64Lines, undoFolding, undoQuoting,
	undoFieldCase, undoFieldAdded, undoLineEnds,
}

// Above these sizes no two, and no three things are tried together; maxTogether bounds the octets
// hashed for it.
const (
	maxTwo      = 1 << 20
	maxThree    = 64 << 10
	maxTogether = 256 << 20
)

// undoSeveral undoes two things, and then three.
func undoSeveral(x *suspect) bool {
	if len(x.text) > maxTwo {
		return false
	}
	x.spent = maxWork - maxTogether
	return x.undoSequence(steps, 1) || len(x.text) <= maxThree && x.undoSequence(steps, 2)
}

// undoSequence undoes depth of the steps, in their order, and then tries every final one.
func (x *suspect) undoSequence(steps []undoing, depth int) bool {
	for i, s := range steps {
		for text := range s.undo(x) {
			if bytes.Equal(text, x.text) {
				continue
			}
			y, ok := x.with(text)
			if !ok {
				continue
			}
			enough := y.tryOriginal(s.change, s.sentence, text)
			found := enough || y.undoNext(steps[i+1:], depth)
			x.spent = y.spent
			switch {
			case enough:
				x.change, x.sentence, x.original = s.change, s.sentence, y.original
			case found:
				x.change, x.sentence, x.original = s.change, s.sentence+" "+y.sentence, y.original
				x.also = append([]Change{y.change}, y.also...)
			}
			if found || x.spent > maxWork || x.ctx.Err() != nil {
				return found
			}
		}
	}
	return false
}

// undoNext tries the remaining steps, or the final ones, on the content that a step left.
func (x *suspect) undoNext(steps []undoing, depth int) bool {
	if depth > 1 {
		return x.undoSequence(steps, depth-1)
	}
	return slices.ContainsFunc(finalUndos, func(undo func(*suspect) bool) bool { return undo(x) })
}

// parsing is the cost of reading content as MIME, in units of hashing it.
const parsing = 4

// with is the suspect with another content; false when that cannot be read as MIME.
func (x *suspect) with(text []byte) (*suspect, bool) {
	y := &suspect{ctx: x.ctx, text: text, hash: x.hash, digest: x.digest, spent: x.spent + parsing*int64(len(text))}
	var err error
	y.root, err = entity.WalkEntity(x.ctx, bytes.NewReader(text), int64(len(text)), "")
	return y, err == nil
}

// withoutExtraFields removes all fields that begin with X- from the headers of parts.
func withoutExtraFields(x *suspect) iter.Seq[[]byte] {
	drop := func(raw []byte) []byte {
		if len(raw) > 2 && raw[0]|0x20 == 'x' && raw[1] == '-' {
			return nil
		}
		return raw
	}
	return texts(splicedText(x.text, x.fieldSplices(x.parts(hasHeader), drop)))
}

// rewriting rewrites all fields in the headers of parts, in each of these ways.
func rewriting(ways []func([]byte) []byte) func(*suspect) iter.Seq[[]byte] {
	return func(x *suspect) iter.Seq[[]byte] {
		return func(yield func([]byte) bool) {
			for _, rewrite := range ways {
				if !yield(splicedText(x.text, x.fieldSplices(x.parts(hasHeader), rewrite))) {
					return
				}
			}
		}
	}
}

// withoutFooters cuts text parts, decoded where they are encoded, and the end of the content,
// before lines that look like the beginning of a footer.
func withoutFooters(x *suspect) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, text := range cutFooters(x.text) {
			if !yield(text) {
				return
			}
		}
		parts := x.parts(func(p *entity.Part) bool { return p.Leaf() && entity.IsText(p) })
		for _, p := range parts[:min(len(parts), maxSingles)] {
			for splices := range x.footers(p) {
				if !yield(splicedText(x.text, splices)) {
					return
				}
			}
		}
	}
}

// footers are the ways to cut the footer off a part. Where the part is encoded it is left decoded.
func (x *suspect) footers(p *entity.Part) iter.Seq[[]splice] {
	return func(yield func([]splice) bool) {
		octets, ok := entity.DecodeBody(x.body(p), p.CTE)
		if !ok {
			return
		}
		if encodingGroup(p) == "8bit" {
			for _, body := range cutFooters(octets) {
				if !yield([]splice{bodySplice(p, body)}) {
					return
				}
			}
			return
		}
		around := x.containers([]*entity.Part{p}, 0)
		for _, body := range cutFooters(canonicalLines(octets)) {
			for _, label := range []string{"8bit", "7bit", ""} {
				changed := []splice{{p.Start, p.Body, relabel(p, label, 0)}, bodySplice(p, body)}
				if !yield(changed) || label == "8bit" && len(around) > 0 && !yield(append(changed, around...)) {
					return
				}
			}
		}
	}
}

// cutFooters cuts a text before each of its last lines that hold nothing but a rule, with and
// without the empty lines before.
func cutFooters(text []byte) [][]byte {
	const most = 4
	var out [][]byte
	end := len(text)
	for n := 0; n < most && end > 0; {
		start := bytes.LastIndexByte(text[:end-1], '\n') + 1
		if isRule(text[start:end]) {
			n++
			for cut, more := text[:start], true; more; cut, more = bytes.CutSuffix(cut, crlfBytes) {
				out = append(out, cut)
			}
		}
		end = start
	}
	return out
}

// isRule reports whether a line is "____" or another of one character repeated, or "-- " (RFC 3676,
// Section 4.3).
func isRule(line []byte) bool {
	line = bytes.TrimRight(line, " \t\r\n")
	return len(line) > 1 && bytes.IndexByte([]byte("-_=*#~"), line[0]) >= 0 && len(bytes.Trim(line, string(line[0]))) == 0
}

// canonicalLines makes all line breaks CRLF. RFC 2045, Section 6.8, asks for that before base64
// encoding, but some encode LF.
func canonicalLines(b []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(b, crlfBytes, lfBytes), lfBytes, crlfBytes)
}
