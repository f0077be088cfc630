package hoptest

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"dnseal/cmd/internal/demo"
	"dnseal/lookup/lookuptest/peertest"
)

// contentFilters pass mail on by SMTP.
func contentFilters() []hop {
	return []hop{
		{name: "amavisd", want: "PPPPPP", why: "adds fields", pass: amavisd},
	}
}

// amavisConf passes everything on, with its own results in the header.
const amavisConf = `use strict;
$mydomain = 'example.net';
$myhostname = 'mx.example.net';
$daemon_user = undef;
$daemon_group = undef;
$MYHOME = 'FOLDER';
$TEMPBASE = 'FOLDER/tmp';
$helpers_home = 'FOLDER';
$db_home = undef;
$QUARANTINEDIR = undef;
$pid_file = 'FOLDER/pid';
$lock_file = 'FOLDER/lock';
$enable_db = 0;
$enable_zmq = 0;
$max_servers = 1;
$do_syslog = 0;
$LOGFILE = 'FOLDER/log';
$inet_socket_bind = '127.0.0.1';
$inet_socket_port = PORT;
$forward_method = 'smtp:[NEXTHOST]:NEXTPORT';
$notify_method = $forward_method;
@local_domains_maps = (1);
@bypass_virus_checks_maps = (1);
@bypass_spam_checks_maps = (1);
$final_bad_header_destiny = D_PASS;
1;
`

func amavisd(t *testing.T, p place, messages []string) []string {
	t.Helper()
	program := peertest.Program(t, "amavisd")
	sink := listen(t)
	nextHost, nextPort, _ := net.SplitHostPort(sink.Addr())
	_, port, _ := net.SplitHostPort(peertest.FreeAddr(t))
	addr := "127.0.0.1:" + port
	p.folder(t, "tmp")
	conf := strings.NewReplacer("FOLDER", p.dir, "NEXTHOST", nextHost, "NEXTPORT", nextPort, "PORT", port).Replace(amavisConf)
	file := unwritable(t, conf)
	p.serve(t, program, "-c", file, "foreground")
	peertest.LogWhenFailed(t, p.path("log"))
	peertest.WaitListening(t, addr)
	client := smtp.NewClient(dial(t, "tcp", addr))
	for _, m := range messages {
		hand(t, client, "bob@example.net", m)
	}
	if err := client.Quit(); err != nil {
		t.Fatal(err)
	}
	return p.collect(t, sink, len(messages))
}

// unwritable writes a configuration that its reader cannot change: amavisd refuses to start where
// it could write it, or another file in its folder.
func unwritable(t *testing.T, text string) string {
	t.Helper()
	dir := peertest.ShortDir(t)
	file := dir + "/amavisd.conf"
	peertest.WriteFile(t, file, text)
	for _, path := range []string{file, dir} {
		if err := os.Chmod(path, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	return file
}

// collect writes the messages that arrived.
func (p place) collect(t *testing.T, sink *demo.Mailbox, n int) (files []string) {
	t.Helper()
	for i := range n {
		m, err := sink.Wait(patience)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, p.message(t, i, string(m)))
	}
	return files
}
