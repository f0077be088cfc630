package transport

import (
	"fmt"
	"path/filepath"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

const knotConf = `server:
    listen: %[1]s
    rundir: %[2]s
database:
    storage: %[2]s
mod-cookies:
  - id: all
template:
  - id: default
    storage: %[2]s
    global-module: mod-cookies/all
zone:
  - domain: example.org
    file: example.org.zone
`

// TestPeerKnot asks Knot, which gives cookies and wants them back (BADCOOKIE).
func TestPeerKnot(t *testing.T) {
	t.Parallel()
	addr := startKnot(t)
	c := newTestClient(t, Options{Servers: []Server{{Addr: addr}}})
	good := 0
	peertest.WaitFor(t, "three answers with the record", func() bool {
		m, err := exchange(t, c)
		if err != nil {
			t.Fatalf("Exchange() = %v, %v", m, err)
		}
		good += len(m.Answer) // none before the zone is loaded
		return good == 3
	})
	s := (*c.servers.Load())[0]
	if s.cookies.server == "" || s.cookies.refused {
		t.Errorf("cookies are %q and %q, refused %v", s.cookies.client, s.cookies.server, s.cookies.refused)
	}
	if s.health.foldsCase.Load() || s.health.noUDP.Load() {
		t.Error("Knot repeats names letter by letter, and answers by UDP")
	}
}

// startKnot serves a zone with one name.
func startKnot(t *testing.T) string {
	t.Helper()
	program, dir, addr := peertest.Program(t, "knotd"), t.TempDir(), peertest.FreeAddr(t)
	peertest.WriteFile(t, filepath.Join(dir, "example.org.zone"),
		"$ORIGIN example.org.\n@ 60 SOA ns h 1 7200 3600 1209600 60\n@ 60 NS ns\nns 60 A 127.0.0.1\nwww 60 A 192.0.2.1\n")
	conf := filepath.Join(dir, "knot.conf")
	peertest.WriteFile(t, conf, fmt.Sprintf(knotConf, peertest.At(addr), dir))
	peertest.Run(t, program, "-c", conf)
	peertest.WaitListening(t, addr)
	return addr
}
