package sender

import (
	"strings"

	"dnseal/sender/recipient"
	"dnseal/smime/message"
)

// Form is how a message leaves for some recipients. The zero value is the configured default.
type Form string

// Forms of signed messages.
const (
	FormDefault Form = ""       // Options.Opaque decides
	FormClear   Form = "clear"  // multipart/signed: RFC 8551, Section 3.5.3
	FormOpaque  Form = "opaque" // application/pkcs7-mime: RFC 8551, Section 3.5.2
	// FormPlain is unsigned, for recipients and control fields alone.
	FormPlain Form = "no"
)

// controlForm reads the control fields of a submitter who may use them.
func controlForm(m *message.Message) Form {
	switch f := Form(strings.ToLower(m.First(controlSign))); f {
	case FormClear, FormOpaque, FormPlain:
		return f
	case FormDefault:
	}
	return FormDefault
}

// Recipients are those that get one form.
type Recipients struct {
	Form Form // FormClear, FormOpaque or FormPlain
	Rcpt []string
	// Encryption says to whom it is encrypted, after it was signed; nil: it is not.
	Encryption *recipient.Group
}

func addTo(gs []Recipients, f Form, rcpt string) []Recipients {
	for i := range gs {
		if gs[i].Form == f {
			gs[i].Rcpt = append(gs[i].Rcpt, rcpt)
			return gs
		}
	}
	return append(gs, Recipients{Form: f, Rcpt: []string{rcpt}})
}
