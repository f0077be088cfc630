package hoptest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// mailboxes are IMAP servers, and programs that copy a mailbox by IMAP.
func mailboxes() []hop {
	return []hop{
		{name: "Dovecot Maildir, BODY[]", want: "PPPPPP", pass: dovecot("maildir:~/Maildir", whole)},
		{name: "Dovecot mbox, BODY[]", want: "PPPPPP", pass: dovecot("mbox:~/folders:INBOX=~/inbox", whole)},
		{name: "Dovecot mdbox, BODY[]", want: "PPPPPP", pass: dovecot("mdbox:~/mdbox", whole)},
		{name: "Dovecot, BODY[1.MIME] and BODY[1]", want: "PPPPPP", why: "a nested multipart without a line end comes with one", pass: dovecot("maildir:~/Maildir", parts)},
		{name: "Dovecot mbox, the file", want: "PPPPPP", why: "quotes nothing and writes Content-Length", pass: dovecotFile},
		{name: "mbsync", want: "PPPPPP", pass: mbsync},
		{name: "offlineimap", want: "PPPPPP", why: "Python's email package writes it", pass: offlineimap},
	}
}

// dovecotConf has the programs that need no running Dovecot: they work for the user that runs them.
const dovecotConf = `log_path = HOME/dovecot.log
base_dir = HOME/run
state_dir = HOME/state
protocols = imap
ssl = no
mail_location = %s
service stats {
  chroot =
}
`

// deliverDovecot has Dovecot deliver messages to a mailbox, and returns the command that speaks
// IMAP for it.
func deliverDovecot(t *testing.T, p place, location string, messages []string) []string {
	t.Helper()
	agent, imap := peertest.Program(t, "dovecot-lda"), peertest.Program(t, "imap")
	conf := p.file(t, "dovecot.conf", strings.ReplaceAll(fmt.Sprintf(dovecotConf, location), "HOME", p.dir))
	for _, m := range messages {
		run(t, p.dir, lf(m), agent, "-e", "-c", conf)
	}
	return []string{imap, "-c", conf}
}

// dovecot delivers messages and fetches them again.
func dovecot(location string, how fetch) func(*testing.T, place, []string) []string {
	return func(t *testing.T, p place, messages []string) []string {
		t.Helper()
		imap := deliverDovecot(t, p, location, messages)
		return how.files(t, p, run(t, p.dir, how.commands(len(messages)), imap[0], imap[1:]...))
	}
}

// dovecotFile is what stands in the mbox file after Dovecot was asked for its messages.
func dovecotFile(t *testing.T, p place, messages []string) []string {
	t.Helper()
	imap := deliverDovecot(t, p, "mbox:~/folders:INBOX=~/inbox", messages)
	run(t, p.dir, whole.commands(len(messages)), imap[0], imap[1:]...)
	return []string{p.path("inbox")}
}

func mbsync(t *testing.T, p place, messages []string) []string {
	t.Helper()
	program := peertest.Program(t, "mbsync")
	tunnel := strings.Join(deliverDovecot(t, p, "maildir:~/Maildir", messages), " ")
	near := p.folder(t, "near")
	conf := p.file(t, "mbsyncrc", fmt.Sprintf("IMAPStore far\nTunnel %q\n\nMaildirStore near\nPath %[2]s/\nInbox %[2]s/INBOX\n\n"+
		"Channel all\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSyncState %[2]s/\n", tunnel, near))
	run(t, p.dir, "", program, "-q", "-c", conf, "-a")
	return []string{near + "/INBOX"}
}

func offlineimap(t *testing.T, p place, messages []string) []string {
	t.Helper()
	program := peertest.Program(t, "offlineimap")
	tunnel := strings.Join(deliverDovecot(t, p, "maildir:~/Maildir", messages), " ")
	conf := p.file(t, "offlineimaprc", fmt.Sprintf("[general]\naccounts = a\nmetadata = %[1]s/metadata\n[Account a]\nlocalrepository = near\nremoterepository = far\n"+
		"[Repository near]\ntype = Maildir\nlocalfolders = %[1]s/near\n[Repository far]\ntype = IMAP\nremotehost = localhost\nremoteuser = bob\npreauthtunnel = %[2]s\nssl = no\n", p.dir, tunnel))
	run(t, p.dir, "", program, "-c", conf, "-o", "-u", "quiet")
	return []string{p.path("near/INBOX")}
}

// fetch names what is asked for of each message.
type fetch []string

var (
	whole = fetch{"BODY[]"}
	// parts are what a client asks for that shows a message part by part.
	parts = fetch{"BODY[HEADER]", "BODY[1.MIME]", "BODY[1]", "BODY[2.MIME]", "BODY[2]", "BODY[]"}
)

// commands are a whole dialogue, for a connection that is logged in.
func (f fetch) commands(messages int) string {
	ask := strings.ReplaceAll(strings.Join(f, " "), "BODY[", "BODY.PEEK[")
	return fmt.Sprintf("a SELECT INBOX\r\nb FETCH 1:%d (%s)\r\nc LOGOUT\r\n", messages, ask)
}

// item is what came of a message: a literal, or NIL for a part that it does not have.
var item = regexp.MustCompile(`(BODY\[[A-Z0-9.]*\]) (?:NIL|\{(\d+)\}\r\n)`)

// files writes what was fetched, a file for each message.
func (f fetch) files(t *testing.T, p place, replies string) (out []string) {
	t.Helper()
	got := map[string]string{}
	for {
		at := item.FindStringSubmatchIndex(replies)
		if at == nil {
			return out
		}
		name, n := replies[at[2]:at[3]], 0
		if at[4] >= 0 {
			n, _ = strconv.Atoi(replies[at[4]:at[5]])
		}
		if at[1]+n > len(replies) {
			t.Fatalf("%s ends before its %d octets", name, n)
		}
		got[name], replies = replies[at[1]:at[1]+n], replies[at[1]+n:]
		if len(got) == len(f) {
			out = append(out, p.message(t, len(out), assemble(got)))
			clear(got)
		}
	}
}

var boundary = regexp.MustCompile(`(?is)content-type: multipart/signed;.*?boundary="([^"]*)"`)

// assemble puts a clear-signed message together from its parts; another message is taken whole.
func assemble(got map[string]string) string {
	b := boundary.FindStringSubmatch(got["BODY[HEADER]"])
	if b == nil {
		return got["BODY[]"]
	}
	out := got["BODY[HEADER]"]
	for _, n := range []string{"1", "2"} {
		out += "--" + b[1] + "\r\n" + got["BODY["+n+".MIME]"] + got["BODY["+n+"]"] + "\r\n"
	}
	return out + "--" + b[1] + "--\r\n"
}
