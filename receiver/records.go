package receiver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// dns is the answer to what the records of the identity say about the key.
// RFC 8162, Section 3.
func (sc *signatureCheck) dns(ctx context.Context) finding {
	name, typ, err := sc.claim.owner()
	switch {
	case sc.claim == claim{}:
		return finding{Policy, CodeNoName, "neither the signature nor From states a name"}
	case err != nil:
		return finding{Neutral, CodeNoOwnerName, fmt.Sprintf("%s can have no record: %v", sc.claim, err)}
	case !sc.answers.admit(sc.claim.String()):
		return finding{PermError, codeLimitIdentities, fmt.Sprintf("more than %d signers to look up in one message", maxIdentities)}
	}
	f := sc.consult(ctx, question{name: name, typ: typ, staples: sc.staples})
	if f.verdict == Fail && sc.staples == nil {
		// A key published a minute ago is not a forgery. Ask past our cache before saying
		// so.
		f = sc.consult(ctx, question{name: name, typ: typ, fresh: true})
	}
	return f
}

// consult looks up the records, and where a mail address has none the CA of its domain's users, and
// judges.
func (sc *signatureCheck) consult(ctx context.Context, q question) finding {
	res := sc.answers.ask(ctx, q)
	f := sc.weigh(ctx, res, res.Records)
	if !absent(res) || !sc.claim.mail() || !sc.issued() {
		return f
	}
	// DANCE architecture, Example 7: the CA of a domain's users, asked when the user's own record
	// is proven absent.
	user, err := dane.UserName(sc.claim.address.Domain)
	if err != nil {
		return f
	}
	ca := sc.answers.ask(ctx, question{name: user, typ: dane.TLSA, fresh: q.fresh, staples: q.staples})
	if absent(ca) {
		return f
	}
	return sc.weigh(ctx, ca, trustAnchors(ca.Records))
}

func absent(res *lookup.Result) bool {
	return res.Status == dnssec.Secure && res.Presence == dane.Absent
}

// issued reports whether the certificate names another as its issuer. It helps no forger: what
// follows from it is neutral at best where the DNS or a PKIX root does not vouch.
// RFC 5280, Section 4.1.2.4.
func (sc *signatureCheck) issued() bool {
	c := sc.sig.Certificate
	return c != nil && !bytes.Equal(c.RawIssuer, c.RawSubject)
}

// trustAnchors are the records of "_user" that count: only a CA can vouch for names that are not
// the owner's (usage 2).
// RFC 7671, Section 5.2.
func trustAnchors(records []dane.Record) []dane.Record {
	var out []dane.Record
	for _, r := range records {
		if r.Usage == dane.DANETA {
			out = append(out, r)
		}
	}
	return out
}

// weigh judges one DNS answer. Absent, insecure, bogus and indeterminate stay four things (RFC
// 4033, Section 5; RFC 7672, Section 2.1).
func (sc *signatureCheck) weigh(ctx context.Context, res *lookup.Result, records []dane.Record) finding {
	sc.out.Lookup, sc.out.DNS = res, sc.describe(res)
	switch res.Status {
	case dnssec.Secure:
		switch res.Presence {
		case dane.Present:
			return sc.match(ctx, res, records)
		case dane.Absent:
			return sc.missing(ctx, res)
		case dane.Unknown:
		}
	case dnssec.Insecure:
		// RFC 6698, Section 4.1: an answer that is not validated is not used.
		return sc.orRoots(ctx, finding{Neutral, CodeInsecure, whyInsecure(res)})
	case dnssec.Bogus:
		return finding{TempError, CodeBogus, "the DNS data is bogus: " + res.Reason}
	case dnssec.Indeterminate:
		switch Code(res.Code) {
		case Code(chain.CodeDenied):
			// Asking again later would not help.
			return finding{Neutral, CodeDenied, "the record is not looked up here: " + res.Reason}
		case CodeNoEvidence, CodeEvidenceTime, CodeEvidenceAnchor, CodeEvidenceUnreadable:
			return finding{TempError, Code(res.Code), res.Reason}
		default:
		}
	}
	why := "the record could not be looked up: "
	if sc.staples != nil {
		why = "the record was not looked up, and is not proven: "
	}
	return finding{TempError, cmp.Or(Code(res.Code), CodeIndeterminate), why + res.Reason}
}

// whyInsecure names the zone that is not signed: an alias can lead to it from one that is.
func whyInsecure(res *lookup.Result) string {
	if zone := res.Zone(); res.Code == dnssec.CodeUnsigned && zone != "" {
		return fmt.Sprintf("the zone %s is not signed, so the records of %s prove nothing", zone, res.Name)
	}
	return fmt.Sprintf("the records of %s prove nothing: %s", res.Name, cmp.Or(res.Reason, string(res.Code)))
}

// missing judges proven absence.
// RFC 4035, Section 5.4.
func (sc *signatureCheck) missing(ctx context.Context, res *lookup.Result) finding {
	switch {
	case sc.claim.mail() && sc.issued():
		return sc.orRoots(ctx, finding{Neutral, CodeNoRecord, fmt.Sprintf("a CA certifies %s, but no record is published at %s", sc.claim, res.Name)})
	case sc.staples != nil:
		return absentInStaple(res)
	case sc.receiver.opts.Saved && sc.receiver.opts.Past != nil:
		return finding{Fail, CodeNotPublishedNow, fmt.Sprintf("no record was published at %s then; one may have been when the message came", res.Name)}
	case sc.receiver.opts.Saved:
		return finding{Fail, CodeNotPublishedNow, fmt.Sprintf("no record is published at %s now; one may have been when the message came", res.Name)}
	}
	return finding{Fail, CodeRevoked, fmt.Sprintf("no record is published at %s: the key was revoked or never published", res.Name)}
}

// match judges secure records against the signer's certificate or key.
// RFC 6698, Section 2.1; RFC 8162, Section 2.
func (sc *signatureCheck) match(ctx context.Context, res *lookup.Result, records []dane.Record) finding {
	spki, published := sc.keyFromRecords(ctx, records)
	results, matched, usable := sc.compare(ctx, records, spki, sc.now)
	sc.out.DNS.Records = describeRecords(results)
	switch {
	case matched:
		sc.vouched = slices.ContainsFunc(results, func(r dane.MatchResult) bool { return r.Matched() && r.Record.Usage != dane.DANEEE })
		return good
	case ctx.Err() != nil || sc.work.Exhausted():
		return unprovable(ctx)
	case sc.needsKey() && !published:
		return finding{Neutral, CodeNoKey, fmt.Sprintf("the message holds no certificate, and no record at %s holds the key itself", res.Name)}
	case sc.needsKey() && sc.namesUnpublishedCertificate(records):
		return finding{Neutral, CodeNoKey, fmt.Sprintf("the message holds no certificate, the signature names one by its issuer and serial number, and the records at %s hold a key alone", res.Name)}
	case sc.needsKey():
		return finding{Fail, CodeKeyMismatch, fmt.Sprintf("the message holds no certificate, and no record at %s holds the key or certificate that the signature names", res.Name)}
	case !usable:
		return finding{Neutral, CodeUnusableRecords, fmt.Sprintf("none of the records at %s can be used: %s", res.Name, whyNot(results))}
	case sc.validAnotherTime(ctx, records, spki):
		sc.out.Freshness = Bad
		c := sc.sig.Certificate
		return finding{Fail, CodeExpired, fmt.Sprintf("the record at %s requires a certificate within its dates, and this one is valid from %s to %s", res.Name, stamp(c.NotBefore), stamp(c.NotAfter))}
	}
	if i := slices.IndexFunc(results, func(r dane.MatchResult) bool { return r.AnchorMissing }); i >= 0 {
		return finding{Fail, CodeCAMissing, caMissing(results[i].Record, res.Name)}
	}
	if sc.receiver.opts.Saved && sc.claim.certified && sc.out.Binding == BindingFrom {
		return finding{Fail, CodeKeyReplaced, fmt.Sprintf("no record at %s matches the key that signed: the key was replaced, or it is another's; only evidence can show which", res.Name)}
	}
	return finding{Fail, CodeKeyMismatch, fmt.Sprintf("no record at %s matches the key that signed%s", res.Name, whyNotKey(results))}
}

// caMissing is the reason where a digest names what the message does not bring. A forger can leave
// it out too, so that it is no better than a mismatch.
func caMissing(r dane.Record, owner string) string {
	text := fmt.Sprintf("the record %d %d %d at %s names the CA certificate only by a digest, and the message does not bring it: signers have to send it", r.Usage, r.Selector, r.MatchingType, owner)
	if r.Usage == dane.DANETA {
		text += ", or the owner to publish it whole (2 0 0 or 2 1 0)"
	}
	return text
}

// namesUnpublishedCertificate reports whether the signer names a certificate by issuer and serial
// number (RFC 5652, Section 5.3), and no record holds any: a bare key has neither.
func (sc *signatureCheck) namesUnpublishedCertificate(records []dane.Record) bool {
	return len(sc.sig.SubjectKeyID) == 0 && !slices.ContainsFunc(records, func(r dane.Record) bool {
		return sc.mayBring(r) && r.Selector == dane.FullCertificate && r.MatchingType == dane.Exact
	})
}

func (sc *signatureCheck) compare(ctx context.Context, records []dane.Record, spki []byte, at time.Time) ([]dane.MatchResult, bool, bool) {
	opts := dane.MatchOptions{
		Certificate: sc.sig.Certificate, Chain: sc.sig.Certificates,
		NameOK: func(*x509.Certificate) bool { return sc.claim.certified }, Roots: sc.receiver.opts.PKIXRoots, At: at, Work: sc.work,
	}
	// RFC 8550, Section 4.4.4.
	if sc.claim.mail() {
		opts.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
	}
	if spki == nil {
		return dane.Match(ctx, records, opts)
	}
	brought := opts.Certificate
	opts.Certificate, opts.Chain, opts.SPKI = nil, nil, spki
	results, matched, usable := dane.Match(ctx, records, opts)
	if matched || brought == nil || !slices.ContainsFunc(records, func(r dane.Record) bool { return r.Usage == dane.PKIXEE && sc.mayBring(r) }) {
		return results, matched, usable
	}
	// A record of usage 1 brought the certificate, and wants its name and a path as well.
	opts.Certificate, opts.SPKI = brought, nil
	opts.NameOK = func(*x509.Certificate) bool { return sc.certificateStates() }
	return dane.Match(ctx, records, opts)
}

// validAnotherTime reports whether the certificate would match but for its dates.
// RFC 7671, Section 5.2: dates count where a path is built.
func (sc *signatureCheck) validAnotherTime(ctx context.Context, records []dane.Record, spki []byte) bool {
	c := sc.sig.Certificate
	if c == nil || spki != nil || !sc.now.Before(c.NotBefore) && !sc.now.After(c.NotAfter) {
		return false
	}
	_, matched, _ := sc.compare(ctx, records, nil, c.NotAfter)
	return matched
}

// whyNot is the first reason why a record could not be used.
func whyNot(results []dane.MatchResult) string {
	for _, r := range results {
		if r.Result != "" {
			return r.Result
		}
	}
	return "none names a certification authority"
}

// whyNotKey adds the reason where it was not the data of the record.
func whyNotKey(results []dane.MatchResult) string {
	for _, r := range results {
		if r.Reason != "" {
			return ": " + r.Reason
		}
	}
	return ""
}

func describeAnswer(res *lookup.Result) *DNSReport {
	warnings := slices.Clone(res.Warnings)
	if res.Believed {
		warnings = append(warnings, "nothing was validated here: it is the resolver's word (mode ad-only)")
	}
	d := &DNSReport{
		Warnings: warnings, Name: res.Name, Type: res.Type.String(), Status: res.Status.String(), Presence: res.Presence.String(),
		Records: []RecordReport{},
	}
	if res.Status == dnssec.Secure || res.Status == dnssec.Insecure {
		d.TTL = int(res.TTL / time.Second)
	}
	return d
}

func describeRecords(results []dane.MatchResult) []RecordReport {
	out := []RecordReport{}
	for _, r := range results {
		out = append(out, RecordReport{r.Record.Usage, r.Record.Selector, r.Record.MatchingType, r.Result})
	}
	return out
}
