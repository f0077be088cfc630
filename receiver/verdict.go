package receiver

import "cmp"

// Verdict is an RFC 8601 result word. The zero value is "", which is not a pass.
type Verdict string

// Verdicts (RFC 8601, Section 2.7; RFC 7281, Section 3.1).
const (
	// None: the message is not signed.
	None Verdict = "none"
	// Pass: all five questions are answered with yes.
	Pass Verdict = "pass"
	// Fail: checked, and wrong.
	Fail Verdict = "fail"
	// Policy: intact and by the signer it names, but not acceptable for this message here.
	Policy Verdict = "policy"
	// Neutral: intact, but nothing to judge it by.
	Neutral Verdict = "neutral"
	// TempError: undecided; another attempt later may help.
	TempError Verdict = "temperror"
	// PermError: cannot be decided, and another attempt will not help.
	PermError Verdict = "permerror"
)

// severity orders verdicts: the worse, the greater. What is no verdict is worst.
func (v Verdict) severity() int {
	switch v {
	case Pass:
		return 0
	case None:
		return 1
	case Neutral:
		return 2
	case TempError:
		return 3
	case Policy:
		return 4
	case Fail:
		return 5
	case PermError:
		return 6
	}
	return 7
}

// finding is the answer to one question: a verdict, and why it is no better.
type finding struct {
	verdict Verdict
	code    Code
	reason  string
}

var good = finding{verdict: Pass}

// worse returns the worse of two findings; of equally bad ones the first that says something.
func worse(a, b finding) finding {
	sa, sb := a.verdict.severity(), b.verdict.severity()
	if sb > sa || sb == sa && a.code == "" {
		return b
	}
	return a
}

// findings are the answers to the questions about one signature. The zero value of each is none.
type findings struct {
	dns, integrity, binding, name, entity, quality, cosigner, header, coverage, beside finding
}

// all are the answers, in the order in which equally bad ones are reported. An answer that is
// missing is a fault of this machine, but for those that are never looked for: nobody is asked for
// the key, or judged by the date, of a signature that does not hold.
func (f findings) all() [10]finding {
	if f.integrity.verdict != Pass {
		f.dns, f.quality = cmp.Or(f.dns, good), cmp.Or(f.quality, good)
	}
	out := [...]finding{f.dns, f.integrity, f.binding, f.name, f.entity, f.quality, f.cosigner, f.header, f.coverage, f.beside}
	for i, answer := range out {
		out[i] = cmp.Or(answer, finding{TempError, CodeInternalError, "a question about the signature was not answered"})
	}
	return out
}

// conclude is the verdict on a signature: never better than the worst answer. That a list may have
// wrapped the message comes last: nothing else may be wrong with a part of which only that is
// reported.
func (f findings) conclude() finding {
	sum := good
	for _, answer := range f.all() {
		sum = worse(sum, answer)
	}
	return sum
}

// classes are those of everything that is wrong.
func (f findings) classes() []Class {
	var out []Class
	for _, answer := range f.all() {
		if c := ClassOf(answer.verdict, answer.code); c != "" {
			out = append(out, c)
		}
	}
	return out
}
