package smime

import (
	"context"
	"io"
	"slices"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// Role says what a part is for.
type Role string

// Roles.
const (
	RoleContent    Role = ""           // what the author wrote, or a container of that
	RoleSigned     Role = "signed"     // holds signed content: its first part
	RoleSignature  Role = "signature"  // next to signed content (RFC 1847, Section 2.1)
	RoleEncrypted  Role = "encrypted"  // its content cannot be seen
	RoleCompressed Role = "compressed" // the same
	RoleDecrypted  Role = "decrypted"  // holds content that was encrypted
)

// Part is one part of a message (RFC 2045, Section 2.4) as Verify read it.
type Part struct {
	// Number is the IMAP part number (RFC 3501, Section 6.4.5); "" for a message that is a
	// multipart. Parts of signed content that was unpacked have the numbers that they would have if
	// it were an attached message.
	Number string
	// Type is "type/subtype" in lower case; "" where there is none, or none that can be read.
	Type string
	Role Role
	// Fields is its header; that of the message for the root.
	Fields []message.Field
	// Embedded says that it is the message in a part of type message/rfc822.
	Embedded bool
	Parts    []*Part
	// Signatures are those that cover the part with its header, good or bad, outermost first.
	Signatures []*Signature

	src       io.ReaderAt
	off, size int64
	// The texts around the parts; empty where there is none, or only a usual one.
	before, after span
}

// span is a range of the source.
type span struct{ off, size int64 }

// Multipart reports whether the part is a container: its body holds other parts.
func (p *Part) Multipart() bool { return len(p.Parts) > 0 }

// Body returns the body as it stands, in its transfer encoding.
func (p *Part) Body() *io.SectionReader { return io.NewSectionReader(p.src, p.off, p.size) }

// Around returns the texts before and after the parts of a multipart, which MIME hides and some
// readers show (RFC 2046, Section 5.1.1). They are empty where there is no text but what programs
// are known to write there.
func (p *Part) Around() (before, after *io.SectionReader) {
	return io.NewSectionReader(p.src, p.before.off, p.before.size), io.NewSectionReader(p.src, p.after.off, p.after.size)
}

// around finds the texts that Around returns.
func around(p *entity.Part) (before, after span) {
	if p.Preamble.Odd() && p.First >= 0 {
		before = span{p.Body, max(0, p.First-p.Body)}
	}
	if p.Epilogue.Odd() && p.Closed >= 0 {
		after = span{p.Closed, max(0, p.End-p.Closed)}
	}
	return before, after
}

// Contents are the parts of a verified message. The caller must close it.
type Contents struct {
	// Root is the message; nil where a limit ended the reading of it.
	Root   *Part
	spools []*message.Spool
	opened map[*entity.Part]opening
	keys   DecryptOptions
}

// Close releases the content that was unpacked. Safe on nil and more than once.
func (c *Contents) Close() error {
	if c == nil {
		return nil
	}
	for _, s := range c.spools {
		s.Close() //nolint:errcheck // a file that is unlinked already
	}
	return nil
}

// opening is a layer that Verify opened, or could not look into.
type opening struct {
	part *entity.Part
	// content is what the signatures cover; nil where nothing was opened.
	content    *entity.Part
	signatures []*Signature
	attached   bool
	sealed     Kind
	decrypted  bool // content was encrypted
}

func (o *opening) role() Role {
	switch {
	case o.decrypted:
		return RoleDecrypted
	case o.content != nil:
		return RoleSigned
	case o.sealed == KindCompressed:
		return RoleCompressed
	case o.sealed != "":
		return RoleEncrypted
	}
	return RoleContent
}

// opened notes what the signatures from first on cover.
func (v *verifier) opened(p, content *entity.Part, first int, attached bool) {
	v.report.openings = append(v.report.openings, opening{part: p, content: content, signatures: v.report.Signatures[first:], attached: attached})
}

// Contents returns the parts of the message that the report is on, and which signatures cover each:
// as Verify found them, with no second reading of what is a part. Content that signatures hold is
// unpacked again. Errors: those of the message's spool and of ctx.
func (r *Report) Contents(ctx context.Context, m *message.Message) (*Contents, error) {
	c := &Contents{opened: map[*entity.Part]opening{}, keys: r.keys}
	if r.root == nil {
		return c, nil
	}
	for _, o := range r.openings {
		c.opened[o.part] = o
	}
	root, err := c.part(ctx, m.Open(), r.root, nil)
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	c.Root = root
	return c, nil
}

// part copies p, of src, and what is in it.
func (c *Contents) part(ctx context.Context, src io.ReaderAt, p *entity.Part, covered []*Signature) (*Part, error) {
	out := &Part{
		Number: p.Number, Type: p.Type.Name, Fields: p.Fields, Embedded: p.Embedded, Signatures: covered,
		src: src, off: p.Body, size: p.BodySize(),
	}
	o := c.opened[p]
	out.Role = o.role()
	out.before, out.after = around(p)
	if o.attached || o.decrypted {
		content, err := c.unpack(ctx, src, p, o.decrypted)
		if err != nil {
			return nil, err
		}
		return out, c.add(ctx, out, content, o.content, slices.Concat(covered, o.signatures))
	}
	for i, kid := range p.Kids {
		signed := covered
		if kid == o.content {
			signed = slices.Concat(covered, o.signatures)
		}
		if err := c.add(ctx, out, src, kid, signed); err != nil {
			return nil, err
		}
		if o.content != nil && kid != o.content {
			out.Parts[i].Role = RoleSignature
		}
	}
	return out, nil
}

// add adds a part to the one that it is in.
func (c *Contents) add(ctx context.Context, parent *Part, src io.ReaderAt, p *entity.Part, covered []*Signature) error {
	kid, err := c.part(ctx, src, p, covered)
	if err == nil {
		parent.Parts = append(parent.Parts, kid)
	}
	return err
}

// unpack reads the content of the CMS object in p once more.
func (c *Contents) unpack(ctx context.Context, src io.ReaderAt, p *entity.Part, encrypted bool) (*message.Spool, error) {
	content := message.NewSecretSpool(0)
	c.spools = append(c.spools, content)
	var err error
	if encrypted {
		_, _, err = entity.Decrypt(ctx, src, p, content, c.keys.cms(ctx, p))
	} else {
		_, _, err = entity.ReadCMS(ctx, src, p, content)
	}
	return content, err
}
