package relay

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime/message"

	"dnseal/lookup/lookuptest/peertest"
)

// startOpenSMTPD runs an OpenSMTPD that hands everything on to next. Its folders and users have
// fixed names: in a mount namespace they are its own, and nothing of this machine is changed.
func startOpenSMTPD(tb testing.TB, next string) string {
	tb.Helper()
	needRoot(tb)
	// Postfix has one of that name too
	program := filepath.Dir(peertest.Program(tb, "smtpctl")) + "/smtpd"
	dir, addr := peertest.ShortDir(tb), peertest.FreeAddr(tb)
	host, port, _ := net.SplitHostPort(addr)
	mustWrite(tb, dir+"/conf", fmt.Sprintf("listen on %s port %s\naction \"out\" relay host \"smtp://%s\"\nmatch from any for any action \"out\"\n", host, port, next))
	for file, line := range map[string]string{"passwd": "%s:x:%d:%[2]d::/nonexistent:/usr/sbin/nologin\n", "group": "%s:x:%d:\n"} {
		b, err := os.ReadFile("/etc/" + file)
		if err != nil {
			tb.Fatal(err)
		}
		for i, user := range []string{"opensmtpd", "opensmtpq"} {
			b = fmt.Appendf(b, line, user, 65531+i)
		}
		mustWrite(tb, dir+"/"+file, string(b))
	}
	script := fmt.Sprintf(`set -e
for d in /var/spool /var/lib /run; do mount -t tmpfs tmpfs $d; done
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/spool/smtpd
for f in passwd group; do mount --bind %[1]s/$f /etc/$f; done
exec %[2]s -d -f %[1]s/conf`, dir, program)
	runProgram(tb, "unshare", "-m", "sh", "-c", script)
	peertest.WaitListening(tb, addr)
	return addr
}

// TestOpenSMTPD sends messages of all kinds through OpenSMTPD: every signature holds after it. It
// knows no SMTPUTF8.
func TestOpenSMTPD(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	hop := startOpenSMTPD(t, s.address())
	w := &world{dir: t.TempDir()}
	id, err := identity.Create(w.dir, "alice@example.org", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.lookup = publish(t, id)
	relay := w.signing(t, hop, sender.Options{})
	sent := 0
	for _, m := range worldMessages("opensmtpd", 40) {
		if m.mail == " SMTPUTF8" {
			continue
		}
		if err = handInOne(relay, m); err != nil {
			t.Fatal(err)
		}
		sent++
	}
	peertest.WaitFor(t, fmt.Sprintf("%d mails", sent), func() bool { return len(s.got()) >= sent })
	verifier, err := receiver.New(receiver.Options{Lookup: w.lookup})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range s.got() {
		m, err := message.Read(strings.NewReader(got.data), message.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		report, err := verifier.Verify(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if report.Verdict != receiver.Pass || !strings.Contains(got.data, "(OpenSMTPD)") {
			t.Errorf("%s, %s after OpenSMTPD:\n%.2000s", report.Verdict, report.Reason, got.data)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}
