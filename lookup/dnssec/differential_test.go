package dnssec_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

var (
	differentialCases = flag.Int("cases", 2000, "least number of cases of the differential test")
	differentialSeed  = flag.Uint64("seed", 1, "seed of the differential test; 0: by the clock")
)

// known lists disagreements with unbound, and delv, that are on purpose, by what both say; the text
// names the RFC.
var known = []struct {
	unbound, ours string
	code          dnssec.Code
	why           string
}{
	{"secure", "servfail", dnssec.CodeSigner, "RFC 4035, Section 5.3.1: the signer must be the zone that holds the set"},
	{"secure", "servfail", dnssec.CodeBadDenial, "RFC 4035, Section 5.4 asks for a proof; that of a zone whose NSEC records contradict each other is none"},
	{"insecure", "servfail", dnssec.CodeSigner, "as above, where an opt-out span or too many iterations come with it"},
	{"insecure", "servfail", dnssec.CodeBadDenial, "RFC 6840, Section 4.1: the NSEC of a delegation denies nothing but the DS"},
	{"servfail", "insecure", dnssec.CodeOptOut, "RFC 5155, Section 9.2: the opt-out span decides; unbound wants all of the reply right before it looks"},
	{"servfail", "insecure", dnssec.CodeIterations, "RFC 9276, Section 3.2: one verified NSEC3 shows the iterations; unbound wants all of the reply right before it looks"},
}

// variant is one generated zone with one mutation.
type variant struct {
	zone     string
	spec     lookuptest.Zone
	mutation mutation
	names    []question
}

type question struct {
	name  string
	qtype uint16
}

// generate makes up zones until they hold enough questions.
func generate(r *rand.Rand, cases int) []*variant {
	var out []*variant
	all := mutations()
	// RSA keys take long to make.
	algorithms := []uint8{13, 13, 13, 13, 13, 13, 13, 13, 15, 15, 15, 15, 15, 14, 8, 10}
	for count := 0; count < cases; {
		v := &variant{zone: fmt.Sprintf("z%d.lab.", len(out)), mutation: all[len(out)%len(all)]}
		v.spec = lookuptest.Zone{Algorithm: algorithms[r.IntN(len(algorithms))]}
		switch r.IntN(6) {
		case 0, 1:
		case 2:
			v.spec.NSEC3 = true
		case 3:
			v.spec.NSEC3, v.spec.Salt, v.spec.Iterations = true, "5a17", uint16([]int{1, 10, 50, 51}[r.IntN(4)])
		case 4:
			v.spec.NSEC3, v.spec.OptOut = true, true
		case 5:
			// No zone file holds these: they are made while answering, and stay as they are.
			v.spec.Narrow, v.spec.NSEC3, v.mutation = true, r.IntN(2) == 0, all[0]
		}
		v.fill(r)
		count += len(v.names)
		out = append(out, v)
	}
	return out
}

// fill writes the zone and the questions to ask.
func (v *variant) fill(r *rand.Rand) {
	var b strings.Builder
	fmt.Fprintf(&b, "$ORIGIN %s\n$TTL 300\n@ SOA ns hostmaster 1 7200 3600 1209600 300\n@ NS ns\nns A 127.0.0.1\n", v.zone)
	ask := func(qtype uint16, labels ...string) {
		for _, l := range labels {
			v.names = append(v.names, question{l + v.zone, qtype})
		}
	}
	b.WriteString("www A 192.0.2.2\nwww TXT \"text\"\nhash._smimecert TYPE53 \\# 5 0301010102\nt._device TLSA 3 1 1 00\nunsigned NS ns.elsewhere.lab.\n")
	ask(dns.TypeA, "www.", "no.", "no.no.", "www.child.", "www.island.")
	ask(dns.TypeAAAA, "www.")
	ask(dns.TypeSMIMEA, "hash._smimecert.", "none._smimecert.")
	ask(dns.TypeTLSA, "t._device.")
	ask(dns.TypeDS, "child.", "unsigned.")
	if r.IntN(3) > 0 {
		b.WriteString("*.wild A 192.0.2.3\nnamed.wild A 192.0.2.4\n*._wild TYPE53 \\# 5 0301010103\nnamed._wild TYPE53 \\# 5 0301010104\n")
		ask(dns.TypeA, "x.wild.", "x.y.wild.", "named.wild.", "x.named.wild.")
		ask(dns.TypeAAAA, "x.wild.")
		ask(dns.TypeSMIMEA, "x._wild.", "named._wild.")
	}
	if r.IntN(3) > 0 {
		b.WriteString("alias CNAME www\n*.walias CNAME www\naway CNAME www.z0.lab.\nd DNAME z0.lab.\n")
		ask(dns.TypeA, "alias.", "away.", "www.d.", "no.d.", "x.walias.")
	}
	if r.IntN(3) > 0 {
		b.WriteString("a.b.ent A 192.0.2.5\n")
		ask(dns.TypeA, "a.b.ent.", "b.ent.", "ent.", "x.ent.")
	}
	if r.IntN(3) == 0 {
		// Wildcards that are empty non-terminals, of the apex and further down (RFC 4592,
		// Section 2.2.3).
		b.WriteString("_443._tcp.* TLSA 3 1 1 00\na.*.star A 192.0.2.6\n*star.star A 192.0.2.7\nastar CNAME no.star\n")
		ask(dns.TypeTLSA, "_443._tcp.*.", "_443._tcp.no.", "no.star.")
		ask(dns.TypeA, "*.", "a.*.star.", "x.*.star.", "no.star.", "a.no.star.", "*star.star.", "x.*star.star.", "astar.")
		ask(dns.TypeDS, "no.", "no.star.", "no.no.star.")
		if !v.spec.NSEC3 {
			// By NSEC3 NSD also sends the record of star, and unbound wants all of a
			// reply right, ours what proves it.
			ask(dns.TypeA, "*.star.")
		}
	}
	for i := range r.IntN(6) {
		fmt.Fprintf(&b, "n%d A 192.0.2.%d\n", r.IntN(1000), i)
	}
	v.spec.Text = b.String()
}

// hierarchy returns all zones with their children.
func hierarchy(variants []*variant) []lookuptest.Zone {
	var out []lookuptest.Zone
	for _, v := range variants {
		out = append(out, v.spec)
		for _, child := range []string{"child.", "island."} {
			text := strings.ReplaceAll(other, "example.net.", child+v.zone)
			out = append(out, lookuptest.Zone{Text: text, Unsigned: child == "island."})
		}
	}
	return out
}

// zoneFiles writes out all zones, mutated.
func zoneFiles(t *testing.T, r *rand.Rand, s *lookuptest.Server, variants []*variant) map[string]string {
	t.Helper()
	out := map[string]string{}
	f := &forger{tb: t, s: s, now: roundedNow(), keys: &spareKeys{keys: map[string]spareKey{}}}
	file := func(zone string, m mutation) {
		rrs, err := s.Records(zone)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, rr := range m.apply(&mutator{f, r, zone}, rrs) {
			b.WriteString(rr.String() + "\n")
		}
		out[zone] = b.String()
	}
	none := mutations()[0]
	file(".", none)
	file("lab.", none)
	for _, v := range variants {
		file(v.zone, v.mutation)
		file("child."+v.zone, none)
		file("island."+v.zone, none)
	}
	return out
}

// TestDifferential compares verdicts with unbound for all cases, and with delv for a sample. NSD
// serves the zones.
func TestDifferential(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "nsd")
	peertest.Program(t, "unbound")
	seed := *differentialSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	r := rand.New(rand.NewPCG(seed, 0))
	variants := generate(r, *differentialCases)
	s := newServer(t, hierarchy(variants), lookuptest.Options{})
	zones := zoneFiles(t, r, s, variants)
	upstreams := serveAll(t, s, zones, variants)
	validating := startUnbound(t, zones["."], upstreams, s.Anchor())
	plain := startUnbound(t, zones["."], upstreams, "")
	v := newValidator(t, s)
	v.Exchanger = network(plain)
	v.Keys = new(zoneMap)
	cold := *v
	cold.Keys, cold.Signatures = nil, new(signatureMap)
	d := differ{cold: &cold}
	var work sync.WaitGroup
	slots := make(chan struct{}, 4)
	for _, vt := range variants {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			for _, q := range vt.names {
				d.compare(t, vt, q, v, validating)
			}
		})
	}
	work.Wait()
	t.Logf("differential: %d cases, seed %d: %d secure, %d insecure, %d bogus or unknown, %d known disagreements", d.cases, seed, d.secure, d.insecure, d.bogus, d.known)
	if d.cases < *differentialCases || d.secure < d.cases/3 || d.insecure == 0 || d.bogus < d.cases/20 {
		t.Errorf("the cases are not the mixture they must be")
	}
	d.delv(t, s, plain, variants, v)
}

// serveAll starts the name servers and returns the lines that tell unbound which zone is where: NSD
// has them all, but narrow denials come from the hierarchy itself.
func serveAll(t *testing.T, s *lookuptest.Server, zones map[string]string, variants []*variant) string {
	t.Helper()
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	narrow := map[string]bool{}
	for _, v := range variants {
		narrow[v.zone] = v.spec.Narrow
	}
	files := maps.Clone(zones)
	delete(files, ".")
	nsd := startNSD(t, files)
	var b strings.Builder
	for name := range files {
		if narrow[name] {
			fmt.Fprintf(&b, "forward-zone:\n  name: %q\n  forward-addr: %s\n", name, peertest.At(s.Addr()))
			continue
		}
		fmt.Fprintf(&b, "stub-zone:\n  name: %q\n  stub-addr: %s\n", name, peertest.At(nsd))
	}
	return b.String()
}

// differ counts.
type differ struct {
	cold                                  *dnssec.Validator // without a cache of zones
	mu                                    sync.Mutex
	cases, secure, insecure, bogus, known int
}

func (d *differ) compare(t *testing.T, vt *variant, q question, v *dnssec.Validator, validating string) {
	t.Helper()
	a := v.Resolve(t.Context(), q.name, q.qtype)
	ours := asResolver(a.Status)
	if d.every(4) {
		if c := d.cold.Resolve(t.Context(), q.name, q.qtype); c.Status != a.Status || c.Exists != a.Exists {
			t.Errorf("%s (%s) %s %s: cold %v %q, from known zones %v %q", vt.zone, vt.mutation.name, q.name, dns.Type(q.qtype), c.Status, c.Code, a.Status, a.Code)
		}
	}
	theirs := unboundVerdict(t, validating, q)
	if theirs == "servfail" && ours == "secure" && !a.Exists && len(a.Aliases) > 0 {
		// An alias to a name that an empty wildcard stands for is NODATA (RFC 4592, Section
		// 4). Unbound finds that out when it is asked for the target by itself.
		theirs = unboundVerdict(t, validating, question{a.Aliases[len(a.Aliases)-1], q.qtype})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cases++
	switch ours {
	case "secure":
		d.secure++
	case "insecure":
		d.insecure++
	default:
		d.bogus++
	}
	if ours == theirs {
		return
	}
	if onPurpose(theirs, ours, a.Code, vt.mutation.name) {
		d.known++
		return
	}
	t.Errorf("%s (%s, algorithm %d, NSEC3 %v, narrow %v, opt-out %v, iterations %d) %s %s: unbound %s, ours %v %q (%s)",
		vt.zone, vt.mutation.name, vt.spec.Algorithm, vt.spec.NSEC3, vt.spec.Narrow, vt.spec.OptOut, vt.spec.Iterations, q.name, dns.Type(q.qtype), theirs, a.Status, a.Code, a.Reason)
}

// unboundVerdict is what unbound says of a question.
func unboundVerdict(t *testing.T, addr string, q question) string {
	t.Helper()
	m, err := network(addr).Exchange(t.Context(), q.name, q.qtype, false)
	switch {
	case err != nil:
		t.Errorf("unbound: %s: %v", q.name, err)
		return "error"
	case m.Rcode == dns.RcodeServerFailure:
		return "servfail"
	case m.AuthenticatedData:
		return "secure"
	}
	return "insecure"
}

// every is true for each nth case.
func (d *differ) every(n int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cases%n == 0
}

// onPurpose looks a disagreement up.
func onPurpose(theirs, ours string, code dnssec.Code, mutation string) bool {
	for _, k := range known {
		if k.unbound == theirs && k.ours == ours && k.code == code {
			return code != dnssec.CodeBadDenial || mutation == "swap-signed-denial"
		}
	}
	return false
}

// asResolver is what a resolver makes of a status: it has one word for bogus and unknown.
func asResolver(s dnssec.Status) string {
	switch s {
	case dnssec.Secure:
		return "secure"
	case dnssec.Insecure:
		return "insecure"
	case dnssec.Bogus, dnssec.Indeterminate:
	}
	return "servfail"
}

// delv is slow to start, so it sees every fiftieth question.
func (d *differ) delv(t *testing.T, s *lookuptest.Server, plain string, variants []*variant, v *dnssec.Validator) {
	t.Helper()
	program := peertest.Program(t, "delv")
	anchor := filepath.Join(t.TempDir(), "anchor.conf")
	peertest.WriteFile(t, anchor, s.AnchorDelv())
	host, port, _ := net.SplitHostPort(plain)
	count := 0
	for _, vt := range variants {
		for _, q := range vt.names {
			if count++; count%50 != 0 {
				continue
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			out, _ := exec.CommandContext(ctx, program, "@"+host, "-p", port, "-a", anchor, "+root=.", q.name, dns.Type(q.qtype).String()).CombinedOutput()
			cancel()
			a := v.Resolve(t.Context(), q.name, q.qtype)
			theirs := delvVerdict(string(out))
			if ours := asResolver(a.Status); theirs != ours && !onPurpose(theirs, ours, a.Code, vt.mutation.name) && a.Code != dnssec.CodeIterations && (theirs != "secure" || a.Code != dnssec.CodeOptOut) {
				// delv has no AD bit, which is all that RFC 5155, Section 9.2 is about, and allows
				// 150 iterations.
				t.Errorf("%s (%s, NSEC3 %v, opt-out %v) %s %s: delv %s, ours %v %q (%s)\n%s", vt.zone, vt.mutation.name, vt.spec.NSEC3, vt.spec.OptOut, q.name, dns.Type(q.qtype), theirs, a.Status, a.Code, a.Reason, out)
			}
		}
	}
}

func delvVerdict(out string) string {
	switch {
	case strings.Contains(out, "resolution failed") && !strings.Contains(out, "resolution failed: ncache"):
		// It calls an alias validated all the same. "ncache" is an absence.
		return "servfail"
	case strings.Contains(out, "fully validated"):
		return "secure"
	case strings.Contains(out, "unsigned answer"):
		return "insecure"
	}
	return "servfail"
}
