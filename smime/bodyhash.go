package smime

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
)

// bodyHash is the body hash of a DKIM signature (RFC 6376, Section 3.7) or of an ARC one (RFC 8617,
// Section 4.1.2).
type bodyHash struct {
	hash    []byte
	relaxed bool
	length  int // octets that count; -1 for all
}

// parseBodyHash reads the tags of RFC 6376, Section 3.5.
func parseBodyHash(value string) (bodyHash, bool) {
	s := bodyHash{length: -1}
	for tag := range strings.SplitSeq(value, ";") {
		name, v, _ := strings.Cut(tag, "=")
		v = strings.Join(strings.Fields(v), "")
		switch strings.TrimSpace(name) {
		// RFC 6376, Section 3.3.
		case "a":
			if !strings.HasSuffix(v, "-sha256") {
				return bodyHash{}, false
			}
		case "c":
			_, body, _ := strings.Cut(v, "/")
			s.relaxed = body == "relaxed"
		// RFC 6376, Section 3.4.5.
		case "l":
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 {
				return bodyHash{}, false
			}
			s.length = n
		case "bh":
			s.hash, _ = base64.StdEncoding.DecodeString(v) // an unreadable one fits nothing
		}
	}
	return s, len(s.hash) == sha256.Size
}

func (s bodyHash) matches(body []byte) bool {
	b := canonicalBody(body, s.relaxed)
	if s.length >= 0 && s.length < len(b) {
		b = b[:s.length]
	}
	sum := sha256.Sum256(b)
	return string(sum[:]) == string(s.hash)
}

// canonicalBody is RFC 6376, Section 3.4.3 (simple) and 3.4.4 (relaxed).
func canonicalBody(body []byte, relaxed bool) []byte {
	out := make([]byte, 0, len(body)+2)
	if !relaxed {
		out = append(out, body...)
	} else {
		blank := false
		for i, c := range body {
			switch {
			case c == ' ' || c == '\t':
				blank = true
				continue
			case c == '\r' && i+1 < len(body) && body[i+1] == '\n':
				blank = false
			case blank:
				out = append(out, ' ')
				blank = false
			}
			out = append(out, c)
		}
	}
	end := len(out)
	for end >= 2 && out[end-2] == '\r' && out[end-1] == '\n' {
		end -= 2
	}
	// RFC 6376, Section 3.4.4: an empty body stays empty; in simple form it is one CRLF.
	if end == 0 && relaxed {
		return nil
	}
	return append(out[:end], '\r', '\n')
}
