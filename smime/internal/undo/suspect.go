package undo

import (
	"bytes"
	"context"
	"crypto"
	"hash"
	"slices"

	"dnseal/smime/internal/entity"
)

// suspect is signed content that was changed on the way, and what is known of the original: its
// digest.
type suspect struct {
	ctx    context.Context
	text   []byte
	root   *entity.Part // of text
	hash   crypto.Hash
	digest []byte
	// change and sentence say what was undone when the digest matched; original is the content
	// then, or nil where it was not kept.
	change   Change
	sentence string
	also     []Change // changes that had to be undone as well
	original []byte
	spent    int64 // octets hashed
}

// maxWork bounds the octets hashed for one signature.
const maxWork = 2 << 30

// tryOriginal reports whether the segments, joined, have the digest that was signed (RFC 5652,
// Section 5.4), and records what was undone then.
func (x *suspect) tryOriginal(change Change, sentence string, segments ...[]byte) bool {
	if x.spent > maxWork {
		return false
	}
	h := x.hash.New()
	for _, s := range segments {
		h.Write(s)
		x.spent += int64(len(s))
	}
	if !x.matches(h, change, sentence) {
		return false
	}
	x.original = bytes.Join(segments, nil)
	return true
}

func (x *suspect) matches(h hash.Hash, change Change, sentence string) bool {
	if !bytes.Equal(h.Sum(nil), x.digest) {
		return false
	}
	x.change, x.sentence = change, sentence
	return true
}

// splice replaces a range of the text.
type splice struct {
	off, end int64
	with     []byte
}

// trySpliced is tryOriginal for the text with some ranges replaced.
func (x *suspect) trySpliced(change Change, sentence string, splices ...splice) bool {
	return x.tryOriginal(change, sentence, segments(x.text, splices)...)
}

// segments are the pieces of a text with some ranges replaced.
func segments(text []byte, splices []splice) [][]byte {
	slices.SortFunc(splices, func(a, b splice) int { return int(a.off - b.off) })
	var out [][]byte
	at := int64(0)
	for _, s := range splices {
		out = append(out, text[at:s.off], s.with)
		at = s.end
	}
	return append(out, text[at:])
}

// splicedText is a text with some ranges replaced.
func splicedText(text []byte, splices []splice) []byte {
	return bytes.Join(segments(text, splices), nil)
}

// parts returns the parts of the content for which pass is true, in order.
func (x *suspect) parts(pass func(*entity.Part) bool) []*entity.Part {
	var found []*entity.Part
	var walk func(*entity.Part)
	walk = func(p *entity.Part) {
		if pass(p) {
			found = append(found, p)
		}
		for _, k := range p.Kids {
			walk(k)
		}
	}
	walk(x.root)
	return found
}

// sets returns all parts together, and each by itself where there are several: relays change all
// of a kind, mailing lists only one.
func (x *suspect) sets(pass func(*entity.Part) bool) [][]*entity.Part {
	all := x.parts(pass)
	if len(all) == 0 {
		return nil
	}
	sets := [][]*entity.Part{all}
	if len(all) > 1 {
		for _, p := range all[:min(len(all), maxSingles)] {
			sets = append(sets, []*entity.Part{p})
		}
	}
	return sets
}

// maxSingles bounds how many parts are tried one by one.
const maxSingles = 20

func (x *suspect) body(p *entity.Part) []byte { return x.text[p.Body:max(p.Body, p.End)] }

// bodySplice replaces the body of p.
func bodySplice(p *entity.Part, with []byte) splice { return splice{p.Body, max(p.Body, p.End), with} }
