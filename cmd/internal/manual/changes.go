package manual

import (
	"fmt"
	"strings"

	"dnseal/smime"
)

// changes are the words of explain for what was done to a message.
var changes = []struct {
	word smime.Change
	text string
}{
	{smime.ChangeLineEnds, "LF and CRLF were exchanged, or a CR was added to line ends."},
	{smime.ChangeFinalLine, "line breaks at the very end were removed or added."},
	{smime.ChangeFrom, `a ">" was put before lines that begin with "From ", or with ">" and that, as mailboxes do: before all or some; or removed.`},
	{smime.ChangeTrailing, "white space at the end of lines was removed or added."},
	{smime.ChangeLongLine, `a long line was broken, with a space at the start of the next one, or with Sendmail's "!".`},
	{smime.ChangeDots, "a dot at the start of lines was doubled or lost."},
	{smime.ChangeFooter, "text was put at the end of a part, in HTML before </body>."},
	{smime.ChangeBanner, "text was put at the start of a part, in HTML after <body>."},
	{smime.ChangeLinks, "links were replaced by those of a service that checks them, which is named by their form: Microsoft Safe Links, Proofpoint, Mimecast, Barracuda, Cisco, Sophos, Trend Micro, Trellix, Symantec, Google and others. " +
		"In JSON it is only \"suspected\" where the links cannot be put back, so that nothing proves it."},
	{smime.ChangeFolding, "fields in the header of a part were folded or unfolded."},
	{smime.ChangeQuoting, "quotation marks around parameters in the header of a part were added or removed."},
	{smime.ChangeSpacing, "white space after the colon of fields in the header of a part was changed."},
	{smime.ChangeFieldAdded, "a field was added to the header of a part."},
	{smime.ChangeFieldRemoved, "fields of the signed part's header, which repeat the outer ones, were left out."},
	{smime.ChangeFieldCase, "field names in the header of a part were written in another case."},
	{smime.ChangeReencoded, "a part was given another transfer encoding."},
	{smime.ChangeLabel, "only the Content-Transfer-Encoding field was changed, such as 8bit to 7bit."},
	{smime.ChangeSoftBreaks, "the soft line breaks of quoted-printable were moved, added or removed."},
	{smime.ChangeEscapes, "the escapes of quoted-printable were written in another case."},
	{smime.ChangeQuotedPrintable, "quoted-printable was written anew, with other characters escaped."},
	{smime.ChangeBase64Lines, "base64 was wrapped in lines of another length."},
	{smime.ChangeDelimiter, "an empty line after the closing delimiter of a multipart inside was added or removed."},
	{smime.ChangePreamble, "the text before the first part of a multipart inside, or after the last, was added or removed."},
	{smime.ChangeWrapped, "nothing inside: the signed message was put into another one."},
	{smime.ChangeSignatureRemoved, "the signature part was taken out."},
	{smime.ChangeSignatureRenamed, "the signature part has another type or name."},
	{smime.ChangeCut, "the message ends before its last boundary."},
	{smime.ChangePartAdded, "parts were added next to the signed one and its signature."},
	{smime.ChangeRelabelled, "the type of S/MIME was replaced by another."},
	{smime.ChangeRebuilt, "another multipart was made of the parts."},
	{smime.ChangeHeader, "the signature holds; header fields are not as they were signed."},
	{smime.ChangeWordsDecoded, "the same: their encoded words were decoded."},
}

// writeChanges writes the section about the words of explain.
func writeChanges(b *strings.Builder) {
	b.WriteString(".SH CHANGES\nWords of\n.BR dnseal-explain (1)\nfor what was done to a message. Several are given where several had to be undone.\n")
	for _, c := range changes {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(string(c.word)), roff(c.text))
	}
}
