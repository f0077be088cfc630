package dnssec_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/lookuptest/peertest"
)

var vectorsUnbound = flag.Bool("vectors-unbound", os.Getenv("DNSEAL_PEERS") == "required", "have unbound judge the vectors of testdata too (one start each)")

// unboundOtherwise are vectors on which validators may differ, with the rule that ours goes by:
// unbound is not asked for them.
var unboundOtherwise = map[string]string{
	"0123-chaos":                   "RFC 2181, Section 5: a record of another class belongs to another set",
	"0202-revoked":                 "RFC 5011, Section 2.1: a revoked key signs nothing but its own revocation",
	"0209-many-keys":               "a limit of ours",
	"0311-unknown-algorithm":       "unbound has algorithm 16, which Go lacks",
	"0315-sha1-ds":                 "RFC 9905: SHA-1 is off by default here",
	"0317-rsasha1":                 "RFC 9905: SHA-1 is off by default here",
	"0318-rsa-512":                 "RFC 8624 leaves key sizes to policy: ours counts such a key as none",
	"0322-above-cut":               "RFC 4035, Section 5.3.1: the signer must be the zone that holds the set",
	"0323-above-broken-cut":        "as 0322",
	"0324-above-silent-cut":        "as 0322",
	"0328-dnskey-wildcard":         "RFC 4034, Section 3.1.3: Labels below those of the signer's zone name a wildcard outside of it",
	"0625-parent-side-unknown":     "RFC 6840, Section 4.1: the NSEC of a delegation denies nothing but the DS",
	"0627-both-sides":              "RFC 4035, Section 2.3: both are right at their sides of the delegation",
	"0720-iterations-many":         "RFC 9276, Section 3.2: limits are the validator's; unbound has one, we have a second one",
	"0724-delegation3-unknown":     "RFC 6840, Section 4.1: the NSEC of a delegation denies nothing but the DS",
	"0726-grandparent-leaf":        "RFC 4035, Section 5.3.1: the signer must be the zone that holds the set",
	"0909-alias-empty-wildcard":    "RFC 4592, Section 4: NODATA, as unbound says when it asks for the target by itself (0908)",
	"0914-span-of-delegation":      "RFC 6840, Section 4.1: the NSEC of a delegation denies nothing but the DS",
	"0920-wildcard-alias-unsigned": "RFC 4035, Section 5.2: the zone of the target is proven to be unsigned",
	"0921-wildcard-alias-optout":   "as 0920",
	"0915-span-of-parent":          "RFC 4035, Section 5.3.1: the signer must be the zone that holds the set",
}

// TestVectorsUnbound has unbound replay our vectors, so that they state what validators agree on.
func TestVectorsUnbound(t *testing.T) {
	if !*vectorsUnbound {
		t.Skip("skipped: unbound judges the vectors with -vectors-unbound or DNSEAL_PEERS=required")
	}
	program := peertest.Program(t, "unbound")
	files, err := filepath.Glob(filepath.Join("testdata", "*.rpl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		id := strings.TrimSuffix(filepath.Base(file), ".rpl")
		if unboundOtherwise[id] != "" {
			continue
		}
		t.Run(id, func(t *testing.T) {
			s, err := readScenario(file)
			if err != nil {
				t.Fatal(err)
			}
			addr := startForwarder(t, program, s, serveScenario(t, s))
			query := s.steps[0].rplEntry
			m, err := network(addr).Exchange(t.Context(), query.name, query.qtype, false)
			if err != nil {
				t.Fatal(err)
			}
			got := "insecure"
			switch {
			case m.Rcode == dns.RcodeServerFailure:
				got = "servfail"
			case m.AuthenticatedData:
				got = "secure"
			}
			want := strings.Fields(s.want)[0]
			if want == "bogus" || want == "indeterminate" {
				want = "servfail"
			}
			if got != want {
				t.Errorf("unbound %s, ours %s", got, s.want)
			}
		})
	}
}

// serveScenario answers on loopback from a scenario.
func serveScenario(t *testing.T, s *scenario) (addr string) {
	t.Helper()
	r := &recursor{scenario: s, step: 1}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, in *dns.Msg) {
		out, err := r.Exchange(t.Context(), in.Question[0].Name, in.Question[0].Qtype, true)
		if err != nil {
			return
		}
		out.Id, out.Response, out.RecursionAvailable = in.Id, true, true
		out.SetEdns0(4096, true)
		_ = w.WriteMsg(out)
	})
	addr = peertest.FreeAddr(t)
	for _, network := range []string{"udp", "tcp"} {
		server := &dns.Server{Addr: addr, Net: network, Handler: handler}
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		done := make(chan struct{})
		go func() { defer close(done); _ = server.ListenAndServe() }()
		<-started
		t.Cleanup(func() { _ = server.Shutdown(); <-done })
	}
	return addr
}

// startForwarder runs unbound with the clock and anchor of a scenario.
func startForwarder(t *testing.T, program string, s *scenario, upstream string) string {
	t.Helper()
	dir, addr := t.TempDir(), peertest.FreeAddr(t)
	more := fmt.Sprintf(`  root-key-sentinel: no
  val-override-date: "%d"
  val-sig-skew-min: 300
  val-sig-skew-max: 300
  val-nsec3-keysize-iterations: "1024 50 2048 50 4096 50"
  aggressive-nsec: no
`, s.now.Unix())
	peertest.Run(t, program, peertest.UnboundForwarder(t, dir, addr, upstream, s.anchors.String(), "validator iterator", more)...)
	peertest.LogWhenFailed(t, filepath.Join(dir, "log"))
	peertest.WaitListening(t, addr)
	return addr
}
