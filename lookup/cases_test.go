package lookup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// fieldCase makes sure that the case a test is for is still handed on with the tests.
func fieldCase(t *testing.T, file string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("../testdata/cases/dns", file)); err != nil {
		t.Fatal(err)
	}
}

// look asks through resolvers and returns the result with its drawing.
func look(t *testing.T, l *lab, name string, m Mode, resolvers ...string) (*Result, string) {
	t.Helper()
	c := l.client(t, mode(m), func(o *Options) { o.Resolvers = resolvers })
	r := c.Lookup(t.Context(), name, dane.TLSA)
	var text strings.Builder
	if err := r.WriteTree(&text, time.Now(), 80); err != nil {
		t.Fatal(err)
	}
	return r, strings.Join(strings.Fields(text.String()), " ")
}

func wants(t *testing.T, what, text string, want, wrong []string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s: %q is not said: %s", what, w, text)
		}
	}
	for _, w := range wrong {
		if strings.Contains(text, w) {
			t.Errorf("%s: %q is said: %s", what, w, text)
		}
	}
}

// TestFieldStrips is testdata/cases/dns/01-resolver-strips.txt.
func TestFieldStrips(t *testing.T) {
	t.Parallel()
	fieldCase(t, "01-resolver-strips.txt")
	l := resolverLab(t)
	off := peertest.Start(t, l.Server, peertest.PowerDNSOff).Addr()
	r, text := look(t, l, sensor, Validate, off)
	if r.Status != dnssec.Indeterminate || r.Code != "resolver-strips-dnssec" {
		t.Errorf("%s %q", r.Status, r.Code)
	}
	wants(t, "off", text, []string{off, "dnssec=process", "DNSSEC=allow-downgrade"}, []string{"bogus", "example.lab. serve", "sign "})
	if r, _ = look(t, l, sensor, Validate, off, l.Addr()); r.Status != dnssec.Secure || len(r.Warnings) != 1 {
		t.Errorf("with a good one next: %s %q, warnings %q", r.Status, r.Code, r.Warnings)
	}
	if r, _ = look(t, l, sensor, Validate, peertest.Start(t, l.Server, peertest.Resolved252No).Addr()); r.Status != dnssec.Secure {
		t.Errorf("with CD=1: %s %q", r.Status, r.Code)
	}
}

// TestFieldADOnly is testdata/cases/dns/02-ad-only-resolved257.txt.
func TestFieldADOnly(t *testing.T) {
	t.Parallel()
	fieldCase(t, "02-ad-only-resolved257.txt")
	l := resolverLab(t)
	addr := peertest.Start(t, l.Server, peertest.Resolved257).Addr()
	for _, name := range []string{"outside._device.example.lab", "nobody._device.example.lab"} {
		if r, _ := look(t, l, name, ADOnly, addr); r.Status != dnssec.Insecure || r.Code != chain.CodeNoAD {
			t.Errorf("%s: %s %q", name, r.Status, r.Code)
		}
	}
	for _, name := range []string{sensor, "no._device.example.lab"} {
		r, text := look(t, l, name, ADOnly, addr)
		if r.Status != dnssec.Secure || !r.Believed {
			t.Errorf("%s: %s %q, believed %t", name, r.Status, r.Code, r.Believed)
		}
		wants(t, name, text, []string{"The resolver says", "nothing was validated here"}, []string{"validated from", "Proven"})
	}
	if r, _ := look(t, l, sensor, Validate, addr); r.Believed {
		t.Error("mode validate believes")
	}
}

// TestFieldNoAD is testdata/cases/dns/03-ad-only-advice.txt, with unbound and a negative trust
// anchor.
func TestFieldNoAD(t *testing.T) {
	t.Parallel()
	fieldCase(t, "03-ad-only-advice.txt")
	l := resolverLab(t)
	r, text := look(t, l, sensor, ADOnly, peertest.Unbound(t, l.Addr(), l.Anchor(), "  domain-insecure: \"example.lab\"\n"))
	if r.Status != dnssec.Insecure || r.Code != "no-ad" {
		t.Errorf("%s %q", r.Status, r.Code)
	}
	wants(t, "no AD", text, []string{"mode validate says why", "negative trust anchor"}, []string{"has to sign", "unsigned-delegation", "is not signed"})
}

// TestFieldServfail is testdata/cases/dns/05-servfail-advice.txt, with unbound and the key of
// another root.
func TestFieldServfail(t *testing.T) {
	t.Parallel()
	fieldCase(t, "05-servfail-advice.txt")
	l := resolverLab(t)
	old := peertest.Unbound(t, l.Addr(), startLab(t, lookuptest.Options{}, zone("example.lab")).Anchor(), "")
	for name, want := range map[string]dnssec.Status{
		sensor: dnssec.Secure, "no._device.example.lab": dnssec.Secure, "sensor._device.plain.lab": dnssec.Insecure, "sensor._device.bogus.lab": dnssec.Bogus,
	} {
		r, text := look(t, l, name, Validate, old)
		if r.Status != want {
			t.Errorf("%s: %s %q (%s), want %s", name, r.Status, r.Code, r.Reason, want)
		}
		if want != dnssec.Bogus {
			wants(t, name, text, []string{old, "old root key", "38696", "clock"}, []string{"newer trust anchor", "gets nothing usable"})
		}
	}
	dead := peertest.Start(t, l.Server, peertest.Dead)
	if r, _ := look(t, l, sensor, Validate, dead.Addr(), l.Addr()); r.Status != dnssec.Secure || dead.Asked() == 0 {
		t.Errorf("with a good one next: %s %q (%s)", r.Status, r.Code, r.Reason)
	}
	if r, text := look(t, l, sensor, Validate, dead.Addr()); r.Code != dnssec.CodeServfail {
		t.Errorf("%s %q: %s", r.Status, r.Code, text)
	}
}

// TestFieldNotImplemented is testdata/cases/dns/06-notimp.txt.
func TestFieldNotImplemented(t *testing.T) {
	t.Parallel()
	fieldCase(t, "06-notimp.txt")
	l := resolverLab(t)
	r, text := look(t, l, sensor, Validate, peertest.Start(t, l.Server, peertest.Downgraded).Addr())
	if r.Status != dnssec.Indeterminate || r.Code != chain.CodeStrips {
		t.Errorf("%s %q", r.Status, r.Code)
	}
	wants(t, "downgraded", text, []string{"NOTIMP", "upstream has no DNSSEC"}, []string{"does not speak EDNS"})
}

// TestFieldOptOut is fault 7 of testdata/cases/dns/07-small.txt.
func TestFieldOptOut(t *testing.T) {
	t.Parallel()
	fieldCase(t, "07-small.txt")
	l := startLab(t, lookuptest.Options{}, zone("optout.lab", func(z *lookuptest.Zone) { z.NSEC3, z.OptOut = true, true }))
	r, text := look(t, l, "no._device.optout.lab", Validate, l.Addr())
	if r.Status != dnssec.Insecure || r.Code != dnssec.CodeOptOut || r.Zone() != "optout.lab." {
		t.Errorf("%s %q, zone %s", r.Status, r.Code, r.Zone())
	}
	wants(t, "opt-out", text, []string{"optout.lab. has to sign it without opt-out", "never revoked"}, []string{"DS record published"})
}

// TestFieldUnsignedAlias is fault 8 of testdata/cases/dns/07-small.txt.
func TestFieldUnsignedAlias(t *testing.T) {
	t.Parallel()
	fieldCase(t, "07-small.txt")
	l := resolverLab(t)
	r, text := look(t, l, "outside._device.example.lab", Validate, l.Addr())
	if r.Status != dnssec.Insecure || r.Zone() != "plain.lab." {
		t.Errorf("%s %q, zone %s", r.Status, r.Code, r.Zone())
	}
	wants(t, "alias", text, []string{"the owner of plain.lab. has to sign"}, []string{"owner of example.lab."})
}

// TestFieldUnknownCA is fault 12 of testdata/cases/dns/07-small.txt.
func TestFieldUnknownCA(t *testing.T) {
	t.Parallel()
	fieldCase(t, "07-small.txt")
	l := startLab(t, lookuptest.Options{}, zone("example.lab"))
	addr, _ := startTLS(t, l)
	r, text := look(t, l, sensor, Validate, "tls://"+addr+"#dns.example.net")
	if r.Code != dnssec.CodeUnreachable {
		t.Errorf("%s %q (%s)", r.Status, r.Code, r.Reason)
	}
	wants(t, "unknown CA", text, []string{"A CA of your own", "roots of this system"}, nil)
}

// TestFieldIdleTCP is fault 15 of testdata/cases/dns/07-small.txt: a resolver with one process
// answers by UDP again as soon as it has sent a long answer.
func TestFieldIdleTCP(t *testing.T) {
	t.Parallel()
	fieldCase(t, "07-small.txt")
	l := resolverLab(t)
	addr := startDnsmasq(t, l.Addr(), "--no-daemon")
	// 8 s a question: less than an idle connection is kept, and enough for a busy machine.
	c := l.client(t, func(o *Options) { o.Resolvers, o.NoCache, o.Timeout = []string{addr}, true, 20*time.Second })
	for range 30 {
		if r := c.Lookup(t.Context(), "big._device.example.lab", dane.TLSA); r.Status != dnssec.Secure {
			t.Fatalf("%s %q (%s)", r.Status, r.Code, r.Reason)
		}
	}
}

// TestPeerOff has a real resolver without DNSSEC, with and without a forwarder before it.
func TestPeerOff(t *testing.T) {
	t.Parallel()
	fieldCase(t, "01-resolver-strips.txt")
	l := startLab(t, lookuptest.Options{}, resolverZones()...)
	off := recursorIn("off")(t, l)
	for _, addr := range []string{off, startDnsmasq(t, off, "--keep-in-foreground")} {
		c := l.client(t, func(o *Options) { o.Resolvers = []string{addr} })
		askStates(t, c, chain.CodeStrips, "")
	}
}

// startDnsmasq runs dnsmasq before another resolver.
func startDnsmasq(t *testing.T, upstream string, more ...string) string {
	t.Helper()
	return startResolver(t, "dnsmasq", func(dir, addr string) []string {
		host, port := split(addr)
		peertest.WriteFile(t, filepath.Join(dir, "dnsmasq.conf"), "")
		return append([]string{
			"--conf-file=" + filepath.Join(dir, "dnsmasq.conf"), "--pid-file=", "--user=root", "--no-resolv", "--no-hosts", "--bind-interfaces",
			"--listen-address=" + host, "--port=" + port, "--server=" + strings.Replace(upstream, ":", "#", 1),
		}, more...)
	})
}
