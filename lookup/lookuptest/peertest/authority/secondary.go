//go:build unix

package authority

import (
	"fmt"
	"slices"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// Secondary runs a secondary that Options.Secondaries of the primary named, and waits until it has
// the zone.
func (s *Server) Secondary(tb testing.TB, kind Kind) *Server {
	tb.Helper()
	i := slices.Index(s.opts.Secondaries, kind)
	software := map[Kind]func(tb testing.TB, s, primary *Server) []string{BIND: bindSecondary, NSD: nsd}[kind]
	if i < 0 || software == nil {
		tb.Fatalf("%q is no secondary of this primary", kind)
	}
	second := &Server{
		Kind: kind, Zone: s.Zone, Addr: s.Secondaries[i], Key: s.Key, Limited: s.Limited,
		opts: s.opts, secondary: true, program: peertest.Program(tb, programs[kind]),
	}
	second.start(tb, func() { second.args = software(tb, second, s) })
	second.Anchor = s.Anchor
	return second
}

// nsd writes the files of an NSD that gets its zone from a primary.
func nsd(tb testing.TB, s, primary *Server) []string {
	tb.Helper()
	peertest.WriteFile(tb, s.path("nsd.conf"), fmt.Sprintf(`server:
  ip-address: %[1]s
  username: ""
  chroot: ""
  zonesdir: "%[2]s"
  database: ""
  zonelistfile: "%[2]s/zone.list"
  xfrdfile: "%[2]s/xfrd.state"
  xfrdir: "%[2]s"
  pidfile: "%[2]s/pid"
  logfile: "%[2]s/log"
  server-count: 1
remote-control:
  control-enable: no
key:
  name: %[3]q
  algorithm: %[4]s
  secret: %[5]q
zone:
  name: %[6]q
  zonefile: "zone"
  allow-notify: 127.0.0.0/8 %[3]s
  allow-notify: 127.0.0.0/8 NOKEY
  request-xfr: AXFR %[7]s %[3]s
`, peertest.At(s.Addr), s.Dir, s.Key.Name, s.Key.Algorithm, s.Key.Secret, s.bare(), peertest.At(primary.Addr)))
	peertest.LogWhenFailed(tb, s.path("log"))
	return []string{"-d", "-c", s.path("nsd.conf")}
}
