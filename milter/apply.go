//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	gomilter "github.com/d--j/go-milter"

	"dnseal/smime/message"
)

// bodyChunk is the most body in one frame that every MTA accepts (MILTER_CHUNK_SIZE).
const bodyChunk = 65535

// maxChanges is the most changes of one header. An MTA may search its whole header for each of
// them, and only a forger sends so many fields to remove: such a message is refused.
const maxChanges = 1000

// maxField bounds a field's name and value, so that with an index they stay inside a frame that
// every MTA accepts.
const maxField = 60 << 10

// errFlood says that an edit has more than maxChanges changes.
var errFlood = errors.New("milter: flood of header fields")

// errNotOffered says that the MTA did not offer an action that the outcome needs.
var errNotOffered = errors.New("milter: the MTA does not offer what the message needs")

// plan is an Edit in the order of its milter actions.
type plan struct {
	deletes, inserts, appends []message.Change
	body                      *message.Spool
}

// newPlan checks an edit and orders it. Deletions are sent from the highest index
// down, because Postfix counts again after each; insertions from the last to
// the first, each on top.
// RFC 5322, Section 3.6: trace fields are prepended and keep their order.
func newPlan(e *message.Edit) (*plan, error) {
	p := &plan{}
	if e == nil {
		return p, nil
	}
	p.body = e.Body
	if len(e.Changes) > maxChanges {
		return nil, fmt.Errorf("%w: %d fields to change, at most %d are", errFlood, len(e.Changes), maxChanges)
	}
	for _, c := range e.Changes {
		if err := checkChange(c); err != nil {
			return nil, err
		}
		switch c.Op {
		case message.Insert:
			p.inserts = append(p.inserts, c)
		case message.Append:
			p.appends = append(p.appends, c)
		case message.Delete:
			p.deletes = append(p.deletes, c)
		}
	}
	p.deletes = once(p.deletes)
	slices.SortStableFunc(p.deletes, func(a, b message.Change) int { return cmp.Compare(b.Index, a.Index) })
	slices.Reverse(p.inserts)
	return p, nil
}

// once drops repeated deletions of a field: the MTA would delete the next one of that name.
// RFC 5234, Section 2.3: names in any case.
func once(deletes []message.Change) []message.Change {
	seen := map[message.Change]bool{}
	return slices.DeleteFunc(deletes, func(c message.Change) bool {
		key := message.Change{Name: strings.ToLower(c.Name), Index: c.Index}
		again := seen[key]
		seen[key] = true
		return again
	})
}

// checkChange refuses a change that the MTA would not write as it is.
func checkChange(c message.Change) error {
	switch {
	case c.Op != message.Insert && c.Op != message.Append && c.Op != message.Delete:
		return fmt.Errorf("milter: edit of field %q: no such operation", c.Name)
	// RFC 5322, Section 2.2.
	case !validName([]byte(c.Name)) || strings.ContainsAny(c.Name, " \t"):
		return fmt.Errorf("milter: edit of field %q: not a field name", c.Name)
	case len(c.Name)+len(c.Value) > maxField:
		return fmt.Errorf("milter: edit of field %.40q: %d bytes, at most %d can be sent", c.Name, len(c.Name)+len(c.Value), maxField)
	case c.Op == message.Delete && (c.Index < 1 || c.Index > math.MaxInt32):
		return fmt.Errorf("milter: edit of field %q: index %d", c.Name, c.Index)
	case c.Op == message.Delete:
		return nil
	// RFC 5322, Section 2.2.3: no NUL, and no CR or LF except in folding.
	case c.Value == "" || strings.IndexByte(c.Value, 0) >= 0 ||
		!validFolding([]byte(c.Value)) || strings.Count(c.Value, "\r") != strings.Count(c.Value, "\r\n"):
		return fmt.Errorf("milter: edit of field %q: not a field value", c.Name)
	}
	return nil
}

// needs is what the MTA must offer for the plan.
func (p *plan) needs() gomilter.OptAction {
	var a gomilter.OptAction
	if len(p.deletes) > 0 {
		a |= gomilter.OptChangeHeader
	}
	if len(p.inserts)+len(p.appends) > 0 {
		a |= gomilter.OptAddHeader
	}
	if p.body != nil {
		a |= gomilter.OptChangeBody
	}
	return a
}

// send sends the plan. After an error the message must not be accepted.
func (p *plan) send(c *conn, leadingSpace bool) error {
	for _, d := range p.deletes {
		if err := c.modifyField(modChangeHeader, uint32(d.Index), d.Name, ""); err != nil {
			return err
		}
	}
	for _, f := range p.inserts {
		if err := c.modifyField(modInsertHeader, 0, f.Name, wireValue(f.Value, leadingSpace)); err != nil {
			return err
		}
	}
	for _, f := range p.appends {
		if err := c.modifyField(modAddHeader, 0, f.Name, wireValue(f.Value, leadingSpace)); err != nil {
			return err
		}
	}
	if p.body == nil {
		return nil
	}
	return replaceBody(c, p.body)
}

// wireValue is a value in the form of the protocol: lines end in LF, and without
// SMFIP_HDR_LEADSPC the MTA itself adds the space after the colon.
func wireValue(v string, leadingSpace bool) string {
	if !leadingSpace {
		v = strings.TrimPrefix(v, " ")
	}
	return strings.ReplaceAll(v, "\r\n", "\n")
}

// replaceBody sends the new body; an empty one is sent too, as one empty chunk.
func replaceBody(c *conn, body *message.Spool) error {
	size := body.Size()
	for off := int64(0); off == 0 || off < size; off += bodyChunk {
		n := min(bodyChunk, size-off)
		if err := c.modify(modReplaceBody, int(n)); err != nil {
			return err
		}
		if _, err := body.WriteRange(c, off, n); err != nil {
			return err
		}
	}
	return nil
}
