package entity

import (
	"cmp"
	"slices"

	"dnseal/smime/message"
)

// ByName finds fields by name. A header may have very many of them, of very many names.
type ByName struct {
	Fields []message.Field
	order  []int // of fields: by name, those of one name as they stand
}

// SortByName indexes fields by name.
func SortByName(fields []message.Field) ByName {
	order := make([]int, len(fields))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(message.CompareNames(fields[a], fields[b]), cmp.Compare(a, b))
	})
	return ByName{fields, order}
}

// First returns the place of the first field with the name of f, or -1.
func (b ByName) First(f message.Field) int {
	if at, found := b.search(f); found {
		return b.order[at]
	}
	return -1
}

// Called returns the places of the fields with the name of f.
func (b ByName) Called(f message.Field) []int {
	start, _ := b.search(f)
	end := start
	for end < len(b.order) && message.CompareNames(b.Fields[b.order[end]], f) == 0 {
		end++
	}
	return b.order[start:end]
}

func (b ByName) search(f message.Field) (int, bool) {
	return slices.BinarySearchFunc(b.order, f, func(i int, f message.Field) int { return message.CompareNames(b.Fields[i], f) })
}
