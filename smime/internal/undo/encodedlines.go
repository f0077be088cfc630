package undo

import (
	"bytes"

	"dnseal/smime/internal/entity"
)

func isQP(p *entity.Part) bool { return p.Leaf() && p.CTE == "quoted-printable" }

func isBase64(p *entity.Part) bool { return p.Leaf() && p.CTE == "base64" }

// undoSoftBreaks breaks the lines of quoted-printable where other programs do.
//
// RFC 2045, Section 6.7, rule 5: lines have at most 76 characters, broken anywhere.
func undoSoftBreaks(x *suspect) bool {
	rebreaks := []func([]byte) []byte{
		joinSoft,
		func(b []byte) []byte { d, _ := entity.DecodeBody(b, "quoted-printable"); return encodeStandardQP(d) },
		func(b []byte) []byte { d, _ := entity.DecodeBody(b, "quoted-printable"); return encodeOwnQP(d) },
	}
	for _, columns := range []int{76, 75, 74, 73, 72, 70, 65} {
		rebreaks = append(rebreaks, func(b []byte) []byte { return breakSoft(joinSoft(b), columns) })
	}
	return x.tryBodies(isQP, ChangeSoftBreaks, "The soft line breaks of a quoted-printable part were moved.", rebreaks)
}

func joinSoft(b []byte) []byte { return bytes.ReplaceAll(b, []byte("=\r\n"), nil) }

// breakSoft breaks lines after at most columns-1 characters, never inside an escape.
func breakSoft(b []byte, columns int) []byte {
	var out []byte
	for i, l := range bytes.Split(b, crlfBytes) {
		if i > 0 {
			out = append(out, crlfBytes...)
		}
		for len(l) > columns {
			n := columns - 1
			if j := bytes.LastIndexByte(l[:n], '='); j > n-3 && j > 0 {
				n = j
			}
			out = append(append(out, l[:n]...), "=\r\n"...)
			l = l[n:]
		}
		out = append(out, l...)
	}
	return out
}

// undoEscapes writes the escapes of quoted-printable in the other case.
//
// RFC 2045, Section 6.7, rule 1: they are in upper case, but decoders accept both.
func undoEscapes(x *suspect) bool {
	return x.tryBodies(isQP, ChangeEscapes, "The case of the escapes in a quoted-printable part was changed (=C3 and =c3).", []func([]byte) []byte{
		func(b []byte) []byte { return mapEscapes(b, bytes.ToLower) },
		func(b []byte) []byte { return mapEscapes(b, bytes.ToUpper) },
	})
}

// mapEscapes replaces each escape of quoted-printable text (RFC 2045, Section 6.7) by to of it.
func mapEscapes(b []byte, to func([]byte) []byte) []byte {
	out := bytes.Clone(b)
	for i := 0; i+2 < len(out); i++ {
		if out[i] == '=' && entity.IsHex(out[i+1]) && entity.IsHex(out[i+2]) {
			copy(out[i+1:], to(out[i+1:i+3]))
			i += 2
		}
	}
	return out
}

// undoBase64Lines wraps base64 where other programs do.
//
// RFC 2045, Section 6.8: lines have at most 76 characters, and line breaks mean nothing.
func undoBase64Lines(x *suspect) bool {
	var rewraps []func([]byte) []byte
	for _, columns := range []int{76, 72, 64, 60, 75, 74, 70, 0} {
		for end := range 3 {
			rewraps = append(rewraps, func(b []byte) []byte {
				d, _ := entity.DecodeBody(b, "base64")
				w := bytes.TrimSuffix(wrapBase64(d, columns), crlfBytes)
				for range end {
					w = append(w, crlfBytes...)
				}
				return w
			})
		}
	}
	return x.tryBodies(isBase64, ChangeBase64Lines, "A base64 part was wrapped in lines of another length.", rewraps)
}
