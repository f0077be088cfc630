//go:build unix

package authority

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// bindOptions are those of every named here. It listens on addresses of interfaces only.
const bindOptions = `options {
  directory %[1]q; key-directory %[1]q; managed-keys-directory %[1]q; pid-file "pid"; session-keyfile "session.key";
  listen-on port %[3]s { %[2]s; }; listen-on-v6 { none; };
  recursion no; allow-query { any; }; dnssec-validation no; notify-delay 0; startup-notify-rate 1000;
};
controls { };
`

// bind writes the files of a named that signs by dnssec-policy.
func bind(tb testing.TB, s *Server) []string {
	tb.Helper()
	host, port := s.hostPort()
	peertest.WriteFile(tb, s.path("zone"), s.zoneText())
	args := []string{"-g", "-n", "1", "-c", s.path("named.conf")}
	if s.opts.Statements != "" {
		peertest.WriteFile(tb, s.path("named.conf"), fmt.Sprintf(bindOptions, s.Dir, host, port)+s.opts.Statements)
		return args
	}
	var notify strings.Builder
	for _, addr := range s.Secondaries {
		h, p, _ := net.SplitHostPort(addr)
		fmt.Fprintf(&notify, "%s port %s key %q; ", h, p, s.Key.Name)
	}
	denial := ""
	if s.opts.Denial != NSEC {
		denial = "nsec3param iterations 0 optout no salt-length 0;"
	}
	// By default named signs in steps of ten signatures, which takes it hours here.
	signing := ""
	if s.opts.Big {
		signing = "sig-signing-nodes 10000; sig-signing-signatures 10000;"
	}
	inline := "no"
	if s.opts.Inline {
		inline = "yes"
	}
	peertest.WriteFile(tb, s.path("named.conf"), fmt.Sprintf(bindOptions, s.Dir, host, port)+s.Key.String()+s.Limited.String()+fmt.Sprintf(`
dnssec-policy live { keys { csk lifetime unlimited algorithm ecdsap256sha256; }; %[1]s };
zone %[2]q {
  type primary; file "zone"; dnssec-policy live; inline-signing %[3]s; %[8]s
  update-policy { grant %[4]q zonesub ANY; grant %[5]q name %[6]q ANY; };
  allow-transfer { key %[4]q; }; notify explicit; also-notify { %[7]s};
};
`, denial, s.Zone, inline, s.Key.Name, s.Limited.Name, s.LimitedName(), notify.String(), signing))
	return args
}

// bindSecondary writes the files of a named that gets its zone from a primary.
func bindSecondary(tb testing.TB, s, primary *Server) []string {
	tb.Helper()
	host, port := s.hostPort()
	h, p := primary.hostPort()
	peertest.WriteFile(tb, s.path("named.conf"), fmt.Sprintf(bindOptions, s.Dir, host, port)+s.Key.String()+fmt.Sprintf(`
zone %[1]q { type secondary; file "zone"; primaries { %[2]s port %[3]s key %[4]q; }; allow-notify { 127.0.0.0/8; }; notify no; };
`, s.Zone, h, p, s.Key.Name))
	return []string{"-g", "-n", "1", "-c", s.path("named.conf")}
}
