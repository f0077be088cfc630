package fleet

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"

	"dnseal/sender/identity"
)

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// newPseudonym is what {random} makes: 130 random bits.
func newPseudonym() string {
	var bits [17]byte
	_, _ = rand.Read(bits[:]) // crypto/rand never fails
	return lowerBase32.EncodeToString(bits[:])[:pseudonymLength]
}

// digests are that by which a row is known, and that of the values which its name is made of: of
// random names all values, because the name does not tell the row.
func (e *enrolling) digests(name string, values []string) (digest, uint64) {
	sum := sha256.New()
	for _, at := range e.columns {
		addValue(sum, values[at])
	}
	var of [sha256.Size]byte
	sum.Sum(of[:0])
	row := binary.BigEndian.Uint64(of[16:])
	if e.Template.IsRandom() {
		return digest(of[:16]), row
	}
	return digestOf(name), row
}

// addValue adds a value of a column to a digest. Names are the same in either case.
func addValue(sum io.Writer, value string) {
	value = strings.ToLower(value)
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(value)))
	_, _ = sum.Write(length[:]) // it never fails
	_, _ = io.WriteString(sum, value)
}

// holders know whose key each is, in 16 octets and some room: 64 bits of the digest of the key, and
// 64 of the digest by which its row is known. Both are as good as random; a key that would be taken
// for another is one of 10^7 millions.
type holders struct {
	keys, rows []uint64 // a row of 0: the place is free
	used       int
}

// newHolders has room for n without growing.
func newHolders(n int) (h holders) {
	h.make(max(n, 1000) / 4 * 5)
	return h
}

func (h *holders) make(size int) { h.keys, h.rows = make([]uint64, size), make([]uint64, size) }

func (h *holders) place(key uint64) int {
	hi, _ := bits.Mul64(key, uint64(len(h.keys)))
	at := int(hi)
	for h.rows[at] != 0 && h.keys[at] != key {
		if at++; at == len(h.keys) {
			at = 0
		}
	}
	return at
}

// find returns the row that has a key.
func (h *holders) find(key uint64) (row uint64, ok bool) {
	row = h.rows[h.place(key)]
	return row, row != 0
}

// put notes the row that has a key.
func (h *holders) put(key, row uint64) {
	if h.used >= len(h.keys)/8*7 {
		old := *h
		h.make(len(old.keys) / 2 * 3)
		for i, r := range old.rows {
			if r != 0 {
				at := h.place(old.keys[i])
				h.keys[at], h.rows[at] = old.keys[i], r
			}
		}
	}
	at := h.place(key)
	h.used += btoi(h.rows[at] == 0)
	h.keys[at], h.rows[at] = key, max(row, 1)
}

// retiredKeys know by the KeyID where the inventory has the line that retired a key.
type retiredKeys map[string]int64

func (r *retiredKeys) put(key string, at int64) {
	if *r == nil {
		*r = retiredKeys{}
	}
	(*r)[key] = at
}

// comesBack tells of a key that was retired, under whatever name and by whatever row.
func (e *enrolling) comesBack(j *job, id *identity.Identity) *Failure {
	at, ok := e.gone[id.KeyID()]
	if !ok {
		return nil
	}
	gone, err := e.inv.eventAt(at)
	if err != nil {
		return &Failure{Line: j.row.Line, Name: j.name, Code: Retired, Err: fmt.Errorf("this key was retired: %w", err)}
	}
	err = fmt.Errorf("this key was retired as %s", gone.Name)
	return &Failure{Line: j.row.Line, Name: j.name, Code: Retired, Err: identity.WithHint(err, "a device that comes back gets a new key")}
}
