package undo

import (
	"context"
	"crypto"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// Content is signed content as it came, and what is known of it as it was signed.
type Content struct {
	Text []byte
	// Hash and Digest are those of the signature's message-digest attribute (RFC 5652, Section
	// 11.2).
	Hash   crypto.Hash
	Digest []byte
	// Outer is the header around the signed part, which its own header may have repeated.
	Outer []message.Field
	// Budget is that of the message; nil: one for this content alone.
	Budget *Budget
}

// Found is what was undone.
type Found struct {
	// Change and Also name the transformations; Change is "" where none was found.
	Change   Change
	Also     []Change
	Sentence string
	// Suspected is a change that the content shows but that cannot be undone, so that nothing
	// proves it; "" where Change is given.
	Suspected Change
	// Original is the content as it was signed, or nil where it was not found.
	Original []byte
}

// Find tries one transformation after the other, and then several together, until the digest of the
// content is the one that was signed. The text is held in memory several times over: the caller
// bounds it. Errors: the context's, and *entity.LimitError from reading the text as MIME (RFC 8551,
// Section 3.1: that is what is signed).
func Find(ctx context.Context, in Content) (Found, error) {
	b := newBudget(len(in.Text))
	if in.Budget == nil {
		return find(ctx, &in, b)
	}
	b.limit = in.Budget.share(b.limit)
	defer func() { in.Budget.spent += b.spent }()
	return find(ctx, &in, b)
}

func find(ctx context.Context, in *Content, b *budget) (Found, error) {
	x, err := newSuspect(ctx, in, in.Text, b)
	if err != nil {
		return Found{}, err
	}
	f := finding{}
	found := slices.ContainsFunc(phases(), func(search phase) bool { return x.open() && search(x, &f) })
	if err := ctx.Err(); err != nil && !found {
		return Found{}, err
	}
	if found {
		return f.found(), nil
	}
	return x.unexplained(), nil
}

// finding is a chain of changes, the last that happened first.
type finding struct {
	candidates []candidate
	original   []byte
}

func (f *finding) found() Found {
	out := Found{Original: f.original}
	var sentences []string
	for _, c := range f.candidates {
		change, sentence := c.named()
		switch {
		case out.Change == "":
			out.Change = change
		case change != out.Change && !slices.Contains(out.Also, change):
			out.Also = append(out.Also, change)
		}
		if !slices.Contains(sentences, sentence) {
			sentences = append(sentences, sentence)
		}
	}
	out.Sentence = strings.Join(sentences, " ")
	return out
}

const unknownChange = "The content was changed, but in none of the ways in which mail systems are known to change it."

// unexplained is for content of which no original was found.
func (x *suspect) unexplained() Found {
	names := x.linkServices()
	if names == "" {
		return Found{Sentence: unknownChange}
	}
	return Found{Suspected: ChangeLinks, Sentence: unknownChange + " It holds links in the form of " + names + ", which rewrites links in mail. " +
		"Links that were rewritten after the message was signed break its signature; that cannot be undone here, so it is not proven."}
}
