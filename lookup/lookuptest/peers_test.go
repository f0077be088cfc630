package lookuptest_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// peerCase is one question and what validators must find.
type peerCase struct {
	name  string
	qtype string
	want  string // secure, insecure, bogus; with NX in front for names that do not exist
}

func peerZones() ([]lookuptest.Zone, []peerCase) {
	var zones []lookuptest.Zone
	var cases []peerCase
	type variant struct {
		zone string
		spec lookuptest.Zone
	}
	for _, v := range []variant{
		{"nsec.lab", lookuptest.Zone{}},
		{"nsec3.lab", lookuptest.Zone{NSEC3: true}},
		{"salted.lab", lookuptest.Zone{NSEC3: true, Salt: "ab12", Iterations: 5}},
		{"optout.lab", lookuptest.Zone{NSEC3: true, OptOut: true}},
		{"narrow.lab", lookuptest.Zone{NSEC3: true, Narrow: true}},
		{"compact.lab", lookuptest.Zone{Narrow: true}},
		{"rsa.lab", lookuptest.Zone{Algorithm: 8}},
		{"p384.lab", lookuptest.Zone{Algorithm: 14}},
		{"ed25519.lab", lookuptest.Zone{Algorithm: 15}},
	} {
		v.spec.Text = strings.ReplaceAll(lookuptest.Sample, "example.org", v.zone)
		v.spec.Text = strings.ReplaceAll(v.spec.Text, "example.net", "nsec.lab") + "loop2 CNAME loop2\nsub.insecure NS ns.elsewhere.lab.\n"
		zones = append(zones, v.spec)
		denied, absent := "secure", "NX "
		if v.spec.Narrow && !v.spec.NSEC3 {
			absent = ""
		}
		if v.spec.OptOut {
			denied = "insecure"
		}
		cases = append(
			cases,
			peerCase{"www." + v.zone, "A", "secure"},
			peerCase{"hash._smimecert." + v.zone, "TYPE53", "secure"},
			peerCase{"sensor._device." + v.zone, "TLSA", "secure"},
			peerCase{"x.y.wild." + v.zone, "A", denied},
			peerCase{"x.wild." + v.zone, "AAAA", denied},
			peerCase{"alias." + v.zone, "A", "secure"},
			peerCase{"www.d." + v.zone, "A", "secure"},
			peerCase{"www." + v.zone, "AAAA", "secure"},
			peerCase{"ent." + v.zone, "A", "secure"},
			peerCase{"b.ent." + v.zone, "TXT", "secure"},
			peerCase{"unsigned." + v.zone, "DS", denied},
			peerCase{"no." + v.zone, "A", absent + denied},
			peerCase{"no.no." + v.zone, "A", absent + denied},
			peerCase{"child." + v.zone, "DS", "secure"},
			peerCase{"www.child." + v.zone, "A", "secure"},
			peerCase{"www.island." + v.zone, "A", "insecure"},
			peerCase{"no.island." + v.zone, "A", "NX insecure"},
		)
		for _, child := range []string{"child.", "island."} {
			text := strings.ReplaceAll(lookuptest.Other, "example.net", child+v.zone)
			zones = append(zones, lookuptest.Zone{Text: text, Unsigned: child == "island."})
		}
	}
	for _, b := range []lookuptest.Break{lookuptest.Expired, lookuptest.NotYet, lookuptest.WrongSignature, lookuptest.MissingRRSIG, lookuptest.WrongDS} {
		name := strings.ReplaceAll(string(b), "-", "") + ".lab"
		zones = append(zones, lookuptest.Zone{Text: strings.ReplaceAll(lookuptest.Other, "example.net", name), Break: b})
		cases = append(cases, peerCase{"www." + name, "A", "bogus"}, peerCase{"www." + name, "AAAA", "bogus"}, peerCase{"no." + name, "A", "bogus"})
	}
	zones = append(zones, lookuptest.Zone{Text: strings.ReplaceAll(lookuptest.Other, "example.net", "nodenial.lab"), Break: lookuptest.MissingDenial})
	cases = append(cases, peerCase{"no.nodenial.lab", "A", "bogus"}, peerCase{"www.nodenial.lab", "A", "secure"})
	zones = append(zones, lookuptest.Zone{Text: strings.ReplaceAll(lookuptest.Other, "example.net", "down.lab"), Break: lookuptest.Unreachable})
	cases = append(cases, peerCase{"www.down.lab", "A", "bogus"}, peerCase{"nowhere", "A", "NX secure"}, peerCase{"www.plain.lab", "A", "insecure"})
	zones = append(zones, lookuptest.Zone{Text: strings.ReplaceAll(lookuptest.Other, "example.net", "plain.lab"), Unsigned: true})
	return zones, cases
}

func startPeerServer(t *testing.T, opts lookuptest.Options) (*lookuptest.Server, []peerCase) {
	t.Helper()
	zones, cases := peerZones()
	s, err := lookuptest.New(zones, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, cases
}

// TestUnbound has a real validator judge what is served; and the same for the server's own
// Validating mode.
func TestUnbound(t *testing.T) {
	t.Parallel()
	s, cases := startPeerServer(t, lookuptest.Options{})
	addr := peertest.Unbound(t, s.Addr(), s.Anchor(), "")
	askAll(t, "unbound", addr, cases)
}

func TestValidating(t *testing.T) {
	t.Parallel()
	s, cases := startPeerServer(t, lookuptest.Options{Validating: true})
	askAll(t, "Validating", s.Addr(), cases)
}

func askAll(t *testing.T, who, addr string, cases []peerCase) {
	t.Helper()
	for _, tt := range cases {
		m := new(dns.Msg)
		m.SetQuestion(dns.Fqdn(tt.name), dns.StringToType[strings.Replace(tt.qtype, "TYPE53", "SMIMEA", 1)])
		m.SetEdns0(4096, true)
		c := dns.Client{Net: "tcp", Timeout: 20 * time.Second}
		in, _, err := c.ExchangeContext(t.Context(), m, addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := verdict(in); got != tt.want {
			t.Errorf("%s: %s %s = %s, want %s", who, tt.name, tt.qtype, got, tt.want)
		}
	}
}

func verdict(m *dns.Msg) string {
	nx := ""
	if m.Rcode == dns.RcodeNameError {
		nx = "NX "
	}
	switch {
	case m.Rcode == dns.RcodeServerFailure:
		return "bogus"
	case m.AuthenticatedData:
		return nx + "secure"
	default:
		return nx + "insecure"
	}
}

func TestDelv(t *testing.T) {
	t.Parallel()
	program := peertest.Program(t, "delv")
	s, cases := startPeerServer(t, lookuptest.Options{})
	anchor := filepath.Join(t.TempDir(), "anchor.conf")
	peertest.WriteFile(t, anchor, s.AnchorDelv())
	host, port, _ := net.SplitHostPort(s.Addr())
	for _, tt := range cases {
		out, _ := exec.CommandContext(t.Context(), program, "@"+host, "-p", port, "-a", anchor, "+root=.", tt.name, tt.qtype).CombinedOutput()
		// RFC 5155, Section 9.2 is about the AD bit; delv has none to set and calls a proof by
		// opt-out spans validated.
		if strings.Contains(tt.name, "optout") && strings.HasSuffix(tt.want, "insecure") {
			continue
		}
		if got := delvVerdict(string(out)); got != strings.TrimPrefix(tt.want, "NX ") {
			t.Errorf("delv %s %s = %s, want %s\n%s", tt.name, tt.qtype, got, tt.want, out)
		}
	}
}

func delvVerdict(out string) string {
	switch {
	case strings.Contains(out, "fully validated"):
		return "secure"
	case strings.Contains(out, "unsigned answer"):
		return "insecure"
	default:
		return "bogus"
	}
}
