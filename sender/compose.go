package sender

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// apply returns m as it is after the edit, spooled anew; m itself where the edit changes nothing.
// The caller closes the result unless it is m.
func apply(m *message.Message, edit *message.Edit) (*message.Message, error) {
	if len(edit.Changes) == 0 && edit.Body == nil {
		return m, nil
	}
	spool := message.NewSpool(0)
	if _, err := m.WriteEdited(spool, edit); err != nil {
		return nil, errors.Join(fmt.Errorf("sender: prepare the message: %w", err), spool.Close())
	}
	return message.FromSpool(spool, message.ReadOptions{})
}

// release closes a message that apply made. It was only read, so that an error of closing says nothing.
func release(m *message.Message) { _ = m.Close() }

// compose returns one edit of m that does what first and then second do; second
// is an edit of m after first. first only deletes and appends, and has no body.
func compose(m *message.Message, first, second *message.Edit) *message.Edit {
	deletes := changesOf(first, message.Delete)
	gone := indexes(deletes)
	unmade := map[string]map[int]bool{} // of the fields first appends: those second deletes
	for _, c := range changesOf(second, message.Delete) {
		name := strings.ToLower(c.Name)
		at, left := original(len(m.Fields(c.Name)), gone[name], c.Index)
		if at == 0 {
			mark(unmade, name, left)
			continue
		}
		c.Index = at
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

// original finds which of count fields is the index-th that is not gone. It is
// 0 when there are fewer; left is then how many to go on.
func original(count int, gone map[int]bool, index int) (at, left int) {
	for i := 1; i <= count; i++ {
		if gone[i] {
			continue
		}
		if index--; index == 0 {
			return i, 0
		}
	}
	return 0, index
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
