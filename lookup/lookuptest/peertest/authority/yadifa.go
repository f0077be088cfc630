//go:build unix

package authority

import (
	"fmt"
	"os"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// yadifa writes the files of a yadifad with an unsigned zone.
func yadifa(tb testing.TB, s *Server) []string {
	tb.Helper()
	host, port := s.hostPort()
	for _, d := range []string{"keys", "xfr", "log"} {
		if err := os.Mkdir(s.path(d), 0o755); err != nil { //nolint:gosec // it may run as another user
			tb.Fatal(err)
		}
	}
	peertest.WriteFile(tb, s.path("zone"), s.zoneText())
	peertest.WriteFile(tb, s.path("yadifad.conf"), fmt.Sprintf(`<main>
  daemon off
  chroot off
  logpath "%[1]s/log"
  pidfile "%[1]s/pid"
  datapath "%[1]s"
  keyspath "%[1]s/keys"
  xfrpath "%[1]s/xfr"
  listen %[2]s port %[3]s
  port %[3]s
  allow-query any
  allow-update none
  allow-transfer none
  allow-notify none
</main>
<key>
  name %[4]s
  algorithm %[5]s
  secret %[6]s
</key>
<key>
  name %[7]s
  algorithm %[8]s
  secret %[9]s
</key>
<acl>
  updaters key %[4]s
</acl>
<zone>
  type primary
  domain %[10]s
  file zone
  allow-update updaters
  allow-transfer updaters
</zone>
`, s.Dir, host, port, s.Key.Name, s.Key.Algorithm, s.Key.Secret, s.Limited.Name, s.Limited.Algorithm, s.Limited.Secret, s.bare()))
	return []string{"-c", s.path("yadifad.conf")}
}
