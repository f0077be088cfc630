package dnssec_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/lookuptest/peertest"
)

// waitAnswering waits until a server answers a question with NOERROR.
func waitAnswering(t *testing.T, addr, name string) {
	t.Helper()
	peertest.WaitFor(t, addr+" to answer for "+name, func() bool {
		m, err := network(addr).Exchange(t.Context(), name, dns.TypeSOA, true)
		return err == nil && m.Rcode == dns.RcodeSuccess
	})
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
	program := peertest.Program(t, "nsd")
	dir := t.TempDir()
	addr = peertest.FreeAddr(t)
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
`, peertest.At(addr), dir)
	last := ""
	for name, text := range zones {
		file := filepath.Join(dir, "zone."+name)
		peertest.WriteFile(t, file, text)
		fmt.Fprintf(&b, "zone:\n  name: %q\n  zonefile: %q\n", name, file)
		last = name
	}
	conf := filepath.Join(dir, "nsd.conf")
	peertest.WriteFile(t, conf, b.String())
	peertest.Run(t, program, "-d", "-c", conf)
	waitAnswering(t, addr, last)
	return addr
}

// startUnbound runs a recursive resolver that has the root from its text and the other zones from
// upstreams; it validates if there is an anchor.
func startUnbound(t *testing.T, root, upstreams, anchor string) (addr string) {
	t.Helper()
	program := peertest.Program(t, "unbound")
	dir := t.TempDir()
	addr = peertest.FreeAddr(t)
	modules := "iterator"
	if anchor != "" {
		modules = "validator iterator"
	}
	peertest.WriteFile(t, filepath.Join(dir, "root"), root)
	zones := fmt.Sprintf("auth-zone:\n  name: \".\"\n  zonefile: \"%s/root\"\n  for-upstream: yes\n  for-downstream: no\n", dir)
	peertest.Run(t, program, peertest.UnboundConf(t, dir, addr, anchor, modules, `  root-key-sentinel: no
  aggressive-nsec: no
  qname-minimisation: no
  harden-below-nxdomain: no
  # As RFC 9276 and the validator here.
  val-nsec3-keysize-iterations: "1024 50 2048 50 4096 50"
  incoming-num-tcp: 100
  num-queries-per-thread: 1024
  outgoing-range: 2048
  infra-cache-numhosts: 1000
`, zones+upstreams)...)
	peertest.LogWhenFailed(t, filepath.Join(dir, "log"))
	waitAnswering(t, addr, ".")
	return addr
}
