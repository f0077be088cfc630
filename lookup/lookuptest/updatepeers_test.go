package lookuptest_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// TestUpdatesByPeers changes a zone with the update programs of BIND and Knot.
func TestUpdatesByPeers(t *testing.T) {
	t.Parallel()
	key := lookuptest.UpdateKey{Name: "upd", Algorithm: "hmac-sha256", Secret: "c2l4dGVlbiBvY3RldHMgYW5kIG1vcmUgYW5kIG1vcmU="}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, fmt.Appendf(nil, "key %q {\n\talgorithm %s;\n\tsecret %q;\n};\n", key.Name, key.Algorithm, key.Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		program, zone string // without the zone it is found by a signed question
		flags         []string
	}{
		{"nsupdate", "", []string{"-k", file}},
		{"knsupdate", "zone example.org\n", []string{"-y", key.Algorithm + ":" + key.Name + ":" + key.Secret}},
	} {
		t.Run(tt.program, func(t *testing.T) {
			t.Parallel()
			path := peertest.Program(t, tt.program)
			s, err := lookuptest.New([]lookuptest.Zone{{Origin: "example.org."}}, lookuptest.Options{UpdateKeys: []lookuptest.UpdateKey{key}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Start("127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			host, port, _ := net.SplitHostPort(s.Addr())
			run := func(lines ...string) (string, error) {
				cmd := exec.CommandContext(t.Context(), path, append([]string{"-v"}, tt.flags...)...)
				cmd.Stdin = strings.NewReader(fmt.Sprintf("server %s %s\n%s%s\nsend\n", host, port, tt.zone, strings.Join(lines, "\n")))
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			digest := strings.Repeat("ab", 32)
			for _, step := range []struct {
				line, fails string
				want        int // records afterwards
			}{
				{"prereq nxrrset a._device.example.org TLSA\nupdate add a._device.example.org 300 IN TLSA 3 1 1 " + digest, "", 1},
				{"prereq nxrrset a._device.example.org TLSA\nupdate add a._device.example.org 300 IN TLSA 3 1 2 " + digest + digest, "YXRRSET", 1},
				{"prereq yxrrset a._device.example.org TLSA 3 1 1 " + digest + "\nupdate add a._device.example.org 60 IN TLSA 3 1 2 " + digest + digest, "", 2},
				{"update delete a._device.example.org TLSA 3 1 1 " + digest, "", 1},
				{"update delete a._device.example.org TLSA", "", 0},
				{`update add b.example.org 300 IN TYPE53 \# 35 030101` + digest, "", 0},
			} {
				out, err := run(step.line)
				if (step.fails == "") != (err == nil) || !strings.Contains(out, step.fails) {
					t.Fatalf("%s: %v: %s", step.line, err, out)
				}
				m, err := s.Exchange(t.Context(), "a._device.example.org.", dns.TypeTLSA, false)
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				for _, rr := range m.Answer {
					if rr.Header().Rrtype == dns.TypeTLSA {
						n++
					}
				}
				if n != step.want {
					t.Errorf("after %s: %d records, want %d: %s", step.line, n, step.want, out)
				}
			}
		})
	}
}
