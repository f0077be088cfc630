package service

import (
	"bufio"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup/lookuptest/peertest"
)

// waiting is a client that has read the greeting and says nothing.
func (w *world) waiting() *bufio.Reader {
	w.T.Helper()
	conn, err := net.Dial("unix", w.Path("relay"))
	must(w.T, err)
	w.T.Cleanup(func() { conn.Close() })
	must(w.T, conn.SetDeadline(time.Now().Add(hang)))
	r := bufio.NewReader(conn)
	if line, err := r.ReadString('\n'); !strings.HasPrefix(line, "220 ") {
		w.T.Fatalf("greeting: %q, %v", line, err)
	}
	return r
}

func wantDenied(t *testing.T, r *bufio.Reader) {
	t.Helper()
	if line, err := r.ReadString('\n'); !strings.HasPrefix(line, "554 5.7.1") {
		t.Errorf("an idle client that is denied reads %q, %v", line, err)
	}
}

// TestDenyAfterReload shuts out a client that connected two configurations ago.
func TestDenyAfterReload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(worldtest.OneRelay)
	r := w.start("relay")
	k := w.waiting()
	w.reload(r, "msg=reloaded")
	w.config(worldtest.OneRelay + "deny = [\"127.0.0.1\"]\n")
	w.reload(r, "msg=reloaded")
	wantDenied(t, k)
}

// TestDenyAfterMove shuts out a client of a listener that a reload has moved to another address.
func TestDenyAfterMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(worldtest.OneRelay)
	r := w.start("relay")
	k := w.waiting()
	moved := strings.Replace(worldtest.OneRelay, "DIR/relay", "DIR/moved", 1)
	w.config(moved)
	w.reload(r, "msg=reloaded")
	w.config(moved + "deny = [\"127.0.0.1\"]\n")
	w.reload(r, "msg=reloaded")
	wantDenied(t, k)
}

// TestDenyFile watches the file without a reload, also for clients of older configurations. What
// is wrong with a new file is told once, and the old entries stay.
func TestDenyFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := w.Path("denied")
	write := func(text string) { must(t, os.WriteFile(file, []byte(text), 0o644)) }
	write("# nobody yet\n")
	w.config(worldtest.OneRelay + "deny-file = \"DIR/denied\"\n")
	r := w.start("relay")
	old := w.waiting()
	w.reload(r, "msg=reloaded")
	w.reload(r, "msg=reloaded")
	young := w.waiting()
	must(t, w.submit("carol@example.com"))
	w.Mailbox.Wait(hang)
	write("s4._device.example.net\n127.0.0.1 # lost\n")
	wantDenied(t, old)
	wantDenied(t, young)
	denied := func() bool {
		err := w.submit("carol@example.com")
		return err != nil && strings.HasPrefix(err.Error(), "554 ")
	}
	if !denied() {
		t.Error("a denied client gets in")
	}
	logged := func(text string) {
		t.Helper()
		peertest.WaitFor(t, text, func() bool { return strings.Contains(r.log.String(), text) })
	}
	write("s4._device.example.net\nno name\n")
	logged(`line 2: \"no name\"`)
	must(t, os.Remove(file))
	logged("no such file")
	if !denied() {
		t.Error("a broken file or none lets the client in")
	}
	write("# nobody again\n")
	peertest.WaitFor(t, "the new list", func() bool { return !denied() })
	if n := strings.Count(r.log.String(), "not read again"); n != 2 {
		t.Errorf("%d faults told, want 2", n)
	}
}

// TestNoDenyFile: without the file that the configuration names nothing starts.
func TestNoDenyFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(worldtest.OneRelay + "deny-file = \"DIR/denied\"\n")
	err := newService("relay", w.Path("dnseal.toml"), &worldtest.Buffer{}).run(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "make it, empty if nobody is denied") {
		t.Errorf("run: %v", err)
	}
}
