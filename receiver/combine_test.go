package receiver

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"strings"
	"testing"

	"dnseal/lookup/dnssec"
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
		text := resultField("mx.example.net", r).Value
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

// TestPostQuantumMissing: it is told of a pass, also where the header was put back, which has
// another code.
func TestPostQuantumMissing(t *testing.T) {
	t.Parallel()
	missing := &SignatureReport{Verdict: Pass, Code: CodePQMissing, classes: []Class{ClassHeaderChanged, ClassPQMissing}}
	for _, code := range []Code{CodePQMissing, CodeHeaderRestored} {
		r := newReport(nil, nil)
		r.decide([]*SignatureReport{{Verdict: Pass}, missing})
		r.conclude(finding{Pass, code, ""})
		classes := slices.Compact(r.classes())
		if !slices.Equal(classes, []Class{ClassPQMissing}) {
			t.Errorf("%s: %v", code, classes)
		}
	}
}

// TestInOrder: first the signature that gave the verdict, then others that decided, then others of
// the author, then those of strangers.
func TestInOrder(t *testing.T) {
	t.Parallel()
	stranger := &SignatureReport{Verdict: Policy, Code: CodeFromMismatch, Binding: BindingNone}
	apart := &SignatureReport{Verdict: Policy, Code: CodePartial, Binding: BindingFrom, Covers: "part 1"}
	beside := &SignatureReport{Verdict: Pass, Binding: BindingFrom, Covers: smime.CoversMessage}
	worst := &SignatureReport{Verdict: Fail, Code: CodeBadDigest, Binding: BindingRule, Covers: smime.CoversMessage}
	r := newReport(nil, nil)
	r.Signatures = []*SignatureReport{stranger, apart, beside, worst}
	r.combine(&smime.Report{Kind: smime.KindSigned})
	if got := r.inOrder(); !slices.Equal(got, []*SignatureReport{worst, beside, apart, stranger}) {
		t.Errorf("%v", got)
	}
}

// TestProvesInner: only a signature on the whole message that holds in all but the rewritten From
// proves that the protected From may be shown.
func TestProvesInner(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*signatureCheck){
		"all of it":            func(*signatureCheck) {},
		"a part":               func(sc *signatureCheck) { sc.out.Covers = "part 1" },
		"another fault":        func(sc *signatureCheck) { sc.out.Code = CodeFromMismatch },
		"a name that is loose": func(sc *signatureCheck) { sc.out.NameBound = false },
		"a bad signature":      func(sc *signatureCheck) { sc.sig.Integrity = smime.IntegrityBad },
		"no answer":            func(sc *signatureCheck) { sc.out.DNS = nil },
		"an insecure zone":     func(sc *signatureCheck) { sc.out.DNS.Status = dnssec.Insecure.String() },
		"no match":             func(sc *signatureCheck) { sc.out.DNS.Records[0].Result = "no-match" },
	} {
		sc := &signatureCheck{sig: &smime.Signature{Integrity: smime.IntegrityGood}, out: &SignatureReport{
			Covers: smime.CoversMessage, Code: CodeFromRewritten, NameBound: true,
			DNS: &DNSReport{Status: dnssec.Secure.String(), Records: []RecordReport{{Result: "match"}}},
		}}
		change(sc)
		if got := sc.provesInner(); got != (name == "all of it") {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestUnknownPurpose: a certificate that is for nothing that is known here is not for mail.
func TestUnknownPurpose(t *testing.T) {
	t.Parallel()
	sc := &signatureCheck{sig: &smime.Signature{Certificate: &x509.Certificate{UnknownExtKeyUsage: []asn1.ObjectIdentifier{{1, 2, 3}}}}}
	if got := sc.purpose(); got.verdict != Policy || got.code != CodeKeyUsage {
		t.Errorf("%+v", got)
	}
}

// TestRestoreDecides: a header is put back where every signature that decides would pass by that,
// and where the field that says so can be written; then it counts as protected.
func TestRestoreDecides(t *testing.T) {
	t.Parallel()
	back := []message.Change{{Name: "Subject"}}
	for _, c := range []struct {
		name  string
		opts  Options
		other finding
		back  []message.Change
		want  bool
	}{
		{"nothing else is wrong", Options{RestoreHeader: true, AuthservID: "x"}, good, back, true},
		{"the zone is not signed", Options{RestoreHeader: true, AuthservID: "x"}, finding{Neutral, CodeInsecure, ""}, back, false},
		{"not told yet", Options{RestoreHeader: true, AuthservID: "x"}, finding{TempError, CodeTimeout, ""}, back, false},
		{"it cannot be put back", Options{RestoreHeader: true, AuthservID: "x"}, good, nil, false},
		{"nobody is told", Options{RestoreHeader: true}, good, back, false},
	} {
		r := newReport(nil, nil)
		r.decide([]*SignatureReport{{Verdict: Policy, Code: CodeHeaderChanged, Covers: smime.CoversMessage, HeaderState: smime.HeaderChanged, otherwise: c.other, restoring: c.back}})
		changes := (&Receiver{opts: c.opts}).restore(r)
		if (len(changes) > 0) != c.want || (r.Verdict == Pass) != c.want || (r.HeaderState == smime.HeaderProtected) != c.want {
			t.Errorf("%s: %v, %s, %s", c.name, changes, r.Verdict, r.HeaderState)
		}
	}
}
