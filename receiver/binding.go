package receiver

import (
	"errors"
	"fmt"
	"strings"

	"dnseal/smime"
	"dnseal/smime/certificate"
	"dnseal/smime/message"
)

// bind says by what the identity speaks for the From address: as that address, or by a rule.
// It looks at names only, and not at whether they are proven.
// RFC 8550, Section 3: the address in From is to be one of the certificate.
func (sc *signatureCheck) bind() {
	from := sc.outerFrom()
	switch {
	case from == message.Address{}:
	case sc.claim.mail() && sc.claim.address == from:
		sc.out.Binding = BindingFrom
	case sc.claim.dnsName != "" && sc.ruled(sc.claim.dnsName, from):
		sc.out.Binding = BindingRule
	}
}

// ruled reports whether a rule lets the device, service or host use the address.
func (v *verification) ruled(name string, from message.Address) bool {
	for _, d := range v.receiver.domains {
		if d.allows(name, from) {
			return true
		}
	}
	return false
}

// binding is the fourth question's answer.
func (sc *signatureCheck) binding() finding {
	if f := sc.fromField(); f.verdict != Pass {
		return f
	}
	from, in := sc.outerFrom(), sc.innerFrom()
	if f := display("From", []string{sc.message.First("From")}, from); f.verdict != Pass {
		return f
	}
	switch {
	case !sc.out.bound():
		return sc.unbound(from, in)
	case !sc.claim.certified && !sc.keyless && in == message.Address{}:
		// With a nameless certificate a signature speaks for the protected From only;
		// without any the key is all there is.
		return finding{Policy, CodeNoName, "the signature states no name: " + sc.nameless() + ", and From is not protected"}
	}
	return worse(sc.inner(from, in), display("the protected From", sc.sig.ProtectedFromText, from))
}

// nameless says why the certificate states no name.
func (sc *signatureCheck) nameless() string {
	if c := sc.sig.Certificate; c != nil && certificate.NamesOf(c).Unreadable {
		return "the subjectAltName of the certificate cannot be read"
	}
	return "no certificate holds one"
}

// display wants nothing else to be shown as the author than the From address.
func display(field string, values []string, from message.Address) finding {
	for _, v := range values {
		if shown := misleading(v, from); shown != "" {
			return finding{Policy, CodeDisplayName, fmt.Sprintf("%s shows %s, and is %s", field, shown, from)}
		}
	}
	return good
}

// fromField wants exactly one From address. RFC 5322, Section 3.6.2 allows several, of which
// readers show any.
func (sc *signatureCheck) fromField() finding {
	other, ok := errors.AsType[*message.OtherAuthorError](sc.report.fromErr)
	switch n := len(sc.report.from); {
	case ok:
		return finding{Policy, CodeDisplayName, fmt.Sprintf("From shows %s, and is %s", other.Shown, other.Address)}
	case sc.report.fromErr != nil:
		return finding{PermError, CodeBadFrom, "the From field cannot be read"}
	case n == 0:
		return finding{Policy, CodeNoFrom, "the message has no From address"}
	case n > 1:
		return finding{Policy, CodeSeveralFrom, fmt.Sprintf("the message has %d From addresses", n)}
	}
	if n := len(sc.message.Fields("From")); n > 1 {
		return finding{Policy, CodeSeveralFrom, fmt.Sprintf("the message has %d From fields", n)}
	}
	return good
}

// unbound says why the identity does not speak for From (RFC 8550, Section 3: this is our
// "alternate processing").
func (sc *signatureCheck) unbound(from, in message.Address) finding {
	switch {
	case sc.claim.mail() && sc.claim.address == in:
		return finding{Policy, CodeFromRewritten, fmt.Sprintf("signed by %s, whom the protected From names, but From says %s", in, from)}
	case sc.claim.dnsName != "":
		return finding{Policy, CodeNoRule, fmt.Sprintf("no rule lets %s write as %s", sc.claim, from)}
	}
	return finding{Policy, CodeFromMismatch, fmt.Sprintf("signed by %s, but From says %s", sc.claim, from)}
}

// caseNote names the cause where the certificate states the From address with its local part in
// another case; "" else. Whatever is found at the name it states is about another mailbox.
// RFC 5321, Section 2.4: the case of local parts counts.
func (sc *signatureCheck) caseNote() string {
	from := sc.outerFrom()
	if sc.sig.Integrity != smime.IntegrityGood || sc.sig.Certificate == nil || sc.out.bound() || from == (message.Address{}) {
		return ""
	}
	for _, n := range smime.CertificateNames(sc.sig.Certificate) {
		if n.Kind == smime.NameMail && n.Address.Domain == from.Domain && strings.EqualFold(n.Address.Local, from.Local) {
			return fmt.Sprintf("; the certificate says %s, and From says %s: local parts are compared letter by letter", n.Address, from)
		}
	}
	return ""
}

// inner wants the protected From to be the outer one (RFC 9788, Section 4.4). Header protection of
// before RFC 9788 need not have covered From.
func (sc *signatureCheck) inner(from, in message.Address) finding {
	switch {
	case sc.out.HeaderProtection == smime.ProtectionNone || in == from:
		return good
	case sc.out.HeaderProtection == smime.ProtectionLegacy && len(sc.sig.ProtectedFrom) == 0 && sc.sig.ProtectedFromErr == nil:
		return good
	case in == message.Address{}:
		return finding{Policy, CodeInnerFromMismatch, "the protected header does not say who wrote the message"}
	}
	return finding{Policy, CodeInnerFromMismatch, fmt.Sprintf("the protected From says %s, the outer one %s", in, from)}
}
