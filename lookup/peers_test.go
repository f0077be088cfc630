package lookup

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

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
	addr := peertest.Unbound(t, l.Addr(), l.Anchor(), "")
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
			r := c.Lookup(t.Context(), name, dane.TLSA)
			if r.Status != status {
				t.Errorf("%s: %s is %s (%s: %s), want %s", how, name, r.Status, r.Code, r.Reason, status)
			}
		}
	}
}

// TestPeerDelv holds delv's verdict against ours.
func TestPeerDelv(t *testing.T) {
	t.Parallel()
	program := peertest.Program(t, "delv")
	l, want := peerLab(t)
	anchor := filepath.Join(t.TempDir(), "anchor.conf")
	peertest.WriteFile(t, anchor, l.AnchorDelv())
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
		if r := c.Lookup(t.Context(), name, dane.TLSA); r.Status != theirs {
			t.Errorf("%s: %s (%s), delv says %s:\n%s", name, r.Status, r.Reason, theirs, out)
		}
	}
}
