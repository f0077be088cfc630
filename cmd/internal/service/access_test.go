package service

import (
	"io/fs"
	"net"
	"net/smtp"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	gomilter "github.com/d--j/go-milter"

	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup/lookuptest/peertest"
)

// TestSocketAccess: a reload gives open sockets another mode and group, without closing them; one
// that cannot be done leaves everything as it was.
func TestSocketAccess(t *testing.T) {
	t.Parallel()
	peertest.NeedRoot(t, "only root can give a socket to a group that it is not in")
	for kind, listener := range map[string]string{"relay": worldtest.OneRelay, "milter": oneMilter} {
		w := newWorld(t)
		with := func(keys string) string {
			return strings.Replace(listener, "listen = \"unix:DIR/"+kind+"\"", "listen = \"unix:DIR/"+kind+"\"\n"+keys, 1)
		}
		w.config(with("socket-mode = \"0600\""))
		r := w.start(kind)
		is := func(step string, mode fs.FileMode, gid int) {
			t.Helper()
			info, err := os.Stat(w.Path(kind))
			must(t, err)
			if got := int(info.Sys().(*syscall.Stat_t).Gid); info.Mode().Perm() != mode || got != gid {
				t.Errorf("%s, %s: mode %04o, group %d; want %04o, %d", kind, step, info.Mode().Perm(), got, mode, gid)
			}
		}
		is("at the start", 0o600, os.Getegid())
		conn, err := net.Dial("unix", w.Path(kind))
		must(t, err)
		defer conn.Close()
		w.config(with("socket-mode = \"0666\"\nsocket-group = \"7\""))
		w.reload(r, "msg=reloaded")
		is("wider", 0o666, 7)
		w.config(with("socket-mode = \"0640\"\nsocket-group = \"no such group\""))
		w.reload(r, "msg=\"not reloaded")
		is("no such group", 0o666, 7)
		if log := r.log.String(); !strings.Contains(log, `there is no group \"no such group\" here`) {
			t.Errorf("log:\n%s", log)
		}
		w.config(with("socket-group = \"8\""))
		w.reload(r, "msg=reloaded")
		is("the mode of before", 0o660, 8)
		w.config(listener)
		w.reload(r, "msg=reloaded")
		is("the group of before", 0o660, os.Getegid())
		// The socket is gone: nothing can be set, and the rest of the file does not count either.
		must(t, os.Rename(w.Path(kind), w.Path("aside")))
		w.config(with("socket-mode = \"0600\"") + "[on]\nno-rule = \"reject\"\n")
		w.reload(r, "msg=\"not reloaded")
		must(t, os.Rename(w.Path("aside"), w.Path(kind)))
		is("gone", 0o660, os.Getegid())
		if kind == "relay" { // who was connected all the time is still served
			c, err := smtp.NewClient(conn, "relay")
			must(t, err)
			must(t, c.Hello("client"))
		}
		must(t, r.stop())
	}
}

// TestSocketAccessSystemd: a socket that systemd opened keeps its mode, and the log says so.
func TestSocketAccessSystemd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(oneMilter)
	l, err := net.Listen("unix", w.Path("milter"))
	must(t, err)
	defer l.Close()
	must(t, os.Chmod(w.Path("milter"), 0o700))
	log := &worldtest.Buffer{}
	s := &sockets{
		bases: map[string]net.Listener{}, passed: map[string]net.Listener{socketKey("unix", w.Path("milter")): l},
		used: map[string]bool{}, pinned: map[string]bool{}, own: map[string]access{}, wanted: map[string]access{},
	}
	service := newService("milter", w.Path("dnseal.toml"), log)
	service.sockets = s
	for i, mode := range []string{"0660", "0600"} {
		w.config(oneMilter + "socket-mode = " + strconv.Quote(mode) + "\n")
		c, err := service.load(t.Context(), nil)
		must(t, err)
		g, err := service.generation(t.Context(), c)
		must(t, err)
		g.discard()
		if warned := strings.Contains(log.String(), "SocketMode="); warned != (i > 0) {
			t.Errorf("%s: %s", mode, log)
		}
	}
	if info, err := os.Stat(w.Path("milter")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestQuarantine: of one file the milter quarantines, and the relay does what quarantine-as says,
// also when it was changed while a client was connected.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const milters = "[[milter]]\nrole = \"verify\"\nlisten = \"unix:DIR/milter\"\n[on]\nno-signature = \"quarantine\"\n"
	w.config(inbound + "quarantine-as = \"reject\"\n" + milters)
	r := w.start("relay")
	conn, err := net.Dial("unix", w.Path("relay"))
	must(t, err)
	defer conn.Close()
	c, err := smtp.NewClient(conn, "relay")
	must(t, err)
	send := func() error {
		must(t, c.Mail("carol@example.com"))
		must(t, c.Rcpt("bob@example.net"))
		content, failed := c.Data()
		must(t, failed)
		_, failed = content.Write([]byte("From: carol@example.com\r\n\r\ntext\r\n"))
		must(t, failed)
		return content.Close()
	}
	if err = send(); err == nil || !strings.HasPrefix(err.Error(), "550") {
		t.Errorf("reject: %v", err)
	}
	w.config(inbound + "quarantine-as = \"mark\"\n" + milters)
	w.reload(r, "msg=reloaded")
	if err = send(); err == nil || !strings.HasPrefix(err.Error(), "550") {
		t.Errorf("a connection of before: %v", err)
	}
	c.Close()
	conn, err = net.Dial("unix", w.Path("relay"))
	must(t, err)
	defer conn.Close()
	c, err = smtp.NewClient(conn, "relay")
	must(t, err)
	if err = send(); err != nil {
		t.Errorf("mark: %v", err)
	}
	w.config(inbound + milters)
	w.reload(r, "msg=\"not reloaded")
	must(t, r.stop())
	w.config(inbound + "quarantine-as = \"reject\"\n" + milters)
	r = w.start("milter")
	acts, a := w.connectMTA().send("carol@example.com")
	held := false
	for _, act := range acts {
		held = held || act.Type == gomilter.ActionQuarantine
	}
	if !held {
		t.Errorf("the milter answered %v, %v", acts, a)
	}
	must(t, r.stop())
}
