package smime

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"dnseal/smime/cms"
	"dnseal/smime/cms/enveloped"
	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

// ErrNotEncrypted says that a message has no layer of S/MIME encryption around its content.
var ErrNotEncrypted = errors.New("smime: the message is not encrypted by S/MIME")

// DecryptOptions are for [Decrypt].
type DecryptOptions struct {
	// Keys at hand.
	Keys []enveloped.Key
	// EveryKey finds all of them that open a layer, and not the first alone.
	EveryKey bool
	// MaxContent is the most octets of content of one layer; 0: 64 MiB.
	MaxContent int64
	// Memory is what content under an authenticated cipher is held in, at most twice, before it is
	// known that its tag holds. Nil: each message takes what it needs.
	Memory *message.Memory
}

// cms are the options for the object in p.
func (opts DecryptOptions) cms(ctx context.Context, p *entity.Part) enveloped.DecryptOptions {
	return enveloped.DecryptOptions{Keys: opts.Keys, EveryKey: opts.EveryKey, MaxContent: opts.MaxContent, Hold: func() (func(), error) {
		most := cmp.Or(opts.MaxContent, enveloped.DefaultMaxContent)
		return opts.Memory.Take(ctx, 2*min(most, p.BodySize()))
	}}
}

// Encryption is a layer of encryption around the content of a message.
type Encryption struct {
	// Part is the IMAP part number of the encrypted object; "" for the message.
	Part string
	// Content says how it was protected; nil where it was not opened.
	Content *enveloped.Content
	// Err is why it was not opened: enveloped.ErrNoKey, enveloped.ErrDecrypt, what is wrong with
	// it; nil where it was.
	Err error
	// Changed says in English what in content that nothing authenticates shows that it was changed
	// on the way, as those do who want to have it sent to them (EFAIL); "" where nothing does.
	Changed string
}

// Decrypted is a message without its encryption.
type Decrypted struct {
	// Edit turns the message into one that is not encrypted. What was signed inside still is, and
	// can be verified. The caller closes it; its body is never on disk in clear.
	Edit *message.Edit
	// Encryptions are the layers that were opened, outermost first.
	Encryptions []*Encryption
	// Signed says that the content is signed as a whole, well or badly.
	Signed bool
}

// Decrypt opens the encryption around the content of m, layer by layer, and a signature around an
// encryption goes with that. Header fields that the sender hid are put back (RFC 9788), but never
// those that say who sent the message or to whom; fields with control characters are left out.
// Parts that are encrypted next to parts in clear are left as they are: together a reader would
// mix them.
//
// Errors: ErrNotEncrypted, that of the layer that cannot be opened ([Encryption]), *LimitError,
// those of the spool, and ctx's.
func Decrypt(ctx context.Context, m *message.Message, opts DecryptOptions) (*Decrypted, error) {
	v := &verifier{ctx: ctx, keys: opts}
	defer v.close()
	if err := v.run(m); err != nil {
		return nil, err
	}
	found := v.report.Encryptions
	switch {
	case len(found) > 0 && found[len(found)-1].Err != nil:
		return nil, found[len(found)-1].wrapped()
	case v.report.Code != "" && strings.HasPrefix(string(v.report.Code), "limit:"):
		return nil, errors.New("smime: " + strings.TrimPrefix(v.report.Reason, "smime: "))
	case v.clearText == nil && v.report.Kind == KindEncrypted && Secured(m) != PGPEncrypted:
		return nil, enveloped.ErrNoKey // without any no layer was tried
	case v.clearText == nil:
		return nil, ErrNotEncrypted
	}
	edit, err := v.decrypted(m)
	if err != nil {
		return nil, err
	}
	return &Decrypted{Edit: edit, Encryptions: found, Signed: len(v.report.Signatures) > 0}, nil
}

// encrypted opens an encrypted object that is the content of the message, or of a layer around
// that, and reports whether it did.
func (v *verifier) encrypted(l *layer, kind Kind, outermost bool) (bool, error) {
	if !l.root || kind != KindEncrypted || len(v.keys.Keys) == 0 {
		v.sealed(l, kind, outermost)
		return false, nil
	}
	e := &Encryption{Part: l.entity.Number}
	v.report.Encryptions = append(v.report.Encryptions, e)
	content := message.NewSecretSpool(0)
	v.spools = append(v.spools, content)
	opened, tail, err := entity.Decrypt(v.ctx, l.src, l.entity, content, v.keys.cms(v.ctx, l.entity))
	if err != nil {
		if e.Err = undecrypted(err); e.Err == nil {
			return false, err
		}
		v.sealed(l, kind, outermost)
		return false, nil
	}
	// RFC 8551, Section 3.3: what is encrypted is a MIME entity.
	if !opened.Type.Equal(oidData) {
		e.Err = errors.New("smime: the encrypted content is no MIME entity (id-data)")
		v.sealed(l, kind, outermost)
		return false, nil
	}
	e.Content = opened
	v.noteOutside(l, tail, "text after the encrypted data")
	inner, err := entity.WalkEntity(v.ctx, content, content.Size(), l.entity.Number)
	if err != nil {
		return false, err
	}
	if !opened.Authenticated {
		if e.Changed, err = v.changedInside(content, inner); err != nil {
			return false, err
		}
	}
	v.secured[l.entity] = true
	v.report.openings = append(v.report.openings, opening{part: l.entity, content: inner, decrypted: true})
	l.src, l.entity, l.decrypted = content, inner, true
	v.clearText = &layer{src: content, entity: inner}
	return true, nil
}

// undecrypted sorts errors: those about the message are returned, nil for those of this machine.
func undecrypted(err error) error {
	_, unsupported := errors.AsType[*enveloped.UnsupportedError](err)
	_, other := defectOf(err)
	if other == nil || unsupported || errors.Is(err, enveloped.ErrDecrypt) || errors.Is(err, enveloped.ErrNoKey) || errors.Is(err, message.ErrTooBig) {
		return err
	}
	return nil
}

// wrapped is Err with its object, where it does not name that.
func (e *Encryption) wrapped() error {
	_, malformed := errors.AsType[*cms.SyntaxError](e.Err)
	_, over := errors.AsType[*cms.LimitError](e.Err)
	if malformed || over {
		return errors.New("smime: the encrypted object is " + strings.TrimPrefix(e.Err.Error(), "cms: "))
	}
	return e.Err
}

// changedInside looks for what a change of text under CBC leaves behind: it makes blocks of octets
// that nobody wrote, in the header or, where what carries the text away comes behind that, in the
// body.
func (v *verifier) changedInside(src io.ReaderAt, p *entity.Part) (string, error) {
	for _, f := range p.Fields {
		if f.Name() == "" || !utf8.Valid(f.Raw) || bytes.ContainsFunc(f.Raw, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) }) {
			return "the header of the encrypted text has octets that programs do not write there", nil
		}
	}
	// RFC 2045, Section 5.2: an entity can be without any field.
	if kind, subtype, _ := strings.Cut(p.Type.Name, "/"); len(p.Fields) > 0 && (kind == "" || subtype == "") {
		return "the encrypted text does not begin with a header that can be read", nil
	}
	if hasEightBit(p) {
		return "", nil
	}
	odd := &oddOctets{}
	if err := entity.CopyRange(v.ctx, odd, src, p.Body, p.BodySize()); err != nil || !odd.found {
		return "", err
	}
	return "the encrypted text has octets that its transfer encoding does not allow", nil
}

// hasEightBit reports whether a part says that it has other octets than those of text.
func hasEightBit(p *entity.Part) bool {
	return p.CTE == "8bit" || p.CTE == "binary" || slices.ContainsFunc(p.Kids, hasEightBit)
}

// oddOctets finds control characters that no text has, and what is not UTF-8: some programs do not
// say that they write that (RFC 2045, Section 6.1, allows only US-ASCII then).
type oddOctets struct {
	found bool
	begun []byte // a character that the next octets may end
}

func (o *oddOctets) Write(p []byte) (int, error) {
	total := len(p)
	if o.found {
		return total, nil
	}
	if len(o.begun) > 0 {
		p = append(o.begun, p...)
	}
	whole := len(p)
	for i := 1; i < utf8.UTFMax && i <= len(p); i++ {
		if last := p[len(p)-i:]; utf8.RuneStart(last[0]) && !utf8.FullRune(last) {
			whole = len(p) - i
		}
	}
	o.begun = bytes.Clone(p[whole:])
	o.found = !utf8.Valid(p[:whole]) || slices.ContainsFunc(p[:whole], isOdd)
	return total, nil
}

// isOdd knows control characters but the white space of text, and ESC, by which ISO-2022-JP changes
// its alphabet.
func isOdd(c byte) bool {
	const text = 1<<'\t' | 1<<'\n' | 1<<'\v' | 1<<'\f' | 1<<'\r' | 1<<0x1b
	return c < ' ' && text>>c&1 == 0 || c == 0x7f
}

// decrypted makes the message of the innermost content that was encrypted.
func (v *verifier) decrypted(m *message.Message) (*message.Edit, error) {
	p := v.clearText.entity
	edit := &message.Edit{Body: message.NewSecretSpool(0), Changes: message.RemoveAll(m.Header(), transit.Structural)}
	if err := entity.CopyRange(v.ctx, edit.Body, v.clearText.src, p.Body, p.End-p.Body); err != nil {
		return nil, errors.Join(err, edit.Close())
	}
	edit.Changes = append(edit.Changes, message.Change{Op: message.Append, Name: "MIME-Version", Value: " 1.0"})
	for _, f := range p.Fields {
		// Anybody can have encrypted it: in no system it becomes a field of another name.
		if safe, ok := restorable(f); ok && f.Begins("Content-") && !empty(f) {
			edit.Changes = append(edit.Changes, message.Change{Op: message.Append, Name: safe.Name(), Value: safe.Value()})
		}
	}
	edit.Changes = append(edit.Changes, v.shown(m.Header())...)
	return edit, nil
}

// shown are the changes that put hidden fields back.
func (v *verifier) shown(outer []message.Field) []message.Change {
	if v.payload == nil || !v.payload.hides() {
		return nil
	}
	changes := message.RemoveAll(outer, transit.Confidential)
	for _, f := range v.report.Hidden {
		changes = append(changes, message.Change{Op: message.Append, Name: f.Name(), Value: f.Value()})
	}
	return changes
}

// restorable are the hidden fields that can be put back. They may come from somebody who only has
// the recipient's key, so that none of them says who sent the message.
func (p *protection) restorable() (fields []message.Field) {
	if !p.hides() {
		return nil
	}
	for _, f := range p.fields {
		if safe, ok := restorable(f); ok && transit.Confidential(f) && !empty(f) {
			fields = append(fields, safe)
		}
	}
	return fields
}

// hides reports whether the outer header is the one that the sender put there in place of his.
func (p *protection) hides() bool {
	return p.kind == ProtectionCipher && p.state == HeaderProtected && p.hidden().stated
}
