package receiver

import (
	"context"
	"slices"
	"time"

	"dnseal/lookup/dnssec"
	"dnseal/smime"
	"dnseal/smime/certificate"
	"dnseal/smime/message"
)

// judge turns what package smime found into a verdict.
func (r *Receiver) judge(ctx context.Context, m *message.Message, found *smime.Report) *Report {
	report := reportOn(m)
	report.Uncovered, report.ResentBy = found.Uncovered, resentBy(m)
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	ctx = dnssec.WithBudget(ctx, dnssec.NewBudget(r.opts.Limits))
	p := &proceeding{receiver: r, message: m, report: report, answers: newAnswers(r.opts.Lookup), work: &certificate.Work{}, now: r.opts.Now()}
	cases := p.cases(found.Signatures)
	for _, j := range cases {
		j.judge(ctx)
	}
	for _, j := range cases {
		j.conclude()
	}
	p.showInner()
	report.combine(found)
	return report
}

// showInner adds whom the protected From shows, unless the signature is theirs and holds: readers
// that follow RFC 9788, Section 4.2, put it in place of the outer From, and not all of them ask
// more of a signature than to be there.
func (p *proceeding) showInner() {
	for _, j := range p.judged {
		if j.out.Covers != wholeMessage {
			continue
		}
		if !slices.ContainsFunc(p.judged, (*judgement).provesInner) {
			p.report.showsInner(j.sig.ProtectedFromText)
		}
		return // it is the same for all signatures of the whole message
	}
}

// provesInner reports whether nothing is wrong but that From was rewritten, as mailing lists do.
func (j *judgement) provesInner() bool {
	o := j.out
	return o.Covers == wholeMessage && o.Code == CodeFromRewritten && o.NameBound && j.sig.Integrity == smime.IntegrityGood &&
		o.DNS != nil && o.DNS.Status == dnssec.Secure.String() &&
		slices.ContainsFunc(o.DNS.Records, func(r RecordReport) bool { return r.Result == "match" })
}

// proceeding is the judging of one message.
type proceeding struct {
	receiver *Receiver
	message  *message.Message
	report   *Report
	answers  *answers
	work     *certificate.Work // for all certified paths together
	now      time.Time
	// judged are the judgements in the order of the signatures.
	judged []*judgement
}

// cases prepares the signatures, and returns them in the order they are to be judged: those that
// speak for From first, because a stranger can put others before them and use up the limits.
func (p *proceeding) cases(sigs []*smime.Signature) []*judgement {
	for _, s := range sigs {
		j := &judgement{proceeding: p, sig: s, out: describe(s), sum: good}
		j.claim, j.keyless = j.claimed(), j.needsKey()
		j.out.Identity = j.claim.String()
		j.bind()
		p.report.Signatures = append(p.report.Signatures, j.out)
		p.judged = append(p.judged, j)
	}
	all := slices.Clone(p.judged)
	slices.SortStableFunc(all, func(a, b *judgement) int { return rank(a) - rank(b) })
	return all
}

func rank(j *judgement) int {
	if j.out.bound() {
		return 0
	}
	return 1
}

// judgement is one signature on its way to a verdict.
type judgement struct {
	*proceeding
	sig   *smime.Signature
	out   *SignatureReport
	claim claim
	// keyless: no certificate came along, so that only a record can hold the key.
	keyless bool
	// vouched: a certified path ends at the certificate.
	vouched bool
	// bareKey is the key a record gave to a signature without certificate.
	bareKey []byte
	// sum is the worst of what was found so far.
	sum finding
}

// judge answers the five questions. Of equally bad answers the first is told.
func (j *judgement) judge(ctx context.Context) {
	asking := j.worthAsking()
	if asking {
		j.note(j.dns(ctx))
	}
	j.note(j.integrity())
	j.note(j.binding())
	j.note(j.nameBinding(ctx))
	j.note(j.entity())
	if asking {
		j.note(j.quality())
	}
}

// conclude adds what can only be told when all signatures are judged, and writes the report. That a
// list may have wrapped the message is told last: nothing else may be wrong with a part of which
// only that is said.
func (j *judgement) conclude() {
	j.note(j.cosigner())
	j.out.otherwise = worse(j.sum, j.coverage())
	j.note(j.header())
	j.note(j.coverage())
	j.out.Verdict, j.out.Code, j.out.Reason = j.sum.verdict, j.sum.code, j.sum.reason
	j.out.Integrity, j.out.Algorithm = j.sig.Integrity.String(), j.sig.Algorithm
	j.out.Certificate = describeCertificate(j.sig.Certificate)
}

// note adds the answer to one question.
func (j *judgement) note(f finding) {
	j.sum = worse(j.sum, f)
	if c := Class(f.verdict, f.code); c != "" {
		j.out.classes = append(j.out.classes, c)
	}
}

// worthAsking reports whether the DNS is to be asked: a bad signature fails without any lookup, so
// that nobody makes us ask by sending garbage.
func (j *judgement) worthAsking() bool { return j.sig.Integrity == smime.IntegrityGood || j.needsKey() }

// needsKey reports whether only the key is missing, which a record may hold.
func (j *judgement) needsKey() bool {
	return j.sig.Integrity == smime.IntegrityUnknown && j.sig.Code == CodeNoKey && j.sig.Certificate == nil
}

// integrity is the first question's answer.
func (j *judgement) integrity() finding {
	s := j.sig
	switch {
	case s.Integrity == smime.IntegrityGood:
		return good
	case s.Weak || s.Code == CodeWeak:
		return finding{Policy, CodeWeak, s.Reason}
	case s.Code == CodeMalformed:
		return finding{PermError, CodeMalformed, s.Reason}
	case s.Integrity == smime.IntegrityBad:
		return finding{Fail, s.Code, s.Reason}
	case s.Code == CodeNoKey:
		return finding{Neutral, CodeNoKey, "neither the message nor the DNS holds the signer's key"}
	}
	return finding{Neutral, CodeUnsupported, s.Reason}
}

// entity wants the signed content to be a MIME entity (RFC 8551, Section 3.1): a signed file is no
// message of who signed it.
func (j *judgement) entity() finding {
	if j.sig.NotEntity == "" {
		return good
	}
	return finding{Policy, CodeNotEntity, "what is signed is no MIME entity: " + j.sig.NotEntity}
}

// coverage: a signature on a part says nothing about the rest (RFC 9787, Section 4), nor about a
// text around what it signs.
func (j *judgement) coverage() finding {
	switch {
	case j.out.Covers != wholeMessage:
		return finding{Policy, CodePartial, "only " + j.out.Covers + " of the message is signed"}
	case j.sig.Beside != "":
		return finding{Policy, CodePartial, "not all that readers may show is signed: " + j.sig.Beside}
	}
	return good
}
