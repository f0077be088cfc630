package receiver

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
