package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	gohash "hash"

	"dnseal/lookup/dnssec"
)

// record is one line after the header: exactly one of these.
type record struct {
	Anchors Anchors  `json:"anchors,omitempty"`
	Policy  *Policy  `json:"policy,omitempty"`
	Set     *Set     `json:"set,omitempty"`
	Lookup  *Lookup  `json:"lookup,omitempty"`
	Message *Message `json:"message,omitempty"`
	Seal    *Seal    `json:"seal,omitempty"`
	// rrset is what Set holds, once it is needed.
	rrset dnssec.RRset
}

// A line ends with its checksum: the first 16 octets, in hexadecimal, of the SHA-256 over the
// checksum of the line before (those 32 characters; nothing before the first line) and the line as
// far as sumStart.
const (
	sumStart = `,"sum":"`
	sumEnd   = `"}`
	sumSize  = 32
	tailSize = len(sumStart) + sumSize + len(sumEnd)
)

// encode returns v as a line without its end, after a line with the checksum before.
func encode(v any, before string) (line []byte, sum string, err error) {
	line, err = object(v)
	if err != nil {
		return nil, "", err
	}
	line = bytes.TrimSuffix(line, []byte("}"))
	sum = checksum(before, line)
	line = append(line, sumStart...)
	line = append(line, sum...)
	return append(line, sumEnd...), sum, nil
}

// object is v in JSON.
func object(v any) ([]byte, error) {
	if r, ok := v.(*record); ok && r.Message != nil {
		if line, ok := appendMessage(make([]byte, 0, 1<<10), r.Message); ok {
			return line, nil
		}
	}
	return marshal(v)
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func checksum(before string, text []byte) string {
	h := sha256.New()
	h.Write([]byte(before))
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)[:sumSize/2])
}

// checker checks the checksums of lines that follow each other.
type checker struct {
	h   gohash.Hash
	sum []byte // of the line before
	own [sha256.Size]byte
	hex [sumSize]byte
}

// next reports whether the checksum of the next line is right.
func (c *checker) next(line []byte) bool {
	text, sum, ok := cutTail(line)
	if !ok {
		return false
	}
	c.h.Reset()
	c.h.Write(c.sum)
	c.h.Write(text)
	hex.Encode(c.hex[:], c.h.Sum(c.own[:0])[:sumSize/2])
	c.sum = append(c.sum[:0], sum...)
	return bytes.Equal(c.hex[:], sum)
}

// cutTail separates a line from its checksum.
func cutTail(line []byte) (text, sum []byte, ok bool) {
	at := len(line) - tailSize
	if at <= 0 || !bytes.HasPrefix(line[at:], []byte(sumStart)) || !bytes.HasSuffix(line, []byte(sumEnd)) {
		return nil, nil, false
	}
	sum = line[at+len(sumStart) : len(line)-len(sumEnd)]
	return line[:at], sum, true
}

// hash is the name of a line, by which others refer to it.
type hash [sha256.Size]byte

func hashOf(line []byte) hash { return sha256.Sum256(line) }

func (h hash) String() string { return hex.EncodeToString(h[:]) }

// parseHash reads the name of a line, or another SHA-256: 64 hexadecimal digits in lower case.
func parseHash(text string) (h hash, ok bool) {
	if len(text) != hex.EncodedLen(len(h)) {
		return h, false
	}
	for i := range h {
		high, low := digit(text[2*i]), digit(text[2*i+1])
		if high|low > 15 {
			return hash{}, false
		}
		h[i] = high<<4 | low
	}
	return h, true
}

// digit is the value of a hexadecimal digit in lower case; 16 or more for what is none.
func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 16
}
