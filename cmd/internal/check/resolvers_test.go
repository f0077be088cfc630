package check

import (
	"strings"
	"testing"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// TestCheckResolvers says once what is wrong with a resolver, with the setting to change, also
// where there is no identity.
func TestCheckResolvers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		kind   peertest.Kind
		status cli.Exit
		want   string
	}{
		{"as it should be", peertest.Forwarding, cli.ExitOK, "ok     resolver ADDR returns the records of DNSSEC"},
		{"pdns-recursor off", peertest.PowerDNSOff, cli.ExitNotPass, "WRONG  resolver ADDR: it leaves out the signatures of DNSSEC"},
		{"the setting", peertest.PowerDNSOff, cli.ExitNotPass, "WRONG  dnssec=process (PowerDNS Recursor)"},
		{"downgraded", peertest.Downgraded, cli.ExitNotPass, "WRONG  NOTIMP to questions for DNSKEY"},
		{"strips and says DO", peertest.Stripping, cli.ExitNotPass, "WRONG  resolver ADDR: it leaves out"},
		{"no authority section", peertest.NoAuthority, cli.ExitNotPass, "WRONG  resolver ADDR: it leaves out"},
		{"systemd-resolved 252 no", peertest.Resolved252No, cli.ExitOK, "note   resolver ADDR leaves out the signatures of DNSSEC; only asked not to check (CD=1) does it pass them on; set DNSSEC=allow-downgrade"},
		{"old root key", peertest.OldKey, cli.ExitOK, "note   resolver ADDR refuses (SERVFAIL) what validates here"},
		{"dead", peertest.Dead, cli.ExitTempfail, "?      resolver ADDR cannot resolve ."},
	} {
		for _, identities := range []bool{false, true} {
			w := newWorld(t)
			r := peertest.Start(t, w.DNS, tt.kind)
			toml := "[dns]\nresolvers = [\"" + r.Addr() + "\"]\ntrust-anchor = \"" + w.Path("anchor") + "\"\n[[milter]]\nrole = \"verify\"\nlisten = \"inet:8891@localhost\"\n"
			if identities {
				toml = "identities = \"" + w.Path("keys") + "\"\n" + toml
			}
			w.Write("dnseal.toml", toml)
			out, status := w.checked(t)
			word, text, _ := strings.Cut(strings.ReplaceAll(tt.want, "ADDR", r.Addr()), "  ")
			found := 0
			for line := range strings.Lines(out) {
				if strings.HasPrefix(line, word+" ") && strings.Contains(line, strings.TrimSpace(text)) {
					found++
				}
			}
			if status != tt.status || found != 1 {
				t.Errorf("%s, identities %t: status %d, want %d with %q once:\n%s", tt.name, identities, status, tt.status, tt.want, out)
			}
			if strings.Contains(out, "bogus") {
				t.Errorf("%s: a zone is blamed:\n%s", tt.name, out)
			}
		}
	}
}

// TestCheckOptOut warns who publishes in a zone that cannot prove that a key is gone.
func TestCheckOptOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	records, err := w.DNS.Records("example.org.")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, rr := range records {
		text.WriteString(rr.String() + "\n")
	}
	must(t, w.DNS.Replace([]lookuptest.Zone{{Text: text.String(), NSEC3: true, OptOut: true}}))
	w.Config(worldtest.OneRelay)
	out, status := w.checked(t)
	if status != cli.ExitOK || !strings.Contains(out, "note   zone example.org. is signed with opt-out") {
		t.Errorf("status %d:\n%s", status, out)
	}
}
