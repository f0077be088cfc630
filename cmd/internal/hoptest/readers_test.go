package hoptest

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/cmd/internal/demo"
	"dnseal/lookup/lookuptest/peertest"
)

// readers are mail readers and archives that give messages out again, and clients that send them.
func readers() []hop {
	return []hop{
		{name: "notmuch, raw", want: "PPPPPP", pass: notmuchRaw},
		{name: "notmuch, mbox", want: "PPPPPP", why: "mboxrd", pass: notmuchMbox},
		{name: "neomutt, copied to mbox", want: "PPPPPP", why: "quotes nothing and writes Content-Length", pass: neomutt},
		{name: "s-nail, copied to mbox", want: "PPPPPP", why: "mboxo", pass: snail},
		{name: "msmtp", want: "PPPPPP", pass: msmtp},
		{name: "nullmailer", want: "PPPPPP", pass: nullmailer},
	}
}

// fill makes a Maildir of messages.
func (p place) fill(t *testing.T, messages []string) string {
	t.Helper()
	dir := p.maildir(t, "Maildir")
	for n, m := range messages {
		p.file(t, fmt.Sprintf("Maildir/cur/%d:2,S", n), lf(m))
	}
	return dir
}

// notmuch indexes messages, and returns a command that asks for them.
func notmuch(t *testing.T, p place, messages []string) func(args ...string) string {
	t.Helper()
	program := peertest.Program(t, "notmuch")
	conf := p.file(t, "notmuch-config", "[database]\npath="+p.fill(t, messages)+"\n[user]\nname=Bob\nprimary_email=bob@example.net\n")
	run(t, p.dir, "", program, "--config="+conf, "new", "--quiet")
	return func(args ...string) string {
		return run(t, p.dir, "", program, append([]string{"--config=" + conf, "show"}, args...)...)
	}
}

func notmuchRaw(t *testing.T, p place, messages []string) (files []string) {
	t.Helper()
	show := notmuch(t, p, messages)
	for n := range messages {
		files = append(files, p.message(t, n, show("--format=raw", "id:"+strings.Trim(messageID(n), "<>"))))
	}
	return files
}

func notmuchMbox(t *testing.T, p place, messages []string) []string {
	t.Helper()
	return []string{p.file(t, "mbox", notmuch(t, p, messages)("--format=mbox", "*"))}
}

// neomutt copies every message; it needs a terminal, which script makes.
func neomutt(t *testing.T, p place, messages []string) []string {
	t.Helper()
	program, script := peertest.Program(t, "neomutt"), peertest.Program(t, "script")
	rc := p.file(t, "rc", "set mbox_type=mbox\nset folder="+p.dir+"\nset confirmappend=no\nset quit=yes\nset delete=no\nset move=no\nset wait_key=no\n"+
		"push \"<tag-pattern>~A<enter><tag-prefix><copy-message>"+p.path("mbox")+"<enter><quit>\"\n")
	p.file(t, "mbox", "")
	run(t, p.dir, "", "/usr/bin/env", "TERM=vt100", script, "-qec", program+" -n -F "+rc+" -f "+p.fill(t, messages), "/dev/null")
	return []string{p.path("mbox")}
}

func snail(t *testing.T, p place, messages []string) []string {
	t.Helper()
	program := peertest.Program(t, "s-nail")
	run(t, p.dir, "copy * "+p.path("mbox")+"\nx\n", program, "-n", "-R", "-f", p.fill(t, messages))
	return []string{p.path("mbox")}
}

// msmtp sends to a server.
func msmtp(t *testing.T, p place, messages []string) []string {
	t.Helper()
	program := peertest.Program(t, "msmtp")
	sink := listen(t)
	host, port, _ := net.SplitHostPort(sink.Addr())
	for _, m := range messages {
		run(t, p.dir, lf(m), program, "--file=/dev/null", "--host="+host, "--port="+port, "--tls=off", "--auth=off", "--from=alice@example.org", "bob@example.net")
	}
	return p.collect(t, sink, len(messages))
}

// nullmailer is its program that sends what the queue holds; the others work in fixed folders of
// the system, which is why dma is not here at all.
func nullmailer(t *testing.T, p place, messages []string) []string {
	t.Helper()
	program := filepath.Join(filepath.Dir(peertest.Program(t, "nullmailer-queue")), "../lib/nullmailer/smtp")
	sink := listen(t)
	host, port, _ := net.SplitHostPort(sink.Addr())
	for n, m := range messages {
		queued := p.message(t, n, "alice@example.org\nbob@example.net\n\n"+lf(m))
		run(t, p.dir, "host="+host+"\nport="+port+"\n\n", "/usr/bin/env", "HELOHOST=localhost", "/bin/sh", "-c", `exec "$0" 3<"$1"`, program, queued)
	}
	return p.collect(t, sink, len(messages))
}

// listen makes the last stop of mail that is sent by SMTP.
func listen(t *testing.T) *demo.Mailbox {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sink := demo.ServeMailbox(l)
	t.Cleanup(sink.Close)
	return sink
}
