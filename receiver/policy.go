package receiver

import (
	"slices"
	"strings"

	"dnseal/smime/message"
)

// classes is the table from the code of a report to the class whose action it gets.
// What is not in it: "limit:…" is malformed; the words of an indeterminate DNS answer are dns-error.
var classes = map[string]string{
	CodeBadSignature:   ClassBadSignature,
	CodeBadDigest:      ClassBadSignature,
	CodeBadAttributes:  ClassBadSignature,
	CodeKeySubstituted: ClassBadSignature,
	CodeBadCosigner:    ClassBadSignature,

	CodeKeyMismatch: ClassKeyMismatch,
	CodeKeyReplaced: ClassKeyMismatch,
	CodeExpired:     ClassKeyMismatch,

	CodeRevoked:         ClassNoKey,
	CodeNotPublishedNow: ClassNoKey,
	CodeNoRecord:        ClassNoKey,
	CodeUnusableRecords: ClassNoKey,
	CodeNoOwnerName:     ClassNoKey,
	CodeNoKey:           ClassNoKey,
	CodeDenied:          ClassNoKey,
	CodePKIX:            ClassNoKey,

	CodeNoName:            ClassIdentityMismatch,
	CodeNoFrom:            ClassIdentityMismatch,
	CodeSeveralFrom:       ClassIdentityMismatch,
	CodeDisplayName:       ClassIdentityMismatch,
	CodeFromMismatch:      ClassIdentityMismatch,
	CodeFromRewritten:     ClassIdentityMismatch,
	CodeInnerFromMismatch: ClassIdentityMismatch,
	CodeNoRule:            ClassIdentityMismatch,

	CodeHeaderChanged: ClassHeaderChanged,
	CodePartial:       ClassPartial,

	CodeWeak:           ClassWeak,
	CodeUnsupported:    ClassWeak,
	CodeSignedInFuture: ClassWeak,
	CodeKeyUsage:       ClassWeak,

	CodeInsecure:      ClassInsecure,
	CodeIndeterminate: ClassDNSError,
	CodeTimeout:       ClassDNSError,
	CodeBogus:         ClassBogus,
	CodeMalformed:     ClassMalformed,
	CodeBadFrom:       ClassMalformed,
	CodeTooBig:        ClassTooBig,
	CodeInternalError: ClassInternalError,
}

// class returns the class of a verdict and its code; "" for a pass.
func class(v Verdict, code string) string {
	known := classes[code]
	switch {
	case v == Pass:
		return ""
	case v == None:
		return ClassNoSignature
	case known != "":
		return known
	case strings.HasPrefix(code, "limit:"):
		return ClassMalformed
	case v == TempError:
		return ClassDNSError
	}
	return ClassBadSignature
}

// decision is what is done with a message, and the class that asked for it; "" where nothing is wrong.
type decision struct {
	action message.Action
	class  string
}

// decide applies the [on] tables to a report: of all classes, globally and of every security domain that a From
// address belongs to, the strictest action wins.
func decide(global map[string]message.Action, domains []*domain, r *Report) decision {
	d := decision{action: message.Accept, class: class(r.Verdict, r.Code)}
	for _, c := range r.classes() {
		d.tighten(global, c)
	}
	if r.fromErr != nil {
		// Whom a reader is shown as the author cannot be told, so that no domain's rules would find it.
		d.tighten(global, ClassMalformed)
	}
	for _, dom := range domains {
		if !dom.holdsAny(r.from) {
			continue
		}
		for _, c := range r.classesFor(dom.require) {
			d.tighten(global, c)
			d.tighten(dom.on, c)
		}
	}
	return d
}

// tighten takes the action of a class when it is stricter.
func (d *decision) tighten(on map[string]message.Action, class string) {
	action, ok := on[class]
	if !ok || stricter(d.action, action) == d.action {
		return
	}
	d.action, d.class = action, class
}

func (d *domain) holdsAny(from []message.Address) bool {
	return slices.ContainsFunc(from, d.holds)
}

// classes are those of everything that is wrong with the signatures that count: the verdict names only the worst.
func (r *Report) classes() []string {
	out := []string{}
	if c := class(r.Verdict, r.Code); c != "" {
		out = append(out, c)
	}
	if r.Verdict == Pass {
		return out
	}
	for _, s := range r.deciding {
		out = append(out, s.classes...)
	}
	return out
}

// classesFor returns all classes of a report where a domain has a requirement.
func (r *Report) classesFor(require string) []string {
	out := r.classes()
	if !r.meets(require) {
		out = append(out, ClassNoSignature)
	}
	return out
}

// meets reports whether a domain's requirement is met. Only a pass does it: what is merely not disproven, like a
// signature by a CA of the sender's choice, is as good as none. What could not be told yet is left to its own
// class, and a signed part that a list wrapped is never taken for unsigned, where it holds in all else.
func (r *Report) meets(require string) bool {
	switch require {
	case requireSignature:
		return r.Verdict == Pass || r.Verdict == TempError || r.partial
	case requireProtected:
		return r.HeaderState == stateProtected && r.ProtectedFrom != "" && r.meets(requireSignature)
	}
	return true
}
