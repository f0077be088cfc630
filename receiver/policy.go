package receiver

import (
	"cmp"
	"slices"
	"strings"

	"dnseal/smime"
	"dnseal/smime/message"
)

// classes is the table from the code of a report to the class whose action it gets. What is not in
// it: "limit:…" is malformed; the words of an indeterminate DNS answer are dns-error.
var classes = map[Code]Class{
	CodeBadSignature:   ClassBadSignature,
	CodeBadDigest:      ClassBadSignature,
	CodeBadAttributes:  ClassBadSignature,
	CodeKeySubstituted: ClassBadSignature,
	CodeBadCosigner:    ClassBadSignature,

	CodeKeyMismatch: ClassKeyMismatch,
	CodeKeyReplaced: ClassKeyMismatch,
	CodeCAMissing:   ClassKeyMismatch,
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
	CodeNameNotBound:      ClassIdentityMismatch,
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

	CodePQMissing: ClassPQMissing,

	CodeInsecure:      ClassInsecure,
	CodeIndeterminate: ClassDNSError,
	CodeTimeout:       ClassDNSError,
	CodeBogus:         ClassBogus,
	CodeMalformed:     ClassMalformed,
	CodeNotEntity:     ClassMalformed,
	CodeBadFrom:       ClassMalformed,
	CodeTooBig:        ClassTooBig,
	CodeInternalError: ClassInternalError,

	CodeNoEvidence:         ClassDNSError,
	CodeEvidenceTime:       ClassDNSError,
	CodeEvidenceAnchor:     ClassDNSError,
	CodeEvidenceUnreadable: ClassDNSError,
}

// ClassOf returns the class of a verdict and its code, by whose action in [Options.On] a message is
// treated; "" for a pass with which nothing is missing.
func ClassOf(v Verdict, code Code) Class {
	known := classes[code]
	switch {
	case v == Pass && code == CodePQMissing:
		return ClassPQMissing
	case v == Pass:
		return ""
	case v == None:
		return ClassNoSignature
	case known != "":
		return known
	case strings.HasPrefix(string(code), "limit:"):
		return ClassMalformed
	case v == TempError:
		return ClassDNSError
	}
	return ClassBadSignature
}

// decision is what is done with a message, and the class that asked for it; "" where nothing is
// wrong.
type decision struct {
	action message.Action
	class  Class
	text   string // what a security domain has the sender told; "": nothing
}

// facts are what a decision rests on.
type facts struct {
	verdict Verdict
	// classes are those of everything that is wrong with From and with the signatures that count.
	classes []Class
	// protected: the signature protects the header, From included, and the name is bound to it.
	protected bool
}

// stake is a security domain that a message concerns.
type stake struct {
	on      map[Class]message.Action
	require Requirement
	// author: a From address is of the domain; else a reader may only be shown one.
	author bool
	texts  map[Class]string
}

// decide applies the [on] tables to a report.
func decide(global map[Class]message.Action, domains []*domain, r *Report) decision {
	f := facts{
		verdict: r.Verdict, classes: r.classes(),
		protected: r.HeaderState == smime.HeaderProtected && r.ProtectedFrom != "" && r.namesBound(),
	}
	var stakes []stake
	for _, dom := range domains {
		if author := dom.holdsAny(r.from); author || dom.mayHold(r.shown) {
			stakes = append(stakes, stake{dom.on, dom.require, author, dom.texts})
		}
	}
	d := act(global, stakes, f)
	if d.class == "" {
		d.class = ClassOf(r.Verdict, r.Code)
	}
	for _, s := range stakes {
		d.text = cmp.Or(d.text, s.texts[d.class])
	}
	return d
}

// act is the action for a message: of all classes, globally and of every security domain that a
// From address belongs to, or that a reader may be shown an author of, the strictest action wins.
// The class is the one that asked for it; "" where none asks for more than to accept.
func act(global map[Class]message.Action, stakes []stake, f facts) decision {
	d := decision{action: message.Accept}
	for _, c := range f.classes {
		d.tighten(actionOn(global, c), c)
	}
	for _, s := range stakes {
		for _, c := range f.classes {
			d.tighten(actionOn(s.on, c), c)
		}
		if !s.metBy(f) {
			unmet := stricter(actionOn(global, ClassNoSignature), actionOn(s.on, ClassNoSignature))
			d.unmet(unmet, s.author && f.verdict == TempError)
		}
	}
	return d
}

// Decide sets Action and Class of a report: what [Receiver.Handle] does with such a message by
// Options.On and Options.Domains, as far as the message shows it: without restoring a header, and
// without the envelope, whose sender an entry point counts as author where From is missing.
func (r *Receiver) Decide(report *Report) {
	d := decide(r.on, r.domains, report)
	if report.unreadable != nil {
		d.action = withoutHeader(d.action, report.unreadable)
	}
	report.Action, report.Class = d.action.String(), d.class
}

// actionOn is the action of a class in a table that need not have it.
func actionOn(on map[Class]message.Action, class Class) message.Action {
	if action, ok := on[class]; ok {
		return action
	}
	return message.Accept
}

// tighten takes the action of a class when it is stricter.
func (d *decision) tighten(action message.Action, class Class) {
	if stricter(d.action, action) != d.action {
		d.action, d.class = action, class
	}
}

// unmet applies the action for mail that does not meet a requirement. Where that is not known yet
// it is deferred rather than refused for good, and never accepted: an attacker who can make the DNS
// fail must not get mail in by it.
func (d *decision) unmet(action message.Action, unknown bool) {
	if unknown && action != message.Accept {
		action = message.Defer
	}
	d.tighten(action, ClassNoSignature)
}

// classes are those of everything that is wrong with From and with the signatures that count: the
// verdict names only the worst.
func (r *Report) classes() []Class {
	var out []Class
	if c := ClassOf(r.Verdict, r.Code); c != "" {
		out = append(out, c)
	}
	if r.fromErr != nil {
		out = append(out, ClassMalformed)
	}
	for _, s := range r.deciding {
		switch {
		case r.Verdict != Pass:
			out = append(out, s.classes...)
		case slices.Contains(s.classes, ClassPQMissing):
			out = append(out, ClassPQMissing) // a header that was put back has another code
		}
	}
	return out
}

// namesBound reports whether the name of some signature that decided is bound to it.
func (r *Report) namesBound() bool {
	return slices.ContainsFunc(r.deciding, func(s *SignatureReport) bool { return s.NameBound })
}

// metBy reports whether a domain's requirement is met. Only a pass meets one: what is merely not
// disproven, like a signature by a CA of the sender's choice or one on an attached message, counts
// as none. No verdict on another author meets it.
func (s stake) metBy(f facts) bool {
	switch s.require {
	case "", RequireNothing:
		return true
	case RequireSignature:
		return s.author && f.verdict == Pass
	case RequireProtected:
	}
	return s.author && f.verdict == Pass && f.protected
}
