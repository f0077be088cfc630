package chain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// conclude writes after the tree what came out, why, and what can be done.
func (r *Result) conclude(p *page) {
	p.WriteByte('\n')
	switch {
	case r.Status == dnssec.Secure && r.Believed && r.Presence == dane.Present:
		p.paragraph("%s; good for %s. The resolver says that the answer is authentic (AD); nothing was validated here.", r.count(), span(r.TTL))
	case r.Status == dnssec.Secure && r.Believed:
		p.paragraph("The resolver says that there is no %s record here (AD), good for %s; nothing was validated here.", r.Type, span(r.TTL))
	case r.Status == dnssec.Secure && r.Presence == dane.Present:
		p.paragraph("%s, validated from the trust anchor down; good for %s.", r.count(), span(r.TTL))
	case r.Status == dnssec.Secure:
		p.paragraph("Proven: there is no %s record here; good for %s.", r.Type, span(r.TTL))
	case r.Answer.EDE >= 0:
		p.paragraph("%s (Extended DNS Error %d): %s", r.Code, r.Answer.EDE, r.Reason)
	default:
		p.paragraph("%s: %s", r.Code, r.Reason)
	}
	if todo := r.Advice(); todo != "" {
		p.paragraph("What to do: %s", todo)
	}
	for _, w := range r.Warnings {
		p.paragraph("Warning: %s", w)
	}
}

// count is the number of records in words.
func (r *Result) count() string {
	n := len(r.Records) + len(r.Texts) // one of the two is empty
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprintf("%d records", n)
}

// paragraph writes a text of its own.
func (p *page) paragraph(format string, args ...any) {
	p.fold("", "  ", strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
}

// Advice is what an administrator can do about the result; "" when nothing needs doing.
func (r *Result) Advice() string {
	if r.Status == dnssec.Secure {
		if r.Presence == dane.Present {
			return r.adviceOnRecords()
		}
		if r.Type == dane.TXT {
			return "" // what text is expected here is not known
		}
		return "if a key should be published here, add the record that \"dnseal identity record\" prints to the zone."
	}
	if r.Code.IsBudget() {
		return "the zones on the way cost more work than one lookup may cause. If they are trusted, raise that limit; else leave them alone."
	}
	if r.Code == dnssec.CodeNoKey && r.AnchorFails() {
		return "the trust anchors do not fit this zone: they are out of date, or the resolver serves another hierarchy (a sandbox has its own: --trust-anchor)."
	}
	zone, signed := r.blamed()
	if r.Code == dnssec.CodeOptOut && signed {
		return fmt.Sprintf("the owner of %s has to sign it without opt-out (NSEC, or NSEC3 with flags 0): until then no absence in it is proven, and a key withdrawn from it is never revoked.", zone)
	}
	return strings.ReplaceAll(advices[r.Code], "ZONE", cmp.Or(zone, "the zone"))
}

// adviceOnRecords is what the owner of records should know that most programs do not: they send the
// signer's certificate alone.
func (r *Result) adviceOnRecords() string {
	i := slices.IndexFunc(r.Records, dane.Record.NeedsCertificate)
	if i < 0 || r.Type != dane.SMIMEA && !strings.HasPrefix(r.Name, "_user.") {
		return ""
	}
	rec := r.Records[i]
	todo := fmt.Sprintf("the record %d %d %d names the certificate of a CA only by a digest: it matches only where the signer sends that certificate in every message, and most programs send their own alone.", rec.Usage, rec.Selector, rec.MatchingType)
	if rec.Usage == dane.DANETA {
		todo += " Have it sent, or publish the certificate or its key whole (2 0 0 or 2 1 0)."
	}
	return todo
}

// AnchorFails reports whether the chain breaks at its very beginning.
func (r *Result) AnchorFails() bool {
	return len(r.Answer.Links) > 0 && r.Answer.Links[0].Status == dnssec.Bogus
}

// advices by code. ZONE stands for where the chain ends or breaks.
var advices = map[dnssec.Code]string{
	dnssec.CodeNoAnchor:    "no trust anchor covers this name: use the built-in keys of the root, or add an anchor above it to the trust anchor file.",
	dnssec.CodeClock:       "set the clock of this machine (NTP), then try again; the zones are most likely fine.",
	dnssec.CodeTimeout:     "ask the same by \"dig +dnssec\" at the same resolver. If it is slow there too, the name servers of the domain do not answer; else give more time (--dns-timeout).",
	dnssec.CodeUnreachable: "see that the resolver runs, speaks DNSSEC and can be reached from here (port 53 by UDP and TCP, 853 by TLS), or name another one (--resolver). A CA of your own that signed a tls:// resolver belongs in the roots of this system (SSL_CERT_FILE names others).",
	// RFC 1035, Section 4.1.1.
	dnssec.CodeServfail:     "the resolver gets nothing usable from the name servers of the domain: its log says why. \"dig +trace\" shows which server does not answer.",
	dnssec.CodeRefused:      "the resolver does not answer this question from this machine: see its access list and its log, or name another one (--resolver).",
	dnssec.CodeStale:        "switch off serve-stale (unbound: serve-expired no) at the resolver: absence is how keys are revoked.",
	dnssec.CodeMalformed:    "check the name; if it is right, some server on the way sends messages that cannot be read.",
	dnssec.CodeAliasLoop:    "the owner of the domain has to correct the CNAME or DNAME records that lead in a circle.",
	dnssec.CodeUnsupported:  "the owner of ZONE has to sign with an algorithm in use, best 13 (ECDSA P-256), and publish a DS with SHA-256.",
	dnssec.CodeUnusableKeys: "the owner of ZONE has to sign with keys of a usual size (RSA of 2048 bits or ECDSA P-256).",
	// RFC 4035, Section 5.2: no DS in a signed parent.
	dnssec.CodeUnsigned: "the owner of ZONE has to sign the zone and have a DS record published in its parent; until then nothing in it can be trusted.",
	// RFC 5155, Section 6.
	dnssec.CodeOptOut:       "the owner has to sign ZONE and have a DS record published in its parent, which leaves unsigned names out of its proof (opt-out).",
	dnssec.CodeIterations:   "the owner of ZONE has to set the NSEC3 iterations to 0 (RFC 9276).",
	dnssec.CodeNoSignature:  "see that all name servers of ZONE serve the signed copy, and that the resolver does not strip signatures (ask it by \"dig +dnssec\").",
	dnssec.CodeBadSignature: "sign ZONE again and see that all its name servers serve the same copy. If they do, something between them and here changes answers.",
	// RFC 4034, Section 3.1.5, for the next three.
	dnssec.CodeExpired:       "sign ZONE again; then find out why its signer stopped, or why a secondary does not get the new copy.",
	dnssec.CodeNotYetValid:   "the signer of ZONE has a clock that is ahead, or this machine one that is behind.",
	dnssec.CodeTimesInverted: "sign ZONE again; the times of its signatures are the wrong way round.",
	dnssec.CodeSigner:        "sign ZONE again with keys of its own; a record is signed by a zone that may not do that.",
	dnssec.CodeLabels:        "sign ZONE again; a signature does not fit the name it is for.",
	// RFC 4035, Section 5.2: a DS must match a key of the zone.
	dnssec.CodeNoKey: "compare the DS record in the parent with the keys of ZONE: after a key change, publish the DS of the new key at the registrar, or bring the old key back until that is done.",
	// RFC 5011, Section 2.1.
	dnssec.CodeRevoked: "the DS record names a key of ZONE that is revoked: publish the DS of the key that replaced it.",
	// RFC 4034, Sections 2.1.1 and 2.1.2.
	dnssec.CodeNotZoneKey: "the DS record names a key of ZONE that is no zone key (flags 256 or 257, protocol 3): publish the DS of one that is.",
	// RFC 4035, Section 5.4.
	dnssec.CodeNoDenial:  "see that all name servers of ZONE serve the complete signed copy: the NSEC or NSEC3 records that prove an absence are missing (PowerDNS: rectify-zone).",
	dnssec.CodeBadDenial: "sign ZONE again as a whole: its NSEC or NSEC3 records contradict its content, or an answer was put together from other ones.",
	// RFC 4035, Section 5.3.4.
	dnssec.CodeNoWildcard: "see that all name servers of ZONE serve the complete signed copy. An answer from a wildcard came without the proof that the name itself does not exist: it may be a forgery.",
	dnssec.CodeBadAlias:   "the alias does not follow from a signed record: it may be a forgery. Ask another resolver, then the owner of the domain.",
	dnssec.CodeNotAZone:   "a record is signed by a name that is no zone: the owner of the domain has to sign again.",
	CodeDenied:            "change the allow or deny list if the domain should be looked up.",
	CodeBusy:              "try again in a moment. If it stays, some domains that mail claims to come from do not answer.",
	CodeClosed:            "",
	CodeDisagree:          "ask the resolver by \"dig +dnssec\": AD should be among the flags. It may not validate, hold a negative trust anchor, or another root key.",
	CodeStrips:            "check the resolver by \"dig +dnssec . DNSKEY\": an RRSIG record and the flag do must be there. The zones asked for are not to blame.",
	CodeNoAD:              "mode validate says why: the zone may not be signed, or the resolver may have a negative trust anchor or a limit.",
	CodeIncomplete:        "ask the resolver by \"dig +adflag\"; mode validate does not depend on its word.",
	CodeBogus:             "look the name up in mode validate: it shows which link is broken.",
}
