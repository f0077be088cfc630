package smime

import (
	"slices"

	"dnseal/smime/message"
)

// HeaderState says whether the header that readers are shown is the one that was signed. The zero value says nothing good.
type HeaderState string

// Header states.
const (
	// HeaderProtected: every field that readers show or act on is as it was signed.
	HeaderProtected HeaderState = "protected"
	// HeaderChanged: one of them is another, is gone, or was added.
	HeaderChanged HeaderState = "changed"
	// HeaderUnprotected: the signature says nothing about the header.
	HeaderUnprotected HeaderState = "unprotected"
)

// shown are the fields that readers show, or answer to: where the header is protected, one that stands only outside is
// not the author's word (RFC 9788, Section 4.2).
var shown = []string{
	"From", "Sender", "Reply-To", "To", "Cc", "Date", "Subject", "In-Reply-To", "References",
	"Mail-Followup-To", "Disposition-Notification-To",
}

// compare finds the protected fields whose outer value is another, and of those that readers are shown the ones that count as changed.
// Under the older forms of protection, which repeat what they like, only fields that have a copy are compared.
func (p *protection) compare() {
	inside, outside, c := sortByName(p.fields), sortByName(p.outer), &comparer{words: maxWords}
	for i, f := range p.fields {
		if inside.first(f) != i || !protectable(f) {
			continue
		}
		copies, outer := inside.fieldsCalled(f), outside.fieldsCalled(f)
		if !sameFields(copies, outer, c.value) {
			p.differ(f.Name(), f.Is(shown...) && (!f.Is("Subject") || !sameFields(copies, outer, c.subject)))
		}
	}
	for _, name := range shown {
		called := func(f message.Field) bool { return f.Is(name) }
		added := func(f message.Field) bool { return f.Is(name) && !empty(f) }
		if p.kind != "legacy" && !slices.ContainsFunc(p.fields, called) && slices.ContainsFunc(p.outer, added) {
			p.differ(name, true)
		}
	}
	// A header of which nothing that is shown was repeated is not protected, whatever else was.
	if p.state == HeaderUnprotected && slices.ContainsFunc(p.fields, func(f message.Field) bool { return f.Is(shown...) }) {
		p.state = HeaderProtected
	}
}

func (p *protection) differ(name string, changed bool) {
	p.differences = append(p.differences, name)
	if changed {
		p.changed, p.state = append(p.changed, name), HeaderChanged
	}
}

// sameFields compares all fields of one name: a field that occurs twice is two. One that is empty shows nothing, so that
// it may be there or not.
func sameFields(copies, outer []message.Field, same func(signed, outer message.Field) bool) bool {
	return slices.EqualFunc(copies, outer, same) ||
		!slices.ContainsFunc(slices.Concat(copies, outer), func(f message.Field) bool { return !empty(f) })
}

func empty(f message.Field) bool { return withoutSpace(f.Value()) == "" }
