package receiver

import (
	"strings"
	"testing"

	"dnseal/smime"
	"dnseal/smime/message"
)

// TestUnjudged: where the structure of a message cannot be read no signature in it has a result or
// gives the verdict, however good it is: others may not have been found.
func TestUnjudged(t *testing.T) {
	t.Parallel()
	for _, code := range []smime.Code{"malformed", "limit:parts"} {
		r := newReport([]message.Address{address(t, author)}, nil)
		r.Signatures = []*SignatureReport{{Verdict: Pass, Binding: BindingFrom, Covers: smime.CoversMessage, Identity: author, Integrity: Good}}
		r.combine(&smime.Report{Kind: smime.KindSigned, Code: code, Reason: "why"})
		if r.Verdict != PermError || r.Code != Code(code) || r.Reason != "why" || r.Decisive() != nil || len(r.deciding) > 0 {
			t.Errorf("%s: %+v", code, r)
		}
		text := string(resultField("mx.example.net", r).Value)
		if !strings.Contains(text, "smime=permerror ("+string(code)+")") || strings.Count(text, "smime=") != 1 || strings.Contains(text, author) {
			t.Errorf("%s: %s", code, text)
		}
	}
}

// TestProtectedFrom: a protected From is reported where the signature over it is intact, and no
// other.
func TestProtectedFrom(t *testing.T) {
	t.Parallel()
	for integrity, want := range map[Answer]string{Good: author, Bad: "", Unknown: "", "": ""} {
		r := newReport([]message.Address{address(t, author)}, nil)
		r.decide([]*SignatureReport{{Verdict: Policy, Integrity: integrity, protectedFrom: []message.Address{address(t, author)}}})
		if r.ProtectedFrom != want {
			t.Errorf("integrity %q: %q, want %q", integrity, r.ProtectedFrom, want)
		}
	}
	r := newReport(nil, nil)
	if r.decide([]*SignatureReport{{Verdict: Pass, Integrity: Good}}); r.ProtectedFrom != "" {
		t.Errorf("%q, and nothing protects a From", r.ProtectedFrom)
	}
}

// TestWorstOf: of signatures that are equally bad the first one gives the reason.
func TestWorstOf(t *testing.T) {
	t.Parallel()
	first, second := &SignatureReport{Verdict: Fail, Code: CodeBadDigest}, &SignatureReport{Verdict: Fail, Code: CodeKeyMismatch}
	for _, sigs := range [][]*SignatureReport{{first, second}, {{Verdict: Policy}, first, second, {Verdict: Pass}}} {
		if got := worstOf(sigs); got != first {
			t.Errorf("%+v of %d", got, len(sigs))
		}
	}
}
