package undo

import (
	"bytes"
	"encoding/base64"
	"mime/quotedprintable"

	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/transit"
)

// What happens to the transfer encoding of parts.

const reencodedSentence = "A part was given another transfer encoding than it was signed in, as a system does whose next hop accepts only 7-bit content (no 8BITMIME)."

// undoReencoding restores the encoding that a part had before a system changed it: RFC 6152,
// Section 3, where the next hop has no 8BITMIME, RFC 2049, Section 3, at gateways.
func undoReencoding(x *suspect) bool {
	for _, from := range []string{"quoted-printable", "base64", "8bit"} {
		for _, set := range x.sets(func(p *entity.Part) bool { return p.Leaf() && encodingGroup(p) == from }) {
			if x.tryEncodings(set, from) {
				return true
			}
		}
	}
	return false
}

// encodingGroup is quoted-printable, base64 or, for the identity encodings of RFC 2045, Section
// 6.2, 8bit.
func encodingGroup(p *entity.Part) string {
	if entity.IdentityEncoding(p.CTE) {
		return "8bit"
	}
	return p.CTE
}

func (x *suspect) tryEncodings(set []*entity.Part, from string) bool {
	for _, original := range originals {
		if original.group == from {
			continue
		}
		bodies := make([][]byte, len(set))
		for i, p := range set {
			octets, ok := entity.DecodeBody(x.body(p), from)
			if !ok {
				return false
			}
			if entity.IsText(p) {
				octets = canonicalLines(octets) // base64 may have had LF inside
			}
			bodies[i] = original.encode(octets)
		}
		for _, label := range original.labels {
			if x.tryLabels(set, bodies, label) {
				return true
			}
		}
	}
	return false
}

// originals are the forms that a part may have been in.
var originals = []struct {
	group  string
	encode func([]byte) []byte
	labels []string
}{
	{"8bit", func(b []byte) []byte { return b }, []string{"8bit", "7bit", "binary", ""}},
	{"quoted-printable", encodeStandardQP, []string{"quoted-printable"}},
	{"quoted-printable", encodeOwnQP, []string{"quoted-printable"}},
	{"base64", func(b []byte) []byte { return wrapBase64(b, transit.Base64Column) }, []string{"base64"}},
	{"base64", func(b []byte) []byte { return bytes.TrimSuffix(wrapBase64(b, transit.Base64Column), crlfBytes) }, []string{"base64"}},
}

// tryLabels tries the places in the header where the label may have stood: some systems write it
// where it was, some at the end.
func (x *suspect) tryLabels(set []*entity.Part, bodies [][]byte, label string) bool {
	const places = 8
	for place := range places {
		splices := make([]splice, 0, 2*len(set))
		for i, p := range set {
			splices = append(splices, splice{p.Start, min(p.Body, max(p.Start, p.End)), relabel(p, label, place)}, bodySplice(p, bodies[i]))
		}
		if x.trySpliced(ChangeReencoded, reencodedSentence, splices...) || x.trySpliced(ChangeReencoded, reencodedSentence, append(splices, x.containers(set, place)...)...) {
			return true
		}
		if label == "" {
			return false // nothing to place
		}
	}
	return false
}

// containers restores the label 8bit of the multiparts around the parts, which a system without
// 8BITMIME changes to 7bit (RFC 2045, Section 6.4: the label of a multipart covers its parts).
func (x *suspect) containers(set []*entity.Part, place int) []splice {
	var out []splice
	for _, p := range set {
		for c := p.Parent; c != nil; c = c.Parent {
			if c.CTE == "7bit" && len(out) == 0 {
				out = append(out, splice{c.Start, c.Body, relabel(c, "8bit", place)})
			}
		}
	}
	return out
}

// relabel is the header of p with another Content-Transfer-Encoding, or none (RFC 2045, Section
// 6.1: then it is 7bit). Place 0 is where the field is now, place n before the n-th last field.
func relabel(p *entity.Part, label string, place int) []byte {
	fields := make([][]byte, 0, len(p.Fields)+1)
	at := -1
	for _, f := range p.Fields {
		if f.Is("Content-Transfer-Encoding") {
			at = len(fields)
			continue
		}
		fields = append(fields, f.Raw)
	}
	if at < 0 || place > 0 {
		at = max(0, len(fields)+1-max(place, 1))
	}
	var out []byte
	for i := range len(fields) + 1 {
		if i == at && label != "" {
			out = append(append(append(out, "Content-Transfer-Encoding: "...), label...), crlfBytes...)
		}
		if i < len(fields) {
			out = append(out, fields[i]...)
		}
	}
	return append(out, crlfBytes...)
}

// encodeStandardQP encodes b as package mime/quotedprintable does.
func encodeStandardQP(b []byte) []byte {
	var out bytes.Buffer
	w := quotedprintable.NewWriter(&out)
	_, err := w.Write(b)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil // cannot happen with a buffer
	}
	return out.Bytes()
}

func encodeOwnQP(b []byte) []byte {
	var out bytes.Buffer
	q := transit.QPWriter{W: &out}
	for len(b) > 0 {
		l := entity.Line{First: true, Last: true}
		var found bool
		if l.Data, b, found = bytes.Cut(b, crlfBytes); found {
			l.Eol = 2
		}
		if q.Line(l) != nil {
			return nil
		}
	}
	if q.Close() != nil {
		return nil
	}
	return out.Bytes()
}

// wrapBase64 encodes b in lines of the given width (RFC 2045, Section 6.8), or in one where it is
// 0.
func wrapBase64(b []byte, columns int) []byte {
	text := base64.StdEncoding.EncodeToString(b)
	var out []byte
	for columns > 0 && len(text) > columns {
		out = append(append(out, text[:columns]...), crlfBytes...)
		text = text[columns:]
	}
	return append(append(out, text...), crlfBytes...)
}

// tryBodies tries other bodies for all parts of a kind, and for each by itself.
func (x *suspect) tryBodies(kind func(*entity.Part) bool, change Change, sentence string, rewrite []func([]byte) []byte) bool {
	for _, set := range x.sets(kind) {
		for _, r := range rewrite {
			var splices []splice
			for _, p := range set {
				splices = append(splices, bodySplice(p, r(x.body(p))))
			}
			if x.trySpliced(change, sentence, splices...) {
				return true
			}
		}
	}
	return false
}
