package milter

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	gomilter "github.com/d--j/go-milter"

	"dnseal/smime/message"
)

// bodyChunk is the most body in one frame that every MTA takes (MILTER_CHUNK_SIZE).
const bodyChunk = 65535

// maxChanges is the most changes of one header. An MTA may search its whole
// header for each of them, and only a forger brings so many fields to remove:
// such a message is refused.
const maxChanges = 1000

// maxValue bounds a header value, so that it fits a frame with name and index.
const maxValue = 60 << 10

// errFlood says that an edit has more than maxChanges changes.
var errFlood = errors.New("milter: flood of header fields")

// errNotOffered says that the MTA does not let milters do what the outcome needs.
var errNotOffered = errors.New("milter: the MTA does not offer what the message needs")

// plan is an Edit in the order of its milter actions.
type plan struct {
	deletes, inserts, appends []message.Change
	body                      *message.Spool
}

// newPlan checks an edit and orders it. Deletions go from the highest index
// down, because Postfix counts anew after each; insertions go from the last to
// the first, each on top.
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
	slices.SortStableFunc(p.deletes, func(a, b message.Change) int { return cmp.Compare(b.Index, a.Index) })
	slices.Reverse(p.inserts)
	return p, nil
}

// checkChange refuses what would not end up in the header as it is meant.
func checkChange(c message.Change) error {
	switch {
	case c.Op != message.Insert && c.Op != message.Append && c.Op != message.Delete:
		return fmt.Errorf("milter: edit of field %q: no such operation", c.Name)
	case !validName(c.Name) || strings.ContainsAny(c.Name, " \t"):
		return fmt.Errorf("milter: edit of field %q: no field name", c.Name)
	case c.Op == message.Delete && c.Index < 1:
		return fmt.Errorf("milter: edit of field %q: index %d", c.Name, c.Index)
	case c.Op == message.Delete:
		return nil
	case c.Value == "" || len(c.Value) > maxValue || strings.IndexByte(c.Value, 0) >= 0 ||
		!validFolding(c.Value) || strings.Count(c.Value, "\r") != strings.Count(c.Value, "\r\n"):
		return fmt.Errorf("milter: edit of field %q: no field value", c.Name)
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

// carryOut sends the plan. After an error the message must not be accepted.
func (p *plan) carryOut(m gomilter.Modifier) error {
	value := wireValue(m.Protocol()&gomilter.OptHeaderLeadingSpace != 0)
	for _, c := range p.deletes {
		if err := m.ChangeHeader(c.Index, c.Name, ""); err != nil {
			return err
		}
	}
	for _, c := range p.inserts {
		if err := m.InsertHeader(0, c.Name, value(c.Value)); err != nil {
			return err
		}
	}
	for _, c := range p.appends {
		if err := m.AddHeader(c.Name, value(c.Value)); err != nil {
			return err
		}
	}
	if p.body == nil {
		return nil
	}
	return replaceBody(m, p.body)
}

// wireValue gives the form of a value for the MTA. Without
// SMFIP_HDR_LEADSPC the MTA itself puts a space after the colon. The library
// turns CRLF into LF.
func wireValue(leadingSpace bool) func(string) string {
	if leadingSpace {
		return func(v string) string { return v }
	}
	return func(v string) string { return strings.TrimPrefix(v, " ") }
}

var chunks = sync.Pool{New: func() any { return new([bodyChunk]byte) }}

// replaceBody sends the new body; an empty one is sent too, as one empty chunk.
func replaceBody(m gomilter.Modifier, body *message.Spool) error {
	buf := chunks.Get().(*[bodyChunk]byte)
	defer chunks.Put(buf)
	size := body.Size()
	for off := int64(0); off == 0 || off < size; {
		n, err := body.ReadAt(buf[:min(bodyChunk, size-off)], off)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 0 && size > 0 {
			return fmt.Errorf("milter: new body ends at %d of %d bytes", off, size)
		}
		if err := m.ReplaceBodyRawChunk(buf[:n]); err != nil {
			return err
		}
		if off += int64(n); n == 0 {
			return nil
		}
	}
	return nil
}
