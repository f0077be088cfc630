package receiver

import (
	"fmt"

	"dnseal/smime/message"
)

// bind says by what the identity speaks for the From address: as that address, or by a rule.
// It looks at names only; whether they are proven is not its question.
func (j *judgement) bind() {
	from := j.outerFrom()
	switch {
	case from == message.Address{}:
	case j.claim.mail() && j.claim.address == from:
		j.out.Binding = bindingFrom
	case j.claim.dnsName != "" && j.ruled(j.claim.dnsName, from):
		j.out.Binding = bindingRule
	}
}

// ruled reports whether a rule lets the device, service or host use the address.
func (p *proceeding) ruled(name string, from message.Address) bool {
	for _, d := range p.receiver.domains {
		if d.allows(name, from) {
			return true
		}
	}
	return false
}

// binding is the fourth question's answer.
func (j *judgement) binding() finding {
	if f := j.fromField(); f.verdict != Pass {
		return f
	}
	from, in := j.outerFrom(), j.innerFrom()
	if f := display("From", []string{j.message.First("From")}, from); f.verdict != Pass {
		return f
	}
	switch {
	case !j.out.bound():
		return j.unbound(from, in)
	case !j.claim.certified && !j.keyless && in == message.Address{}:
		// With a nameless certificate a signature speaks for the protected From only;
		// without any the key is all there is.
		return finding{Policy, CodeNoName, "the signature states no name: no certificate holds one, and From is not protected"}
	}
	return worse(j.inner(from, in), display("the protected From", j.sig.ProtectedFromText, from))
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

// fromField wants exactly one From address (RFC 5322, Section 3.6.2 allows several; whom a reader
// is shown is then anybody's guess).
func (j *judgement) fromField() finding {
	switch n := len(j.report.from); {
	case j.report.fromErr != nil:
		return finding{PermError, CodeBadFrom, "the From field cannot be read"}
	case n == 0:
		return finding{Policy, CodeNoFrom, "the message has no From address"}
	case n > 1:
		return finding{Policy, CodeSeveralFrom, fmt.Sprintf("the message has %d From addresses", n)}
	}
	if n := len(j.message.Fields("From")); n > 1 {
		return finding{Policy, CodeSeveralFrom, fmt.Sprintf("the message has %d From fields", n)}
	}
	return good
}

// unbound says why the identity does not speak for From (RFC 8550, Section 3: this is our
// "alternate processing").
func (j *judgement) unbound(from, in message.Address) finding {
	switch {
	case j.claim.mail() && j.claim.address == in:
		return finding{Policy, CodeFromRewritten, fmt.Sprintf("signed by and written as %s, but From says %s", in, from)}
	case j.claim.dnsName != "":
		return finding{Policy, CodeNoRule, fmt.Sprintf("no rule lets %s write as %s", j.claim, from)}
	}
	return finding{Policy, CodeFromMismatch, fmt.Sprintf("signed by %s, but From says %s", j.claim, from)}
}

// inner wants the protected From to be the outer one (RFC 9788, Section 4.4). Header protection of
// before RFC 9788 need not have covered From.
func (j *judgement) inner(from, in message.Address) finding {
	switch {
	case j.out.HeaderProtection == unprotected || in == from:
		return good
	case j.out.HeaderProtection == legacy && len(j.sig.ProtectedFrom) == 0 && j.sig.ProtectedFromErr == nil:
		return good
	case in == message.Address{}:
		return finding{Policy, CodeInnerFromMismatch, "the protected header does not say who wrote the message"}
	}
	return finding{Policy, CodeInnerFromMismatch, fmt.Sprintf("the protected From says %s, the outer one %s", in, from)}
}
