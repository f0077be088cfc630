package hoptest

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"dnseal/lookup/lookuptest/peertest"
)

// cyruses has messages delivered to Cyrus by LMTP, and fetched by IMAP.
func cyruses() []hop {
	return []hop{
		{name: "Cyrus, BODY[]", want: "PPPPPP", pass: cyrus(whole)},
		{name: "Cyrus, BODY[1.MIME] and BODY[1]", want: "PPPPPP", why: "a nested multipart without a line end comes with one", pass: cyrus(parts)},
	}
}

func cyrus(how fetch) func(*testing.T, place, []string) []string {
	return func(t *testing.T, p place, messages []string) []string {
		t.Helper()
		imap := startCyrus(t, p)
		conn := dial(t, "unix", p.path("lmtp"))
		client := smtp.NewClientLMTP(conn)
		for _, m := range messages {
			hand(t, client, "bob", m)
		}
		if err := client.Quit(); err != nil {
			t.Fatal(err)
		}
		return how.files(t, p, dialogue(t, imap, "l LOGIN bob secret\r\n"+how.commands(len(messages))))
	}
}

// dialogue sends all commands at once, and returns the replies.
func dialogue(t *testing.T, addr, commands string) string {
	t.Helper()
	conn := dial(t, "tcp", addr)
	if _, err := io.WriteString(conn, commands); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := io.Copy(&out, conn); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// cyrusConf takes every password. A mailbox is made when something is delivered to it.
const cyrusConf = `configdirectory: HOME/conf
partition-default: HOME/spool
defaultpartition: default
cyrus_user: USER
cyrus_group: GROUP
admins: cyrus
allowplaintext: yes
sasl_mech_list: PLAIN
lmtpsocket: HOME/lmtp
idlesocket: HOME/idle
notifysocket: HOME/notify
autocreate_quota: 0
autocreate_post: yes
autocreate_users: anyone
`

const cyrusServices = `START {
  recover cmd="LIB/ctl_cyrusdb -r -C HOME/imapd.conf"
}
SERVICES {
  imap cmd="IMAPD -N -C HOME/imapd.conf" listen="ADDR" proto="tcp4" prefork=0
  lmtp cmd="LIB/lmtpd -a -C HOME/imapd.conf" listen="HOME/lmtp" prefork=0
}
EVENTS {
}
`

// startCyrus runs Cyrus for the user that programs run as, and returns where it speaks IMAP; it
// speaks LMTP at lmtp.
func startCyrus(t *testing.T, p place) string {
	t.Helper()
	// another imapd could be in PATH
	imapd := filepath.Join(filepath.Dir(peertest.Program(t, "squatter")), "imapd")
	lib := filepath.Dir(peertest.Program(t, "ctl_cyrusdb"))
	env := "LD_LIBRARY_PATH=" + libraries(lib)
	if strings.Contains(run(t, p.dir, "", "/usr/bin/env", env, "ldd", imapd), "not found") {
		peertest.Missing(t, "a library of Cyrus")
	}
	for _, name := range []string{"spool", "conf", "conf/db", "conf/lock", "conf/log", "conf/msg", "conf/proc", "conf/quota", "conf/socket", "conf/user"} {
		p.folder(t, name)
	}
	me, group := "nobody", "nogroup"
	if os.Getuid() != 0 {
		u, err := user.Current()
		if err != nil {
			t.Fatal(err)
		}
		g, err := user.LookupGroupId(u.Gid)
		if err != nil {
			t.Fatal(err)
		}
		me, group = u.Username, g.Name
	}
	addr := peertest.FreeAddr(t)
	fill := strings.NewReplacer("HOME", p.dir, "USER", me, "GROUP", group, "LIB", lib, "IMAPD", imapd, "ADDR", addr).Replace
	conf, services := p.file(t, "imapd.conf", fill(cyrusConf)), p.file(t, "cyrus.conf", fill(cyrusServices))
	p.serve(t, "/usr/bin/env", env, filepath.Join(lib, "master"), "-C", conf, "-M", services, "-p", p.path("pid"), "-D")
	peertest.WaitFor(t, "Cyrus", func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", p.path("lmtp"))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	peertest.WaitListening(t, addr)
	return addr
}

// libraries is where the libraries of unpacked programs in lib are.
func libraries(lib string) string {
	found, _ := filepath.Glob(filepath.Join(lib, "../../*/libcyrus.so.0"))
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[0])
}
