package page

import (
	"context"
	"io"
	"strconv"
	"strings"

	"dnseal/receiver"
	"dnseal/smime"
	"dnseal/smime/message"
)

// coverState says how a part is covered by signatures.
type coverState int

const (
	// frame is a signature, what holds it, an encryption with its content, or the message where
	// that is closed.
	frame coverState = iota
	notSigned
	signedPass     // by a signature on the whole message that holds
	signedInside   // by one on a part of the message
	signedOther    // by one of somebody else
	signedUnproven // by one that does not hold
)

// covers are the class and the words of each.
var covers = [...]struct{ class, sign, word markup }{
	frame:          {`c-frame`, ``, ``},
	notSigned:      {`c-none`, `<circle class="o d" r="6.5"/>`, `not signed`},
	signedPass:     {`c-pass`, `<circle class="f" r="7.5"/><path class="k" d="M-3.4.4l2.4 2.4L3.5-2.7"/>`, `signed`},
	signedInside:   {`c-inside`, `<circle class="o" r="6.5"/><circle class="f" r="3"/>`, `inside another signature`},
	signedOther:    {`c-inside`, `<circle class="o" r="6.5"/><circle class="f" r="3"/>`, `signed by another`},
	signedUnproven: {`c-unproven`, `<path class="f" d="M0-7.2 8 6.5H-8z"/><path class="k" d="M0-2.4v3.6M0 3.9v.1"/>`, `signature not proven`},
}

// cover is the best that the signatures over a part prove.
func (d *document) cover(p *smime.Part) coverState {
	best := notSigned
	if len(p.Signatures) == 0 && (p.Role == smime.RoleSigned || p.Role == smime.RoleSignature || p.Role == smime.RoleDecrypted) {
		return frame
	}
	if p.Role == smime.RoleEncrypted && closed(d.report) {
		return frame // what is inside may be signed
	}
	for _, found := range p.Signatures {
		i := d.number(found)
		if i < 0 {
			continue
		}
		switch s := d.report.Signatures[i]; {
		case s.Covers == smime.CoversMessage && holds(s):
			return signedPass
		case s.Integrity == receiver.Good && s.Covers != smime.CoversMessage:
			best = signedInside
		case s.Integrity == receiver.Good && s.Binding == receiver.BindingNone:
			best = signedOther
		case best == notSigned:
			best = signedUnproven
		}
	}
	return best
}

// holds reports whether nothing is wrong with a signature but what is around the signed content.
func holds(s *receiver.SignatureReport) bool {
	return s.Verdict == receiver.Pass || s.Verdict == receiver.Policy && (s.Code == receiver.CodeHeaderChanged || s.Code == receiver.CodePartial)
}

// number is the place of a signature in the report, or -1.
func (d *document) number(found *smime.Signature) int {
	for i, s := range d.signatures {
		if s == found && i < len(d.report.Signatures) {
			return i
		}
	}
	return -1
}

// tree writes the parts of a message.
type tree struct {
	*document
	p         *writer
	ctx       context.Context //nolint:containedctx // it lives as long as the call
	rowLimit  int             // the size of the page at which no more parts are written
	textLimit int             // and no more text
	left      [len(covers)]int
}

// contents shows what is in the message, and what signs it.
func (d *document) contents(ctx context.Context, p *writer) error {
	p.put(`<section aria-labelledby="parts"><h2 id="parts">What is in it</h2>`)
	defer p.put(`</section>`)
	if d.root == nil {
		p.put(`<p>The message could not be taken apart, so that nothing of its content is shown.</p>`)
		return nil
	}
	t := &tree{document: d, p: p, ctx: ctx}
	t.overview()
	p.put(`<ul class="parts">`)
	t.rowLimit, t.textLimit = len(p.buf)+partsRoom+textRoom, len(p.buf)+textRoom
	if err := t.part(d.root); err != nil {
		return err
	}
	p.put(`</ul>`)
	t.rest()
	return nil
}

// overview says how much of the message is signed.
func (t *tree) overview() {
	var counts [len(covers)]int
	t.count(t.root, &counts)
	t.p.put(`<p>`)
	switch total := counts[notSigned] + counts[signedPass] + counts[signedInside] + counts[signedOther] + counts[signedUnproven]; {
	case counts[signedPass] == total && len(t.report.Uncovered) > 0:
		t.p.put(`All parts are signed, but not all that readers may show.`)
	case counts[signedPass] == total && total > 0:
		t.p.put(`All of it is signed.`)
	case closed(t.report):
		t.p.put(`What is inside cannot be seen.`)
	case counts[notSigned] == total:
		t.p.put(`Nothing of it is signed.`)
	default:
		t.list(counts)
		t.p.put(`.`)
	}
	t.p.put(`</p>`)
}

// count counts the parts that hold no others, but for signatures.
func (t *tree) count(part *smime.Part, counts *[len(covers)]int) {
	if !part.Multipart() && part.Role != smime.RoleSignature {
		counts[t.cover(part)]++
	}
	for _, k := range part.Parts {
		t.count(k, counts)
	}
}

// list writes how many parts are covered in which way.
func (t *tree) list(counts [len(covers)]int) {
	sep := markup(``)
	for c := notSigned; int(c) < len(covers); c++ {
		if n := counts[c]; n > 0 {
			t.p.put(sep)
			t.p.count(n, `part: `, `parts: `)
			t.p.put(covers[c].word)
			sep = `; `
		}
	}
}

// coverBadge writes how a part is covered.
func (p *writer) coverBadge(c coverState) {
	if look := covers[c]; look.word != "" {
		p.put(`<span class="cover `, look.class, `"><svg class="sign" viewBox="-8 -8 16 16" aria-hidden="true" focusable="false">`, look.sign, `</svg>`, look.word, `</span>`)
	}
}

// rest sums up the parts that there was no room for, so that none is hidden among them.
func (t *tree) rest() {
	total := 0
	for _, n := range t.left {
		total += n
	}
	if total == 0 {
		return
	}
	t.p.put(`<p class="cutoff">There is no room for `)
	t.p.count(total, `more part`, `more parts`)
	t.p.put(`: `)
	t.list(t.left)
	t.p.put(`.</p>`)
}

// part writes one part and those in it.
func (t *tree) part(part *smime.Part) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	if len(t.p.buf) > t.rowLimit {
		t.left[t.cover(part)]++
		for _, k := range part.Parts {
			if err := t.part(k); err != nil {
				return err
			}
		}
		return nil
	}
	c := t.cover(part)
	t.p.put(`<li class="`, covers[c].class, `"><div class="part">`)
	t.p.coverBadge(c)
	t.title(part)
	t.p.put(`</div>`)
	if part.Embedded {
		t.embedded(part)
	}
	if err := t.body(part); err != nil {
		return err
	}
	if part.Multipart() {
		before, after := part.Around()
		t.p.put(`<ul>`)
		if err := t.around(part, before, `Text before the parts`); err != nil {
			return err
		}
		for _, k := range part.Parts {
			if err := t.part(k); err != nil {
				return err
			}
		}
		if err := t.around(part, after, `Text after the parts`); err != nil {
			return err
		}
		t.p.put(`</ul>`)
	}
	t.p.put(`</li>`)
	return nil
}

// embedded says whose message an attached one is, by its own word.
func (t *tree) embedded(part *smime.Part) {
	t.p.put(`<dl class="file">`)
	for _, name := range [...]markup{`From`, `Date`, `Subject`} {
		if v := value(part.Fields, string(name)); v != "" {
			decoded, _ := message.DecodeWords(v[:min(len(v), maxField)])
			t.fact(t.p, name, decoded)
		}
	}
	t.p.put(`</dl>`)
}

// around shows a text that stands where MIME hides it, and some readers do not.
func (t *tree) around(part *smime.Part, text *io.SectionReader, name markup) error {
	if text.Size() == 0 {
		return nil
	}
	shown, all, err := readText(text, maxAround)
	if err != nil {
		return err
	}
	c := max(notSigned, t.cover(part))
	t.p.put(`<li class="`, covers[c].class, `"><div class="part">`)
	t.p.coverBadge(c)
	t.p.put(`<span class="kind">`, name, `</span></div>`)
	t.lines(shown, all)
	t.p.put(`</li>`)
	return nil
}

// maxAround is how much of such a text is shown.
const maxAround = 4 << 10

// title says what a part is, and by which signatures it is covered.
func (t *tree) title(part *smime.Part) {
	p := t.p
	p.put(`<span class="kind">`)
	switch {
	case part.Embedded:
		p.put(`A message in the message`)
	case part.Role == smime.RoleSignature:
		p.put(`The signature`)
	case part.Role == smime.RoleSigned:
		p.put(`Signed content with its signature`)
	case part.Role == smime.RoleDecrypted:
		p.put(`Encrypted: it was opened here`)
	case part.Role == smime.RoleEncrypted:
		p.put(`Encrypted: it cannot be seen`)
	case part.Role == smime.RoleCompressed:
		p.put(`Compressed: it is not opened`)
	case part.Multipart():
		p.count(len(part.Parts), `part`, `parts`)
	case isText(part.Type):
		p.put(`Text`)
	default:
		p.put(`File`)
	}
	p.put(`</span> <span class="meta">`)
	if part.Number != "" {
		p.wrap(`part `, part.Number, `, `)
	}
	p.put(`<bdi>`)
	p.cut(typeOf(part), len(p.buf)+200)
	p.put(`</bdi>`)
	if n := t.covering(part); n != "" {
		p.wrap(`, signature `, n, ``)
	}
	p.put(`</span>`)
}

// covering are the numbers of the signatures over a part, where the message has several.
func (t *tree) covering(part *smime.Part) string {
	if len(t.report.Signatures) < 2 {
		return ""
	}
	var out []string
	for _, s := range part.Signatures {
		if i := t.number(s); i >= 0 {
			out = append(out, strconv.Itoa(i+1))
		}
	}
	return strings.Join(out, ", ")
}

func typeOf(part *smime.Part) string {
	switch {
	case part.Type != "":
		return part.Type
	case value(part.Fields, "Content-Type") != "":
		return "a type that cannot be read"
	}
	return "text/plain"
}

func isText(mediaType string) bool { return mediaType == "" || strings.HasPrefix(mediaType, "text/") }
