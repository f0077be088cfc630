//go:build unix

package zonecheck

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest/peertest/authority"
)

// realZone is the records of a zone in the tests with real servers.
func realZone() string {
	return alice + "._smimecert 300 IN SMIMEA 3 1 1 " + digest("alice") + "\nsensor7._device 300 IN TLSA 3 1 1 " + digest("sensor") +
		"\nsensor8._device 300 IN TLSA 3 1 1 " + digest("8") + "\nzz 300 IN TXT x\nsub 300 IN NS ns.sub\nns.sub 300 IN A 127.0.0.1\n"
}

// checkServer checks the zone of a server, and of its secondaries.
func checkServer(t *testing.T, s *authority.Server, secondaries ...string) *Report {
	t.Helper()
	anchors, err := dnssec.ParseAnchors(s.Anchor, "test")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Options{
		Domain: s.Zone, Resolvers: []string{authority.Resolver(t, s)}, Anchors: anchors, NameServers: append([]string{s.Addr}, secondaries...),
		Revocation: 30 * day, Timeout: 5 * time.Second,
		Names: []Name{
			{Name: "alice", Owner: alice + "._smimecert." + s.Zone, Type: dane.SMIMEA},
			{Name: "sensor7", Owner: "sensor7._device." + s.Zone, Type: dane.TLSA},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRealServers: what is found about zones that BIND, Knot and PowerDNS sign.
func TestRealServers(t *testing.T) {
	t.Parallel()
	right := []Code{CodeSecure, CodeServers, CodeDenial, CodeTimes, CodeRecords}
	for _, tt := range []struct {
		kind   authority.Kind
		denial authority.Denial
		more   []Code
	}{
		{authority.BIND, authority.NSEC, []Code{CodeWalked, CodeDelegated}},
		{authority.BIND, authority.NSEC3, []Code{CodeHashes}},
		{authority.Knot, authority.NSEC, []Code{CodeWalked, CodeDelegated}},
		// Knot 3.2 has a salt unless it is told otherwise.
		{authority.Knot, authority.NSEC3, []Code{CodeHashes, CodeSalt}},
		{authority.Knot, authority.Online, []Code{CodeHidden}},
		{authority.PowerDNS, authority.NSEC, []Code{CodeWalked, CodeDelegated}},
		{authority.PowerDNS, authority.NSEC3, []Code{CodeHashes}},
		{authority.PowerDNS, authority.Narrow, []Code{CodeHidden}},
	} {
		t.Run(string(tt.kind)+string(tt.denial), func(t *testing.T) {
			t.Parallel()
			r := checkServer(t, authority.Start(t, tt.kind, "example.lab", authority.Options{Denial: tt.denial, Records: realZone()}))
			want := slices.Concat(right, tt.more)
			slices.Sort(want)
			text := textOf(r)
			if got := codes(r); !slices.Equal(got, want) {
				t.Errorf("codes\n%q, want\n%q\n%s", got, want, text)
			}
			if slices.Contains(tt.more, CodeWalked) && !strings.Contains(text, "3 of identities (SMIMEA: 1, devices: 2") {
				t.Errorf("the walk did not list all:\n%s", text)
			}
		})
	}
}

// TestSecondaryFollows: a secondary that has the zone of its primary is right.
func TestSecondaryFollows(t *testing.T) {
	t.Parallel()
	s := authority.Start(t, authority.Knot, "example.lab", authority.Options{Records: realZone(), Secondaries: []authority.Kind{authority.NSD}})
	second := s.Secondary(t, authority.NSD)
	r := checkServer(t, s, second.Addr)
	if got := codes(r); !slices.Contains(got, CodeServers) || r.Count(Wrong) > 0 {
		t.Errorf("codes %q of a zone whose secondary follows\n%s", got, textOf(r))
	}
}

func textOf(r *Report) string {
	var b strings.Builder
	_ = r.WriteText(&b, 100)
	return b.String()
}
