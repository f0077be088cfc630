package undo

// Change names a transformation of mail systems.
type Change string

// Changes that are found by undoing them.
const (
	// ChangeLineEnds: LF and CRLF exchanged, or a CR added to line ends
	ChangeLineEnds  Change = "line-ends"
	ChangeFinalLine Change = "final-line" // line ends at the very end removed or added
	// ChangeFrom: a ">" put before lines that begin with "From ", or with ">" and that, or removed
	ChangeFrom     Change = "from-quoting"
	ChangeTrailing Change = "trailing-space" // white space at the end of lines removed or added
	// ChangeLongLine: a line break, also with a space or Sendmail's "!", put into a long line
	ChangeLongLine Change = "long-line"
	ChangeDots     Change = "dots"   // a dot at the start of lines doubled or lost
	ChangeFooter   Change = "footer" // text put at the end of a part, in HTML before </body>
	ChangeBanner   Change = "banner" // text put at the start of a part, in HTML after <body>
	ChangeLinks    Change = "links"  // links replaced by those of a service that checks them
	ChangeFolding  Change = "header-folding"
	// ChangeQuoting: quotes around the value of a parameter put there or taken away
	ChangeQuoting Change = "header-quoting"
	// ChangeSpacing: white space after the colon of a field of a part header
	ChangeSpacing      Change = "header-space"
	ChangeFieldAdded   Change = "header-added"   // a field added to a part header
	ChangeFieldRemoved Change = "header-removed" // fields of the signed part's header left out
	// ChangeFieldCase: field names of a part header written otherwise
	ChangeFieldCase Change = "header-case"
	ChangeReencoded Change = "transfer-encoding" // a part transferred in another encoding
	// ChangeLabel: only the Content-Transfer-Encoding field, such as 8bit and 7bit
	ChangeLabel Change = "encoding-label"
	// ChangeSoftBreaks: quoted-printable with other soft line breaks
	ChangeSoftBreaks Change = "soft-line-breaks"
	ChangeEscapes    Change = "quoted-printable-hex" // =C3 and =c3 exchanged
	// ChangeQuotedPrintable: quoted-printable with other characters escaped
	ChangeQuotedPrintable Change = "quoted-printable-rewritten"
	ChangeBase64Lines     Change = "base64-lines" // base64 in lines of another length
	// ChangeDelimiter: an empty line after the closing delimiter of a multipart added or removed
	ChangeDelimiter Change = "delimiter-line"
	// ChangePreamble: the text before the first part of a multipart, or after the last
	ChangePreamble Change = "preamble"
	// ChangeWrapped: nothing in the content: it was put into another message
	ChangeWrapped Change = "wrapped"
)
