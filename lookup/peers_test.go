package lookup

import (
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

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// peer returns the path of a program or skips visibly; DNSEAL_PEERS=required makes that a failure.
func peer(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	path = filepath.Join("/usr/sbin", name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if os.Getenv("DNSEAL_PEERS") == "required" {
		tb.Fatalf("%s is missing; make peers brings it", name)
	}
	tb.Skipf("skipped: %s is missing; make peers brings it", name)
	return ""
}

const unboundConf = `server:
  interface: %[1]s
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
  ede: yes
  module-config: "validator iterator"
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: %[3]s
`

// startUnbound runs unbound as a validating forwarder to the lab.
func startUnbound(t *testing.T, l *lab) string {
	t.Helper()
	return startUnboundWith(t, l, l.Anchor(), "")
}

// startUnboundWith is startUnbound with a trust anchor and more settings.
func startUnboundWith(t *testing.T, l *lab, anchor, more string) string {
	t.Helper()
	program := peer(t, "unbound")
	dir, addr := t.TempDir(), freeAddr(t)
	writeFile(t, filepath.Join(dir, "root.key"), anchor)
	conf := filepath.Join(dir, "unbound.conf")
	text := fmt.Sprintf(unboundConf, strings.Replace(addr, ":", "@", 1), dir, strings.Replace(l.Addr(), ":", "@", 1))
	writeFile(t, conf, strings.Replace(text, "remote-control:", more+"remote-control:", 1))
	cmd := exec.CommandContext(t.Context(), program, "-d", "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if log, err := os.ReadFile(filepath.Join(dir, "log")); err == nil && t.Failed() {
			t.Logf("unbound: %s", log)
		}
	})
	waitFor(t, func() bool {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
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

// peerLab has zones in all states that validators agree on, with what each name is.
func peerLab(t *testing.T) (*lab, map[string]dnssec.Status) {
	t.Helper()
	zones := []lookuptest.Zone{
		zone("example.lab"), zone("other.lab"), zone("plain.lab", unsigned), zone("bogus.lab", broken(lookuptest.WrongSignature)),
		zone("nsec3.lab", func(z *lookuptest.Zone) { z.NSEC3 = true }),
		zone("rsa.lab", func(z *lookuptest.Zone) { z.Algorithm = dns.RSASHA256 }),
		zone("p384.lab", func(z *lookuptest.Zone) { z.Algorithm = dns.ECDSAP384SHA384 }),
		zone("ed25519.lab", func(z *lookuptest.Zone) { z.Algorithm, z.NSEC3 = dns.ED25519, true }),
	}
	want := map[string]dnssec.Status{
		"sensor._device.plain.lab": dnssec.Insecure, "no._device.plain.lab": dnssec.Insecure, "ns.plain.lab": dnssec.Insecure,
		"nowhere.": dnssec.Secure,
	}
	for _, z := range []string{"example.lab", "nsec3.lab", "rsa.lab", "p384.lab", "ed25519.lab"} {
		for _, name := range []string{"sensor._device.", "alias._device.", "away._device.", "x.wild._device.", "sensor._device.d.", "a.b.ent.", "b.ent.", "ns.", "no._device."} {
			want[name+z] = dnssec.Secure
		}
	}
	for _, b := range []lookuptest.Break{lookuptest.Expired, lookuptest.NotYet, lookuptest.WrongSignature, lookuptest.MissingRRSIG, lookuptest.WrongDS} {
		z := string(b) + ".lab"
		zones = append(zones, zone(z, broken(b)))
		want["sensor._device."+z] = dnssec.Bogus
		want["no._device."+z] = dnssec.Bogus
	}
	zones = append(zones, zone("nodenial.lab", broken(lookuptest.MissingDenial)))
	want["sensor._device.nodenial.lab"], want["no._device.nodenial.lab"] = dnssec.Secure, dnssec.Bogus
	return startLab(t, lookuptest.Options{}, zones...), want
}

// TestPeerUnbound asks a real validating resolver in all three modes, and the lab itself: all
// agree.
func TestPeerUnbound(t *testing.T) {
	t.Parallel()
	l, want := peerLab(t)
	addr := startUnbound(t, l)
	through := func(o *Options) { o.Resolvers = []string{addr} }
	clients := map[string]*Client{
		"directly":                   l.client(t),
		"through unbound":            l.client(t, through),
		"through unbound, both":      l.client(t, through, mode(Both)),
		"through unbound, ad-only":   l.client(t, through, mode(ADOnly)),
		"through unbound, its cache": l.client(t, through, func(o *Options) { o.NoCache = true }),
	}
	for how, c := range clients {
		for name, status := range want {
			r := c.Lookup(t.Context(), name, TLSA)
			if r.Status != status {
				t.Errorf("%s: %s is %s (%s: %s), want %s", how, name, r.Status, r.Code, r.Reason, status)
			}
		}
	}
}

// TestPeerDelv holds delv's verdict against ours.
func TestPeerDelv(t *testing.T) {
	t.Parallel()
	program := peer(t, "delv")
	l, want := peerLab(t)
	anchor := filepath.Join(t.TempDir(), "anchor.conf")
	writeFile(t, anchor, l.AnchorDelv())
	host, port, _ := net.SplitHostPort(l.Addr())
	c := l.client(t)
	for name := range want {
		out, _ := exec.CommandContext(t.Context(), program, "@"+host, "-p", port, "-a", anchor, "+root=.", name, "TLSA").CombinedOutput()
		theirs := dnssec.Bogus
		switch {
		case strings.Contains(string(out), "fully validated"):
			theirs = dnssec.Secure
		case strings.Contains(string(out), "unsigned answer"):
			theirs = dnssec.Insecure
		}
		if r := c.Lookup(t.Context(), name, TLSA); r.Status != theirs {
			t.Errorf("%s: %s (%s), delv says %s:\n%s", name, r.Status, r.Reason, theirs, out)
		}
	}
}
