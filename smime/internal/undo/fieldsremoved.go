package undo

import (
	"iter"
	"slices"

	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

const removedSentence = "Fields of the signed part's header were left out, those that repeat the header around it (header protection), as a client does that fetches the parts of a message one by one."

// maxOuter bounds how many fields of the outer header are put back.
const maxOuter = 60

// fieldsRemoved puts the fields of the outer header back into that of the signed part, where a
// signer repeats them (RFC 9788, Section 2.2). RFC 3501, Section 6.4.5: the MIME header of a part,
// as IMAP hands it out, need not hold them.
func fieldsRemoved(x *suspect) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, keep := range []func(message.Field) bool{isShown, usuallyProtected, transit.Protectable} {
			if c, ok := x.putBack(x.missing(keep)); ok && !yield(c) {
				return
			}
		}
	}
}

// isShown is for what was in the header when a message is written.
func isShown(f message.Field) bool {
	return f.Is("From", "Sender", "Reply-To", "To", "Cc", "Date", "Subject", "Message-ID", "In-Reply-To", "References")
}

// usuallyProtected leaves out what is added on the way.
func usuallyProtected(f message.Field) bool {
	return transit.Protectable(f) && !f.Begins("X-") && !f.Begins("List-") && !f.Is("Precedence", "Errors-To", "Delivered-To", "Status")
}

// missing are the outer fields that may have been in the header of the signed part and are not.
func (x *suspect) missing(keep func(message.Field) bool) []message.Field {
	var out []message.Field
	for _, f := range x.in.Outer {
		if len(out) < maxOuter && transit.Protectable(f) && keep(f) && !slices.ContainsFunc(x.root.Fields, func(g message.Field) bool { return g.Is(f.Name()) }) {
			out = append(out, f)
		}
	}
	return out
}

// putBack puts fields after those that are there.
func (x *suspect) putBack(fields []message.Field) (candidate, bool) {
	end := x.root.Start
	for _, f := range x.root.Fields {
		end += int64(len(f.Raw))
	}
	var raw []byte
	for _, f := range fields {
		copied, err := transit.CopyOfField(f)
		if err != nil {
			copied = f.Raw
		}
		raw = append(raw, copied...)
	}
	return candidate{change: ChangeFieldRemoved, sentence: removedSentence, splices: []splice{{end, end, raw}}}, len(raw) > 0
}

// someFieldsRemoved puts back some of them, at the end or at the start.
func someFieldsRemoved(x *suspect) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, keep := range []func(message.Field) bool{isShown, usuallyProtected, transit.Protectable} {
			fields := x.missing(keep)
			sets := append([][]int{everyOf(len(fields))}, slices.Collect(subsetsOfFields(len(fields)))...)
			for _, set := range sets {
				chosen := make([]message.Field, len(set))
				for i, n := range set {
					chosen[i] = fields[n]
				}
				c, ok := x.putBack(chosen)
				if !ok {
					continue
				}
				first := c
				first.splices = []splice{{x.root.Start, x.root.Start, c.splices[0].with}}
				if !x.open() || !yield(c) || !yield(first) {
					return
				}
			}
		}
	}
}

// subsetsOfFields is [subsets] where that is small.
func subsetsOfFields(n int) iter.Seq[[]int] {
	if n > maxOuter {
		return func(func([]int) bool) {}
	}
	return subsets(n)
}
