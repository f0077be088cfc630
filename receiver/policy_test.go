package receiver

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnseal/smime"
	"dnseal/smime/message"
)

func address(tb testing.TB, s string) message.Address {
	tb.Helper()
	a, err := message.ParseAddress(s)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// reportOf is a report as Verify leaves it, for the policy.
func reportOf(tb testing.TB, v Verdict, code Code, from ...string) *Report {
	tb.Helper()
	var as []message.Address
	for _, s := range from {
		as = append(as, address(tb, s))
	}
	r := newReport(as, nil)
	r.conclude(finding{v, code, ""})
	return r
}

func TestWorst(t *testing.T) {
	// The order: permerror, fail, policy, temperror, neutral, pass, worst first.
	order := []Verdict{PermError, Fail, Policy, TempError, Neutral, Pass}
	for i, worseOne := range order {
		for _, better := range order[i+1:] {
			a, b := finding{worseOne, "a", ""}, finding{better, "b", ""}
			if got := worse(a, b); got != a {
				t.Errorf("worse(%s, %s) = %s", worseOne, better, got.verdict)
			}
			if got := worse(b, a); got != a {
				t.Errorf("worse(%s, %s) = %s", better, worseOne, got.verdict)
			}
		}
	}
	if got := worse(finding{Verdict(""), "unset", ""}, good); got.verdict == Pass {
		t.Error("the zero verdict counts as pass")
	}
	for _, v := range order {
		if unknown := (finding{Verdict("good"), "unset", ""}); worse(finding{v, "a", ""}, unknown) != unknown {
			t.Errorf("a word that is no verdict is better than %s", v)
		}
	}
}

// TestEveryCodeHasAClass holds the table of policy.go to the list of codes.go.
func TestEveryCodeHasAClass(t *testing.T) {
	src, err := os.ReadFile("codes.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\tCode\w+\s+Code\s*= "([^"]+)"(.*)$`).FindAllStringSubmatch(string(src), -1)
	if len(found) < 30 {
		t.Fatalf("only %d codes found", len(found))
	}
	// of unsigned mail, and of a pass
	kinds := []Code{CodeEncrypted, CodeCompressed, CodeCertsOnly, CodePGP, CodeHeaderRestored}
	for _, m := range found {
		_, ok := classes[Code(m[1])]
		if ok == slices.Contains(kinds, Code(m[1])) {
			t.Errorf("code %q: in the table of classes: %v", m[1], ok)
		}
	}
	known := DefaultActions()
	for code, c := range classes {
		if _, ok := known[c]; !ok {
			t.Errorf("code %q has the class %q, which has no default action", code, c)
		}
	}
}

func TestClass(t *testing.T) {
	for _, c := range []struct {
		verdict Verdict
		code    Code
		want    Class
	}{
		{Pass, "", ""},
		{Pass, CodePKIX, ""},
		{Pass, CodePQMissing, ClassPQMissing},
		{None, "", ClassNoSignature},
		{None, CodeEncrypted, ClassNoSignature},
		{TempError, "timeout", ClassDNSError},
		{TempError, "budget:queries", ClassDNSError},
		// the DNS's word, but never judged milder for it
		{TempError, "bad-signature", ClassBadSignature},
		{TempError, CodeBogus, ClassBogus},
		{PermError, "limit:parts", ClassMalformed},
		{PermError, CodeTooBig, ClassTooBig},
		{Policy, CodePartial, ClassPartial},
		{Fail, "a word of tomorrow", ClassBadSignature},
	} {
		if got := ClassOf(c.verdict, c.code); got != c.want {
			t.Errorf("ClassOf(%s, %q) = %q, want %q", c.verdict, c.code, got, c.want)
		}
	}
}

func TestDecide(t *testing.T) {
	bank := Domain{
		Names: []string{"bank.example", "*.bank.example"}, Require: "signature",
		On: map[Class]message.Action{
			ClassBadSignature: message.Reject, ClassNoSignature: message.Reject,
			ClassDNSError: message.Defer, ClassBogus: message.Defer,
		},
	}
	strict := bank
	strict.Names, strict.Require = []string{"strict.example"}, "protected"
	free := Domain{Names: []string{"free.example"}, On: map[Class]message.Action{ClassNoSignature: message.Quarantine}}
	lax := Domain{Names: []string{"lax.example"}, On: map[Class]message.Action{ClassMalformed: message.Accept}}
	only := func(name string, action message.Action) Domain {
		return Domain{Names: []string{name}, Require: "signature", On: map[Class]message.Action{ClassNoSignature: action}}
	}
	patient, curious, idle := only("patient.example", message.Reject), only("curious.example", message.Quarantine), only("idle.example", message.Accept)
	quantum := Domain{Names: []string{"quantum.example"}, Require: "signature", On: map[Class]message.Action{ClassPQMissing: message.Reject}}
	r, err := New(Options{Lookup: noDNS{}, Domains: []Domain{bank, strict, free, lax, patient, curious, idle, quantum}, On: map[Class]message.Action{
		ClassMalformed: message.Reject, ClassWeak: message.Quarantine,
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		verdict Verdict
		code    Code
		from    []string
		want    message.Action
		class   Class
	}{
		{"a pass", Pass, "", []string{"a@bank.example"}, message.Accept, ""},
		{"a pass without its post-quantum signature", Pass, CodePQMissing, []string{"a@bank.example"}, message.Accept, ClassPQMissing},
		{"a pass without it, where it is wanted", Pass, CodePQMissing, []string{"a@quantum.example"}, message.Reject, ClassPQMissing},
		{"a pass with it, where it is wanted", Pass, "", []string{"a@quantum.example"}, message.Accept, ""},
		{"unsigned elsewhere", None, "", []string{"a@example.org"}, message.Accept, ClassNoSignature},
		{"unsigned from the bank", None, "", []string{"a@bank.example"}, message.Reject, ClassNoSignature},
		{"unsigned from below the bank", None, "", []string{"a@x.bank.example"}, message.Reject, ClassNoSignature},
		{"two authors, one the bank's", None, "", []string{"a@example.org", "a@bank.example"}, message.Reject, ClassNoSignature},
		{"changed", Fail, CodeBadDigest, []string{"a@bank.example"}, message.Reject, ClassBadSignature},
		{"neutral never helps", Neutral, CodeNoRecord, []string{"a@bank.example"}, message.Reject, ClassNoSignature},
		{"insecure never helps", Neutral, CodeInsecure, []string{"a@bank.example"}, message.Reject, ClassNoSignature},
		{"signed by somebody else", Policy, CodeFromMismatch, []string{"a@bank.example"}, message.Reject, ClassNoSignature},
		{"a signed part next to text of anybody", Policy, CodePartial, []string{"a@bank.example"}, message.Reject, ClassNoSignature},
		{"not told yet is not unsigned", TempError, "timeout", []string{"a@bank.example"}, message.Defer, ClassDNSError},
		{"not told, and no action but for no signature", TempError, "timeout", []string{"a@patient.example"}, message.Defer, ClassNoSignature},
		{"the same of this machine", TempError, CodeInternalError, []string{"a@patient.example"}, message.Defer, ClassInternalError},
		{"not told, and to be quarantined without signature", TempError, "timeout", []string{"a@curious.example"}, message.Defer, ClassNoSignature},
		{"not told, and nothing done without signature", TempError, "timeout", []string{"a@idle.example"}, message.Accept, ClassDNSError},
		{"not told of one author, and another is shown", TempError, "timeout", []string{"a@example.org", "a@patient.example"}, message.Defer, ClassNoSignature},
		{"bogus", TempError, CodeBogus, []string{"a@bank.example"}, message.Defer, ClassBogus},
		{"pass without protection", Pass, "", []string{"a@strict.example"}, message.Reject, ClassNoSignature},
		{"own action without requirement", None, "", []string{"a@free.example"}, message.Quarantine, ClassNoSignature},
		{"weak everywhere", Policy, CodeWeak, []string{"a@example.org"}, message.Quarantine, ClassWeak},
		{"a domain is never laxer", PermError, CodeMalformed, []string{"a@lax.example"}, message.Reject, ClassMalformed},
	} {
		got := decide(r.on, r.domains, reportOf(t, c.verdict, c.code, c.from...))
		if got.action != c.want || got.class != c.class {
			t.Errorf("%s: %s by %q, want %s by %q", c.name, got.action, got.class, c.want, c.class)
		}
	}
	protected := reportOf(t, Pass, "", "a@strict.example")
	protected.ProtectedFrom, protected.HeaderState = "a@strict.example", smime.HeaderProtected
	if got := decide(r.on, r.domains, protected); got.action != message.Reject || got.class != ClassNoSignature {
		t.Errorf("a pass whose name nothing binds: %s by %q", got.action, got.class)
	}
	protected.deciding = []*SignatureReport{{NameBound: true}}
	if got := decide(r.on, r.domains, protected); got.action != message.Accept {
		t.Errorf("a pass with protected From: %s", got.action)
	}
	for _, state := range []smime.HeaderState{smime.HeaderUnprotected, smime.HeaderChanged, ""} {
		protected.HeaderState = state
		if got := decide(r.on, r.domains, protected); got.action != message.Reject || got.class != ClassNoSignature {
			t.Errorf("a header in the state %q: %s by %q", state, got.action, got.class)
		}
	}
	protected.HeaderState, protected.ProtectedFrom = smime.HeaderProtected, ""
	if got := decide(r.on, r.domains, protected); got.action != message.Reject || got.class != ClassNoSignature {
		t.Errorf("a protected header without From: %s by %q", got.action, got.class)
	}
	unreadable := reportOf(t, None, "")
	_, unreadable.fromErr = message.ParseAddress("bank.example")
	if got := decide(r.on, r.domains, unreadable); got.action != message.Reject || got.class != ClassMalformed {
		t.Errorf("an unreadable From: %s by %q, want reject by malformed", got.action, got.class)
	}
}

// TestDecideShown: a requirement also holds where a reader may be shown an author of the domain,
// and then no verdict on another author meets it.
func TestDecideShown(t *testing.T) {
	on := map[Class]message.Action{ClassNoSignature: message.Reject}
	r, err := New(Options{Lookup: noDNS{}, Domains: []Domain{
		{Names: []string{"bank.example"}, Require: "signature", On: on},
		{Names: []string{"free.example"}, On: on},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		verdict Verdict
		shown   message.Shown
		want    message.Action
	}{
		{"nothing else", Pass, message.Shown{Domains: []string{"example.org"}}, message.Accept},
		{"the bank", Pass, message.Shown{Domains: []string{"example.org", "bank.example"}}, message.Reject},
		{"the bank, and not told", TempError, message.Shown{Domains: []string{"bank.example"}}, message.Reject},
		{"too long to tell", Pass, message.Shown{Cut: true}, message.Reject},
		{"a domain without requirement", Pass, message.Shown{Domains: []string{"free.example"}}, message.Accept},
		{"the same unsigned", None, message.Shown{Domains: []string{"free.example"}}, message.Reject},
	} {
		report := reportOf(t, c.verdict, "", "a@example.org")
		report.shown = c.shown
		if got := decide(r.on, r.domains, report); got.action != c.want {
			t.Errorf("%s: %s by %q, want %s", c.name, got.action, got.class, c.want)
		}
	}
}

// TestDecideMonotone: adding an action that is stricter never makes the decision milder.
func TestDecideMonotone(t *testing.T) {
	allClasses := slices.Sorted(maps.Keys(DefaultActions()))
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom(slices.Sorted(maps.Keys(classes))).Draw(t, "code")
		verdict := rapid.SampledFrom([]Verdict{PermError, Fail, Policy, TempError, Neutral, None}).Draw(t, "verdict")
		r := newReport([]message.Address{{Local: "a", Domain: "bank.example"}}, nil)
		r.conclude(finding{verdict, code, ""})
		on := map[Class]message.Action{}
		for _, c := range allClasses {
			on[c] = rapid.SampledFrom([]message.Action{message.Accept, message.Quarantine, message.Defer, message.Reject}).Draw(t, string(c))
		}
		require := rapid.SampledFrom([]Requirement{"", RequireSignature, RequireProtected}).Draw(t, "require")
		d, err := parseDomain(Domain{Names: []string{"bank.example"}, Require: require})
		if err != nil {
			t.Fatal(err)
		}
		before := decide(on, []*domain{d}, r).action
		on[rapid.SampledFrom(allClasses).Draw(t, "class")] = message.Reject
		after := decide(on, []*domain{d}, r).action
		if strictness(after) < strictness(before) {
			t.Fatalf("%s %s: %s became %s", verdict, code, before, after)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	devices := func(device string, from ...string) Domain {
		return Domain{Names: []string{"bank.example"}, Devices: map[string][]string{device: from}}
	}
	for _, c := range []struct {
		name string
		opts Options
		want string
	}{
		{"no resolver", Options{}, "no resolver"},
		{"an id with a semicolon", Options{Lookup: noDNS{}, AuthservID: "mx; dkim=pass"}, "authserv-id"},
		{"an unknown class", Options{Lookup: noDNS{}, On: map[Class]message.Action{"no-rule": message.Accept}}, "unknown class"},
		{"an unknown action", Options{Lookup: noDNS{}, On: map[Class]message.Action{ClassWeak: 9}}, "no action"},
		{"a domain without names", Options{Lookup: noDNS{}, Domains: []Domain{{}}}, "domain 1"},
		{"an address as name", Options{Lookup: noDNS{}, Domains: []Domain{{Names: []string{"a@bank.example"}}}}, "mail address"},
		{"an unknown requirement", Options{Lookup: noDNS{}, Domains: []Domain{{Names: []string{"bank.example"}, Require: "dkim"}}}, "dkim"},
		{"a domain's unknown class", Options{Lookup: noDNS{}, Domains: []Domain{{Names: []string{"bank.example"}, On: map[Class]message.Action{"x": 1}}}}, "unknown class"},
		{"an address as device", Options{Lookup: noDNS{}, Domains: []Domain{devices("a@bank.example", "a@bank.example")}}, "mail address"},
		{"a domain as address", Options{Lookup: noDNS{}, Domains: []Domain{devices("*._device.x.example", "bank.example")}}, "no mail address"},
		{"an address of elsewhere", Options{Lookup: noDNS{}, Domains: []Domain{devices("*._device.x.example", "a@other.example")}}, "not within"},
	} {
		if _, err := New(c.opts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: New = %v, want an error with %q", c.name, err, c.want)
		}
	}
}

func TestDomainAllows(t *testing.T) {
	d, err := parseDomain(Domain{Names: []string{"bank.example", "*.bank.example"}, Devices: map[string][]string{
		"*._device.vendor.example": {"*@alerts.bank.example", "*@*"}, "printer.bank.example": {"scan@bank.example"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		device, from string
		want         bool
	}{
		{"s7._device.vendor.example", "x@alerts.bank.example", true},
		// *@* reaches no further than the domain's own names
		{"s7._device.vendor.example", "x@other.example", false},
		{"s7._device.other.example", "x@alerts.bank.example", false},
		{"printer.bank.example", "scan@bank.example", true},
		{"printer.bank.example", "Scan@bank.example", false}, // local parts compare as they stand
		{"printer.bank.example", "scan@x.bank.example", false},
	} {
		if got := d.allows(c.device, address(t, c.from)); got != c.want {
			t.Errorf("allows(%s, %s) = %v", c.device, c.from, got)
		}
	}
}
