package cms

import (
	"crypto"
	"hash"
	"io"
	"sync"

	"dnseal/smime/cms/internal/ber"
)

// Digests hashes content with every digest algorithm the signers of one SignedData name. It is
// written to once, in any pieces; for attached content it comes filled. Verify only reads it: when
// it is full, several goroutines may use it.
type Digests struct {
	hashes [len(digestTable)]hash.Hash // nil for those that are not needed
	size   int64
	prefix [maxPrefix]byte // of the content, to recognise signed attributes passed off as content
	hold   bool
	held   []byte
}

// maxPrefix is room for the headers of a SET, of the first Attribute in it and of its type.
const maxPrefix = 24

// newDigests is for attached content, which is hashed before the signers are read: an Ed25519 or
// ML-DSA signer, who uses SHA-512 (RFC 8419, Section 3.1; RFC 9882, Section 3.3), may sign the
// content itself. So may an ML-DSA signer with a digest algorithm that is not computed here.
func newDigests(announced []crypto.Hash) *Digests {
	d := new(Digests)
	for _, h := range announced {
		d.add(h)
		d.hold = d.hold || h == crypto.SHA512 || h == 0
	}
	return d
}

// add adds one digest; 0 and unknown ones are ignored.
func (d *Digests) add(h crypto.Hash) {
	for i := range digestTable {
		if h == digestTable[i].Hash && d.hashes[i] == nil {
			d.hashes[i] = h.New()
		}
	}
}

// Write hashes p. It never fails.
func (d *Digests) Write(p []byte) (int, error) {
	for _, h := range d.hashes {
		if h != nil {
			h.Write(p)
		}
	}
	if d.size < maxPrefix {
		copy(d.prefix[d.size:], p)
	}
	d.size += int64(len(p))
	if d.hold {
		d.keep(p)
	}
	return len(p), nil
}

var copyBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// ReadFrom hashes what r holds, so that io.Copy needs no memory of its own. It fails as r does.
func (d *Digests) ReadFrom(r io.Reader) (int64, error) {
	buf := copyBuffers.Get().(*[32 << 10]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{d}, r, buf[:])
}

// keep holds content for signers without signed attributes that sign it itself, up to its limit.
func (d *Digests) keep(p []byte) {
	if d.size > maxHeld {
		d.hold, d.held = false, nil
		return
	}
	d.held = append(d.held, p...)
}

// contents returns the content itself, if it is short enough to have been held.
func (d *Digests) contents() ([]byte, bool) { return d.held, d.hold }

// Size is how many octets were written.
func (d *Digests) Size() int64 { return d.size }

// Sum returns the digest of what was written; nil when h is not computed.
func (d *Digests) Sum(h crypto.Hash) []byte {
	for i := range digestTable {
		if h == digestTable[i].Hash && d.hashes[i] != nil {
			return d.hashes[i].Sum(nil)
		}
	}
	return nil
}

// looksLikeAttributes says whether the content is, from its first octets and its length, a SET of
// Attributes: one SET that spans the whole, an Attribute SEQUENCE in it that begins with an OBJECT
// IDENTIFIER. No MIME entity begins like that. Lengths may be as BER has them, for there are
// signers that do not hash the DER.
func (d *Digests) looksLikeAttributes() bool {
	p := d.prefix[:min(d.size, maxPrefix)]
	size, rest, ok := ber.CutHeader(p, ber.TagSet)
	if !ok || size != ber.Indefinite && size != d.size-int64(len(p)-len(rest)) {
		return false
	}
	_, rest, ok = ber.CutHeader(rest, ber.TagSequence)
	return ok && len(rest) > 0 && rest[0] == ber.TagOID
}
