package undo

import (
	"bytes"
	"iter"
	"slices"

	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/transit"
)

const (
	reencodedSentence = "A part was given another transfer encoding than it was signed in, as a system does whose next hop accepts only 7-bit content (no 8BITMIME)."
	labelSentence     = "Only the Content-Transfer-Encoding field of a part was changed, added or removed, such as 8bit to 7bit; the content is the same."
)

// encodingGroup is quoted-printable, base64 or, for the identity encodings of RFC 2045, Section
// 6.2, 8bit.
func encodingGroup(p *entity.Part) string {
	if entity.IdentityEncoding(p.CTE) {
		return "8bit"
	}
	return p.CTE
}

// originals are the forms that a part may have been in.
var originals = []struct {
	group  string
	encode func([]byte) []byte
	labels []string
}{
	{"8bit", func(b []byte) []byte { return b }, []string{"8bit", "7bit", "", "binary"}},
	{"quoted-printable", encodeOwnQP, []string{"quoted-printable"}},
	{"quoted-printable", encodeStandardQP, []string{"quoted-printable"}},
	{"base64", func(b []byte) []byte { return wrapBase64(b, transit.Base64Column) }, []string{"base64"}},
	{"base64", func(b []byte) []byte { return bytes.TrimSuffix(wrapBase64(b, transit.Base64Column), crlfBytes) }, []string{"base64"}},
}

// reencodings restores the encoding that a part had before a system changed it: RFC 6152, Section
// 3, where the next hop has no 8BITMIME, RFC 2049, Section 3, at gateways.
func reencodings(x *suspect) iter.Seq[candidate] {
	return x.reencodedWith([]heading{{place: 0}, {place: 1}, {place: 0, plain: plainCharset}, {place: 1, plain: plainAll}, {place: 2}})
}

// otherReencodings tries all places, and the quoted parameters that Python leaves.
func otherReencodings(x *suspect) iter.Seq[candidate] {
	const places = 8
	var headings []heading
	for place := range places {
		for _, plain := range []func([]byte) []byte{nil, plainCharset, plainAll} {
			headings = append(headings, heading{place, plain})
		}
	}
	return x.reencodedWith(headings)
}

// heading is how the header of a part that was encoded again may have been before.
type heading struct {
	// place is where the label stood: 0 where it is now, n before the n-th last field.
	place int
	// plain, where it is set, removes quotes from Content-Type.
	plain func([]byte) []byte
}

func plainCharset(raw []byte) []byte {
	i := bytes.Index(asciiLower(raw), []byte(`charset="`))
	if i < 0 {
		return raw
	}
	return slices.Concat(raw[:i], quotedParameter.compiled().ReplaceAll(raw[i+len("charset"):], []byte("=$1")))
}

func plainAll(raw []byte) []byte { return quotedParameter.compiled().ReplaceAll(raw, []byte("=$1")) }

func (x *suspect) reencodedWith(headings []heading) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, from := range []string{"quoted-printable", "base64", "8bit"} {
			texts := x.parts(func(p *entity.Part) bool { return p.Leaf() && encodingGroup(p) == from && entity.IsText(p) })
			sets := x.sets(func(p *entity.Part) bool { return p.Leaf() && encodingGroup(p) == from })
			if len(texts) > 0 && len(texts) < len(sets[0]) {
				sets = slices.Insert(sets, 0, texts)
			}
			for _, set := range sets {
				for i := range originals {
					if originals[i].group != from && !x.reencode(set, i, headings, yield) {
						return
					}
				}
			}
		}
	}
}

// reencode generates the parts in the encoding of originals[n]; false when no more is wanted.
func (x *suspect) reencode(set []*entity.Part, n int, headings []heading, yield func(candidate) bool) bool {
	bodies := make([][]byte, len(set))
	for i, p := range set {
		octets, ok := x.octets(p)
		if !ok {
			return true
		}
		if entity.IsText(p) {
			octets = canonicalLines(octets) // base64 may have had LF inside
		}
		x.budget.spend(codingCost * int64(len(octets)))
		bodies[i] = originals[n].encode(octets)
	}
	for _, label := range originals[n].labels {
		for _, h := range headings {
			splices := make([]splice, 0, 2*len(set))
			for i, p := range set {
				splices = append(splices, headerSplice(p, h.header(p, label)), bodySplice(p, bodies[i]))
			}
			if !x.withContainers(candidate{change: ChangeReencoded, sentence: reencodedSentence, splices: splices}, set, h, yield) {
				return false
			}
		}
	}
	return true
}

// withContainers generates a candidate, and that with the label 8bit of the multiparts around the
// parts, which a system without 8BITMIME changes to 7bit (RFC 2045, Section 6.4: the label of a
// multipart covers its parts).
func (x *suspect) withContainers(c candidate, set []*entity.Part, h heading, yield func(candidate) bool) bool {
	around := h.containers(set)
	both := c
	both.splices = append(slices.Clone(c.splices), around...)
	return x.open() && yield(c) && (len(around) == 0 || yield(both))
}

func (h heading) containers(set []*entity.Part) []splice {
	for _, p := range set {
		for c := p.Parent; c != nil; c = c.Parent {
			if c.CTE == "7bit" {
				return []splice{headerSplice(c, h.header(c, "8bit"))}
			}
		}
	}
	return nil
}

// header is the header of p with another Content-Transfer-Encoding, or none (RFC 2045, Section 6.1:
// then it is 7bit).
func (h heading) header(p *entity.Part, label string) []byte {
	fields := make([][]byte, 0, len(p.Fields)+1)
	at := -1
	for _, f := range p.Fields {
		switch {
		case f.Is("Content-Transfer-Encoding"):
			at = len(fields)
		case h.plain != nil && f.Is("Content-Type"):
			fields = append(fields, h.plain(f.Raw))
		default:
			fields = append(fields, f.Raw)
		}
	}
	if at < 0 || h.place > 0 {
		at = max(0, len(fields)+1-max(h.place, 1))
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

// labels changes only the field: of all parts that are not encoded, of the multiparts, of all.
func labels(x *suspect) iter.Seq[candidate] {
	leaf := func(p *entity.Part) bool { return p.Leaf() && encodingGroup(p) == "8bit" }
	multi := func(p *entity.Part) bool { return !p.Leaf() && encodingGroup(p) == "8bit" }
	labeled := func(p *entity.Part) bool { return encodingGroup(p) == "8bit" && p.CTE != "" }
	return x.relabelled([][]*entity.Part{x.parts(leaf), x.parts(multi), x.parts(labeled)}, []heading{{place: 0}})
}

// otherLabels does so for single parts, with the field in any place, and for some of a few parts.
func otherLabels(x *suspect) iter.Seq[candidate] {
	sets := x.sets(func(p *entity.Part) bool { return encodingGroup(p) == "8bit" })
	if len(sets) > 0 && len(sets[0]) <= maxSubsets {
		for set := range subsets(len(sets[0])) {
			some := make([]*entity.Part, len(set))
			for i, n := range set {
				some[i] = sets[0][n]
			}
			sets = append(sets, some)
		}
	}
	return x.relabelled(sets, []heading{{place: 0}, {place: 1}, {place: 2}, {place: 3}, {place: 4}, {place: 5}, {place: 6}, {place: 7}})
}

func (x *suspect) relabelled(sets [][]*entity.Part, headings []heading) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, set := range sets {
			for _, label := range []string{"8bit", "7bit", "", "binary"} {
				for _, h := range headings {
					c := candidate{change: ChangeLabel, sentence: labelSentence}
					for _, p := range set {
						c.splices = append(c.splices, headerSplice(p, h.header(p, label)))
					}
					if len(set) > 0 && !x.withContainers(c, set, h, yield) {
						return
					}
				}
			}
		}
	}
}
