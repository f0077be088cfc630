package undo

import (
	"bytes"
	"context"
	"crypto"

	"dnseal/smime/internal/entity"
)

// undoings are tried in this order: what is frequent and cheap first.
var undoings = []func(*suspect) bool{
	undoLineEnds, undoFinalLine, undoFrom, undoLongLines, undoTrailing, undoReencoding, undoEscapes, undoSoftBreaks,
	undoBase64Lines, undoFolding, undoQuoting, undoFieldCase, undoFieldAdded, undoFooter,
	undoOneBlank, undoSeveral,
}

// Found is what was undone.
type Found struct {
	// Change and Also name the transformations; Change is "" where none was found.
	Change   Change
	Also     []Change
	Sentence string
	// Original is the content as it was signed, or nil where it was not kept.
	Original []byte
}

// Find tries one transformation after the other until the digest of text is the one that was
// signed. hash and digest are those of the signature's message-digest attribute (RFC 5652, Section
// 11.2). text is held in memory several times over: the caller bounds it. Errors: the context's,
// and *entity.LimitError from reading text as MIME (RFC 8551, Section 3.1: that is what is signed).
func Find(ctx context.Context, text []byte, hash crypto.Hash, digest []byte) (Found, error) {
	root, err := entity.WalkEntity(ctx, bytes.NewReader(text), int64(len(text)), "")
	if err != nil {
		return Found{}, err
	}
	x := &suspect{ctx: ctx, text: text, root: root, digest: digest, hash: hash}
	for _, undo := range undoings {
		if err := ctx.Err(); err != nil {
			return Found{}, err
		}
		if undo(x) {
			return Found{x.change, x.also, x.sentence, x.original}, nil
		}
	}
	return Found{Sentence: "The content was changed, but in none of the ways in which mail systems are known to change it."}, nil
}
