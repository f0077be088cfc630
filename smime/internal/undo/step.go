package undo

// step undoes one kind of change.
type step struct {
	// usual are the forms that most programs make, which are also tried together with other steps;
	// rest are others.
	usual, rest generator
	again       bool // may be undone twice, in two parts
	most        int  // how many of the usual forms are undone before two more are; 0 for all
}

// steps are in the order in which changes are undone.
var steps = []step{
	{usual: addedCRs, rest: otherLineEnds},
	{usual: links, rest: otherLinks},
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
	{usual: fromLines, rest: none}, // quoted before it was encoded again
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
	{usual: reencodings, again: true}, // Python encodes 8-bit parts by their charsets
	{usual: spacing},
	{usual: folding},
	{usual: quoting},
}

// frequent are the steps of which three are tried together.
var frequent = []step{
	{usual: links, most: 2},
	{usual: footers, again: true, most: 2},
	{usual: banners, again: true, most: 2},
	{usual: fieldsAdded, most: 2},
	{usual: fromLines, most: 5},
	{usual: trailingSpace, most: 2},
	{usual: longLines, most: 2},
	{usual: dots, most: 2},
	{usual: delimiterLines, most: 2},
	{usual: reencodings, most: 10},
	{usual: fromLines, most: 2}, // quoted before it was encoded again
	{usual: base64Lines, most: 3},
	{usual: quotedPrintable, most: 4},
	{usual: folding, most: 4},
	{usual: quoting, most: 2},
	{usual: finalLines, most: 2},
	{usual: signedLF},
}
