package manual

import (
	"fmt"
	"strings"
)

// field is one field of a line of evidence.
type field struct{ name, meaning string }

// evidenceLines are the kinds of lines of a file of evidence, in their usual order, with their
// fields.
var evidenceLines = []struct {
	name, meaning string
	fields        []field
}{
	{"header", "The first line. It has its fields at the top level, and no other line has dnseal-evidence.", []field{
		{"dnseal-evidence", "the version of the form: 1. A reader refuses others."},
		{"writer", "the program that wrote the file, and its version."},
		{"created", "when the file was begun."},
	}},
	{"anchors", "The trust anchors that were in force: a list of strings, each a DS record in zone-file form, keys by their SHA-256 digest. A reader has its own, and uses these only to say why a chain does not hold.", nil},
	{"policy", "What messages were judged by in addition to the DNS. A reader applies its own, and uses this only to say what is different.", []field{
		{"saved", "true for saved mail, whose record may have been published when it came; left out for mail as it arrived."},
		{"domains", "left out where there are none, or a list of security domains in their order, each with"},
		{"names", "the patterns of domains,"},
		{"require", "what mail From them must have: nothing (or left out), signature or protected,"},
		{"devices", "left out, or an object whose keys are patterns of devices, each with a list of the patterns of addresses that these may use."},
		{"pkix_roots", "left out where there are none, or the SHA-256 digests of the certificates of pkix-roots (DER), sorted."},
	}},
	{"set", "One RRset with its signatures.", []field{
		{"name", "the name in the question that the set is an answer to, or a part of one, in zone-file form, in lower case and with a dot at its end. NSEC and NSEC3 records deny that question."},
		{"type", "its type, such as SMIMEA, TLSA, DNSKEY or DS."},
		{"wire", "the records and then their RRSIG records, in wire form without compression (RFC 1035, Section 3.2.1), in base64 (RFC 4648, Section 4). Those of signed sets have their original TTL."},
	}},
	{"lookup", "The answer to one question. All wire forms of its sets in a row are an AuthenticationChain (RFC 9102, Section 2.3).", []field{
		{"name", "the owner name that was asked for, in the same form."},
		{"type", "SMIMEA or TLSA."},
		{"at", "when the resolver answered."},
		{"status", "what was found then: secure, insecure, bogus or indeterminate."},
		{"code", "the cause, where it is not secure, else empty: dnseal-verdicts(7)."},
		{"rcode", "the response code of DNS: 0, or 3 for a name that does not exist."},
		{"sets", "the hashes of the lines of all sets that the status rests on: what was asked for or denies it, then DNSKEY and DS up to the root. An answer that was not validated has none."},
	}},
	{"message", "What was found out about one message. Messages without a signature are not in a file.", []field{
		{"sha256", "the SHA-256 of the whole message, with CR LF as line ends, after the last line also where the file has none. The relay and the milter leave it out for messages of 64 KiB and more: what is delivered has more fields."},
		{"size", "how many octets that is over."},
		{"signatures", "the SHA-256 digests of the CMS objects (RFC 5652) that hold its signatures: the bodies of the signature parts after their transfer encoding is undone. By these a message is found again, whatever fields mail systems have added."},
		{"message_id", "the field Message-ID, for people."},
		{"from", "the outer From address, for people."},
		{"checked_at", "when the message was checked."},
		{"verdict", "the verdict of then, and"},
		{"code", "its code, which may be empty: dnseal-verdicts(7)."},
		{"lookups", "the hashes of the lines of all lookups that the verdict rests on; none where it needed none, because the signature is wrong."},
		{"anchors", "the hash of the line of the anchors."},
		{"policy", "the hash of the line of the policy."},
	}},
	{"seal", "The last line of a complete file.", []field{
		{"sha256", "the SHA-256 of all octets of the file before this line."},
		{"messages", "the number of message lines."},
		{"sealed", "when the file was sealed. No signature covers it: a witness proves a time of its own."},
		{"token", "left out, or a time-stamp token (RFC 3161) in DER, in base64, whose message imprint is the SHA-256 of those octets."},
		{"signature", "left out, or a detached CMS signature (RFC 5652) over those octets, in DER, in base64, by one signer, with its certificate, and with the signed attributes signingTime (RFC 5652, Section 11.3) and signingCertificateV2 (RFC 5035)."},
		{"lookup", "left out, or the hash of the line of the lookup of the signer's own records, which no message needs to have. They must match the certificate in the signature, whose name they are the records of, as of when it signed."},
	}},
}

// evidencePage is dnseal-evidence(5) in roff: the form of files of evidence, for those who read or
// write them with other programs.
func evidencePage() string {
	var b strings.Builder
	fmt.Fprintf(&b, `.TH DNSEAL-EVIDENCE 5 %q dnseal
`+ragged+`.SH NAME
dnseal\-evidence \- files of evidence: what verdicts rested on
.SH DESCRIPTION
.BR dnseal-verify (1)
with \-\-save\-evidence, and the relay and the milter with [evidence] dir in
.BR dnseal.toml (5),
keep what their verdicts rested on: chains of DNSSEC signatures, proofs of absence included, with trust anchors, policy, time and the digests of the messages. dnseal verify \-\-evidence gives the same verdicts by that, without a network, when keys and records are long gone. This page is enough to write another reader.
.SH LINES
A file has the extension .evidence; the name before that means nothing, and one that begins with a dot is still being written. It is text in UTF\-8: lines that end with LF, each one JSON object (RFC 8259) without spaces between its tokens. A line has at most 1,048,576 octets, a lookup at most 200 sets of 1,048,576 octets together, a message at most 100 signatures and 200 lookups. Times are those of RFC 3339, in UTC, with fractions of a second or without. Digests are in hexadecimal, in lower case.
.PP
Every line but the first has one key, which names its kind, with the fields below it, and then
.BR sum ;
of anchors the key has a list. The order of fields is the one here.
A reader passes over kinds and fields that it does not know.
.PP
The
.I hash
of a line is the SHA\-256 of its octets without the LF. By it a line refers to another one, which stands somewhere before it, once in the file. It cannot refer to a later one: the hash of a line depends, by its
.BR sum ,
on all lines before it.
.PP
.B sum
is the last field of every line: 32 hexadecimal digits, the first 16 octets of the SHA\-256 of the 32 digits in the line before (of nothing, in the first line) followed by the octets of this line up to, and without, the comma before "sum". So a line that was changed, added or taken out is found with its number, also in a file without a seal.
.PP
A file without a seal is incomplete: its writer is still at work, or was stopped. Its last line may end before its LF; it is then left out. Nothing follows a seal.
`, manDate)
	for _, l := range evidenceLines {
		fmt.Fprintf(&b, ".SH %q\n%s\n", "LINE: "+l.name, roff(l.meaning))
		for _, f := range l.fields {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(f.name), roff(f.meaning))
		}
	}
	b.WriteString(`.SH VERIFICATION
A reader believes nothing in a file that it does not prove:
.IP 1. 3
Check the version, each sum and, where there is one, the seal: its digest and its number of messages. Use nothing of a file in which one is wrong.
.IP 2. 3
Find the message by the digest of one of its signatures. Say whether the digest of the whole message is the same, too. Of several lines take the one of the time that is asked for, else the earliest; but one without lookups last, unless its message is the same octet for octet: anybody can send a changed copy first.
.IP 3. 3
Validate each lookup from its sets (RFC 9102, Section 6; RFC 4035, Section 5) from trust anchors of your own that were valid at the time of the lookup, as of that time. Records that no signature holds for are not secure, whatever status says. It must be no more than 25 hours older than the check of its message and no more than 5 minutes later, and its signatures must have held at both times, give or take 5 minutes at the check. What the verdict needs and no lookup of the message answers could not be told: that is never a pass. Signatures hold for days in advance, and prove nothing about a time that is still to come: refuse a check in the future.
.IP 4. 3
Verify the message as if it had just come, by these answers and your own policy. Where the verdict is another one than the file says, say so.
.IP 5. 3
Say what proves the time: the token, checked by roots of your own as of its genTime; the signature of the seal; or nothing but the word of the file. Where one of the two holds and the other does not, say that, too. The time of a token is its genTime, that of a signature its signingTime, which is signed: refuse a signature where
.B sealed
is more than 5 minutes away from that, or the lookup of its signer more than 25 hours older or 5 minutes younger. A token or a signature that is more than 5 minutes older than the check of a message, by the word of the file, proves nothing about that. Where you judge as of a time at which the message was not checked, say so: what was published or withdrawn in between is not in the file.
.SH LIMITATIONS
Whoever gets the keys of a zone later can make evidence of earlier times, and whoever gets the key that signs seals can sign for any time: only a time stamp that is older than that helps.
.PP
dnseal does not ask whether the certificate of a time\-stamping authority was revoked: neither CRLs nor OCSP. Where you learn that the key of an authority was stolen, take its root out of the file for \-\-timestamp\-roots; its tokens then prove nothing any more.
.SH EXAMPLE
Check the seal of a file with the programs of a usual system:
.PP
.nf
`)
	b.WriteString(roff(`  head -n -1 2026-11-29.evidence | sha256sum
  tail -n 1 2026-11-29.evidence | jq -r .seal.sha256
  head -n -1 2026-11-29.evidence >content
  tail -n 1 2026-11-29.evidence | jq -r .seal.token | base64 -d >token
  openssl ts -verify -token_in -in token -data content -CAfile roots.pem
`))
	b.WriteString("\n.fi\n.SH SEE ALSO\n.BR dnseal-verify (1),\n.BR dnseal-explain (1),\n.BR dnseal.toml (5),\n.BR dnseal-verdicts (7)\n")
	return b.String()
}
