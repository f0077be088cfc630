package entity

import (
	"bytes"
	"context"
	"errors"
	"io"

	"dnseal/smime/cms"
)

// MIMEError says that what should be a CMS object is a MIME entity. Exchange stores a message of
// type multipart/signed so, and programs that read Outlook files write it out as smime.p7m.
type MIMEError struct {
	Type MediaType // as the entity states it
}

func (e *MIMEError) Error() string {
	name := Quoted(e.Type.Name)
	if e.Type.Multipart() {
		return "the S/MIME object is a MIME message of type " + name + ", not CMS, as Exchange stores signed messages: save what is in it by itself, under the header of this message, and verify that"
	}
	return "the S/MIME object is a MIME entity of type " + name + ", not CMS"
}

// maxInside is how much of a body is looked at to find out what it is.
const maxInside = 8 << 10

// notCMS returns err, with which the object in p cannot be read, or a MIMEError where that is why.
func notCMS(ctx context.Context, src io.ReaderAt, p *Part, err error) error {
	var syntax *cms.SyntaxError
	if !errors.As(err, &syntax) && !errors.Is(err, ErrBase64) {
		return err
	}
	decoded, openErr := openCMS(ctx, src, p)
	if openErr != nil {
		return err
	}
	defer decoded.close()
	asItStands := &RangeReader{Ctx: ctx, Src: src, Off: p.Body, Left: p.BodySize()}
	for _, r := range []io.Reader{decoded, asItStands} {
		// The rest cannot be decoded, or does not matter.
		start, _ := io.ReadAll(io.LimitReader(r, maxInside))
		inside, walkErr := WalkEntity(ctx, bytes.NewReader(start), int64(len(start)), "")
		if walkErr == nil && inside.Type.Name != "" {
			return &MIMEError{inside.Type}
		}
	}
	return err
}
