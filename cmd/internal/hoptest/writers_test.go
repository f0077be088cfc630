package hoptest

import (
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// writers are delivery agents and readers that write mailboxes.
func writers() []hop {
	return []hop{
		{name: "procmail to mbox", want: "PPPPPP", why: "mboxo", pass: deliver("procmail", "-f", "alice@example.org", "DEFAULT=HOME/mbox", "/dev/null")},
		{name: "maildrop to mbox", want: "PPPPPP", why: "mboxrd", pass: maildrop},
		{name: "formail to mbox", want: "PPPPPP", why: "mboxo", pass: formail},
	}
}

// deliver runs a program for each message, a Unix file on its standard input. HOME in args is the
// program's home, in which it appends to the file "mbox".
func deliver(program string, args ...string) func(*testing.T, place, []string) []string {
	return func(t *testing.T, p place, messages []string) []string {
		t.Helper()
		path := peertest.Program(t, program)
		for _, m := range messages {
			run(t, p.dir, lf(m), path, p.expand(args)...)
		}
		return []string{p.path("mbox")}
	}
}

func (p place) expand(args []string) (out []string) {
	for _, a := range args {
		out = append(out, strings.ReplaceAll(a, "HOME", p.dir))
	}
	return out
}

func maildrop(t *testing.T, p place, messages []string) []string {
	t.Helper()
	p.file(t, "filter", "to \""+p.path("mbox")+"\"\n")
	return deliver("maildrop", "filter")(t, p, messages)
}

// formail writes an mbox to its standard output.
func formail(t *testing.T, p place, messages []string) []string {
	t.Helper()
	program, all := peertest.Program(t, "formail"), ""
	for _, m := range messages {
		all += run(t, p.dir, lf(m), program)
	}
	return []string{p.file(t, "mbox", all)}
}
