package transport

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const knotConf = `server:
    listen: 127.0.0.1@%[1]s
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
	for start := time.Now(); good < 3; {
		m, err := exchange(t, c)
		switch {
		case err != nil || time.Since(start) > time.Minute:
			t.Fatalf("Exchange() = %v, %v", m, err)
		case len(m.Answer) == 1:
			good++
		default: // the zone is not loaded yet
			time.Sleep(20 * time.Millisecond)
		}
	}
	s := (*c.servers.Load())[0]
	if s.cookies.server == "" || s.cookies.refused {
		t.Errorf("cookies are %q and %q, refused %v", s.cookies.client, s.cookies.server, s.cookies.refused)
	}
	if s.health.foldsCase.Load() || s.health.noUDP.Load() {
		t.Error("Knot repeats names letter by letter, and answers by UDP")
	}
}

// startKnot serves a zone with one name. It skips without Knot; DNSEAL_PEERS=required makes that a
// failure.
func startKnot(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("knotd")
	if err != nil {
		program = "/usr/sbin/knotd"
		_, err = os.Stat(program)
	}
	switch {
	case err != nil && os.Getenv("DNSEAL_PEERS") == "required":
		t.Fatal("knotd is missing; make peers brings it")
	case err != nil:
		t.Skip("skipped: knotd is missing; make peers brings it")
	}
	f := new(fake)
	f.listen(t).Close()
	f.packets.Close()
	dir := t.TempDir()
	_, port, _ := net.SplitHostPort(f.addr)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if writing := os.WriteFile(path, []byte(text), 0o600); writing != nil {
			t.Fatal(writing)
		}
		return path
	}
	write("example.org.zone", "$ORIGIN example.org.\n@ 60 SOA ns h 1 7200 3600 1209600 60\n@ 60 NS ns\nns 60 A 127.0.0.1\nwww 60 A 192.0.2.1\n")
	conf := write("knot.conf", fmt.Sprintf(knotConf, port, dir))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-c", conf)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("knotd: %s", text)
		}
	})
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.DialTimeout("tcp", f.addr, time.Second); err == nil {
			conn.Close()
			return f.addr
		}
		if time.Since(start) > time.Minute {
			t.Fatal("knotd does not listen")
		}
	}
}
