package undo

// step undoes one kind of change.
type step struct {
	// usual are the forms that most programs make, which are also tried together with other steps;
	// rest are others.
	usual, rest generator
	again       bool // may be undone twice, in two parts
}

// steps are in the order in which changes are undone.
var steps = []step{
	{usual: addedCRs, rest: otherLineEnds},
	{usual: links, rest: none, again: true},
	{usual: footers, rest: otherFooters, again: true},
	{usual: banners, rest: otherBanners, again: true},
	{usual: fieldsAdded, rest: oneFieldAdded},
	{usual: fromLines, rest: someFromLines},
	{usual: trailingSpace, rest: oneBlank},
	{usual: longLines, rest: otherLongLines},
	{usual: dots, rest: someDots},
	{usual: delimiterLines, rest: someDelimiterLines},
	{usual: fieldsRemoved, rest: someFieldsRemoved},
	{usual: labels, rest: otherLabels},
	{usual: reencodings, rest: otherReencodings},
	{usual: base64Lines, rest: otherBase64Lines},
	{usual: quotedPrintable, rest: otherQuotedPrintable},
	{usual: spacing, rest: otherSpacing},
	{usual: folding, rest: otherFolding},
	{usual: quoting, rest: otherQuoting},
	{usual: fieldCase, rest: otherFieldCase},
	{usual: preambles, rest: otherPreambles},
	{usual: finalLines, rest: moreFinalLines},
	{usual: signedLF, rest: none},
}

// rebuilding are the steps of programs that read a message and write it anew.
var rebuilding = []step{
	{usual: finalLines},
	{usual: delimiterLines},
	{usual: base64Lines},
	{usual: quotedPrintable},
	{usual: reencodings},
	{usual: spacing},
	{usual: folding},
	{usual: quoting},
}

// frequent are the steps of which three are tried together.
var frequent = []step{
	{usual: links, again: true},
	{usual: footers, again: true},
	{usual: banners, again: true},
	{usual: fieldsAdded},
	{usual: fromLines},
	{usual: trailingSpace},
	{usual: longLines},
	{usual: dots},
	{usual: delimiterLines},
	{usual: reencodings},
	{usual: base64Lines},
	{usual: quotedPrintable},
	{usual: folding},
	{usual: quoting},
	{usual: finalLines},
	{usual: signedLF},
}
