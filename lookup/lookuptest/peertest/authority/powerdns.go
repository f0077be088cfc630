//go:build unix

package authority

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
)

// powerDNSSchema is where Debian's package pdns-backend-sqlite3 has it.
const powerDNSSchema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

// powerDNSPolicy lets one key change everything, and another what is at one name. PowerDNS 4.7
// answers NOERROR to what the policy does not permit, and leaves it out (PowerDNS/pdns#8422).
const powerDNSPolicy = `function updatepolicy(input)
  local key = input:getTsigName():toString()
  return key == %q or key == %q and input:getQName():toString() == %q
end
`

// powerDNS writes the files of a pdns_server that signs as it answers, from SQLite or PostgreSQL.
func powerDNS(tb testing.TB, s *Server) []string {
	tb.Helper()
	store := sqlite
	if s.Kind == PowerDNSPostgres {
		store = postgres
	}
	peertest.WriteFile(tb, s.path("zone"), s.zoneText())
	more := ""
	if s.opts.Limit {
		peertest.WriteFile(tb, s.path("policy.lua"), fmt.Sprintf(powerDNSPolicy, s.Key.Name+".", s.Limited.Name+".", s.LimitedName()))
		more += "lua-dnsupdate-policy-script=" + s.path("policy.lua") + "\n"
	}
	if len(s.Secondaries) > 0 {
		// Without secondaries nothing writes into the database but updates: a writer too many is
		// "database is locked", SERVFAIL.
		more += "primary=yes\nonly-notify=\nalso-notify=" + strings.Join(s.Secondaries, ",") + "\n"
	}
	peertest.WriteFile(tb, s.path("pdns.conf"), store(tb, s)+fmt.Sprintf(`local-address=%[2]s
socket-dir=%[1]s
dnsupdate=yes
%[3]scache-ttl=0
negquery-cache-ttl=0
query-cache-ttl=0
default-ksk-algorithm=ecdsa256
disable-syslog=yes
write-pid=no
receiver-threads=1
distributor-threads=1
retrieval-threads=1
security-poll-suffix=
version-string=anonymous
`, s.Dir, s.Addr, more))
	s.AddPowerDNSZone(tb, s.Zone, s.path("zone"))
	return []string{"--config-dir=" + s.Dir, "--daemon=no", "--guardian=no"}
}

// sqlite makes a database, and the lines that name it.
func sqlite(tb testing.TB, s *Server) string {
	tb.Helper()
	if _, err := os.Stat(powerDNSSchema); err != nil {
		peertest.Missing(tb, "pdns-backend-sqlite3")
	}
	run(tb, peertest.Program(tb, "sqlite3"), s.path("db"), ".read "+powerDNSSchema)
	return fmt.Sprintf("launch=gsqlite3\ngsqlite3-database=%s/db\ngsqlite3-dnssec=yes\n", s.Dir)
}

// AddPowerDNSZone makes a zone by pdnsutil, also while the server runs: it then does not know the
// zone until its zone cache is filled again (zone-cache-refresh-interval, 300 s).
func (s *Server) AddPowerDNSZone(tb testing.TB, zone, file string) {
	tb.Helper()
	zone = strings.TrimSuffix(zone, ".")
	pdnsutil := func(args ...string) {
		run(tb, peertest.Program(tb, "pdnsutil"), append([]string{"--config-dir=" + s.Dir}, args...)...)
	}
	pdnsutil("load-zone", zone, file)
	pdnsutil("secure-zone", zone)
	switch s.opts.Denial {
	case NSEC3:
		pdnsutil("set-nsec3", zone, "1 0 0 -")
	case Narrow:
		pdnsutil("set-nsec3", zone, "1 0 0 -", "narrow")
	case NSEC, Online:
	}
	pdnsutil("rectify-zone", zone)
	for _, k := range []Key{s.Key, s.Limited} {
		pdnsutil("import-tsig-key", k.Name, k.Algorithm, k.Secret)
	}
	pdnsutil("set-meta", zone, "TSIG-ALLOW-DNSUPDATE", s.Key.Name)
	pdnsutil("set-meta", zone, "TSIG-ALLOW-AXFR", s.Key.Name)
	pdnsutil("set-meta", zone, "ALLOW-DNSUPDATE-FROM", "127.0.0.0/8")
	pdnsutil("set-meta", zone, "SOA-EDIT-DNSUPDATE", "INCREASE")
	if len(s.Secondaries) > 0 {
		pdnsutil("set-meta", zone, "NOTIFY-DNSUPDATE", "1")
		pdnsutil("set-kind", zone, "primary")
	}
}

// run runs a tool to its end.
func run(tb testing.TB, program string, args ...string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil { //nolint:gosec // of a test
		tb.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
}
