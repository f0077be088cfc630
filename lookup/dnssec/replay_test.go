//go:debug rsa1024min=0
package dnssec_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

var (
	rplFolder = flag.String("rpl", os.Getenv("DNSEAL_RPL"), "folder of replay files (or $DNSEAL_RPL); empty: shared/vectors/dnssec next to the repository's root")
	rplTrace  = flag.Bool("rpltrace", false, "show all messages of replays")
)

// reached is how many checks of the default folder agree. It only ever grows.
const reached = 153

// explained names files that test something else than a validator that asks one resolver, or that
// we decide in another way.
var explained = map[string]string{
	"black_dnskey.rpl":        "needs a recursor that asks the next name server after a bad answer; here there is one resolver",
	"black_ds.rpl":            "as black_dnskey.rpl",
	"black_ent.rpl":           "as black_dnskey.rpl",
	"black_data.rpl":          "as black_dnskey.rpl",
	"black_prime.rpl":         "as black_dnskey.rpl",
	"val_anchor_nx.rpl":       "an anchor whose zone is gone, as its parent proves: RFC 4033, Section 5 has no such case; the anchor says that the zone is signed, so we say bogus",
	"val_nsec3_iter_high.rpl": "NSEC3 records with different salts and iterations in one reply: RFC 5155, Section 8.2 allows to call that bogus, and we do",
	"val_nsec3_optout_ad.rpl": "NODATA, other type than DS, by an opt-out span alone: RFC 5155, Section 8.5 makes it bogus, Section 9.2 (and unbound) not secure; " +
		"we say insecure, as there may be an unsigned delegation. Neither is a key.",
	"val_nx_nsec3_params.rpl":    "as val_nsec3_iter_high.rpl",
	"val_anchor_nx_nosig.rpl":    "as val_anchor_nx.rpl",
	"val_nx_nsec3_collision.rpl": "as val_nsec3_iter_high.rpl",
}

// explain says why a check may come out in another way.
func (s *scenario) explain(file string, query *rplEntry) string {
	switch {
	case s.hardened:
		return "harden-algo-downgrade: RFC 6840, Section 5.11 wants validators to accept any one path"
	case slices.ContainsFunc(s.insecure, func(zone string) bool { return dns.IsSubDomain(zone, query.name) }):
		return "a negative trust anchor (RFC 7646): there are none here"
	case strings.HasPrefix(query.name, "root-key-sentinel-"):
		return "a resolver that says which keys it has by refusing what is right (RFC 8509)"
	case query.flags["CD"]:
		return "asks with CD=1, which is not to validate"
	case !query.flags["RD"]:
		return "asks with RD=0, for a referral from the cache"
	case query.qtype == dns.TypeANY:
		return "ANY: no key is asked for that way (RFC 8482)"
	}
	return explained[file]
}

// tally counts the checks of a run.
type tally struct {
	checks, agree, falseSecure, explained int
}

func (t *tally) String() string {
	return fmt.Sprintf("replay: %d of %d checks agree, %d false secure, %d more are explained", t.agree, t.checks, t.falseSecure, t.explained)
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

// limits are those of unbound: RSA keys of 512 bits, which many of the old vectors have, and what
// it takes for too many iterations of NSEC3 (RFC 9276, Section 3.2 leaves that to validators).
func (s *scenario) limits(t *testing.T) context.Context {
	t.Helper()
	return dnssec.WithBudget(t.Context(), dnssec.NewBudget(dnssec.Limits{RSAMin: 512, Iterations: s.iterations, BogusIterations: 1 << 16}))
}

// replayFolder replays all files of a folder.
func replayFolder(t *testing.T, folder string) *tally {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.rpl"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 && *rplFolder != "" {
		t.Fatalf("no replay files in %s", folder)
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
	if s.anyTime {
		v.Skew = 60 * 365 * 24 * time.Hour
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
			a := v.Resolve(s.limits(t), query.name, query.qtype)
			total.check(t, a, step, query, s.explain(filepath.Base(file), query))
		}
	}
}

// check compares one verdict with the script.
func (t *tally) check(tb testing.TB, a *dnssec.Answer, step *rplStep, query *rplEntry, why string) {
	tb.Helper()
	ok, want := agrees(a, query, step.rplEntry)
	if ok {
		t.agree++
		return
	}
	what := fmt.Sprintf("step %d: %s %s = %v %q (%s), want %v", step.number, query.name, dns.Type(query.qtype), a.Status, a.Code, a.Reason, want)
	if why != "" {
		t.explained++
		tb.Logf("%s: %s", what, why)
		return
	}
	if a.Status == dnssec.Secure {
		t.falseSecure++
	}
	tb.Error(what)
}

// agrees compares a verdict with what a validating resolver answers: SERVFAIL is all it can say
// when it is bogus or when it could not tell.
func agrees(a *dnssec.Answer, query, want *rplEntry) (ok bool, expected []dnssec.Status) {
	allowed := []dnssec.Status{dnssec.Insecure, dnssec.Indeterminate}
	switch {
	case want.flags["AD"]:
		allowed = []dnssec.Status{dnssec.Secure}
	case want.rcode == dns.RcodeServerFailure:
		allowed = []dnssec.Status{dnssec.Bogus, dnssec.Indeterminate}
	case !query.flags["DO"] && !query.flags["AD"]:
		// Without either a resolver does not set AD (RFC 6840, Section 5.8): only bogus can be
		// told.
		allowed = []dnssec.Status{dnssec.Secure, dnssec.Insecure, dnssec.Indeterminate}
	}
	return slices.Contains(allowed, a.Status), allowed
}
