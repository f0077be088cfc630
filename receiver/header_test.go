package receiver

import (
	"testing"

	"dnseal/smime"
	"dnseal/smime/message"
)

// TestHeaderChangedPolicy: what is done with a changed header, and with one that is not protected,
// where that is asked for.
func TestHeaderChangedPolicy(t *testing.T) {
	t.Parallel()
	bank, err := parseDomain(Domain{
		Names: []string{"bank.example"}, Require: "protected",
		On: map[Class]message.Action{ClassHeaderChanged: message.Reject, ClassNoSignature: message.Quarantine},
	})
	if err != nil {
		t.Fatal(err)
	}
	from := []message.Address{{Local: "a", Domain: "bank.example"}}
	global := map[Class]message.Action{ClassHeaderChanged: message.Accept, ClassInsecure: message.Defer}
	report := func(v Verdict, code Code, state smime.HeaderState, classes ...Class) *Report {
		return &Report{Verdict: v, Code: code, HeaderState: state, ProtectedFrom: "a@bank.example", from: from, deciding: []*SignatureReport{{NameBound: true, classes: classes}}}
	}
	for _, tt := range []struct {
		name   string
		report *Report
		action message.Action
		class  Class
	}{
		{"protected", report(Pass, "", smime.HeaderProtected), message.Accept, ""},
		{"unprotected", report(Pass, "", smime.HeaderUnprotected), message.Quarantine, ClassNoSignature},
		{"no state at all", report(Pass, "", ""), message.Quarantine, ClassNoSignature},
		{"changed", report(Policy, CodeHeaderChanged, smime.HeaderChanged, ClassHeaderChanged), message.Reject, ClassHeaderChanged},
		{"changed, and a key that does not count", report(Policy, CodeWeak, smime.HeaderChanged, ClassWeak, ClassHeaderChanged), message.Reject, ClassHeaderChanged},
	} {
		if got := decide(global, []*domain{bank}, tt.report); got.action != tt.action || got.class != tt.class {
			t.Errorf("%s: %+v, want %s by %q", tt.name, got, tt.action, tt.class)
		}
	}
	// A worse verdict does not hide the class of another finding.
	if got := decide(global, nil, report(Policy, CodeHeaderChanged, smime.HeaderChanged, ClassInsecure, ClassHeaderChanged)); got.action != message.Defer || got.class != ClassInsecure {
		t.Errorf("changed in an insecure zone: %+v", got)
	}
}

func TestHeaderState(t *testing.T) {
	t.Parallel()
	sig := func(covers smime.Coverage, state smime.HeaderState) *SignatureReport {
		return &SignatureReport{Covers: covers, HeaderState: state}
	}
	for _, tt := range []struct {
		sigs []*SignatureReport
		want smime.HeaderState
	}{
		{nil, smime.HeaderUnprotected},
		{[]*SignatureReport{sig(smime.CoversMessage, "")}, smime.HeaderUnprotected},
		{[]*SignatureReport{sig(smime.CoversMessage, smime.HeaderProtected)}, smime.HeaderProtected},
		{[]*SignatureReport{sig("part 1", smime.HeaderProtected)}, smime.HeaderUnprotected},
		{[]*SignatureReport{sig(smime.CoversMessage, smime.HeaderProtected), sig(smime.CoversMessage, smime.HeaderChanged)}, smime.HeaderChanged},
	} {
		if got := headerState(tt.sigs); got != tt.want {
			t.Errorf("headerState = %q, want %q", got, tt.want)
		}
	}
}
