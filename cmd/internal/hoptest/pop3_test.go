package hoptest

import (
	"bufio"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// fetchers are programs that take mail from a POP3 server.
func fetchers() []hop {
	return []hop{
		{name: "mpop to Maildir", want: "PPPPPP", pass: mpop("maildir", "Maildir")},
		{name: "mpop to mbox", want: "PPPPPP", why: "mboxrd", pass: mpop("mbox", "mbox")},
		{name: "getmail6 to Maildir", want: "PPPPPP", why: "Python's email package writes it", pass: getmail("Maildir", "Maildir/")},
		{name: "getmail6 to mbox", want: "PPPPPP", why: "Python's email package writes it, as mboxrd", pass: getmail("Mboxrd", "mbox")},
		{name: "fdm to Maildir", want: "PPPPPP", pass: fdm("maildir", "Maildir")},
		{name: "fdm to mbox", want: "PPPPPP", why: "mboxrd", pass: fdm("mbox", "mbox")},
		{name: "fetchmail to a delivery agent", want: "PPPPPP", why: "decodes encoded words in the outer header", pass: fetchmail},
	}
}

func mpop(kind, where string) func(*testing.T, place, []string) []string {
	return func(t *testing.T, p place, messages []string) []string {
		t.Helper()
		program := peertest.Program(t, "mpop")
		host, port := servePOP3(t, messages)
		p.maildir(t, "Maildir")
		p.file(t, "mbox", "")
		conf := p.file(t, "mpoprc", fmt.Sprintf("account default\nhost %s\nport %s\nuser bob\npassword secret\nauth user\ntls off\ndelivery %s %s\nuidls_file %s\nreceived_header off\n",
			host, port, kind, p.path(where), p.path("uidls")))
		run(t, p.dir, "", program, "--file="+conf)
		return []string{p.path(where)}
	}
}

func getmail(kind, where string) func(*testing.T, place, []string) []string {
	return func(t *testing.T, p place, messages []string) []string {
		t.Helper()
		program := peertest.Program(t, "getmail")
		host, port := servePOP3(t, messages)
		p.maildir(t, "Maildir")
		p.file(t, "mbox", "")
		rc := p.file(t, "rc", fmt.Sprintf("[retriever]\ntype = SimplePOP3Retriever\nserver = %s\nport = %s\nusername = bob\npassword = secret\n"+
			"[destination]\ntype = %s\npath = %s\n[options]\nverbose = 0\n", host, port, kind, p.path(where)))
		run(t, p.dir, "", python3(t), "-c", waitForChild, program, "--getmaildir="+p.dir, "--rcfile="+rc)
		return []string{p.path(where)}
	}
}

// waitForChild runs getmail, but waits for its deliveries in another way: as it is, it waits a
// minute and gives up when one ends before it began to wait for it.
const waitForChild = `import os, runpy, sys
from getmailcore.baseclasses import ForkingBase
ForkingBase._prepare_child = lambda self: None
ForkingBase._wait_for_child = lambda self, pid: os.WEXITSTATUS(os.waitpid(pid, 0)[1])
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
`

func fdm(kind, where string) func(*testing.T, place, []string) []string {
	return func(t *testing.T, p place, messages []string) []string {
		t.Helper()
		program := peertest.Program(t, "fdm")
		host, port := servePOP3(t, messages)
		conf := p.file(t, "conf", fmt.Sprintf("set lock-file %q\naction \"keep\" %s %q\naccount \"a\" pop3 server %q port %s user \"bob\" pass \"secret\"\nmatch all action \"keep\"\n",
			p.path("lock"), kind, p.path(where), host, port))
		run(t, p.dir, "", program, "-f", conf, "fetch")
		return []string{p.path(where)}
	}
}

func fetchmail(t *testing.T, p place, messages []string) []string {
	t.Helper()
	program := peertest.Program(t, "fetchmail")
	host, port := servePOP3(t, messages)
	p.maildir(t, "Maildir")
	rc := p.file(t, "rc", fmt.Sprintf("poll %s protocol pop3 port %s user bob password secret sslproto '' is bob here fetchall mimedecode\nmda \"cat >%s/new/$$\"\n",
		host, port, p.path("Maildir")))
	run(t, p.dir, "", program, "-f", rc, "--pidfile", p.path("pid"), "--nosyslog")
	return []string{p.path("Maildir")}
}

// servePOP3 serves messages with CRLF line ends to everyone, until the test ends (RFC 1939).
func servePOP3(t *testing.T, messages []string) (host, port string) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			servePOP3Client(conn, messages)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	host, port, _ = net.SplitHostPort(l.Addr().String())
	return host, port
}

func servePOP3Client(conn net.Conn, messages []string) {
	defer conn.Close()
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(conn, format+"\r\n", args...) }
	say("+OK")
	for in := bufio.NewScanner(conn); in.Scan(); {
		var verb string
		var n int
		_, _ = fmt.Sscan(in.Text(), &verb, &n)
		one := n >= 1 && n <= len(messages)
		switch verb = strings.ToUpper(verb); {
		case verb == "CAPA":
			say("+OK\r\nUSER\r\nUIDL\r\nTOP\r\n.")
		case verb == "STAT":
			say("+OK %d %d", len(messages), len(strings.Join(messages, "")))
		case (verb == "LIST" || verb == "UIDL") && one:
			say("+OK %s", listing(verb, n, messages))
		case verb == "LIST" || verb == "UIDL":
			say("+OK")
			for i := range messages {
				say("%s", listing(verb, i+1, messages))
			}
			say(".")
		case verb == "RETR" && one:
			say("+OK\r\n%s.", stuff(messages[n-1]))
		case verb == "TOP" && one:
			head, _, _ := strings.Cut(messages[n-1], "\r\n\r\n")
			say("+OK\r\n%s\r\n\r\n.", head)
		case verb == "USER" || verb == "PASS" || verb == "DELE" || verb == "NOOP" || verb == "RSET":
			say("+OK")
		case verb == "QUIT":
			say("+OK")
			return
		default:
			say("-ERR")
		}
	}
}

func listing(verb string, n int, messages []string) string {
	if verb == "LIST" {
		return fmt.Sprintf("%d %d", n, len(messages[n-1]))
	}
	return fmt.Sprintf("%d uid-%d", n, n)
}

// stuff doubles dots at the start of lines (RFC 1939, Section 3).
func stuff(text string) string { return regexp.MustCompile(`(?m)^\.`).ReplaceAllString(text, "..") }
