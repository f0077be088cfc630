package entity

import (
	"bytes"
	"context"
	"errors"
	"io"
	"unicode/utf8"

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

// notObjectError is the error of reading what is no S/MIME object at all.
type notObjectError struct {
	what string
	error
}

func (e notObjectError) Error() string { return "the S/MIME object is " + e.what }
func (e notObjectError) Unwrap() error { return e.error }

// noObject says of the beginning of a body that it is empty, or the text of a notice that took the
// place of an object; else "".
func noObject(start []byte) string {
	start = bytes.TrimSpace(start)
	switch line, _, _ := bytes.Cut(start, []byte("\r\n")); {
	case len(start) == 0:
		return "empty"
	// Neither DER nor base64 (RFC 2045, Section 6.8) has a space between letters.
	case bytes.IndexByte(line, ' ') > 0 && !bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }):
		return "not CMS but text: " + Quoted(string(line))
	}
	return ""
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
		if what := noObject(start); r == asItStands && what != "" {
			return notObjectError{what, err}
		}
		inside, walkErr := WalkEntity(ctx, bytes.NewReader(start), int64(len(start)), "")
		if walkErr == nil && inside.Type.Name != "" {
			return &MIMEError{inside.Type}
		}
	}
	return err
}
