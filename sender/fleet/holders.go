package fleet

import "math/bits"

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
