package hoptest

import (
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// filters are programs that read one message and write it.
func filters() []hop {
	return []hop{
		{name: "reformime -r", want: "PPPPPP", why: "adds a line end after a nested multipart without one", pass: filter("reformime", "-r")},
		{name: "reformime -r7", want: "PPPPPP", why: "as -r, to 7 bits", pass: filter("reformime", "-r7")},
		{name: "altermime disclaimer", want: "PPPPPP", why: "leaves signed mail alone", pass: altermime},
		{name: "bogofilter -p", want: "PPPPPP", pass: bogofilter},
	}
}

// filter runs a program once for each message, a Unix file on its standard input.
func filter(program string, args ...string) func(*testing.T, place, []string) []string {
	return func(t *testing.T, p place, messages []string) (out []string) {
		t.Helper()
		path := peertest.Program(t, program)
		for n, m := range messages {
			out = append(out, p.message(t, n, run(t, p.dir, lf(m), path, args...)))
		}
		return out
	}
}

// altermime changes a file.
func altermime(t *testing.T, p place, messages []string) (out []string) {
	t.Helper()
	program := peertest.Program(t, "altermime")
	footer := p.file(t, "footer", "This mail may be confidential.\n")
	for n, m := range messages {
		file := p.message(t, n, lf(m))
		run(t, p.dir, "", program, "--input="+file, "--disclaimer="+footer, "--altersigned", "--force-for-bad-html")
		out = append(out, file)
	}
	return out
}

// bogofilter needs to have learnt something.
func bogofilter(t *testing.T, p place, messages []string) []string {
	t.Helper()
	run(t, p.dir, "Subject: bargain\n\nBuy now\n", peertest.Program(t, "bogofilter"), "-s", "-d", ".")
	return filter("bogofilter", "-p", "-e", "-d", ".")(t, p, messages)
}
