package undo

import (
	"iter"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// fieldsAdded removes all fields that begin with X- from the headers of parts, and the MIME-Version
// that Python puts there.
//
// RFC 2046, Section 5.1: only Content- fields have a meaning there; X- fields may be added.
func fieldsAdded(x *suspect) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		parts := x.parts(hasHeader)
		extra := fieldsOf(parts, func(f message.Field) bool { return f.Begins("X-") })
		version := fieldsOf(parts, func(f message.Field) bool { return f.Is("MIME-Version") })
		_ = offer(addedCandidate("Fields that begin with X- were added to the headers of parts.", extra), yield) &&
			offer(addedCandidate("MIME-Version was added to the header of a part.", version), yield)
	}
}

func addedCandidate(sentence string, splices []splice) candidate {
	return candidate{change: ChangeFieldAdded, sentence: sentence, splices: splices}
}

// offer generates a candidate that changes something.
func offer(c candidate, yield func(candidate) bool) bool { return len(c.splices) == 0 || yield(c) }

// fieldsOf removes the fields of parts for which drop is true.
func fieldsOf(parts []*entity.Part, drop func(message.Field) bool) []splice {
	var out []splice
	for _, p := range parts {
		at := p.Start
		for _, f := range p.Fields {
			end := at + int64(len(f.Raw))
			if drop(f) {
				out = append(out, splice{at, end, nil})
			}
			at = end
		}
	}
	return out
}

// oneFieldAdded removes any field, and all that begin with X- from one header.
func oneFieldAdded(x *suspect) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, p := range x.parts(hasHeader) {
			at := p.Start
			for _, f := range p.Fields {
				s := splice{at, at + int64(len(f.Raw)), nil}
				at = s.end
				sentence := "The field " + entity.Quoted(f.Name()) + " was added to the header of " + x.called(p) + "."
				if !x.open() || !yield(addedCandidate(sentence, []splice{s})) {
					return
				}
			}
			extra := fieldsOf([]*entity.Part{p}, func(f message.Field) bool { return f.Begins("X-") })
			if !offer(addedCandidate("Fields that begin with X- were added to the header of "+x.called(p)+".", extra), yield) {
				return
			}
		}
	}
}
