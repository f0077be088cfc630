package sender

import (
	"fmt"
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
		spool.Close()
		return nil, fmt.Errorf("sender: prepare the message: %w", err)
	}
	return message.FromSpool(spool, message.ReadOptions{})
}

// compose returns one edit of m that does what first and then second do; second
// is an edit of m after first. first only deletes and appends, and has no body.
func compose(m *message.Message, first, second *message.Edit) *message.Edit {
	out := &message.Edit{Body: second.Body}
	gone := map[string]map[int]bool{} // by name: what first deletes
	for _, c := range first.Changes {
		if c.Op != message.Delete {
			continue
		}
		name := strings.ToLower(c.Name)
		if gone[name] == nil {
			gone[name] = map[int]bool{}
		}
		gone[name][c.Index] = true
		out.Changes = append(out.Changes, c)
	}
	appended := appends(first)
	for _, c := range second.Changes {
		if c.Op != message.Delete {
			continue
		}
		index, left := original(len(m.Fields(c.Name)), gone[strings.ToLower(c.Name)], c.Index)
		if index > 0 {
			c.Index = index
			out.Changes = append(out.Changes, c)
		} else {
			appended = drop(appended, c.Name, left)
		}
	}
	for _, c := range second.Changes {
		if c.Op == message.Insert {
			out.Changes = append(out.Changes, c)
		}
	}
	out.Changes = append(out.Changes, appended...)
	return &message.Edit{Body: out.Body, Changes: append(out.Changes, appends(second)...)}
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

// drop removes the n-th change called name.
func drop(changes []message.Change, name string, n int) []message.Change {
	var out []message.Change
	for _, c := range changes {
		if strings.EqualFold(c.Name, name) {
			if n--; n == 0 {
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

func appends(e *message.Edit) []message.Change {
	var out []message.Change
	for _, c := range e.Changes {
		if c.Op == message.Append {
			out = append(out, c)
		}
	}
	return out
}
