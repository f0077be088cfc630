package smime

// Changes that Explain knows. Each is found by undoing it.
const (
	ChangeLineEnds  = "line-ends"      // LF and CRLF exchanged
	ChangeFinalLine = "final-line"     // line ends at the very end removed or added
	ChangeFrom      = "from-quoting"   // "From " at the start of a line became ">From "
	ChangeTrailing  = "trailing-space" // white space at the end of lines removed or added
	ChangeLongLine  = "long-line"      // CR LF SP put into a line of more than 998 octets
	ChangeFooter    = "footer"         // text appended to a part
	ChangeFolding   = "header-folding" // fields of a part header folded or unfolded
	// quotes around the value of a parameter put there or taken away
	ChangeQuoting     = "header-quoting"
	ChangeFieldAdded  = "header-added"         // a field added to a part header
	ChangeFieldCase   = "header-case"          // field names of a part header written otherwise
	ChangeReencoded   = "transfer-encoding"    // a part transferred in another encoding
	ChangeSoftBreaks  = "soft-line-breaks"     // quoted-printable with other soft line breaks
	ChangeEscapes     = "quoted-printable-hex" // =C3 and =c3 exchanged
	ChangeBase64Lines = "base64-lines"         // base64 in lines of another length
	// nothing in the content: it was put into another message
	ChangeWrapped = "wrapped"
)
