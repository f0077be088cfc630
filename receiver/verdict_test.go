package receiver

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dnseal/smime"
	"dnseal/smime/message"
)

// questionTable is one of those about a signature, with every answer to it but good and none.
type questionTable struct {
	name    string
	answers []finding
	put     func(*findings, finding)
}

// questionTables are in the order in which equally bad answers are reported. "servfail" stands for
// all words of the DNS, staple-missing for those of staples.
var questionTables = []questionTable{
	{"dns", []finding{
		{Pass, CodePKIX, ""},
		{Policy, CodeNoName, ""},
		{Neutral, CodeNoOwnerName, ""},
		{PermError, codeLimitIdentities, ""},
		{Neutral, CodeInsecure, ""},
		{TempError, CodeBogus, ""},
		{Neutral, CodeDenied, ""},
		{TempError, CodeTimeout, ""},
		{TempError, CodeIndeterminate, ""},
		{TempError, "servfail", ""},
		{TempError, "staple-missing", ""},
		{TempError, CodeNoEvidence, ""},
		{Neutral, CodeNoRecord, ""},
		{Fail, CodeNotPublishedNow, ""},
		{Fail, CodeRevoked, ""},
		{Fail, CodeKeyMismatch, ""},
		{Fail, CodeKeyReplaced, ""},
		{Fail, CodeExpired, ""},
		{Fail, CodeCAMissing, ""},
		{Neutral, CodeNoKey, ""},
		{Neutral, CodeUnusableRecords, ""},
		{Policy, CodePKIX, ""},
		{PermError, codeLimitPaths, ""},
	}, func(f *findings, a finding) { f.dns = a }},
	{"integrity", []finding{
		{Policy, CodeWeak, ""},
		{PermError, CodeMalformed, ""},
		{Fail, CodeBadSignature, ""},
		{Fail, CodeBadDigest, ""},
		{Fail, CodeBadAttributes, ""},
		{Fail, CodeKeySubstituted, ""},
		{Neutral, CodeNoKey, ""},
		{Neutral, CodeUnsupported, ""},
	}, func(f *findings, a finding) { f.integrity = a }},
	{"binding", []finding{
		{PermError, CodeBadFrom, ""},
		{Policy, CodeNoFrom, ""},
		{Policy, CodeSeveralFrom, ""},
		{Policy, CodeDisplayName, ""},
		{Policy, CodeNoName, ""},
		{Policy, CodeFromMismatch, ""},
		{Policy, CodeFromRewritten, ""},
		{Policy, CodeInnerFromMismatch, ""},
		{Policy, CodeNoRule, ""},
	}, func(f *findings, a finding) { f.binding = a }},
	{"name", []finding{{Policy, CodeNameNotBound, ""}, {TempError, CodeTimeout, ""}, {PermError, codeLimitPaths, ""}}, func(f *findings, a finding) { f.name = a }},
	{"entity", []finding{{Policy, CodeNotEntity, ""}}, func(f *findings, a finding) { f.entity = a }},
	{"quality", []finding{{Policy, CodeSignedInFuture, ""}, {Policy, CodeWeak, ""}, {Policy, CodeKeyUsage, ""}}, func(f *findings, a finding) { f.quality = a }},
	{"cosigner", []finding{{Policy, CodeBadCosigner, ""}}, func(f *findings, a finding) { f.cosigner = a }},
	{"header", []finding{{Policy, CodeHeaderChanged, ""}}, func(f *findings, a finding) { f.header = a }},
	{"coverage", []finding{{Policy, CodePartial, ""}}, func(f *findings, a finding) { f.coverage = a }},
	{"beside", []finding{{Policy, CodeBadCosigner, ""}, {Pass, CodePQMissing, ""}}, func(f *findings, a finding) { f.beside = a }},
}

// worstFirst is the order of verdicts as the documentation has it.
var worstFirst = []Verdict{PermError, Fail, Policy, TempError, Neutral, Pass}

// combinations calls try with every combination of answers.
func combinations(tables [][]finding, try func([]finding)) {
	chosen := make([]finding, len(tables))
	var rest func(int)
	rest = func(n int) {
		if n == len(tables) {
			try(chosen)
			return
		}
		for _, a := range tables[n] {
			chosen[n] = a
			rest(n + 1)
		}
	}
	rest(0)
}

// TestEveryVerdict: of every combination of answers to all questions about a signature, the verdict
// is the worst answer, and pass exactly where every question is answered, and well.
func TestEveryVerdict(t *testing.T) {
	t.Parallel()
	whole := make([][]finding, len(questionTables))
	short := make([][]finding, len(questionTables)) // one answer a verdict, and none
	for i, q := range questionTables {
		whole[i] = append([]finding{good}, q.answers...)
		short[i] = []finding{good, {}}
		for _, a := range q.answers {
			if !slices.ContainsFunc(short[i], func(b finding) bool { return a.verdict == b.verdict }) {
				short[i] = append(short[i], a)
			}
		}
	}
	// A bad signature beside is the answer of a bad cosigner, which is in the table before it: the
	// short table has both.
	last := len(whole) - 1
	whole[last] = slices.DeleteFunc(whole[last], func(a finding) bool { return a.code == CodeBadCosigner })
	tried, passed := 0, 0
	for _, tables := range [][][]finding{whole, short} {
		combinations(tables, func(chosen []finding) {
			var f findings
			for i, a := range chosen {
				questionTables[i].put(&f, a)
			}
			tried++
			want := oracle(chosen)
			got := f.conclude()
			if got.verdict != want.verdict || got.code != want.code {
				t.Fatalf("%+v: %s (%s), want %s (%s)", chosen, got.verdict, got.code, want.verdict, want.code)
			}
			if got.verdict == Pass {
				passed++
			}
			// A post-quantum signature that is missing is told with whatever verdict.
			told := slices.DeleteFunc(f.classes(), func(c Class) bool { return c == ClassPQMissing })
			if (len(told) == 0) != (want.verdict == Pass) || (len(told) < len(f.classes())) != (f.beside.code == CodePQMissing) {
				t.Fatalf("%+v: classes %v of %s", chosen, f.classes(), got.verdict)
			}
		})
	}
	// All good, by records in both tables, or by roots; each also without a post-quantum signature,
	// but for the short table.
	if tried < 1_400_000 || passed != 5 {
		t.Errorf("%d combinations, of which %d pass", tried, passed)
	}
}

// oracle is the verdict on the answers, in the order of questionTables, by the rules as they stand
// in the documentation.
func oracle(chosen []finding) finding {
	const dns, integrity, quality = 0, 1, 5
	answers := slices.Clone(chosen)
	broken := answers[integrity].verdict != Pass && answers[integrity].verdict != ""
	for i := range answers {
		if answers[i].verdict != "" {
			continue
		}
		answers[i] = finding{TempError, CodeInternalError, ""}
		if broken && (i == dns || i == quality) {
			answers[i] = finding{Pass, "", ""}
		}
	}
	for _, v := range worstFirst {
		for _, a := range answers {
			if a.verdict == v && (v != Pass || a.code != "") {
				return finding{v, a.code, ""}
			}
		}
	}
	return finding{Pass, "", ""}
}

// TestNoOtherAnswers holds questionTables to the code: every verdict with a code that is written in
// it is one of theirs, or of a whole message.
func TestNoOtherAnswers(t *testing.T) {
	t.Parallel()
	known := []string{
		// of messages
		"PermError CodeTooBig", "PermError CodeMalformed", "TempError CodeInternalError", "Pass CodeHeaderRestored",
		"None CodeEncrypted", "None CodeCompressed", "None CodeCertsOnly", "None CodePGP",
	}
	names := codeNames(t)
	for _, q := range questionTables {
		for _, a := range q.answers {
			known = append(known, string(a.verdict)+" "+names[a.code])
		}
	}
	for _, written := range writtenFindings(t) {
		if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, written) }) {
			t.Errorf("%s is in no table", written)
		}
	}
}

// codeNames are the names of the constants of codes.
func codeNames(t *testing.T) map[Code]string {
	t.Helper()
	out := map[Code]string{}
	inspect(t, func(n ast.Node) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(strings.ToLower(spec.Names[0].Name), "code") {
			return
		}
		if value, ok := spec.Values[0].(*ast.BasicLit); ok && value.Kind == token.STRING {
			out[Code(strings.Trim(value.Value, `"`))] = spec.Names[0].Name
		}
	})
	return out
}

// writtenFindings are the literals of findings whose verdict and code are constants.
func writtenFindings(t *testing.T) (out []string) {
	t.Helper()
	inspect(t, func(n ast.Node) {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || len(lit.Elts) != 3 || fmt.Sprint(lit.Type) != "finding" {
			return
		}
		v, isVerdict := lit.Elts[0].(*ast.Ident)
		code, isCode := lit.Elts[1].(*ast.Ident)
		if isVerdict && isCode && strings.HasPrefix(strings.ToLower(code.Name), "code") && code.Name != "code" {
			out = append(out, v.Name+" "+code.Name)
		}
	})
	if len(out) < 50 {
		t.Fatalf("only %d findings found", len(out))
	}
	return out
}

func inspect(t *testing.T, each func(ast.Node)) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool { each(n); return true })
	}
}

// signatureStates are all that a message's verdict can depend on of one signature.
func signatureStates(outcomes []finding) (out []*SignatureReport) {
	for _, binding := range []Binding{BindingFrom, BindingRule, BindingNone} {
		for _, covers := range []smime.Coverage{smime.CoversMessage, "part 1"} {
			for _, inner := range []bool{false, true} {
				for _, identity := range []string{"a", "b"} {
					for _, o := range outcomes {
						// the answer about binding, or about coverage, is worse
						if (binding == BindingNone || covers != smime.CoversMessage) && o.verdict.severity() < Policy.severity() {
							continue
						}
						out = append(out, &SignatureReport{Binding: binding, Covers: covers, inner: inner, Identity: identity, Verdict: o.verdict, Code: o.code})
					}
				}
			}
		}
	}
	return out
}

// TestEveryMessage: of every combination of two and three signatures, a message passes only where
// one that is bound to From and covers all of it passes and no other such one is worse; what
// strangers add changes nothing.
func TestEveryMessage(t *testing.T) {
	t.Parallel()
	many := signatureStates([]finding{{Pass, "", ""}, {Neutral, CodeUnsupported, ""}, {Neutral, CodeInsecure, ""}, {TempError, CodeTimeout, ""}, {Policy, CodeWeak, ""}, {Fail, CodeBadDigest, ""}, {PermError, CodeMalformed, ""}})
	few := signatureStates([]finding{{Pass, "", ""}, {Neutral, CodeUnsupported, ""}, {Fail, CodeBadDigest, ""}})
	for _, a := range many {
		for _, b := range many {
			checkMessage(t, a, b)
		}
	}
	for _, a := range few {
		for _, b := range few {
			for _, c := range few {
				checkMessage(t, a, b, c)
			}
		}
	}
}

func checkMessage(t *testing.T, sigs ...*SignatureReport) {
	t.Helper()
	got := worstOf(counting(sigs)).Verdict
	whole := selectSigs(sigs, func(s *SignatureReport) bool { return s.bound() && s.Covers == smime.CoversMessage })
	outer := selectSigs(whole, func(s *SignatureReport) bool { return !s.inner })
	if len(outer) == 0 {
		outer = whole
	}
	passes := len(outer) > 0
	for _, s := range outer {
		excused := s.Code == CodeUnsupported && slices.ContainsFunc(outer, func(o *SignatureReport) bool { return o.Identity == s.Identity && o.Code != CodeUnsupported })
		passes = passes && (s.Verdict == Pass || excused)
	}
	if (got == Pass) != passes {
		t.Fatalf("%s, want pass: %v; %s", got, passes, described(sigs))
	}
	bound := selectSigs(sigs, (*SignatureReport).bound)
	if len(bound) == 0 && got.severity() < Policy.severity() {
		t.Fatalf("%s, and none is bound: %s", got, described(sigs))
	}
	if len(bound) > 0 && len(bound) < len(sigs) && worstOf(counting(bound)).Verdict != got {
		t.Fatalf("%s, and another verdict without those of strangers: %s", got, described(sigs))
	}
}

func described(sigs []*SignatureReport) string {
	var out []string
	for _, s := range sigs {
		out = append(out, fmt.Sprintf("%s %s %s inner %v %s (%s)", s.Identity, s.Binding, s.Covers, s.inner, s.Verdict, s.Code))
	}
	return strings.Join(out, "; ")
}

// ladder are the actions, the least strict first.
var ladder = []message.Action{message.Accept, message.Quarantine, message.Defer, message.Reject}

// TestEveryAction: for every verdict and class, every requirement, whether the domain is the
// author's or only shown, whether the header is protected, and every action of both tables, the
// action is the strictest that applies, and a requirement that is not met is never passed over.
func TestEveryAction(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, f := range everyFacts() {
		for _, require := range []Requirement{"", RequireNothing, RequireSignature, RequireProtected} {
			for _, author := range []bool{true, false} {
				for own := range 256 { // four actions of two tables in two classes
					class := ClassBadSignature
					if len(f.classes) > 0 {
						class = f.classes[0]
					}
					pick := func(n int) message.Action { return ladder[own>>(2*n)&3] }
					global := map[Class]message.Action{ClassNoSignature: pick(0)}
					on := map[Class]message.Action{ClassNoSignature: pick(1)}
					global[class], on[class] = pick(2), pick(3)
					s := stake{on, require, author, nil}
					checkAction(t, global, s, f)
					tried++
				}
			}
		}
	}
	if tried < 300_000 {
		t.Errorf("%d combinations", tried)
	}
}

// everyFacts are a pass and each other verdict with each class, with and without protection.
func everyFacts() (out []facts) {
	for _, protected := range []bool{true, false} {
		out = append(out, facts{verdict: Pass, protected: protected})
		for _, v := range []Verdict{None, Neutral, TempError, Policy, Fail, PermError, ""} {
			for class := range DefaultActions() {
				out = append(out, facts{verdict: v, classes: []Class{class}, protected: protected})
			}
		}
	}
	return out
}

func checkAction(t *testing.T, global map[Class]message.Action, s stake, f facts) {
	t.Helper()
	rung := func(a message.Action) int { return slices.Index(ladder, a) }
	want := 0
	for _, c := range f.classes {
		want = max(want, rung(global[c]), rung(s.on[c]))
	}
	required := s.require == RequireSignature || s.require == RequireProtected
	met := f.verdict == Pass && s.author && (s.require != RequireProtected || f.protected)
	strict := max(rung(global[ClassNoSignature]), rung(s.on[ClassNoSignature]))
	if required && !met {
		if f.verdict == TempError && s.author && strict > 0 {
			strict = rung(message.Defer)
		}
		want = max(want, strict)
	}
	got := act(global, []stake{s}, f)
	if rung(got.action) != want {
		t.Fatalf("%+v, %+v, global %v: %s by %q, want %s", f, s, global, got.action, got.class, ladder[want])
	}
	if got.action != message.Accept && got.class != ClassNoSignature && global[got.class] != got.action && s.on[got.class] != got.action {
		t.Fatalf("%+v: %s by %q, which has another action", f, got.action, got.class)
	}
	// Who is the author of mail that another domain only appears in is judged without that domain.
	if alone := act(global, nil, f); strictness(alone.action) > strictness(got.action) {
		t.Fatalf("%+v: a domain made %s of %s", f, got.action, alone.action)
	}
}
