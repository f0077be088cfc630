package transit

import (
	"errors"
	"fmt"
	"io"

	"dnseal/smime/internal/entity"
)

// The emitter accounts for every octet of the body it writes: copied, encoded, or what may be left
// out. So a message of which something would be missing is never handed out, whatever the plan
// said.

// account notes that the source was written up to end, from off on.
func (e *Emitter) account(off, end int64) error {
	if off > e.at {
		return fmt.Errorf("%w: octets %d to %d of the message were left out", ErrSelfCheck, e.at, off)
	}
	e.at = max(e.at, end)
	return nil
}

// leaveOut passes over what is not written of a multipart, up to end: its delimiter lines, empty
// lines, and what programs write before its parts.
func (e *Emitter) leaveOut(p *entity.Part, end int64) error {
	lines := entity.NewLineReader(e.Ctx, e.Src, e.at, max(e.at, end))
	defer lines.Close()
	var text entity.OutsideText
	for {
		l, err := lines.Next()
		switch {
		case errors.Is(err, io.EOF) && text.Odd():
			return fmt.Errorf("%w: text between octets %d and %d of the message was left out", ErrSelfCheck, e.at, end)
		case errors.Is(err, io.EOF):
			e.at = max(e.at, end)
			return nil
		case err != nil:
			return err
		case !p.Delimits(l.Data):
			text.Add(l)
		}
	}
}
