package undo

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash"
	"hash/maphash"

	"dnseal/smime/internal/entity"
)

// suspect is content that was changed on the way, as it came or with some changes undone.
type suspect struct {
	ctx     context.Context
	in      *Content
	text    []byte
	root    *entity.Part // of text
	budget  *budget
	marks   []hash.Hash // the hash of text up to every markEvery-th octet
	tried   map[uint64]struct{}
	decoded map[*entity.Part]decodedBody
}

type decodedBody struct {
	octets []byte
	ok     bool
}

// newSuspect reads text as MIME. Errors: as entity.WalkEntity.
func newSuspect(ctx context.Context, in *Content, text []byte, b *budget) (*suspect, error) {
	x := &suspect{ctx: ctx, in: in, text: text, budget: b, tried: map[uint64]struct{}{}, decoded: map[*entity.Part]decodedBody{}}
	b.spend(parsingCost*int64(len(text)) + attemptCost)
	var err error
	x.root, err = entity.WalkEntity(ctx, bytes.NewReader(text), int64(len(text)), "")
	return x, err
}

// open reports whether more may be tried.
func (x *suspect) open() bool { return !x.budget.exhausted() && x.ctx.Err() == nil }

// try reports whether the content of the candidate has the digest that was signed (RFC 5652,
// Section 5.4). What was tried before is not tried again.
func (x *suspect) try(c candidate) bool {
	x.budget.spend(spliceCost * int64(len(c.splices)))
	splices, ok := trimmed(x.text, c.splices)
	if !ok || len(splices) == 0 || x.again(splices) {
		return false
	}
	h, at := x.hashed(splices[0].off)
	for _, s := range splices {
		x.write(h, x.text[at:s.off])
		x.write(h, s.with)
		at = s.end
	}
	x.write(h, x.text[at:])
	x.budget.spend(attemptCost)
	return bytes.Equal(h.Sum(nil), x.in.Digest)
}

func (x *suspect) write(h hash.Hash, b []byte) {
	h.Write(b)
	x.budget.spend(int64(len(b)))
}

// maxTried bounds the memory for what was tried.
const maxTried = 1 << 17

var seed = maphash.MakeSeed()

// again reports whether the same was tried.
func (x *suspect) again(splices []splice) bool {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, s := range splices {
		var place [24]byte
		binary.BigEndian.PutUint64(place[:], uint64(s.off))
		binary.BigEndian.PutUint64(place[8:], uint64(s.end))
		binary.BigEndian.PutUint64(place[16:], uint64(len(s.with)))
		h.Write(place[:])
		h.Write(s.with)
		x.budget.copied(len(s.with))
	}
	sum := h.Sum64()
	if _, done := x.tried[sum]; done {
		x.budget.spend(attemptCost / 4)
		return true
	}
	if len(x.tried) < maxTried {
		x.tried[sum] = struct{}{}
	}
	return false
}

// maxMarks is how many states of the hash are kept, at least minMark octets apart.
const (
	maxMarks = 64
	minMark  = 4 << 10
)

// hashed is a hash of the text up to at, which is off or less.
func (x *suspect) hashed(off int64) (h hash.Hash, at int64) {
	every := max(minMark, int64(len(x.text)/maxMarks)+1)
	if x.marks == nil {
		x.marks = append(x.marks, x.in.Hash.New())
	}
	for n := int64(len(x.marks)); n <= off/every; n++ {
		next, ok := clone(x.marks[n-1])
		if !ok {
			break
		}
		x.write(next, x.text[(n-1)*every:n*every])
		x.marks = append(x.marks, next)
	}
	i := min(off/every, int64(len(x.marks))-1)
	if h, ok := clone(x.marks[i]); ok {
		return h, i * every
	}
	return x.in.Hash.New(), 0
}

func clone(h hash.Hash) (hash.Hash, bool) {
	c, ok := h.(hash.Cloner)
	if !ok {
		return nil, false
	}
	copied, err := c.Clone()
	return copied, err == nil
}

// with is the suspect with the content of a candidate; false when that is the same or cannot be
// read as MIME.
func (x *suspect) with(c candidate) (*suspect, bool) {
	splices, ok := trimmed(x.text, c.splices)
	if !ok || len(splices) == 0 {
		return nil, false
	}
	text := splicedText(x.text, splices)
	x.budget.copied(2 * len(text))
	y, err := newSuspect(x.ctx, x.in, text, x.budget)
	return y, err == nil
}

// parts returns the parts of the content for which pass is true, in order, embedded messages
// included.
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
	found := x.parts(pass)
	if len(found) == 0 {
		return nil
	}
	sets := [][]*entity.Part{found}
	if len(found) > 1 {
		for _, p := range found[:min(len(found), maxSingles)] {
			sets = append(sets, []*entity.Part{p})
		}
	}
	return sets
}

// maxSingles bounds how many parts are tried one by one.
const maxSingles = 20

func (x *suspect) body(p *entity.Part) []byte { return x.text[p.Body:max(p.Body, p.End)] }

// octets is the body of p without its transfer encoding.
func (x *suspect) octets(p *entity.Part) ([]byte, bool) {
	d, done := x.decoded[p]
	if !done {
		x.budget.spend(codingCost * int64(len(x.body(p))))
		d.octets, d.ok = entity.DecodeBody(x.body(p), encodingGroup(p))
		x.decoded[p] = d
	}
	return d.octets, d.ok
}

// called is how a part is called in a sentence.
func (x *suspect) called(p *entity.Part) string {
	if p == x.root {
		return "the signed text"
	}
	return "part " + p.Number + " of the signed content"
}
