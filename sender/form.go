package sender

import (
	"fmt"
	"strings"

	"dnseal/smime/message"
)

// form is how a message leaves for some recipients. The zero value is the configured default.
type form string

const (
	byDefault form = ""
	detached  form = "clear"  // multipart/signed
	opaque    form = "opaque" // application/pkcs7-mime
	plain     form = "no"     // not signed
)

func parseForm(s string) (form, error) {
	switch f := form(s); f {
	case byDefault, detached, opaque:
		return f, nil
	case plain:
	}
	return "", fmt.Errorf("unknown form %q: it is clear or opaque", s)
}

// controlForm reads the control fields of a submitter who may use them.
func controlForm(m *message.Message) form {
	switch f := form(strings.ToLower(m.First(controlSign))); f {
	case detached, opaque, plain:
		return f
	case byDefault:
	}
	return byDefault
}

// group is the recipients that get one form.
type group struct {
	form form
	rcpt []string
}

// groups splits the recipients by form. The first group is never empty of meaning: it holds whoever
// is in no other, and takes main as its form when there are no recipients at all.
func groups(rcpt []string, main form, opaqueFor, plainFor []message.Pattern) []group {
	out := []group{}
	for _, r := range rcpt {
		out = addTo(out, formFor(r, main, opaqueFor, plainFor), r)
	}
	if len(out) == 0 {
		out = []group{{form: main}}
	}
	return out
}

// formFor is the form for one recipient.
func formFor(rcpt string, main form, opaqueFor, plainFor []message.Pattern) form {
	if len(opaqueFor)+len(plainFor) == 0 {
		return main
	}
	a, err := message.ParseAddress(rcpt)
	switch {
	case err != nil:
	case matchAny(plainFor, a):
		return plain
	case matchAny(opaqueFor, a) && main != plain:
		return opaque
	}
	return main
}

func addTo(gs []group, f form, rcpt string) []group {
	for i := range gs {
		if gs[i].form == f {
			gs[i].rcpt = append(gs[i].rcpt, rcpt)
			return gs
		}
	}
	return append(gs, group{form: f, rcpt: []string{rcpt}})
}
