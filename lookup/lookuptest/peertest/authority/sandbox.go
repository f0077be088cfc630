//go:build unix

package authority

import (
	"cmp"
	"testing"

	"dnseal/lookup/lookuptest"
)

// startSandbox serves the zone by package lookuptest, in this process. Its key Limited does not
// exist, and it has no secondaries.
func (s *Server) startSandbox(tb testing.TB) {
	tb.Helper()
	s.Addr = cmp.Or(s.opts.Addr, "127.0.0.1:0")
	zone := lookuptest.Zone{Text: s.zoneText(), NSEC3: s.opts.Denial != NSEC, Narrow: s.opts.Denial == Narrow}
	key := lookuptest.UpdateKey{Name: s.Key.Name, Algorithm: s.Key.Algorithm, Secret: s.Key.Secret}
	server, err := lookuptest.New([]lookuptest.Zone{zone}, lookuptest.Options{UpdateKeys: []lookuptest.UpdateKey{key}})
	if err != nil {
		tb.Fatal(err)
	}
	if err := server.Start(s.Addr); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = server.Close() })
	s.sandbox, s.Addr = server, server.Addr()
	s.ready(tb)
}
