package receiver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence/staple"
	"dnseal/smime"
	"dnseal/smime/certificate"
	"dnseal/smime/message"
)

// judge turns what package smime found into a verdict.
func (r *Receiver) judge(ctx context.Context, m *message.Message, found *smime.Report) *Report {
	report := newReport(found.From, found.FromErr)
	report.found, report.shown, report.Uncovered, report.ResentBy = found, m.Shown(), found.Uncovered, resentBy(m)
	report.repeats(m)
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	ctx = dnssec.WithBudget(ctx, dnssec.NewBudget(r.opts.Limits))
	v := &verification{receiver: r, message: m, report: report, answers: newAnswers(r.opts.Lookup), work: &certificate.Work{}, now: r.opts.Now()}
	report.CheckedAt = v.now.UTC()
	checks := v.prepare(found.Signatures)
	for _, sc := range checks {
		sc.judge(ctx)
	}
	for _, sc := range checks {
		sc.conclude()
	}
	v.showInner()
	report.Remarks, report.lookups = v.remarks(found), v.answers.all()
	report.Encryption = describeEncryptions(found)
	report.combine(found)
	if o := r.opts; o.DKIM != nil && o.Offline == nil && o.Past == nil {
		report.DKIM = o.DKIM(ctx, m)
	}
	return report
}

// showInner adds whom the protected From shows, unless the signature is theirs and holds: readers
// that follow RFC 9788, Section 4.2, put it in place of the outer From, and not all of them ask
// more of a signature than to be there.
func (v *verification) showInner() {
	for _, sc := range v.judged {
		if sc.out.Covers != smime.CoversMessage {
			continue
		}
		if !slices.ContainsFunc(v.judged, (*signatureCheck).provesInner) {
			v.report.showsInner(sc.sig.ProtectedFromText)
		}
		return // it is the same for all signatures of the whole message
	}
}

// provesInner reports whether nothing is wrong but that From was rewritten, as mailing lists do.
func (sc *signatureCheck) provesInner() bool {
	o := sc.out
	return o.Covers == smime.CoversMessage && o.Code == CodeFromRewritten && o.NameBound && sc.sig.Integrity == smime.IntegrityGood &&
		o.DNS != nil && o.DNS.Status == dnssec.Secure.String() &&
		slices.ContainsFunc(o.DNS.Records, func(r RecordReport) bool { return r.Result == "match" })
}

// verification is the judging of one message.
type verification struct {
	receiver *Receiver
	message  *message.Message
	report   *Report
	answers  *answers
	work     *certificate.Work // for all certified paths together
	now      time.Time
	// judged are the checks in the order of the signatures.
	judged []*signatureCheck
}

// prepare describes the signatures, and returns them in the order they are to be judged: those that
// speak for From first, because a stranger can put others before them and use up the limits.
func (v *verification) prepare(sigs []*smime.Signature) []*signatureCheck {
	for _, s := range sigs {
		sc := &signatureCheck{verification: v, sig: s, out: describe(s)}
		if o := v.receiver.opts.Offline; o != nil {
			sc.staples = o.staples(s, v.receiver.opts.Now)
		}
		sc.claim, sc.keyless = sc.claimed(), sc.needsKey()
		sc.out.Identity = sc.claim.String()
		sc.bind()
		v.report.Signatures = append(v.report.Signatures, sc.out)
		v.judged = append(v.judged, sc)
	}
	all := slices.Clone(v.judged)
	slices.SortStableFunc(all, func(a, b *signatureCheck) int { return rank(a) - rank(b) })
	return all
}

func rank(sc *signatureCheck) int {
	if sc.out.bound() {
		return 0
	}
	return 1
}

// signatureCheck judges one signature.
type signatureCheck struct {
	*verification
	sig   *smime.Signature
	out   *SignatureReport
	claim claim
	// staples answer for this signer instead of the DNS; nil: the DNS is asked.
	staples *staple.Resolver
	// keyless: no certificate came along, so that only a record can hold the key.
	keyless bool
	// vouched: a certified path ends at the certificate.
	vouched bool
	// bareKey is the key a record gave to a signature without certificate.
	bareKey []byte
	// beside is the check of the post-quantum signature that stands beside this one; nil: there is
	// none.
	beside *signatureCheck
	// found are the answers.
	found findings
}

// judge answers the questions that a signature answers alone. The key may come with the answer of
// the DNS.
func (sc *signatureCheck) judge(ctx context.Context) {
	asking := sc.worthAsking()
	if asking {
		sc.found.dns = sc.dns(ctx)
	}
	sc.found.integrity = sc.integrity()
	sc.found.binding = sc.binding()
	sc.found.name = sc.nameBinding(ctx)
	sc.found.entity = sc.entity()
	if asking {
		sc.found.quality = sc.quality()
	}
	sc.judgeBeside(ctx)
}

// conclude adds what is known only when all signatures are judged, and writes the report.
func (sc *signatureCheck) conclude() {
	if sc.beside != nil {
		sc.beside.conclude()
	}
	sc.found.cosigner, sc.found.header, sc.found.coverage = cmp.Or(sc.found.cosigner, sc.cosigner()), sc.header(), sc.coverage()
	sc.found.beside = sc.postQuantum()
	unchanged := sc.found
	unchanged.header = good
	sc.out.otherwise, sc.out.classes = unchanged.conclude(), sc.found.classes()
	f := sc.found.conclude()
	if f.verdict != Pass {
		f.reason += sc.caseNote()
	}
	sc.out.Verdict, sc.out.Code, sc.out.Reason = f.verdict, f.code, f.reason
	sc.out.Integrity, sc.out.Algorithm = Answer(sc.sig.Integrity.String()), sc.sig.Algorithm
	sc.out.Certificate = describeCertificate(sc.sig.Certificate)
}

// worthAsking reports whether the DNS is to be asked: a bad signature fails without any lookup, so
// that garbage causes none.
func (sc *signatureCheck) worthAsking() bool {
	return sc.sig.Integrity == smime.IntegrityGood || sc.needsKey()
}

// needsKey reports whether only the key is missing, which a record may hold.
// RFC 5652, Section 5.1: certificates are optional.
func (sc *signatureCheck) needsKey() bool {
	return sc.sig.Integrity == smime.IntegrityUnknown && Code(sc.sig.Code) == CodeNoKey && sc.sig.Certificate == nil
}

// integrity is the first question's answer.
// RFC 5652, Section 5.6.
func (sc *signatureCheck) integrity() finding {
	s, code := sc.sig, Code(sc.sig.Code)
	switch {
	case s.Integrity == smime.IntegrityGood:
		return good
	// RFC 8551, Section 2; RFC 8550, Section 4.3.
	case s.Weak || code == CodeWeak:
		return finding{Policy, CodeWeak, s.Reason}
	case code == CodeMalformed:
		return finding{PermError, CodeMalformed, s.Reason}
	case s.Integrity == smime.IntegrityBad:
		return finding{Fail, code, s.Reason}
	case code == CodeNoKey && s.CertificateErr != nil:
		return finding{PermError, CodeMalformed, s.Reason}
	case code == CodeNoKey:
		return finding{Neutral, CodeNoKey, "neither the message nor the DNS holds the signer's key"}
	}
	return finding{Neutral, CodeUnsupported, s.Reason}
}

// entity wants the signed content to be a MIME entity (RFC 8551, Section 3.1): a signed file is no
// message of who signed it.
func (sc *signatureCheck) entity() finding {
	if sc.sig.NotEntity == "" {
		return good
	}
	return finding{Policy, CodeNotEntity, "the signed content is no MIME entity: " + sc.sig.NotEntity}
}

// coverage: a signature on a part says nothing about the rest (RFC 9787, Section 4), nor about a
// text around what it signs.
func (sc *signatureCheck) coverage() finding {
	switch {
	case sc.out.Covers != smime.CoversMessage:
		return finding{Policy, CodePartial, "only " + string(sc.out.Covers) + " of the message is signed"}
	case sc.sig.Outside != "":
		return finding{Policy, CodePartial, "not all that readers may show is signed: " + sc.sig.Outside}
	}
	return good
}

// cosigner looks for a bad signature of another signer in the same SignedData. Programs differ in
// which of several SignerInfos they show, so that a good one must not hide a bad one. What cannot
// be judged is not bad: an algorithm that is not known here, a key that is not available. RFC 5652,
// Section 5.1: signerInfos is a set.
func (sc *signatureCheck) cosigner() finding {
	for n, o := range sc.judged {
		if o.sig != sc.sig && o.sig.Integrity == smime.IntegrityBad && sc.sig.Cosigned(o.sig) {
			who := cmp.Or(o.certified(), "without a name")
			return finding{Policy, CodeBadCosigner, fmt.Sprintf("the signature of another signer of the same content, %s (signature %d), is bad: %s", who, n+1, o.sig.Reason)}
		}
	}
	return good
}
