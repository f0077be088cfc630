package enveloped

import "crypto/cipher"

const (
	firstChunk = 16 << 10
	maxChunk   = 1 << 20
	maxGrown   = 64 << 10
)

// held keeps what is written to it, as it grows, without moving it.
type held struct {
	chunks [][]byte
	n      int
}

// Grow makes room for n octets, and a tag behind them, where these are so few that it does not
// matter if they never come.
func (h *held) Grow(n int) {
	if h.n == 0 && n < maxGrown {
		h.chunks = [][]byte{make([]byte, 0, n+tagSize)}
	}
}

func (h *held) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		last := len(h.chunks) - 1
		if last < 0 || len(h.chunks[last]) == cap(h.chunks[last]) {
			h.chunks = append(h.chunks, make([]byte, 0, min(max(h.n, firstChunk), maxChunk)))
			last++
		}
		room := h.chunks[last]
		n := copy(room[len(room):cap(room)], p)
		h.chunks[last] = room[:len(room)+n]
		h.n += n
		p = p[n:]
	}
	return total, nil
}

// joined is all that was written, followed by more, in one piece. It forgets the pieces one by one,
// so that no more than twice the whole is held.
func (h *held) joined(more []byte) []byte {
	if len(h.chunks) == 1 && cap(h.chunks[0])-h.n >= len(more) {
		return append(h.chunks[0], more...)
	}
	all := make([]byte, 0, h.n+len(more))
	for i, c := range h.chunks {
		all = append(all, c...)
		h.chunks[i] = nil
	}
	return append(all, more...)
}

// openAEAD decrypts in place: all of it, or nothing where the tag does not hold.
func openAEAD(aead cipher.AEAD, nonce, ciphertext, additional []byte) ([]byte, error) {
	plain, err := aead.Open(ciphertext[:0], nonce, ciphertext, additional)
	if err != nil {
		return nil, ErrDecrypt
	}
	return plain, nil
}
