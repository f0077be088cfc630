//go:debug rsa1024min=0
package dnssec_test

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

var (
	rplFolder = flag.String("rpl", "", "folder of replay files; empty: shared/vectors/dnssec beside the repository's root")
	rplTrace  = flag.Bool("rpltrace", false, "show all messages of replays")
)

// reached is how many checks of the default folder agree. It only ever grows.
const reached = 149

// notApplicable names files that test something else than a validator behind one resolver.
var notApplicable = map[string]string{
	"black_dnskey.rpl":    "needs a recursor that asks the next name server after a bad answer; here there is one resolver",
	"black_ds.rpl":        "as black_dnskey.rpl",
	"black_ent.rpl":       "as black_dnskey.rpl",
	"world_cz_rhybar.rpl": "asks with CD=1, which is not to validate",
}

// otherwise names checks that we decide in another way, with the reason.
var otherwise = map[string]string{
	"val_nsec3_optout_ad.rpl": "NODATA, other type than DS, by an opt-out span alone: RFC 5155, Section 8.5 makes it bogus, Section 9.2 (and unbound) not secure; " +
		"we say insecure, as there may be an unsigned delegation. Neither is a key.",
}

// tally counts the checks of a run.
type tally struct {
	checks, agree, falseSecure, notApplicable int
}

func (t *tally) String() string {
	return fmt.Sprintf("replay: %d of %d checks agree, %d false secure, %d files not applicable", t.agree, t.checks, t.falseSecure, t.notApplicable)
}

// TestReplay replays the vectors of unbound's validator as NLnet Labs cut them down for a stub.
func TestReplay(t *testing.T) {
	folder := *rplFolder
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "vectors", "dnssec")
	}
	total := replayFolder(t, folder)
	if *rplFolder == "" && total.agree < reached {
		t.Errorf("%d checks agree, which were %d", total.agree, reached)
	}
	fmt.Println(total)
}

// shortKeys allows RSA keys of 512 bits, which many of the old vectors have.
func shortKeys(t *testing.T) context.Context {
	t.Helper()
	return dnssec.WithBudget(t.Context(), dnssec.NewBudget(dnssec.Limits{RSAMin: 512}))
}

// replayFolder replays all files of a folder.
func replayFolder(t *testing.T, folder string) *tally {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.rpl"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("skipped: no replay files in %s", folder)
	}
	total := new(tally)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { replay(t, file, total) })
	}
	return total
}

func replay(t *testing.T, file string, total *tally) {
	t.Helper()
	s, err := readScenario(file)
	if err != nil {
		t.Fatal(err)
	}
	anchors := new(dnssec.Anchors)
	if s.anchors.Len() > 0 {
		if anchors, err = dnssec.ParseAnchors(s.anchors.String(), file); err != nil {
			t.Fatal(err)
		}
	}
	r := &recursor{scenario: s}
	if *rplTrace {
		r.trace = t.Logf
	}
	now := s.now
	v := &dnssec.Validator{Exchanger: r, Anchors: anchors, Now: func() time.Time { return now }}
	v.AllowOld()
	reason, skip := notApplicable[filepath.Base(file)]
	if skip {
		total.notApplicable++
		t.Logf("not applicable: %s", reason)
	}
	var query *rplEntry
	for _, step := range s.steps {
		now = now.Add(step.elapse)
		switch step.action {
		case "QUERY":
			query = step.rplEntry
			r.step = step.number
		case "CHECK_ANSWER":
			total.checks++
			a := v.Resolve(shortKeys(t), query.name, query.qtype)
			check(t, a, step, query, total, skip)
		}
	}
}

// check compares one verdict with the script.
func check(t *testing.T, a *dnssec.Answer, step *rplStep, query *rplEntry, total *tally, skip bool) {
	t.Helper()
	ok, want := agrees(a, query, step.rplEntry)
	if ok && !skip {
		total.agree++
		return
	}
	if ok {
		return
	}
	say := t.Errorf
	if why := otherwise[filepath.Base(t.Name())]; skip || why != "" {
		say = t.Logf
	}
	if a.Status == dnssec.Secure {
		total.falseSecure++
		say = t.Errorf
	}
	say("step %d: %s %s = %v %q (%s), want %v", step.number, query.name, dns.Type(query.qtype), a.Status, a.Code, a.Reason, want)
}

// agrees compares a verdict with what a validating resolver answers: SERVFAIL is all it can say when it is bogus or
// when it could not tell.
func agrees(a *dnssec.Answer, query, want *rplEntry) (ok bool, expected []dnssec.Status) {
	allowed := []dnssec.Status{dnssec.Insecure, dnssec.Indeterminate}
	switch {
	case want.flags["AD"]:
		allowed = []dnssec.Status{dnssec.Secure}
	case want.rcode == dns.RcodeServerFailure:
		allowed = []dnssec.Status{dnssec.Bogus, dnssec.Indeterminate}
	case !query.flags["DO"] && !query.flags["AD"]:
		// Without either a resolver does not set AD (RFC 6840, Section 5.8): only bogus can be told.
		allowed = []dnssec.Status{dnssec.Secure, dnssec.Insecure, dnssec.Indeterminate}
	}
	return slices.Contains(allowed, a.Status), allowed
}
