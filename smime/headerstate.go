package smime

import (
	"slices"

	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/header"
	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

// HeaderState says whether the header that readers are shown is the one that was signed. The zero
// value says nothing good.
type HeaderState string

// Header states.
const (
	// HeaderProtected: every field that readers show or act on is as it was signed; under the
	// forms of protection before RFC 9788 every one that the signed content repeats
	// ([Signature.ProtectedFrom] says whether From is among them).
	HeaderProtected HeaderState = "protected"
	// HeaderChanged: one of them is another, is gone, or was added.
	HeaderChanged HeaderState = "changed"
	// HeaderUnprotected: the signature says nothing about the header.
	HeaderUnprotected HeaderState = "unprotected"
)

// compare finds the protected fields whose outer value differs, and which of those that readers
// show count as changed. The older forms of protection repeat any fields they choose: only fields
// that have a copy are compared.
func (p *protection) compare() {
	inside, outside, c := entity.SortByName(p.fields), entity.SortByName(p.outer), &header.Comparer{Words: header.MaxWords}
	hidden := p.hidden()
	repeated := false // a field that readers show
	for i, f := range p.fields {
		isShown := f.Is(header.Shown...)
		repeated = repeated || isShown
		if inside.First(f) != i || !transit.Protectable(f) {
			continue
		}
		if !sameFields(inside, outside, f, c.Value) && !hidden.as(outside, f, c) {
			p.differ(f.Name(), isShown && (!f.Is("Subject") || !sameFields(inside, outside, f, c.Subject)))
		}
	}
	if p.kind != ProtectionLegacy {
		p.compareAdded(inside, outside)
	}
	// A header without a copy of any shown field is not protected.
	if p.state == HeaderUnprotected && repeated {
		p.state = HeaderProtected
	}
}

// outerCopies are the fields that stood outside of an encryption according to what was encrypted
// (RFC 9788, Section 2.2: HP-Outer).
type outerCopies struct {
	entity.ByName
	stated bool
}

// hidden reads them. Without any, nothing was hidden.
func (p *protection) hidden() outerCopies {
	if p.kind != ProtectionCipher {
		return outerCopies{}
	}
	fields, stated := transit.Outer(p.fields)
	return outerCopies{entity.SortByName(fields), stated}
}

// as reports whether the fields called as f stand outside as the sender put them there, or, as he
// left them out, not at all. The author is never another outside (RFC 9788, Section 4.4.1).
func (o outerCopies) as(outside entity.ByName, f message.Field, c *header.Comparer) bool {
	return o.stated && !f.Is("From") && sameFields(o.ByName, outside, f, func(stated, outer message.Field) bool {
		return c.Value(stated, outer) || f.Is("Subject") && c.Subject(stated, outer)
	})
}

// compareAdded finds the fields that readers show and that are only outside.
func (p *protection) compareAdded(inside, outside entity.ByName) {
	for i, f := range p.outer {
		if outside.First(f) == i && f.Is(header.Shown...) && inside.First(f) < 0 && !allEmpty(outside, f) {
			p.differ(f.Name(), true)
		}
	}
}

func (p *protection) differ(name string, changed bool) {
	p.differences = append(p.differences, name)
	if changed {
		p.changed, p.state = append(p.changed, name), HeaderChanged
	}
}

// sameFields compares all fields of one name, in number and order. An empty field shows nothing, so
// that it may be missing.
func sameFields(inside, outside entity.ByName, f message.Field, same func(signed, outer message.Field) bool) bool {
	equal := slices.EqualFunc(inside.Called(f), outside.Called(f), func(i, o int) bool {
		return same(inside.Fields[i], outside.Fields[o])
	})
	return equal || allEmpty(inside, f) && allEmpty(outside, f)
}

// allEmpty reports whether every field with the name of f is empty.
func allEmpty(fields entity.ByName, f message.Field) bool {
	return !slices.ContainsFunc(fields.Called(f), func(i int) bool { return !empty(fields.Fields[i]) })
}

func empty(f message.Field) bool { return header.WithoutSpace(f.Value()) == "" }
