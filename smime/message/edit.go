package message

import (
	"io"
	"strings"
)

// Edit is a set of changes to a message: the one output type of signing and
// verifying. The zero value and nil change nothing.
type Edit struct {
	// Changes are the header changes. Delete counts occurrences in the message as it came,
	// so the order among changes does not matter, but that of inserted fields does: the first
	// Insert of the list ends up on top, and the last Append at the bottom.
	Changes []Change
	// Body, when not nil, replaces everything after the empty line that ends the header.
	Body *Spool
}

// Op is the kind of a header change.
type Op uint8

// Operations. The zero value is not a valid operation.
const (
	Insert Op = iota + 1 // a new field above all others
	Append               // a new field below all others
	Delete               // remove the Index-th field called Name
)

// Change is one header change.
type Change struct {
	Op   Op
	Name string
	// Index counts fields of the same name (ASCII case-insensitive) from 1 at the top; for Delete
	// only.
	Index int
	// Value is what stands after the colon, raw: usually with a leading space, folded with CRLF,
	// without a final CRLF.
	Value string
}

// RemoveAll returns the changes that delete the fields for which gone holds, from the top down. It
// must hold for every field of a name or for none: only those that it holds for are counted.
func RemoveAll(fields []Field, gone func(Field) bool) []Change {
	var out []Change
	index := map[string]int{}
	for _, f := range fields {
		if gone(f) {
			name := strings.ToLower(f.Name())
			index[name]++
			out = append(out, Change{Op: Delete, Name: f.Name(), Index: index[name]})
		}
	}
	return out
}

// Close releases the edit's body. Safe on nil and more than once.
func (e *Edit) Close() error {
	if e == nil {
		return nil
	}
	return e.Body.Close()
}

// WriteEdited writes the message with the edit applied, as a file or SMTP entry point sends it, and
// returns the number of bytes written. A nil edit writes the message as it is. A leading mbox "From
// " line stays on top, and the empty line that is missing where [Message.Stray] ends the header is
// written. Errors: what w or the spool returned.
func (m *Message) WriteEdited(w io.Writer, e *Edit) (int64, error) {
	if e == nil {
		return m.spool.WriteRange(w, 0, m.Size())
	}
	head := m.editedHeader(e)
	n, err := w.Write(head)
	total := int64(n)
	if err != nil {
		return total, err
	}
	var k int64
	if e.Body != nil {
		k, err = e.Body.WriteRange(w, 0, e.Body.Size())
	} else {
		k, err = m.spool.WriteRange(w, m.headerEnd, m.Size()-m.headerEnd)
	}
	return total + k, err
}

// editedHeader returns the new header, with its empty line when the edit brings a body or the
// message has none.
func (m *Message) editedHeader(e *Edit) []byte {
	out := make([]byte, 0, m.headerEnd+1024)
	fields := m.fields
	if len(fields) > 0 && fields[0].Name() == "" {
		out = append(out, fields[0].Raw...)
		fields = fields[1:]
	}
	out = appendFields(out, e.Changes, Insert)
	gone := newDeletions(e.Changes)
	for _, f := range fields {
		if !gone.next(f) {
			out = append(out, f.Raw...)
		}
	}
	if len(out) > 0 && out[len(out)-1] != '\n' {
		out = append(out, '\r', '\n') // the message ended inside its header
	}
	out = appendFields(out, e.Changes, Append)
	if e.Body != nil || m.stray != "" {
		out = append(out, '\r', '\n')
	}
	return out
}

func appendFields(out []byte, changes []Change, op Op) []byte {
	for _, c := range changes {
		if c.Op == op {
			out = append(out, c.Name...)
			out = append(out, ':')
			out = append(out, c.Value...)
			out = append(out, '\r', '\n')
		}
	}
	return out
}

// deletions says of each field, from the top down, whether it is deleted; by names in lower case.
type deletions map[string]*deletion

// deletion is what is deleted of one name, and how many fields of it went by.
type deletion struct {
	indexes map[int]bool
	seen    int
}

func newDeletions(changes []Change) deletions {
	var d deletions
	for _, c := range changes {
		if c.Op != Delete {
			continue
		}
		if d == nil {
			d = deletions{}
		}
		name := strings.ToLower(c.Name)
		if d[name] == nil {
			d[name] = &deletion{indexes: map[int]bool{}}
		}
		d[name].indexes[c.Index] = true
	}
	return d
}

// next takes the fields one after the other.
func (d deletions) next(f Field) bool {
	if len(d) == 0 {
		return false
	}
	var buf [64]byte
	name := buf[:0]
	n, _ := f.nameEnd()
	for _, b := range f.Raw[:n] {
		name = append(name, lower(b))
	}
	of := d[string(name)]
	if of == nil {
		return false
	}
	of.seen++
	return of.indexes[of.seen]
}
