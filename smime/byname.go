package smime

import (
	"cmp"
	"slices"

	"dnseal/smime/message"
)

// byName finds fields by name. A header may have very many of them, of very many names.
type byName struct {
	fields []message.Field
	order  []int // of fields: by name, those of one name as they stand
}

func sortByName(fields []message.Field) byName {
	order := make([]int, len(fields))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(message.CompareNames(fields[a], fields[b]), cmp.Compare(a, b))
	})
	return byName{fields, order}
}

// first returns the place of the first field with the name of f, or -1.
func (b byName) first(f message.Field) int {
	if at, found := b.search(f); found {
		return b.order[at]
	}
	return -1
}

// called returns the places of the fields with the name of f.
func (b byName) called(f message.Field) []int {
	start, _ := b.search(f)
	end := start
	for end < len(b.order) && message.CompareNames(b.fields[b.order[end]], f) == 0 {
		end++
	}
	return b.order[start:end]
}

func (b byName) search(f message.Field) (int, bool) {
	return slices.BinarySearchFunc(b.order, f, func(i int, f message.Field) int { return message.CompareNames(b.fields[i], f) })
}
