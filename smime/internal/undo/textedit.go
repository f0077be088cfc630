package undo

import (
	"bytes"
	"iter"
	"slices"

	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/transit"
)

// edit is what may be undone in the text of a part: ranges of it, decoded and with CRLF line ends,
// that are replaced.
type edit []splice

// editor lists edits of a text; html says of which kind it is.
type editor func(text []byte, html bool) iter.Seq[edit]

// edited generates the parts of text, each with each edit, in the encodings that it may have had.
func (x *suspect) edited(change Change, sentence func(*entity.Part) string, editor editor) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		parts := x.parts(func(p *entity.Part) bool { return p.Leaf() && entity.IsText(p) })
		for _, p := range parts[:min(len(parts), maxSingles)] {
			octets, ok := x.octets(p)
			if !ok {
				continue
			}
			if encodingGroup(p) != "8bit" {
				octets = canonicalLines(octets)
			}
			for e := range editor(octets, p.Type.Name == "text/html") {
				for splices := range x.encodedEdits(p, octets, e) {
					if !x.open() || !yield(candidate{change: change, sentence: sentence(p), splices: splices}) {
						return
					}
				}
			}
		}
	}
}

// encodedEdits are the ways in which a part may have been encoded before it was edited: as now, or
// not at all.
func (x *suspect) encodedEdits(p *entity.Part, octets []byte, e edit) iter.Seq[[]splice] {
	return func(yield func([]splice) bool) {
		if encodingGroup(p) == "8bit" {
			yield(moved(e, p.Body))
			return
		}
		splices, ok := trimmed(octets, e)
		if !ok {
			return
		}
		before := splicedText(octets, splices)
		x.budget.spend(codingCost * int64(len(before)))
		for _, h := range []heading{{}, {plain: plainCharset}} {
			around := h.containers([]*entity.Part{p})
			for _, label := range []string{"8bit", "7bit", ""} {
				changed := []splice{headerSplice(p, h.header(p, label)), bodySplice(p, before)}
				if !yield(changed) || len(around) > 0 && !yield(append(slices.Clone(changed), around...)) {
					return
				}
			}
		}
		for _, body := range sameEncoding(p, before) {
			if !yield([]splice{bodySplice(p, body)}) {
				return
			}
		}
	}
}

// moved are the splices of a part of the text that begins at off.
func moved(e edit, off int64) []splice {
	out := slices.Clone(e)
	for i := range out {
		out[i].off += off
		out[i].end += off
	}
	return out
}

// sameEncoding encodes octets as the part is encoded.
func sameEncoding(p *entity.Part, octets []byte) [][]byte {
	if p.CTE == "base64" {
		w := wrapBase64(octets, transit.Base64Column)
		return [][]byte{w, bytes.TrimSuffix(w, crlfBytes)}
	}
	return [][]byte{encodeStandardQP(octets), encodeOwnQP(octets)}
}
