package undo

// What several systems did one after the other, or one system at once: a list that appends its
// footer and encodes the text again, a gateway that adds fields to the parts and folds others, a
// program that reads a message and writes it anew. RFC 2049, Section 3, and RFC 6377, Section 3.3,
// describe them.

// phase is a part of the search.
type phase func(*suspect, *finding) bool

// phases are in the order of what is frequent and cheap. Each has its share of the budget that is
// left. It is a function, so that the linker leaves all of the search out of a program that only
// signs.
func phases() []phase {
	return []phase{
		func(x *suspect, f *finding) bool { return x.together(steps, 1, usual, usual, f) },
		func(x *suspect, f *finding) bool { return x.rest(24, f) },
		within(4, 2, rebuilding),
		within(4, 3, rebuilding),
		within(3, 2, steps),
		within(2, 3, frequent),
		within(3, 4, rebuilding),
		func(x *suspect, f *finding) bool { return x.rest(4, f) },
		func(x *suspect, f *finding) bool {
			return x.budget.portion(2, func() bool { return x.together(steps, 2, usual, rest, f) })
		},
		func(x *suspect, f *finding) bool { return x.together(steps, 2, rest, usual, f) },
	}
}

// within undoes depth steps together, with 1/share of what is left of the budget.
func within(share int64, depth int, steps []step) phase {
	return func(x *suspect, f *finding) bool {
		return x.budget.portion(share, func() bool { return x.together(steps, depth, usual, usual, f) })
	}
}

func usual(s step) generator { return s.usual }

func rest(s step) generator { return s.rest }

// rest tries the forms of each step that are less usual, with 1/share of what is left for each.
func (x *suspect) rest(share int64, f *finding) bool {
	for i := range steps {
		if x.budget.portion(share, func() bool { return x.together(steps[i:i+1], 1, rest, rest, f) }) {
			return true
		}
	}
	return false
}

// together undoes depth of the steps, in their order: of the last the forms that last gives, of
// those before it the forms that first gives.
func (x *suspect) together(steps []step, depth int, first, last func(step) generator, f *finding) bool {
	for i, s := range steps {
		if depth == 1 {
			if x.tryAll(last(s), f) {
				return true
			}
			continue
		}
		tried := 0
		for c := range first(s)(x) {
			if !x.open() {
				return false
			}
			if s.most > 0 && depth > 2 && tried == s.most {
				break
			}
			y, ok := x.with(c)
			if !ok {
				continue
			}
			tried++
			next := i + 1
			if s.again {
				next = i
			}
			if y.together(steps[next:], depth-1, first, last, f) {
				f.candidates = append([]candidate{c}, f.candidates...)
				return true
			}
		}
	}
	return false
}

// tryAll tries all that a step gives.
func (x *suspect) tryAll(g generator, f *finding) bool {
	for c := range g(x) {
		if !x.open() {
			return false
		}
		if x.try(c) {
			splices, _ := trimmed(x.text, c.splices)
			f.candidates, f.original = []candidate{c}, splicedText(x.text, splices)
			return true
		}
	}
	return false
}
