package manual

import (
	"cmp"
	"fmt"
	"strings"

	"dnseal/receiver"
)

// verdictWord is an entry of dnseal-verdicts(7): a word, the verdict that it comes with, and what
// it means.
type verdictWord struct {
	verdict receiver.Verdict
	word    string
	text    string
}

// verdicts are the words of RFC 8601, Section 2.7, best first.
var verdicts = []verdictWord{
	{word: "pass", text: "signed, over the whole message, with a key that the owner of the From address publishes in the DNS now, proven by DNSSEC."},
	{word: "none", text: "not signed by S/MIME. Not a fault."},
	{word: "neutral", text: "intact, but nothing confirms the signer."},
	{word: "temperror", text: "undecided: a later try may help."},
	{word: "policy", text: "the signature holds, but is not acceptable for this message: another signer, only a part covered, a changed header, or too weak."},
	{word: "fail", text: "checked, and wrong."},
	{word: "permerror", text: "cannot be decided, and a later try will not help: the message or its signature cannot be read, or is over a limit."},
}

// verdictCodes are the codes of reports, by the question that they answer.
var verdictCodes = []struct {
	question string
	codes    []verdictWord
}{
	{"THE SIGNATURE", []verdictWord{
		{receiver.Fail, "bad-signature", "the signature value is wrong."},
		{receiver.Fail, "bad-digest", "the content is not what was signed: it was changed in transit. dnseal-explain(1) finds out how."},
		{receiver.Fail, "bad-attributes", "the signed attributes contradict the rest."},
		{receiver.Fail, "key-substituted", "the certificate is not the one that the signed attributes name."},
		{receiver.Policy, "bad-cosigner", "another signature in the same object is wrong, or the ML-DSA signature beside this one is, or cannot be read."},
		{receiver.PermError, "malformed", "the message, its signature or the signer's certificate cannot be read, or mail readers interpret it differently."},
		{receiver.Policy, "not-an-entity", "the signature is over a file, not over a part of a mail message."},
		{receiver.Neutral, "unsupported", "an algorithm, a curve or a form that dnseal does not compute, two algorithms that no standard lets go together, or a key or a signature value over its limits; the reason names it."},
		{receiver.PermError, "too-big", "larger than max-bytes; not examined."},
		{receiver.PermError, "limit:WORD", "over a limit: parts, depth, header, signatures, layers, identities, or paths (certificates tried in one message)."},
		{receiver.TempError, "internal-error", "a fault of this machine; the log has the cause."},
	}},
	{"THE NAME", []verdictWord{
		{receiver.Neutral, "no-key", "the message brings no certificate, and no record holds the key itself."},
		{receiver.Policy, "no-name", "neither a certificate nor a protected From states a name."},
		{receiver.Policy, "name-not-bound", "the certificate names itself as its issuer, and is not signed by its own key: anybody can have made it."},
		{receiver.Neutral, "no-owner-name", "the name cannot have a record in the DNS."},
	}},
	{"THE DNS", []verdictWord{
		{receiver.Fail, "key-mismatch", "the name publishes keys, and none is the one that signed."},
		{receiver.Fail, "key-not-published-now", "saved mail, signed by none of the keys that the name publishes now: the key may have been replaced since, or be a forger's. Only evidence can prove which."},
		{receiver.Fail, "ca-not-in-message", "the name publishes the certificate of a CA only by its digest (2 0 1, 2 1 1 and the like), and the message does not bring that certificate: nothing says whether the CA issued the signer's. Signers have to send it, or the owner to publish it whole (2 0 0 or 2 1 0)."},
		{receiver.Fail, "revoked-or-unpublished", "proven: the name publishes no key. It was revoked or never published."},
		{receiver.Fail, "not-published-now", "saved mail, and proven: the name publishes no key now. One may have been published when the message came."},
		{receiver.Fail, "expired", "the record would match, but requires a valid certificate, and this one is outside its dates."},
		{receiver.Neutral, "no-record", "a CA certifies the name, whose owner publishes no record."},
		{receiver.Neutral, "unusable-records", "there are records, and none can be used."},
		{receiver.Neutral, "insecure", "the zone is not signed, or the resolver does not set AD."},
		{receiver.TempError, "bogus", "the zone should be signed and is not, or wrongly. dnseal-lookup(1) shows where."},
		{receiver.Neutral, "denied", "allow or deny in [dns] forbids the lookup."},
		{receiver.Policy, "pkix", "verified by pkix-roots: with pass the certificate chains to a root, with policy it does not."},
		{receiver.TempError, "timeout", "not looked up, or not verified, in time."},
		{receiver.TempError, "no-evidence", "verified by --evidence, and nothing is kept about the message, or about a name that it needs."},
		{receiver.TempError, "evidence-time", "the evidence is of another time."},
		{receiver.TempError, "evidence-anchor", "the evidence rests on trust anchors that were not valid here at that time."},
		{receiver.TempError, "evidence-unreadable", "the evidence about the message cannot be read."},
		{receiver.TempError, "indeterminate", "could not be looked up, without a cause. With a cause, the code is a word of the list of causes below."},
	}},
	{"FROM AND WHAT IS COVERED", []verdictWord{
		{receiver.PermError, "bad-from", "From cannot be read."},
		{receiver.Policy, "no-from", "there is no From address."},
		{receiver.Policy, "several-from", "there is more than one From address."},
		{receiver.Policy, "display-name", "the display name in From shows another address."},
		{receiver.Policy, "from-mismatch", "the signer is not the author in From."},
		{receiver.Policy, "from-rewritten", "the signed From is the signer's, and the outer From is another: mailing lists rewrite it so."},
		{receiver.Policy, "inner-from-mismatch", "the outer From is the signer's, and the signed one is another, or empty."},
		{receiver.Policy, "no-rule", "a device, service or host, and no devices rule of a [[domain]] permits it this From."},
		{receiver.Policy, "header-changed", "a signed header field that mail readers show or act on is not as it was signed, or such a field was added."},
		{receiver.Policy, "partial", "the signature does not cover the whole message, or omits a text that mail readers may show."},
	}},
	{"ALGORITHMS AND DATES", []verdictWord{
		{receiver.Policy, "weak", "an algorithm or a key that is too weak."},
		{receiver.Policy, "signed-in-future", "the signing time is more than five minutes ahead."},
		{receiver.Policy, "key-usage", "the certificate is not for signing mail."},
	}},
	{"WITH PASS AND NONE", []verdictWord{
		{receiver.Pass, "pq-missing", "the name publishes an ML-DSA key whole (3 1 0 or 3 0 0), and the message has no ML-DSA signature by a published key of that name, or none that counts: it was removed, or another program of the signer made the message."},
		{receiver.Pass, "header-restored", "the header was changed, and restore-header restored the signed values."},
		{receiver.None, "encrypted", "encrypted by S/MIME, and not signed outside that."},
		{receiver.None, "compressed", "compressed by S/MIME."},
		{receiver.None, "certs-only", "certificates, and no signature."},
		{receiver.None, "pgp", "signed or encrypted by OpenPGP."},
	}},
}

// dnsCauses are the causes why a name could not be looked up, or is bogus or insecure.
var dnsCauses = []struct {
	heading string
	words   []verdictWord
}{
	{"COULD NOT BE LOOKED UP", []verdictWord{
		{word: "unreachable", text: "no resolver gives a usable reply."},
		{word: "timeout", text: "no reply in time."},
		{word: "servfail", text: "the resolver replies SERVFAIL."},
		{word: "refused", text: "the resolver replies with another error."},
		{word: "resolver-strips-dnssec", text: "every resolver that answers strips the signatures of DNSSEC; the zone is not to blame."},
		{word: "resolver-disagree", text: "mode both: it validates here, and the resolver does not set AD."},
		{word: "incomplete-reply", text: "mode ad-only: the reply does not hold the end of the alias chain."},
		{word: "stale", text: "the resolver served data whose TTL has expired."},
		{word: "clock", text: "the clock of this machine and all signatures disagree."},
		{word: "no-anchor", text: "no trust anchor is above the name."},
		{word: "malformed", text: "the name or the reply cannot be used."},
		{word: "alias-loop", text: "CNAME or DNAME records form a loop."},
		{word: "busy", text: "too many lookups are running."},
		{word: "closed", text: "the program ends."},
		{word: "budget:WORD", text: "a limit of [dns.limits] was reached; WORD is its key."},
	}},
	{"NOT PROVEN BY A STAPLE (dnseal verify --offline)", []verdictWord{
		{word: "staple-missing", text: "the signer sent no DNSSEC chain with the signature, or none that proves a record of his name; or it was removed on the way."},
		{word: "staple-malformed", text: "it cannot be read, or there are several."},
		{word: "staple-too-old", text: "the records in it were signed more than --max-age ago."},
		{word: "staple-expired", text: "a DNSSEC signature in it is out of date, or the clock of this machine is wrong."},
		{word: "staple-invalid", text: "it does not hold from the trust anchor, or is not in the one form allowed."},
	}},
	{"INSECURE", []verdictWord{
		{word: "unsigned-delegation", text: "proven: the zone has no DS record in its parent."},
		{word: "opt-out", text: "the name is in an opt-out span of NSEC3, which proves nothing about it."},
		{word: "no-ad", text: "mode ad-only: the resolver does not set AD."},
		{word: "unsupported-algorithm", text: "only algorithms or digests that are not supported."},
		{word: "unusable-keys", text: "only keys of a size that is not allowed."},
		{word: "nsec3-iterations", text: "more iterations of NSEC3 than are computed."},
		{word: "denied", text: "allow or deny in [dns] forbids the lookup."},
	}},
	{"BOGUS", []verdictWord{
		{word: "bogus", text: "mode ad-only: the resolver reports that validation failed."},
		{word: "missing-signature", text: "a signed zone answered without signatures."},
		{word: "bad-signature", text: "a signature does not match data and key."},
		{word: "signature-expired", text: "a signature is out of date."},
		{word: "signature-not-yet-valid", text: "a signature begins in the future."},
		{word: "signature-times-inverted", text: "a signature ends before it begins."},
		{word: "bad-signer", text: "signed by a zone that may not sign this."},
		{word: "bad-labels", text: "the number of labels in a signature is impossible."},
		{word: "missing-key", text: "no key of the zone matches the signature, or the DS record in the parent."},
		{word: "revoked-key", text: "the key that the DS record names is revoked."},
		{word: "not-a-zone-key", text: "the key that the DS record names may not sign a zone."},
		{word: "missing-denial", text: "absence is not proven."},
		{word: "bad-denial", text: "the proof of absence is contradicted, or not allowed here."},
		{word: "wildcard-not-proven", text: "the answer is from a wildcard, and nothing proves that the name itself does not exist."},
		{word: "bad-alias", text: "an alias that its DNAME does not make, or a wildcard DNAME."},
		{word: "not-a-zone", text: "signed by a name that is no zone."},
	}},
}

// signingCodes are the words in the log why a message is not signed, by class.
var signingCodes = []struct{ class, word, text string }{
	{"no-rule", "no-rule", "no rule names this From."},
	{"no-rule", "no-from", "there is no From, and no rule names the submitter."},
	{"not-allowed", "from-not-allowed", "a rule names this From, and none permits it to this submitter."},
	{"not-allowed", "submitter-not-allowed", "a rule names this submitter, and none permits this From."},
	{"not-allowed", "sender-not-allowed", "Sender or a Resent field has an address that a rule names and does not permit."},
	{"not-allowed", "bad-from", "From cannot be read, and mail readers may show an address of a rule."},
	{"not-allowed", "several-from", "more than one author, one of them of a rule."},
	{"not-allowed", "local-part-case", "the local part is written in another case than the address that may be used."},
	{"key-not-published", "record-absent", "the signer's own record is missing."},
	{"key-not-published", "record-mismatch", "the signer's own record is for another key, or there is none for the ML-DSA key that signs beside."},
	{"sign-failed", "no-identity", "there is no such identity."},
	{"malformed", "ambiguous", "mail readers interpret a field of the message differently; the log names it."},
	{"malformed", "not-transit-proof", "a part would not survive transit, and may not be changed."},
	{"malformed", "limit:WORD", "over a limit: parts, depth, header, content-fields."},
	{"not-encrypted", "no-record", "a recipient to whom a route encrypts publishes no key."},
	{"not-encrypted", "unusable-records", "the recipient's records hold no key that can be encrypted to; the log says why of each."},
	{"not-encrypted", "no-ml-kem-key", "the recipient has keys, and the profile of the route is pq."},
	{"not-encrypted", "insecure", "the recipient's zone is not signed."},
	{"not-encrypted", "denied", "dns.allow or dns.deny does not permit to look the recipient up."},
	{"not-encrypted", "bad-address", "the recipient is no address, or one that can have no record."},
	{"not-encrypted", "bogus", "what came of the recipient's zone does not validate; deferred, as with every other cause that keeps a key from being looked up."},
	{"not-encrypted", "undecided", "no time was left to judge the recipient's records; deferred."},
	{"not-encrypted", "one-form", "the recipients need different encryptions, and a milter has one message for all."},
	{"not-encrypted", "too-many-encryptions", "more than 100 recipients who are not in To or Cc."},
	{"not-encrypted", "encrypt-failed", "the message could not be encrypted; deferred."},
	{"internal-error", "self-check", "the signed message does not verify; it was not sent."},
}

// Meaning says what a code, or a verdict without code, means: the first sentence of its entry in
// dnseal-verdicts(7), "" for a word that no report has.
func Meaning(word string) string {
	first, _, _ := strings.Cut(entry(word), ". ")
	return strings.TrimSuffix(first, ".")
}

// entry is the text about a word of reports; "" where there is none.
func entry(word string) string {
	if before, _, ok := strings.Cut(word, ":"); ok && (before == "limit" || before == "budget") {
		word = before + ":WORD"
	}
	for _, q := range verdictCodes {
		for _, c := range q.codes {
			if c.word == word {
				return c.text
			}
		}
	}
	for _, causes := range dnsCauses {
		// reports have those words as codes
		if causes.heading == "INSECURE" || causes.heading == "BOGUS" {
			continue
		}
		for _, c := range causes.words {
			if c.word == word {
				return c.text
			}
		}
	}
	for _, v := range verdicts {
		if v.word == word {
			return v.text
		}
	}
	return ""
}

// actionsText is about what is done with a message.
const actionsText = `.SH ACTIONS
What a relay or a milter does with a message: action in a report of
.BR dnseal-verify (1)
with \-\-policy, and in the log. The action follows from the classes of everything that is wrong with the message, by
[on] and by the [[domain]] entries that it concerns; the strictest one wins. class in the report is the class that
asked for it, empty where nothing is wrong. A domain that requires a signature gives every message that is not a pass
the class no\-signature too. Saved mail has codes of its own (key\-not\-published\-now, not\-published\-now): they
are of the same classes as the codes of mail that arrives.
.TP
.B accept
it is delivered, with the result in Authentication\-Results; mark in the configuration is the same.
.TP
.B quarantine
the milter asks the MTA to hold it.
.TP
.B defer
4xx: the sender tries again later.
.TP
.B reject
5xx: it is refused.
`

// encryptedText is about verdicts on mail that is encrypted.
const encryptedText = `.SH ENCRYPTED MAIL
With the keys of \-\-identities, or at a door of a recipient whose mail is decrypted, the signature inside gives the
verdict. Encryption gives none: anybody can encrypt to a key that is published. What is opened and has no signature is
none without a code; what no key here opens, or what was damaged, is none with the code encrypted. encryption in a
report has each layer with its algorithms; authenticated is false for AES\-CBC, which does not show changes: only a
signature inside that is a pass does. A part that is encrypted beside parts in clear is never opened: a signature over
it proves that it is as it was signed, and nothing about what is in it.
`

// verdictsPage is dnseal-verdicts(7) in roff.
func verdictsPage() string {
	var b strings.Builder
	fmt.Fprintf(&b, `.TH DNSEAL-VERDICTS 7 %q dnseal
`+ragged+`.SH NAME
dnseal\-verdicts \- verdicts, codes and classes of dnseal, and their meaning
.SH DESCRIPTION
A report, its JSON form, the log and Authentication\-Results give a verdict (a word of RFC 8601) and, where it is not
plain, a code. Codes are stable; programs may compare them. In brackets after a code are the verdict it comes with and
the class by which [on] and [[domain]] in
.BR dnseal.toml (5)
decide what is done with the message.
.SH VERDICTS
`, manDate)
	for _, v := range verdicts {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(v.word), roff(v.text))
	}
	for _, q := range verdictCodes {
		fmt.Fprintf(&b, ".SH \"CODES: %s\"\n", q.question)
		for _, c := range q.codes {
			class := cmp.Or(receiver.ClassOf(c.verdict, receiver.Code(c.word)), "no class")
			fmt.Fprintf(&b, ".TP\n.BR %s \" [%s, %s]\"\n%s\n", roff(c.word), c.verdict, roff(string(class)), roff(c.text))
		}
	}
	for _, causes := range dnsCauses {
		fmt.Fprintf(&b, ".SH \"CAUSES IN THE DNS: %s\"\n", causes.heading)
		for _, c := range causes.words {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(c.word), roff(c.text))
		}
	}
	b.WriteString(encryptedText)
	b.WriteString(actionsText)
	b.WriteString(".SH SIGNING\nCodes in the log of mail that was not signed, with their class. " +
		"The result of a listener that only observes begins with observe:, as in observe:signed and observe:not\\-allowed.\n" +
		".BR dnseal-check (1)\nwith --as tells what would happen to a message.\n")
	for _, c := range signingCodes {
		fmt.Fprintf(&b, ".TP\n.BR %s \" [%s]\"\n%s\n", roff(c.word), roff(c.class), roff(c.text))
	}
	writeChanges(&b)
	b.WriteString(".SH SEE ALSO\n.BR dnseal-verify (1),\n.BR dnseal-explain (1),\n.BR dnseal-lookup (1),\n.BR dnseal.toml (5)\n")
	return b.String()
}
