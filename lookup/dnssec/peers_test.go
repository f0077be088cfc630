package dnssec_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// peer returns the path of a program or skips visibly; DNSEAL_PEERS=required makes that a failure.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path = filepath.Join("/usr/sbin", name)
		_, err = os.Stat(path)
	}
	if err == nil {
		return path
	}
	if os.Getenv("DNSEAL_PEERS") == "required" {
		t.Fatalf("%s is missing; make peers brings it", name)
	}
	t.Skipf("skipped: %s is missing; make peers brings it", name)
	return ""
}

// run starts a program that stays in the foreground and ends with the test, its children too.
func run(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		hung := time.AfterFunc(time.Minute, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait()
		hung.Stop()
		if t.Failed() && out.Len() > 0 {
			t.Logf("%s: %s", program, out.String())
		}
	})
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

// at writes an address as NSD and unbound do.
func at(addr string) string { return strings.Replace(addr, ":", "@", 1) }

// waitFor waits until a server answers a question with NOERROR.
func waitFor(t *testing.T, addr, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		m, err := network(addr).Exchange(ctx, name, dns.TypeSOA, true)
		if err == nil && m.Rcode == dns.RcodeSuccess {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not answer for %s: %v", addr, name, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// network asks a real server, over TCP.
type network string

// Exchange implements dnssec.Exchanger.
func (n network) Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	m.SetEdns0(1232, true)
	m.CheckingDisabled, m.AuthenticatedData = cd, true
	c := dns.Client{Net: "tcp", Timeout: 20 * time.Second}
	in, _, err := c.ExchangeContext(ctx, m, string(n))
	return in, err
}

// startNSD serves zone files by the names of their zones.
func startNSD(t *testing.T, zones map[string]string) (addr string) {
	t.Helper()
	program := peer(t, "nsd")
	dir := t.TempDir()
	addr = freeAddr(t)
	var b strings.Builder
	fmt.Fprintf(&b, `server:
  ip-address: %[1]s
  username: ""
  chroot: ""
  database: ""
  zonesdir: "%[2]s"
  pidfile: "%[2]s/pid"
  logfile: "%[2]s/log"
  xfrdfile: "%[2]s/xfrd"
  xfrdir: "%[2]s"
  zonelistfile: "%[2]s/list"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
`, at(addr), dir)
	last := ""
	for name, text := range zones {
		file := filepath.Join(dir, "zone."+name)
		writeFile(t, file, text)
		fmt.Fprintf(&b, "zone:\n  name: %q\n  zonefile: %q\n", name, file)
		last = name
	}
	conf := filepath.Join(dir, "nsd.conf")
	writeFile(t, conf, b.String())
	run(t, program, "-d", "-c", conf)
	waitFor(t, addr, last)
	return addr
}

// startUnbound runs a recursive resolver that has the root from its text and the other zones from
// upstreams; it validates if there is an anchor.
func startUnbound(t *testing.T, root, upstreams, anchor string) (addr string) {
	t.Helper()
	program := peer(t, "unbound")
	dir := t.TempDir()
	addr = freeAddr(t)
	modules := "iterator"
	if anchor != "" {
		modules = "validator iterator"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `server:
  interface: %[1]s
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "%[2]s"
  pidfile: "%[2]s/pid"
  use-syslog: no
  logfile: "%[2]s/log"
  do-not-query-localhost: no
  trust-anchor-signaling: no
  root-key-sentinel: no
  module-config: "%[3]s"
  aggressive-nsec: no
  qname-minimisation: no
  harden-below-nxdomain: no
  val-log-level: 2
  # As RFC 9276 and the validator here.
  val-nsec3-keysize-iterations: "1024 50 2048 50 4096 50"
  incoming-num-tcp: 100
  num-queries-per-thread: 1024
  outgoing-range: 2048
  infra-cache-numhosts: 1000
`, at(addr), dir, modules)
	if anchor != "" {
		writeFile(t, filepath.Join(dir, "anchor"), anchor)
		fmt.Fprintf(&b, "  trust-anchor-file: \"%s/anchor\"\n", dir)
	}
	fmt.Fprint(&b, "remote-control:\n  control-enable: no\n")
	writeFile(t, filepath.Join(dir, "root"), root)
	fmt.Fprintf(&b, "auth-zone:\n  name: \".\"\n  zonefile: \"%s/root\"\n  for-upstream: yes\n  for-downstream: no\n", dir)
	b.WriteString(upstreams)
	conf := filepath.Join(dir, "unbound.conf")
	writeFile(t, conf, b.String())
	run(t, program, "-d", "-c", conf)
	waitFor(t, addr, ".")
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("unbound: %s", log[max(0, len(log)-20000):])
		}
	})
	return addr
}
