package smime

import (
	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/header"
	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

// HeaderField is a field that readers are shown, or that a signature protects: as it was signed,
// and as it stands outside.
type HeaderField struct {
	Name string
	// Signed and Outer are all fields of that name; nil: there are none.
	Signed, Outer []message.Field
	// Differs is that of Signature.Differences, Changed that of Signature.HeaderChanges.
	Differs, Changed bool
}

// Header returns the fields that the signature protects, and those that readers show or act on and
// that stand outside only, in that order. It is the comparison that HeaderState rests on. Without
// protection Signed is nil in all of them.
func (s *Signature) Header() []HeaderField {
	p := s.protection
	if p == nil {
		return nil
	}
	inside, outside := entity.SortByName(p.fields), entity.SortByName(p.outer)
	differ, changed := namesIn(p.differences), namesIn(p.changed)
	var out []HeaderField
	add := func(f message.Field) {
		h := HeaderField{Name: f.Name(), Differs: differ[f.Name()], Changed: changed[f.Name()]}
		for _, i := range outside.Called(f) {
			h.Outer = append(h.Outer, p.outer[i])
		}
		if p.kind != ProtectionNone {
			for _, i := range inside.Called(f) {
				h.Signed = append(h.Signed, p.fields[i])
			}
		}
		out = append(out, h)
	}
	if p.kind != ProtectionNone {
		for i, f := range p.fields {
			if inside.First(f) == i && transit.Protectable(f) {
				add(f)
			}
		}
	}
	for i, f := range p.outer {
		if outside.First(f) == i && f.Is(header.Shown...) && (p.kind == ProtectionNone || inside.First(f) < 0) {
			add(f)
		}
	}
	return out
}

func namesIn(names []string) map[string]bool {
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out
}
