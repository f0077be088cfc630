package undo

// Change names a transformation of mail systems.
type Change string

// Changes that are found by undoing them.
const (
	ChangeLineEnds  Change = "line-ends"      // LF and CRLF exchanged
	ChangeFinalLine Change = "final-line"     // line ends at the very end removed or added
	ChangeFrom      Change = "from-quoting"   // "From " at the start of a line became ">From "
	ChangeTrailing  Change = "trailing-space" // white space at the end of lines removed or added
	ChangeLongLine  Change = "long-line"      // CR LF SP put into a line of more than 998 octets
	ChangeFooter    Change = "footer"         // text appended to a part
	ChangeFolding   Change = "header-folding" // fields of a part header folded or unfolded
	// ChangeQuoting: quotes around the value of a parameter put there or taken away
	ChangeQuoting    Change = "header-quoting"
	ChangeFieldAdded Change = "header-added" // a field added to a part header
	// ChangeFieldCase: field names of a part header written otherwise
	ChangeFieldCase Change = "header-case"
	ChangeReencoded Change = "transfer-encoding" // a part transferred in another encoding
	// ChangeSoftBreaks: quoted-printable with other soft line breaks
	ChangeSoftBreaks  Change = "soft-line-breaks"
	ChangeEscapes     Change = "quoted-printable-hex" // =C3 and =c3 exchanged
	ChangeBase64Lines Change = "base64-lines"         // base64 in lines of another length
	// ChangeWrapped: nothing in the content: it was put into another message
	ChangeWrapped Change = "wrapped"
)
