package dkim

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"strings"

	"dnseal/smime/message"
)

// bodyHash is the digest of a body in one canonicalisation, written once from the start to the end.
// It keeps nothing of the body but how many line ends may be its last, so that a body of nothing
// else costs no memory. Bare LFs end lines, as in the MTAs that signed.
// RFC 6376, Sections 3.4.3 and 3.4.4.
type bodyHash struct {
	relaxed bool
	sum     hash.Hash
	out     []byte
	ends    int  // line ends that count once something follows
	space   bool // relaxed: white space that counts once something follows in its line
	cr      bool // a CR, the next octet of which is not known
	any     bool // something but white space and line ends was written
}

func newBodyHash(relaxed bool) *bodyHash {
	return &bodyHash{relaxed: relaxed, sum: sha256.New(), out: make([]byte, 0, 2*flushAt)}
}

const flushAt = 4 << 10

// Write takes the next octets of the body. It never fails.
func (h *bodyHash) Write(p []byte) (int, error) {
	for i := 0; i < len(p); {
		if n := h.plain(p[i:]); n > 0 {
			i += n
			continue
		}
		h.special(p[i])
		i++
	}
	return len(p), nil
}

// plain writes the octets up to the first that means something, and returns their number.
func (h *bodyHash) plain(p []byte) int {
	if h.cr {
		return 0
	}
	n := 0
	for n < len(p) && n < flushAt && p[n] != '\r' && p[n] != '\n' && (!h.relaxed || p[n] != ' ' && p[n] != '\t') {
		n++
	}
	if n > 0 {
		h.write(p[:n]...)
	}
	return n
}

func (h *bodyHash) special(b byte) {
	if h.cr {
		h.cr = false
		if b == '\n' {
			h.endLine()
			return
		}
		h.write('\r')
	}
	switch b {
	case '\r':
		h.cr = true
	case '\n':
		h.endLine()
	case ' ', '\t':
		if h.relaxed {
			h.space = true
			return
		}
		h.write(b)
	default:
		h.write(b)
	}
}

func (h *bodyHash) endLine() { h.ends, h.space = h.ends+1, false }

// write adds what is no white space at the end of a line, and the white space before it.
func (h *bodyHash) write(p ...byte) {
	for ; h.ends > 0; h.ends-- {
		h.out = append(h.out, '\r', '\n')
		h.flush(flushAt)
	}
	if h.space {
		h.out, h.space = append(h.out, ' '), false
	}
	h.out, h.any = append(h.out, p...), true
	h.flush(flushAt)
}

func (h *bodyHash) flush(least int) {
	if len(h.out) >= least {
		h.sum.Write(h.out)
		h.out = h.out[:0]
	}
}

// digest ends the body. An empty one is a line end in simple, and nothing in relaxed.
func (h *bodyHash) digest() []byte {
	if h.cr {
		h.write('\r')
	}
	if h.any || !h.relaxed {
		h.out = append(h.out, '\r', '\n')
	}
	h.flush(1)
	return h.sum.Sum(nil)
}

// headerDigest is the digest over the fields that are signed, and the signature's own without its
// value. RFC 6376, Sections 3.7 and 5.4.2: of fields of one name the last is taken first; those
// that are missing are nothing; the field that is verified is never one of them.
func (s *signature) headerDigest(fields []message.Field) []byte {
	sum := sha256.New()
	named := map[string][]message.Field{}
	for _, name := range s.names {
		named[name] = nil
	}
	for _, f := range fields {
		name := strings.ToLower(f.Name())
		if of, wanted := named[name]; wanted && &f.Raw[0] != &s.field.Raw[0] {
			named[name] = append(of, f)
		}
	}
	for _, name := range s.names {
		if of := named[name]; len(of) > 0 {
			sum.Write(canonicalField(of[len(of)-1].Raw, s.relaxedHeader))
			named[name] = of[:len(of)-1]
		}
	}
	raw := s.field.Raw
	own := append(bytes.Clone(raw[:s.value+s.b.start]), raw[s.value+s.b.end:]...)
	sum.Write(bytes.TrimSuffix(canonicalField(own, s.relaxedHeader), []byte("\r\n")))
	return sum.Sum(nil)
}

// canonicalField is a field with one line end behind it. RFC 6376, Sections 3.4.1 and 3.4.2.
func canonicalField(raw []byte, relaxed bool) []byte {
	raw = bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r"))
	if !relaxed {
		lines := bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
		return append(bytes.ReplaceAll(lines, []byte("\n"), []byte("\r\n")), '\r', '\n')
	}
	name, value, _ := bytes.Cut(raw, []byte(":"))
	out := append(bytes.ToLower(bytes.TrimRight(name, " \t")), ':')
	for i, word := range bytes.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(fws, r) }) {
		if i > 0 {
			out = append(out, ' ')
		}
		out = append(out, word...)
	}
	return append(out, '\r', '\n')
}
