package smime

import (
	"context"
	"fmt"
	"slices"

	"dnseal/smime/internal/undo"
	"dnseal/smime/message"
)

// Explanation is what Explain found out about a signature that is not valid.
type Explanation struct {
	// Part is the part number of the signature.
	Part string
	// Change is a stable word for the transformation that, undone, makes the digest fit, one of the
	// Change constants; "" when none does.
	Change Change
	// Also lists the changes that had to be undone as well, where several happened.
	Also []Change
	// Suspected is a change that the content shows but that cannot be undone, so that it is not
	// proven to be the cause; "" where Change is given.
	Suspected Change
	// Sentence says it in English.
	Sentence string
	// After and Before are the systems between which it happened, by the names the Received fields
	// give them: After still had the message as it was signed, Before took it changed. Either is ""
	// where that is not known. Received fields are not authenticated.
	After, Before string
}

// Change is a stable word for a transformation of mail systems.
type Change = undo.Change

// Changes that Explain knows. Each is found by undoing it.
const (
	// ChangeLineEnds: LF and CRLF exchanged, or a CR added to line ends.
	ChangeLineEnds  = undo.ChangeLineEnds
	ChangeFinalLine = undo.ChangeFinalLine // line ends at the very end removed or added
	// ChangeFrom: a ">" put before lines that begin with "From ", or with ">" and that, as
	// mailboxes do, or removed.
	ChangeFrom     = undo.ChangeFrom
	ChangeTrailing = undo.ChangeTrailing // white space at the end of lines removed or added
	// ChangeLongLine: a line break put into a line of more than 998 octets, with a space after it
	// or Sendmail's "!" before it.
	ChangeLongLine = undo.ChangeLongLine
	ChangeDots     = undo.ChangeDots   // a dot at the start of lines doubled or lost
	ChangeFooter   = undo.ChangeFooter // text put at the end of a part, in HTML before </body>
	ChangeBanner   = undo.ChangeBanner // text put at the start of a part, in HTML after <body>
	// ChangeLinks: links replaced by those of a service that checks them.
	ChangeLinks   = undo.ChangeLinks
	ChangeFolding = undo.ChangeFolding // fields folded otherwise (RFC 5322, Section 2.2.3)
	// ChangeQuoting: quotes around the value of a parameter put there or taken away.
	ChangeQuoting = undo.ChangeQuoting
	ChangeSpacing = undo.ChangeSpacing // white space after the colon of a field in a part header
	// ChangeFieldAdded: a field added to a part header.
	ChangeFieldAdded = undo.ChangeFieldAdded
	// ChangeFieldRemoved: fields of the signed part's header left out that repeat the outer header.
	ChangeFieldRemoved = undo.ChangeFieldRemoved
	ChangeFieldCase    = undo.ChangeFieldCase // field names of a part header written otherwise
	ChangeReencoded    = undo.ChangeReencoded // another transfer encoding (RFC 6152, Section 3)
	// ChangeLabel: only the Content-Transfer-Encoding field changed, such as 8bit and 7bit.
	ChangeLabel      = undo.ChangeLabel
	ChangeSoftBreaks = undo.ChangeSoftBreaks // other soft line breaks (RFC 2045, Section 6.7)
	ChangeEscapes    = undo.ChangeEscapes    // =C3 and =c3 exchanged
	// ChangeQuotedPrintable: quoted-printable with other characters escaped.
	ChangeQuotedPrintable = undo.ChangeQuotedPrintable
	ChangeBase64Lines     = undo.ChangeBase64Lines // other line lengths (RFC 2045, Section 6.8)
	// ChangeDelimiter: an empty line after the closing delimiter of a multipart inside added or
	// removed.
	ChangeDelimiter = undo.ChangeDelimiter
	// ChangePreamble: the text before the first part of a multipart inside, or after the last,
	// added or removed.
	ChangePreamble = undo.ChangePreamble
	ChangeWrapped  = undo.ChangeWrapped // nothing in the content: it is part of another message
)

// maxExplained is how much signed content is held in memory and tried.
const maxExplained = 8 << 20

// Explain undoes the known transformations of mail systems on every signature that is not valid,
// and reports which of them makes the digest match. The Received fields, and the body hashes of
// DKIM signatures added on the way, show between which systems it happened. Diagnosis only: it
// turns no fail into a pass. Signatures without their place (a part relabelled, renamed, taken out)
// are explained, too, and a header that is not as it was signed. Signatures that are valid over the
// whole message and its header, or cannot be checked, are not in the result. Errors: as Verify.
func Explain(ctx context.Context, m *message.Message) ([]Explanation, error) {
	v := &verifier{ctx: ctx}
	defer v.close()
	if err := v.run(m); err != nil {
		return nil, err
	}
	route, err := readRoute(ctx, m)
	if err != nil {
		return nil, err
	}
	v.searches.expect(v.report.Signatures)
	misplaced, err := v.structure()
	if err != nil {
		return nil, err
	}
	whole := slices.ContainsFunc(v.report.Signatures, func(s *Signature) bool { return s.Covers == CoversMessage })
	var found []Explanation
	header := false // explained
	for _, s := range v.report.Signatures {
		if s.Integrity != IntegrityBad {
			if s.Integrity == IntegrityGood && s.HeaderState == HeaderChanged && s.Covers == CoversMessage && !header {
				header = true
				found = append(found, explainHeader(s))
			}
			if s.Integrity == IntegrityGood && !whole {
				e := Explanation{Part: s.Part, Change: ChangeWrapped, Sentence: "The signature is valid, but covers only " + string(s.Covers) +
					": the signed message was embedded in another one, as lists that add a footer and users who forward it do."}
				route.place(&e, s, nil)
				found = append(found, e)
			}
			continue
		}
		if s.Code == CodeMalformed && slices.ContainsFunc(misplaced, func(e Explanation) bool { return e.Part == s.Part }) {
			continue
		}
		e, original, err := v.searches.explain(ctx, s)
		if err != nil {
			return nil, err
		}
		if e.Change != "" && !s.attached {
			route.place(&e, s, original)
		}
		found = append(found, e)
	}
	for _, e := range misplaced {
		route.place(&e, &Signature{}, nil)
		found = append(found, e)
	}
	return found, nil
}

// explain returns also the original content, where it was found.
func (x *searches) explain(ctx context.Context, s *Signature) (e Explanation, original []byte, err error) {
	e.Part = s.Part
	switch {
	case s.Code == CodeMalformed:
		e.Sentence = "The signature cannot be read: " + s.Reason + "."
	case s.Code != CodeBadDigest:
		e.Sentence = "The cause is not a change of the content: " + s.Reason + "."
	case !searchable(s):
		e.Sentence = fmt.Sprintf("The content was changed. It is larger than %d MiB, so that no known change was tried.", maxExplained>>20)
	default:
		if original, err = e.try(ctx, x, s); s.attached {
			// Base64 in other lines, or the part in another transfer encoding, does not change
			// what is inside.
			e.Sentence += " The content is inside the signed data, which relays and lists do not open: check the signer's own program, or a gateway that unpacks and repacks messages."
		}
	}
	return e, original, err
}

// try undoes what mail systems do.
func (e *Explanation) try(ctx context.Context, x *searches, s *Signature) (original []byte, err error) {
	found, err := x.find(ctx, s)
	e.Change, e.Also, e.Suspected, e.Sentence = found.Change, found.Also, found.Suspected, found.Sentence
	return found.Original, err
}
