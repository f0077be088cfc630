package smime

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"dnseal/smime/internal/entity"
)

// Changes to the parts around what was signed.
const (
	ChangeSignatureRemoved Change = "signature-removed" // the signature part was taken out
	ChangeSignatureRenamed Change = "signature-renamed" // it has another type or name
	ChangeCut              Change = "cut"               // the message ends before its last boundary
	ChangePartAdded        Change = "part-added"        // multipart/signed has more than two parts
	ChangeRelabelled       Change = "relabelled"        // another type in place of S/MIME's
	ChangeRebuilt          Change = "rebuilt"           // another multipart was made of the parts
)

// maxRepairs is how many signatures without their place are explained by trying changes of the
// content.
const maxRepairs = 2

// structure explains signatures that readers do not find, or cannot read, where they belong.
type structure struct {
	v       *verifier
	src     io.ReaderAt
	repairs int
	found   []Explanation
}

// structure explains what is misplaced in the message.
func (v *verifier) structure() ([]Explanation, error) {
	if v.root == nil {
		return nil, nil
	}
	x := &structure{v: v, src: v.src}
	err := x.walk(v.root)
	return x.found, err
}

// walk looks at p and at all parts in it.
func (x *structure) walk(p *entity.Part) error {
	if len(x.found) >= maxSignatures || x.v.secured[p] {
		return nil
	}
	var err error
	switch entity.KindOf(p) {
	case entity.ClearSigned:
		err = x.frame(p)
	case entity.Plain:
		err = x.orphans(p)
	case entity.CMSObject, entity.PgpSigned, entity.PgpEncrypted, entity.PgpInline:
	}
	for _, k := range p.Kids {
		if err == nil {
			err = x.walk(k)
		}
	}
	return err
}

// frame explains a multipart/signed that has not its two parts (RFC 1847, Section 2.1).
func (x *structure) frame(p *entity.Part) error {
	if p.Delimiter == nil || structureDefect(p) == "" {
		return nil
	}
	e := Explanation{Part: entity.ChildNumber(p.Number, 2)}
	switch kids := p.Kids; {
	case len(kids) == 1 && p.Closed >= 0, len(kids) == 2 && p.Closed < 0 && kids[1].End <= kids[1].Start && x.filter() != "":
		e.Change, e.Sentence = ChangeSignatureRemoved, "The signature part is missing: it was taken out, as filters of attachments do"+x.filter()+". What is left proves nothing."
	case len(kids) == 2 && p.Closed < 0 && kids[1].End <= kids[1].Start:
		e.Change, e.Sentence = ChangeSignatureRemoved, "The signature part is missing: it was taken out, as filters of attachments do, or the end of the message was lost. What is left proves nothing."
	case len(kids) == 0 && p.End > p.Body:
		return x.undelimited(p)
	case p.Closed < 0:
		e.Change, e.Sentence = ChangeCut, "The message ends early: its last boundary is missing, and with it the signature part or the end of it. The end was lost on the way, or when the message was saved."
	case len(kids) == 2:
		before := len(x.found)
		err := x.misplaced(kids[0], kids[1], ChangeSignatureRenamed, "The signature part is not as S/MIME has it: "+signatureDefect(p)+".")
		if err != nil || len(x.found) > before || !entity.IsText(kids[1]) || looksLikeSignature(kids[1]) {
			return err
		}
		e.Change, e.Sentence = ChangeSignatureRemoved, "The signature part is missing: a part of type "+entity.Quoted(kids[1].Type.Name)+
			" is in its place, as filters of attachments do"+x.filter()+". What is left proves nothing."
	case len(kids) > 2:
		i := slices.IndexFunc(kids, looksLikeSignature)
		if i > 0 {
			return x.misplaced(kids[i-1], kids[i], ChangePartAdded, "A part was put into multipart/signed, which has two.")
		}
		return nil
	default:
		return nil
	}
	x.found = append(x.found, e)
	return nil
}

// maxUndelimited is how much of a multipart without parts is looked at.
const maxUndelimited = 64 << 10

// undelimited explains a multipart/signed that has text, and no line that is its delimiter (RFC
// 2046, Section 5.1.1).
func (x *structure) undelimited(p *entity.Part) error {
	var text bytes.Buffer
	if err := entity.CopyRange(x.v.ctx, &text, x.src, p.Body, min(p.End-p.Body, maxUndelimited)); err != nil {
		return err
	}
	e := Explanation{
		Part:     entity.ChildNumber(p.Number, 2),
		Sentence: "No line of the content is the boundary that the header names: one of the two was changed, or what was between the boundaries is gone.",
	}
	if line := append([]byte("\n"), p.Delimiter...); bytes.Contains(append([]byte("\n"), text.Bytes()...), append(line, "\r\r\n"...)) {
		e.Change, e.Sentence = ChangeLineEnds, "A CR was added to line ends (CR CR LF), those of the boundaries too, as programs do that convert line ends twice or write mail to text files on Windows."
	}
	x.found = append(x.found, e)
	return nil
}

// filter names the one that says that it changed the message.
func (x *structure) filter() string {
	for _, f := range x.v.header {
		if f.Is("X-Content-Filtered-By", "X-Amavis-Modified") {
			return " (" + f.Name() + ": " + entity.Quoted(f.Unfolded()) + ")"
		}
	}
	return ""
}

// orphans explains signature parts, and signed objects, in a multipart of another type.
func (x *structure) orphans(p *entity.Part) error {
	for i, k := range p.Kids {
		var err error
		switch {
		case k.Embedded:
		case looksLikeSignature(k) && i == 0:
			x.rebuilt(p, k)
		case looksLikeSignature(k):
			err = x.misplaced(p.Kids[i-1], k, ChangeRelabelled, "multipart/signed became "+entity.Quoted(p.Type.Name)+".")
		case looksLikeObject(k):
			err = x.attached(k)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// looksLikeSignature reports whether readers list the part as a signature, by type or by name.
// RFC 8551, Section 3.5.3.1.
func looksLikeSignature(p *entity.Part) bool {
	return p.Leaf() && (entity.IsSignature(p.Type.Name) || strings.HasSuffix(strings.ToLower(entity.FileName(p)), ".p7s"))
}

// looksLikeObject reports whether the part is application/pkcs7-mime by its name alone.
// RFC 8551, Section 3.2.1.
func looksLikeObject(p *entity.Part) bool {
	return p.Leaf() && strings.HasSuffix(strings.ToLower(entity.FileName(p)), ".p7m")
}

func (x *structure) rebuilt(p, signature *entity.Part) {
	x.found = append(x.found, Explanation{
		Part: signature.Number, Change: ChangeRebuilt,
		Sentence: "A signature is attached, but what it signed was rebuilt: multipart/signed became " + entity.Quoted(p.Type.Name) + ".",
	})
}

// misplaced checks a signature over the part before it, as if they were in a multipart/signed. why
// says what is wrong with the place.
func (x *structure) misplaced(content, signature *entity.Part, change Change, why string) error {
	sigs, err := x.over(content, signature)
	if err != nil || len(sigs) == 0 {
		return err
	}
	e := Explanation{Part: signature.Number, Change: change, Sentence: why + " The content before it is as it was signed."}
	if !slices.ContainsFunc(sigs, func(s *Signature) bool { return s.Code != CodeBadDigest }) {
		if e, err = x.repair(sigs[0], e, why); err != nil {
			return err
		}
		if e.Change == ChangeRebuilt && change == ChangeRelabelled {
			x.rebuilt(content.Parent, signature)
			return nil
		}
	}
	x.found = append(x.found, e)
	return nil
}

// repair looks for a change of the content, too.
func (x *structure) repair(s *Signature, e Explanation, why string) (Explanation, error) {
	if x.repairs++; x.repairs > maxRepairs {
		e.Sentence = why + " The content before it is not as it was signed."
		return e, nil
	}
	x.v.searches.budget.Searches += 1 + maxRepairs - x.repairs
	inside, _, err := x.v.searches.explain(x.v.ctx, s)
	x.v.searches.budget.Searches -= maxRepairs - x.repairs
	if inside.Change == "" {
		e.Change, e.Sentence = ChangeRebuilt, why+" The content was changed, too: the message was rebuilt."
		return e, err
	}
	e.Also, e.Sentence = append([]Change{inside.Change}, inside.Also...), why+" "+inside.Sentence
	return e, err
}

// over returns the signatures of a detached signature over content, none where it cannot be read.
func (x *structure) over(content, signature *entity.Part) ([]*Signature, error) {
	sd, _, err := entity.ReadCMS(x.v.ctx, x.src, signature, nil)
	if reason, other := defectOf(err); other != nil || reason != "" || sd.Attached {
		return nil, other
	}
	digests := sd.Digests()
	off, n := content.SignedRange()
	if err = entity.CopyRange(x.v.ctx, digests, x.src, off, n); err != nil {
		return nil, err
	}
	trial := &verifier{ctx: x.v.ctx, report: &Report{}}
	err = trial.signers(&layer{}, sd, digests, signature, CoversMessage)
	if _, many := errors.AsType[*LimitError](err); many {
		err = nil
	}
	for _, s := range trial.report.Signatures {
		s.content, s.off, s.size = x.src, off, n
	}
	return trial.report.Signatures, err
}

// attached explains a signed object that is an attachment like any other.
func (x *structure) attached(p *entity.Part) error {
	sd, _, err := entity.ReadCMS(x.v.ctx, x.src, p, io.Discard)
	if reason, other := defectOf(err); other != nil || reason != "" || !sd.Attached || len(sd.Signers) == 0 {
		return other
	}
	x.found = append(x.found, Explanation{
		Part: p.Number, Change: ChangeRelabelled,
		Sentence: "A signed object is attached as " + entity.Quoted(p.Type.Name) + ": the type application/pkcs7-mime was replaced, or the signed message was put into another one.",
	})
	return nil
}
