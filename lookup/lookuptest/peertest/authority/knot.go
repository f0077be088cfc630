//go:build unix

package authority

import (
	"fmt"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// knot writes the files of a knotd that signs its zone.
func knot(tb testing.TB, s *Server) []string {
	tb.Helper()
	var remotes, notify strings.Builder
	for i, addr := range s.Secondaries {
		fmt.Fprintf(&remotes, "  - id: secondary%d\n    address: %s\n    key: %s\n", i, peertest.At(addr), s.Key.Name)
		fmt.Fprintf(&notify, "    notify: secondary%d\n", i)
	}
	if remotes.Len() > 0 {
		remotes.WriteString("\n")
	}
	nsec3 := "off"
	if s.opts.Denial == NSEC3 {
		nsec3 = "on"
	}
	signing := "    dnssec-signing: on\n    dnssec-policy: live\n"
	if s.opts.Denial == Online {
		signing = "    module: mod-onlinesign\n"
	}
	journal, usage := "", ""
	if s.opts.Big { // without it the zone is not loaded: "not enough space provided"
		journal, usage = "    journal-db-max-size: 4G\n", "    journal-max-usage: 2G\n"
	}
	peertest.WriteFile(tb, s.path("zone"), s.zoneText())
	text := fmt.Sprintf(`server:
    rundir: %[1]q
    listen: %[2]s
    udp-workers: 1
    tcp-workers: 2
    background-workers: 2
log:
  - target: stderr
    any: info
database:
    storage: %[1]q
%[9]skey:
  - id: %[3]s
    algorithm: %[4]s
    secret: %[5]q
  - id: %[6]s
    algorithm: %[7]s
    secret: %[8]q
`, s.Dir, peertest.At(s.Addr), s.Key.Name, s.Key.Algorithm, s.Key.Secret, s.Limited.Name, s.Limited.Algorithm, s.Limited.Secret, journal)
	if remotes.Len() > 0 {
		text += "remote:\n" + remotes.String()
	}
	text += fmt.Sprintf(`acl:
  - id: all
    key: %[1]s
    action: [update, transfer]
  - id: one
    key: %[2]s
    action: update
    update-owner: name
    update-owner-match: equal
    update-owner-name: [%[3]q]
policy:
  - id: live
    algorithm: ecdsap256sha256
    single-type-signing: on
    nsec3: %[4]s
    cds-cdnskey-publish: none
zone:
  - domain: %[5]q
    file: %[6]q
    journal-content: changes
    zonefile-load: difference
    zonefile-sync: -1
    acl: [all, one]
%[8]s%[7]s%[9]s`, s.Key.Name, s.Limited.Name, s.LimitedName(), nsec3, s.Zone, s.path("zone"), notify.String(), signing, usage)
	peertest.WriteFile(tb, s.path("knot.conf"), text)
	return []string{"-c", s.path("knot.conf")}
}
