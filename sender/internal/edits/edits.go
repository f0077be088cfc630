// Package edits makes one edit of a message of two, and applies the first of them.
package edits

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// Apply returns m as it is after the edit, in a new spool; m itself where the edit changes nothing.
// The caller closes the result unless it is m.
func Apply(m *message.Message, edit *message.Edit) (*message.Message, error) {
	if len(edit.Changes) == 0 && edit.Body == nil {
		return m, nil
	}
	spool := message.NewSpool(0)
	if _, err := m.WriteEdited(spool, edit); err != nil {
		return nil, errors.Join(fmt.Errorf("sender: prepare the message: %w", err), spool.Close())
	}
	return message.FromSpool(spool, message.ReadOptions{})
}

// Release closes a message that Apply made. It was only read, so that an error of closing says
// nothing.
func Release(m *message.Message) { _ = m.Close() }

// Compose returns one edit of m that does what first and then second do; second
// is an edit of m after first. first only deletes and appends, and has no body.
func Compose(m *message.Message, first, second *message.Edit) *message.Edit {
	if len(first.Changes) == 0 {
		return second
	}
	deletes := changesOf(first, message.Delete)
	left := remaining(m, indexes(deletes))
	unmade := map[string]map[int]bool{} // of the fields first appends: those second deletes
	for _, c := range changesOf(second, message.Delete) {
		name := strings.ToLower(c.Name)
		kept := left[name]
		if c.Index > len(kept) {
			mark(unmade, name, c.Index-len(kept))
			continue
		}
		c.Index = kept[c.Index-1]
		deletes = append(deletes, c)
	}
	return &message.Edit{Body: second.Body, Changes: slices.Concat(
		deletes, changesOf(second, message.Insert),
		without(changesOf(first, message.Append), unmade), changesOf(second, message.Append),
	)}
}

func changesOf(e *message.Edit, op message.Op) []message.Change {
	var out []message.Change
	for _, c := range e.Changes {
		if c.Op == op {
			out = append(out, c)
		}
	}
	return out
}

// indexes gathers what deletes delete, by name in lower case.
func indexes(deletes []message.Change) map[string]map[int]bool {
	out := map[string]map[int]bool{}
	for _, c := range deletes {
		mark(out, strings.ToLower(c.Name), c.Index)
	}
	return out
}

func mark(m map[string]map[int]bool, name string, index int) {
	if m[name] == nil {
		m[name] = map[int]bool{}
	}
	m[name][index] = true
}

// remaining lists by name in lower case which of its fields in m are not gone, counted from 1.
func remaining(m *message.Message, gone map[string]map[int]bool) map[string][]int {
	left, count := map[string][]int{}, map[string]int{}
	for _, f := range m.Header() {
		name := strings.ToLower(f.Name())
		if count[name]++; !gone[name][count[name]] {
			left[name] = append(left[name], count[name])
		}
	}
	return left
}

// without leaves out the fields that are marked by their number among those of their name.
func without(fields []message.Change, marked map[string]map[int]bool) []message.Change {
	var out []message.Change
	count := map[string]int{}
	for _, c := range fields {
		name := strings.ToLower(c.Name)
		count[name]++
		if !marked[name][count[name]] {
			out = append(out, c)
		}
	}
	return out
}
