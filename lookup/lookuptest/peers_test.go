package lookuptest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// peer returns the path of a program or skips visibly; DNSEAL_PEERS=required makes that a failure.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if path = filepath.Join("/usr/sbin", name); fileExists(path) {
		return path
	}
	if os.Getenv("DNSEAL_PEERS") == "required" {
		t.Fatalf("%s is missing; make peers brings it", name)
	}
	t.Skipf("skipped: %s is missing; make peers brings it", name)
	return ""
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// startUnbound runs unbound in a folder of its own as a validating forwarder to the server.
func startUnbound(t *testing.T, s *Server) string {
	t.Helper()
	program := peer(t, "unbound")
	dir := t.TempDir()
	addr := freeAddr(t)
	writeFile(t, filepath.Join(dir, "root.key"), s.Anchor())
	writeFile(t, filepath.Join(dir, "unbound.conf"), fmt.Sprintf(`server:
  interface: %s
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "%[2]s"
  pidfile: "%[2]s/pid"
  use-syslog: no
  logfile: "%[2]s/log"
  do-not-query-localhost: no
  trust-anchor-file: "%[2]s/root.key"
  trust-anchor-signaling: no
  val-log-level: 2
  ede: yes
  module-config: "validator iterator"
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: %[3]s
`, strings.Replace(addr, ":", "@", 1), dir, strings.Replace(s.Addr(), ":", "@", 1)))
	cmd := exec.CommandContext(t.Context(), program, "-d", "-c", filepath.Join(dir, "unbound.conf"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("unbound: %s", log)
		}
	})
	waitFor(t, addr)
	return addr
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// freeAddr is a port, for UDP and TCP, on a loopback address of the test's own (all of 127.0.0.0/8
// is this machine's): a port of 127.0.0.1 could be taken by another test before the program that it
// is for listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// waitFor waits until a resolver takes connections.
func waitFor(t *testing.T, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", addr)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("nobody answers at %s: %v", addr, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// peerCase is one question and what validators must find.
type peerCase struct {
	name  string
	qtype string
	want  string // secure, insecure, bogus; with NX in front for names that do not exist
}

func peerZones() ([]Zone, []peerCase) {
	var zones []Zone
	var cases []peerCase
	type variant struct {
		zone string
		spec Zone
	}
	for _, v := range []variant{
		{"nsec.lab", Zone{}},
		{"nsec3.lab", Zone{NSEC3: true}},
		{"salted.lab", Zone{NSEC3: true, Salt: "ab12", Iterations: 5}},
		{"optout.lab", Zone{NSEC3: true, OptOut: true}},
		{"narrow.lab", Zone{NSEC3: true, Narrow: true}},
		{"compact.lab", Zone{Narrow: true}},
		{"rsa.lab", Zone{Algorithm: 8}},
		{"p384.lab", Zone{Algorithm: 14}},
		{"ed25519.lab", Zone{Algorithm: 15}},
	} {
		v.spec.Text = strings.ReplaceAll(sample, "example.org", v.zone)
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
			text := strings.ReplaceAll(other, "example.net", child+v.zone)
			zones = append(zones, Zone{Text: text, Unsigned: child == "island."})
		}
	}
	for _, b := range []Break{Expired, NotYet, WrongSignature, MissingRRSIG, WrongDS} {
		name := strings.ReplaceAll(string(b), "-", "") + ".lab"
		zones = append(zones, Zone{Text: strings.ReplaceAll(other, "example.net", name), Break: b})
		cases = append(cases, peerCase{"www." + name, "A", "bogus"}, peerCase{"www." + name, "AAAA", "bogus"}, peerCase{"no." + name, "A", "bogus"})
	}
	zones = append(zones, Zone{Text: strings.ReplaceAll(other, "example.net", "nodenial.lab"), Break: MissingDenial})
	cases = append(cases, peerCase{"no.nodenial.lab", "A", "bogus"}, peerCase{"www.nodenial.lab", "A", "secure"})
	zones = append(zones, Zone{Text: strings.ReplaceAll(other, "example.net", "down.lab"), Break: Unreachable})
	cases = append(cases, peerCase{"www.down.lab", "A", "bogus"}, peerCase{"nowhere", "A", "NX secure"}, peerCase{"www.plain.lab", "A", "insecure"})
	zones = append(zones, Zone{Text: strings.ReplaceAll(other, "example.net", "plain.lab"), Unsigned: true})
	return zones, cases
}

func startPeerServer(t *testing.T, opts Options) (*Server, []peerCase) {
	t.Helper()
	zones, cases := peerZones()
	s, err := New(zones, opts)
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
	s, cases := startPeerServer(t, Options{})
	addr := startUnbound(t, s)
	askAll(t, "unbound", addr, cases)
}

func TestValidating(t *testing.T) {
	t.Parallel()
	s, cases := startPeerServer(t, Options{Validating: true})
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
	program := peer(t, "delv")
	s, cases := startPeerServer(t, Options{})
	anchor := filepath.Join(t.TempDir(), "anchor.conf")
	writeFile(t, anchor, s.AnchorDelv())
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
