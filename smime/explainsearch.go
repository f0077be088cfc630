package smime

import (
	"bytes"
	"context"
	"io"
	"slices"

	"dnseal/smime/internal/undo"
)

// searches are those for what the contents of one message were. Together they cost what one may.
type searches struct {
	budget undo.Budget
	done   []searched
}

// searched is what was found out about the content of s.
type searched struct {
	s     *Signature
	found undo.Found
}

// find undoes what mail systems do to the content of s. What is known of the same content by
// another signer is not searched for again.
func (x *searches) find(ctx context.Context, s *Signature) (undo.Found, error) {
	for _, d := range x.done {
		if d.holds(s) {
			return d.found, nil
		}
	}
	if slices.ContainsFunc(x.done, func(d searched) bool { return onSameContent(d.s, s) }) {
		x.budget.Searches++ // it was counted with the first
	}
	text := make([]byte, s.size)
	if _, err := io.ReadFull(io.NewSectionReader(s.content, s.off, s.size), text); err != nil {
		return undo.Found{}, err
	}
	found, err := undo.Find(ctx, undo.Content{Text: text, Hash: s.info.DigestAlgorithm, Digest: s.info.MessageDigest, Outer: s.outer, Budget: &x.budget})
	if err == nil {
		x.done = append(x.done, searched{s, found})
	}
	return found, err
}

// holds reports whether the result is that for s, too: the content is the same, and so is its
// digest, or the one of the original.
func (d searched) holds(s *Signature) bool {
	if !onSameContent(d.s, s) {
		return false
	}
	if d.s.info.DigestAlgorithm == s.info.DigestAlgorithm {
		return bytes.Equal(d.s.info.MessageDigest, s.info.MessageDigest)
	}
	if d.found.Original == nil {
		return false
	}
	h := s.info.DigestAlgorithm.New()
	h.Write(d.found.Original)
	return bytes.Equal(h.Sum(nil), s.info.MessageDigest)
}

// searchable reports whether the content of s was changed and may be searched for.
func searchable(s *Signature) bool { return s.Code == CodeBadDigest && s.size <= maxExplained }

func onSameContent(a, b *Signature) bool {
	return a.content == b.content && a.off == b.off && a.size == b.size
}

// expect counts the contents that are to be searched for.
func (x *searches) expect(sigs []*Signature) {
	for i, s := range sigs {
		first := !slices.ContainsFunc(sigs[:i], func(o *Signature) bool { return searchable(o) && onSameContent(o, s) })
		if first && searchable(s) {
			x.budget.Searches++
		}
	}
}
