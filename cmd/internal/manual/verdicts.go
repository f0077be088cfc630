package manual

import (
	"cmp"
	"fmt"
	"strings"

	"dnseal/receiver"
)

// verdictWord is an entry of dnseal-verdicts(7): a word, the verdict that it comes with, what it
// means, and what to do.
type verdictWord struct {
	verdict receiver.Verdict
	word    string
	text    string
	do      string // what to do about it; empty: the text says it
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
		{receiver.Fail, "bad-signature", "the signature value is wrong.", "Do not act on it; ask the signer to send it again."},
		{receiver.Fail, "bad-digest", "the content is not what was signed: it was changed in transit. dnseal-explain(1) finds out how.", "Find the hop that changes mail, and have it leave signed parts as they are."},
		{receiver.Fail, "bad-attributes", "the signed attributes contradict the rest.", "Do not act on it; tell the signer which program made it."},
		{receiver.Fail, "key-substituted", "the certificate is not the one that the signed attributes name.", "Do not act on it: this is an attack, or a program that mixes up certificates."},
		{receiver.Policy, "bad-cosigner", "another signature in the same object is wrong, or the ML-DSA signature beside this one is, or cannot be read.", "Ask the signer which of his signatures is wrong; a program that adds a second one is the usual cause."},
		{receiver.PermError, "malformed", "the message, its signature or the signer's certificate cannot be read, or mail readers interpret it differently.", "Look at the reason; the signer's program has to be mended, or a hop that damages mail."},
		{receiver.Policy, "not-an-entity", "the signature is over a file, not over a part of a mail message.", "Ask for a signed message in place of a signed file."},
		{receiver.Neutral, "unsupported", "an algorithm, a curve or a form that dnseal does not compute, two algorithms that no standard lets go together, or a key or a signature value over its limits; the reason names it.", "Ask the signer for one of the algorithms in RFC 8551, Section 2.2."},
		{receiver.PermError, "too-big", "larger than max-bytes; not examined.", "Raise max-bytes in [verify], or have large content sent otherwise."},
		{receiver.PermError, "limit:WORD", "over a limit: parts, depth, header, signatures, layers, identities, or paths (certificates tried in one message).", "Ask for the message in a simpler form; the limits are fixed."},
		{receiver.TempError, "internal-error", "a fault of this machine; the log has the cause.", "Look at the log; a full disk is the usual cause. The sender tries again."},
	}},
	{"THE NAME", []verdictWord{
		{receiver.Neutral, "no-key", "the message brings no certificate, and no record holds the key itself.", "The signer has to send the certificate along, or to publish the whole key (3 1 0)."},
		{receiver.Policy, "no-name", "neither a certificate nor a protected From states a name.", "The signer's certificate has to hold the mail address (subjectAltName)."},
		{receiver.Policy, "name-not-bound", "the certificate names itself as its issuer, and is not signed by its own key: anybody can have made it.", "The signer has to make the certificate anew, signed by its own key."},
		{receiver.Neutral, "no-owner-name", "the name cannot have a record in the DNS.", "The signer has to use a name that can be published."},
	}},
	{"THE DNS", []verdictWord{
		{receiver.Fail, "key-mismatch", "the name publishes keys, and none is the one that signed.", "The owner has to publish the record of the key that signs; until then treat it as forged."},
		{receiver.Fail, "key-not-published-now", "saved mail, signed by none of the keys that the name publishes now: the key may have been replaced since, or be a forger's. Only evidence can prove which.", "Ask the owner, or verify with --evidence."},
		{receiver.Fail, "ca-not-in-message", "the name publishes the certificate of a CA only by its digest (2 0 1, 2 1 1 and the like), and the message does not bring that certificate: nothing says whether the CA issued the signer's. Signers have to send it, or the owner to publish it whole (2 0 0 or 2 1 0).", ""},
		{receiver.Fail, "revoked-or-unpublished", "proven: the name publishes no key. It was revoked or never published.", "The owner has to publish the record; until then treat it as forged."},
		{receiver.Fail, "not-published-now", "saved mail, and proven: the name publishes no key now. One may have been published when the message came.", "Ask the owner, or verify with --evidence."},
		{receiver.Fail, "expired", "the record would match, but requires a valid certificate, and this one is outside its dates.", "The signer has to renew the certificate, or the owner to publish usage 3."},
		{receiver.Neutral, "no-record", "a CA certifies the name, whose owner publishes no record.", "The owner has to publish a record, or set pkix-roots here."},
		{receiver.Neutral, "unusable-records", "there are records, and none can be used.", "dnseal-lookup(1) says why of each; the owner has to publish one that is usable."},
		{receiver.Neutral, "insecure", "the zone is not signed, or the resolver does not set AD.", "The owner has to sign the zone by DNSSEC; in mode ad-only, look at the resolver."},
		{receiver.TempError, "bogus", "the zone should be signed and is not, or wrongly. dnseal-lookup(1) shows where.", "The owner has to mend the zone; where many zones are bogus look at this machine's clock and resolver."},
		{receiver.Neutral, "denied", "allow or deny in [dns] forbids the lookup.", "Permit the domain there, if the lookup is wanted."},
		{receiver.Policy, "pkix", "verified by pkix-roots: with pass the certificate chains to a root, with policy it does not.", "With policy: see whether the roots have the signer's CA."},
		{receiver.TempError, "timeout", "not looked up, or not verified, in time.", "Try again; where it stays, see dnseal-lookup(1) --trace."},
		{receiver.TempError, "no-evidence", "verified by --evidence, and nothing is kept about the message, or about a name that it needs.", "Verify without it, for what the DNS says now."},
		{receiver.TempError, "evidence-time", "the evidence is of another time.", "See whether the right files were given."},
		{receiver.TempError, "evidence-anchor", "the evidence rests on trust anchors that were not valid here at that time.", "See whether --trust-anchor is the one that was valid then."},
		{receiver.TempError, "evidence-unreadable", "the evidence about the message cannot be read.", "See whether the file was cut or changed."},
		{receiver.TempError, "indeterminate", "could not be looked up, without a cause. With a cause, the code is a word of the list of causes below.", "Try again, and see dnseal-lookup(1) --trace."},
	}},
	{"FROM AND WHAT IS COVERED", []verdictWord{
		{receiver.PermError, "bad-from", "From cannot be read.", "The signer's program has to write a From that RFC 5322 permits."},
		{receiver.Policy, "no-from", "there is no From address.", "The signer's program has to write one."},
		{receiver.Policy, "several-from", "there is more than one From address.", "Have each author send, or sign, alone."},
		{receiver.Policy, "display-name", "the display name in From shows another address.", "The author has to take the address out of the display name."},
		{receiver.Policy, "from-mismatch", "the signer is not the author in From.", "Mail that somebody sends for another has to be signed by the identity in From."},
		{receiver.Policy, "from-rewritten", "the signed From is the signer's, and the outer From is another: mailing lists rewrite it so.", "Have the list keep From, or judge the message as the list's."},
		{receiver.Policy, "inner-from-mismatch", "the outer From is the signer's, and the signed one is another, or empty.", "Do not act on it."},
		{receiver.Policy, "no-rule", "a device, service or host, and no devices rule of a [[domain]] permits it this From.", "Write devices in a [[domain]] (dnseal.toml(5))."},
		{receiver.Policy, "header-changed", "a signed header field that mail readers show or act on is not as it was signed, or such a field was added.", "Look at the list of fields; restore-header puts back what was signed."},
		{receiver.Policy, "partial", "the signature does not cover the whole message, or omits a text that mail readers may show.", "Act on the covered part alone; lists that add a footer are the usual cause."},
	}},
	{"ALGORITHMS AND DATES", []verdictWord{
		{receiver.Policy, "weak", "an algorithm or a key that is too weak.", "The signer has to make a new key, or use a newer program."},
		{receiver.Policy, "signed-in-future", "the signing time is more than five minutes ahead.", "See the clocks of the signer and of this machine."},
		{receiver.Policy, "key-usage", "the certificate is not for signing mail.", "The signer has to get a certificate for signing."},
	}},
	{"WITH PASS AND NONE", []verdictWord{
		{receiver.Pass, "pq-missing", "the name publishes an ML-DSA key whole (3 1 0 or 3 0 0), and the message has no ML-DSA signature by a published key of that name, or none that counts: it was removed, or another program of the signer made the message.", "Ask the owner whether all his programs sign by ML-DSA; if so, treat it as forged."},
		{receiver.Pass, "header-restored", "the header was changed, and restore-header restored the signed values.", "Nothing."},
		{receiver.None, "encrypted", "encrypted by S/MIME, and not signed outside that.", "Give the keys (--identities, or decrypt in a [[route]]), or decrypt it in the mail program."},
		{receiver.None, "compressed", "compressed by S/MIME.", "Nothing."},
		{receiver.None, "certs-only", "certificates, and no signature.", "Nothing."},
		{receiver.None, "pgp", "signed or encrypted by OpenPGP.", "Verify it by a program for OpenPGP."},
	}},
}

// dnsCauses are the causes why a name could not be looked up, or is bogus or insecure.
var dnsCauses = []struct {
	heading string
	words   []verdictWord
}{
	{"COULD NOT BE LOOKED UP", []verdictWord{
		{word: "unreachable", text: "no resolver gives a usable reply.", do: "See resolvers in [dns], and whether port 53 is open by UDP and TCP."},
		{word: "timeout", text: "no reply in time.", do: "Try again; see the network, and the servers of the zone."},
		{word: "servfail", text: "the resolver replies SERVFAIL.", do: "See dnseal-zone-check(1) for the zone, and the resolver's log."},
		{word: "refused", text: "the resolver replies with another error.", do: "See whether the resolver permits queries from here."},
		{word: "resolver-strips-dnssec", text: "every resolver that answers strips the signatures of DNSSEC; the zone is not to blame.", do: "Use a resolver that returns DNSSEC records; check and lookup name the setting."},
		{word: "resolver-disagree", text: "mode both: it validates here, and the resolver does not set AD.", do: "See whether the resolver validates, and its trust anchor."},
		{word: "incomplete-reply", text: "mode ad-only: the reply does not hold the end of the alias chain.", do: "Use another resolver, or mode validate."},
		{word: "stale", text: "the resolver served data whose TTL has expired.", do: "See why the resolver does not reach the zone."},
		{word: "clock", text: "the clock of this machine and all signatures disagree.", do: "Set the clock."},
		{word: "no-anchor", text: "no trust anchor is above the name.", do: "Give a trust anchor above it, or take trust-anchor out for the root's."},
		{word: "malformed", text: "the name or the reply cannot be used.", do: "See dnseal-lookup(1) --trace."},
		{word: "alias-loop", text: "CNAME or DNAME records form a loop.", do: "The owner has to mend the zone."},
		{word: "busy", text: "too many lookups are running.", do: "Nothing, if it is rare; else see what is looked up so often."},
		{word: "closed", text: "the program ends.", do: "Nothing."},
		{word: "budget:WORD", text: "a limit of [dns.limits] was reached; WORD is its key.", do: "Raise the key only for a zone that is known: attackers make such zones."},
	}},
	{"NOT PROVEN BY A STAPLE (dnseal verify --offline)", []verdictWord{
		{word: "staple-missing", text: "the signer sent no DNSSEC chain with the signature, or none that proves a record of his name; or it was removed on the way.", do: "Ask for the message signed with --staple, or verify online."},
		{word: "staple-malformed", text: "it cannot be read, or there are several.", do: "Ask for the message signed anew with --staple, or verify online."},
		{word: "staple-too-old", text: "the records in it were signed more than --max-age ago.", do: "Raise --max-age, or verify online."},
		{word: "staple-expired", text: "a DNSSEC signature in it is out of date, or the clock of this machine is wrong.", do: "Set the clock, or verify online."},
		{word: "staple-invalid", text: "it does not hold from the trust anchor, or is not in the one form allowed.", do: "Give the right trust anchor, or verify online."},
	}},
	{"INSECURE", []verdictWord{
		{word: "unsigned-delegation", text: "proven: the zone has no DS record in its parent.", do: "The owner has to sign it, and have the DS record entered."},
		{word: "opt-out", text: "the name is in an opt-out span of NSEC3, which proves nothing about it.", do: "The owner has to sign the delegation, or do without opt-out."},
		{word: "no-ad", text: "mode ad-only: the resolver does not set AD.", do: "Have the resolver validate, or use mode validate."},
		{word: "unsupported-algorithm", text: "only algorithms or digests that are not supported.", do: "The owner has to use an algorithm of RFC 8624."},
		{word: "unusable-keys", text: "only keys of a size that is not allowed.", do: "The owner has to make keys of a usual size."},
		{word: "nsec3-iterations", text: "more iterations of NSEC3 than are computed.", do: "The owner has to set 0 iterations (RFC 9276)."},
		{word: "denied", text: "allow or deny in [dns] forbids the lookup.", do: "Permit the domain there, if the lookup is wanted."},
	}},
	{"BOGUS", []verdictWord{
		{word: "bogus", text: "mode ad-only: the resolver reports that validation failed.", do: "Use mode validate to learn why."},
		{word: "missing-signature", text: "a signed zone answered without signatures.", do: "See whether the zone is signed, and whether a server or forwarder drops records."},
		{word: "bad-signature", text: "a signature does not match data and key.", do: "The owner has to sign the zone again; all its servers must serve one version."},
		{word: "signature-expired", text: "a signature is out of date.", do: "The owner has to sign again: signing stopped, or a secondary is stale."},
		{word: "signature-not-yet-valid", text: "a signature begins in the future.", do: "See the clocks of the signer and of this machine."},
		{word: "signature-times-inverted", text: "a signature ends before it begins.", do: "The owner has to sign again."},
		{word: "bad-signer", text: "signed by a zone that may not sign this.", do: "The owner has to mend the zone."},
		{word: "bad-labels", text: "the number of labels in a signature is impossible.", do: "The owner has to sign again."},
		{word: "missing-key", text: "no key of the zone matches the signature, or the DS record in the parent.", do: "The owner has to have the DS record changed, or the old key back: a rollover went wrong."},
		{word: "revoked-key", text: "the key that the DS record names is revoked.", do: "The owner has to have the DS record changed."},
		{word: "not-a-zone-key", text: "the key that the DS record names may not sign a zone.", do: "The owner has to have the DS record changed."},
		{word: "missing-denial", text: "absence is not proven.", do: "The owner has to sign again; a server or forwarder that drops NSEC records is another cause."},
		{word: "bad-denial", text: "the proof of absence is contradicted, or not allowed here.", do: "The owner has to sign again."},
		{word: "wildcard-not-proven", text: "the answer is from a wildcard, and nothing proves that the name itself does not exist.", do: "The owner has to sign again; a forwarder that drops NSEC records is another cause."},
		{word: "bad-alias", text: "an alias that its DNAME does not make, or a wildcard DNAME.", do: "The owner has to mend the zone."},
		{word: "not-a-zone", text: "signed by a name that is no zone.", do: "The owner has to mend the zone."},
	}},
}

// signingCodes are the words in the log why a message is not signed, by class.
var signingCodes = []struct{ class, word, text, do string }{
	{"no-rule", "no-rule", "no rule names this From.", "Nothing, or write a [[sign.rule]]."},
	{"no-rule", "no-from", "there is no From, and no rule names the submitter.", "Have the program write a From."},
	{"not-allowed", "from-not-allowed", "a rule names this From, and none permits it to this submitter.", "Add the submitter to who, where he may use it."},
	{"not-allowed", "submitter-not-allowed", "a rule names this submitter, and none permits this From.", "Add the address to from, where he may use it."},
	{"not-allowed", "sender-not-allowed", "Sender or a Resent field has an address that a rule names and does not permit.", "Have the program leave the field out, or permit the address."},
	{"not-allowed", "bad-from", "From cannot be read, and mail readers may show an address of a rule.", "Have the program write a From that RFC 5322 permits."},
	{"not-allowed", "several-from", "more than one author, one of them of a rule.", "Have each author send alone."},
	{"not-allowed", "local-part-case", "the local part is written in another case than the address that may be used.", "Write it as the rule does."},
	{"key-not-published", "record-absent", "the signer's own record is missing.", "Publish it: dnseal-identity-publish(1)."},
	{"key-not-published", "record-mismatch", "the signer's own record is for another key, or there is none for the ML-DSA key that signs beside.", "Publish the record of the key here; after a change of keys wait for the old one's TTL."},
	{"sign-failed", "no-identity", "there is no such identity.", "Make it: dnseal-identity-new(1)."},
	{"malformed", "ambiguous", "mail readers interpret a field of the message differently; the log names it.", "Mend the program that writes it."},
	{"malformed", "not-transit-proof", "a part would not survive transit, and may not be changed.", "Take refuse-opaque out of the rule, or have the part sent otherwise."},
	{"malformed", "limit:WORD", "over a limit: parts, depth, header, content-fields.", "Have the message made simpler."},
	{"not-encrypted", "no-record", "a recipient to whom a route encrypts publishes no key.", "Ask the recipient to publish one, or let the route say if-possible."},
	{"not-encrypted", "unusable-records", "the recipient's records hold no key that can be encrypted to; the log says why of each.", "Ask the recipient to publish a usable one."},
	{"not-encrypted", "no-ml-kem-key", "the recipient has keys, and the profile of the route is pq.", "Use another profile, or ask for such a key."},
	{"not-encrypted", "insecure", "the recipient's zone is not signed.", "Ask the recipient to sign the zone."},
	{"not-encrypted", "denied", "dns.allow or dns.deny does not permit to look the recipient up.", "Permit the domain there."},
	{"not-encrypted", "bad-address", "the recipient is no address, or one that can have no record.", "Have the address corrected."},
	{"not-encrypted", "bogus", "what came of the recipient's zone does not validate; deferred, as with every other cause that keeps a key from being looked up.", "Tell the owner of the zone; dnseal-lookup(1) shows where."},
	{"not-encrypted", "undecided", "no time was left to judge the recipient's records; deferred.", "Nothing, if it is rare; else raise timeouts.handle."},
	{"not-encrypted", "one-form", "the recipients need different encryptions, and a milter has one message for all.", "Use the relay, or have two messages sent."},
	{"not-encrypted", "too-many-encryptions", "more than 100 recipients who are not in To or Cc.", "Send to fewer at once."},
	{"not-encrypted", "encrypt-failed", "the message could not be encrypted; deferred.", "Look at the log."},
	{"internal-error", "self-check", "the signed message does not verify; it was not sent.", "Report it with the log: a fault of dnseal."},
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
.PP
The reply to the sender says what kind of trouble it is and what to do about it, by the class, and never the cause,
which is in the log under the code. [reply\-text] in
.BR dnseal.toml (5)
has other words for a class.
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

// told is what an entry says, and after an arrow what to do, in roff.
func told(text, do string) string {
	if do == "" {
		return roff(text)
	}
	return roff(text) + "\n.br\n\\(-> " + roff(do)
}

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
decide what is done with the message. After the arrow stands what to do.
.SH VERDICTS
`, manDate)
	for _, v := range verdicts {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(v.word), roff(v.text))
	}
	for _, q := range verdictCodes {
		fmt.Fprintf(&b, ".SH \"CODES: %s\"\n", q.question)
		for _, c := range q.codes {
			class := cmp.Or(receiver.ClassOf(c.verdict, receiver.Code(c.word)), "no class")
			fmt.Fprintf(&b, ".TP\n.BR %s \" [%s, %s]\"\n%s\n", roff(c.word), c.verdict, roff(string(class)), told(c.text, c.do))
		}
	}
	for _, causes := range dnsCauses {
		fmt.Fprintf(&b, ".SH \"CAUSES IN THE DNS: %s\"\n", causes.heading)
		for _, c := range causes.words {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(c.word), told(c.text, c.do))
		}
	}
	b.WriteString(encryptedText)
	b.WriteString(actionsText)
	b.WriteString(".SH SIGNING\nCodes in the log of mail that was not signed, with their class. " +
		"The result of a listener that only observes begins with observe:, as in observe:signed and observe:not\\-allowed.\n" +
		".BR dnseal-check (1)\nwith --as tells what would happen to a message.\n")
	for _, c := range signingCodes {
		fmt.Fprintf(&b, ".TP\n.BR %s \" [%s]\"\n%s\n", roff(c.word), roff(c.class), told(c.text, c.do))
	}
	writeChanges(&b)
	b.WriteString(".SH SEE ALSO\n.BR dnseal-verify (1),\n.BR dnseal-explain (1),\n.BR dnseal-lookup (1),\n.BR dnseal.toml (5)\n")
	return b.String()
}
