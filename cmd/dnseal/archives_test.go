//go:build !submit

package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/verify"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/receiver"
)

var archiveSize = flag.Int("archive", 150, "messages in each archive of TestArchives")

// form is how a program writes an mbox.
type form struct {
	name string
	// separator of message n, and what is before it.
	separator string
	quote     string // "mboxo", "mboxrd" or none
	raw       bool   // what quote says is not done
	length    bool   // it writes Content-Length
	gap       string // after each message
	end       string // after all
	eol       string // "" is LF
	start     string
	pack      func(io.Writer) io.WriteCloser
}

const asctime = " Sat Nov 28 20:00:00 2026"

var forms = []form{
	{name: "procmail", separator: "From alice@example.org " + asctime, quote: "mboxo", gap: "\n"},
	{name: "maildrop, mpop, fdm", separator: "From MAILER-DAEMON" + asctime, quote: "mboxrd", gap: "\n"},
	{name: "public-inbox", separator: "From mboxrd@z Thu Jan  1 00:00:00 1970", quote: "mboxrd", gap: "\n", pack: func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }},
	{name: "Dovecot, neomutt", separator: "From alice@example.org " + asctime, length: true, gap: "\n"},
	{name: "mboxcl", separator: "From alice@example.org" + asctime, quote: "mboxo", length: true, gap: "\n"},
	{name: "Thunderbird", separator: "From -" + asctime + "\nX-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000", gap: "\n"},
	{name: "Thunderbird, bare", separator: "From ", quote: "mboxo", gap: "\n"},
	{name: "Apple Mail", separator: "From alice@example.org Sat Nov 28 20:00:00 2026", gap: "\n\n"},
	{name: "Gmail Takeout", separator: "From 1850000000000000001@xxx Sat Nov 28 20:00:00 +0000 2026\nX-Gmail-Labels: Inbox", quote: "mboxo", gap: "\n", eol: "\r\n"},
	{name: "Mailman 2", separator: "From alice at example.org " + asctime, quote: "mboxo", gap: "\n"},
	{name: "without empty lines", separator: "From alice@example.org" + asctime, quote: "mboxrd"},
	{name: "a tab", separator: "From alice@example.org" + asctime, quote: "mboxrd", gap: "\t\n"},
	{name: "MMDF", start: "\x01\x01\x01\x01\n", gap: "\x01\x01\x01\x01\n\x01\x01\x01\x01\n", end: "\x01\x01\x01\x01\n"},
	{name: "byte order mark, zstd", start: "\ufeff", separator: "From root" + asctime, quote: "mboxrd", gap: "\n", pack: func(w io.Writer) io.WriteCloser {
		z, _ := zstd.NewWriter(w)
		return z
	}},
}

// TestArchives: of N messages in an archive of any form, N verdicts come out, in order, and the
// last one of an archive that is cut off is said to be that.
func TestArchives(t *testing.T) {
	t.Parallel()
	s := newScribe(t)
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "box")
			want := s.archive(t, path, f, *archiveSize)
			got, errors := judgeArchive(t, s, path)
			if diff := difference(want, got); diff != "" || errors != "" {
				t.Fatalf("%s\n%s", diff, errors)
			}
			cutOff(t, s, path, f)
		})
	}
}

// cutOff verifies an archive without its last octets.
func cutOff(t *testing.T, s *scribe, path string, f form) {
	t.Helper()
	s.archive(t, path, f, 5)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-int64(20+len(f.end))); err != nil {
		t.Fatal(err)
	}
	got, errors := judgeArchive(t, s, path)
	said := errors
	for _, g := range got {
		said += strings.Join(g.Remarks, "\n")
	}
	if f.pack != nil && !strings.Contains(errors, "unexpected EOF") || f.pack == nil && !strings.Contains(said, "ends in the middle of this message") {
		t.Errorf("cut off: %+v\n%s", got, said)
	}
}

// saved is what is compared of a report.
type saved struct {
	File    string   `json:"file"`
	Verdict string   `json:"verdict"`
	Remarks []string `json:"remarks"`
}

// difference says where the verdicts are not those wanted.
func difference(want []string, got []saved) string {
	for i, g := range got {
		switch {
		case i >= len(want):
			return fmt.Sprintf("%d verdicts of %d messages", len(got), len(want))
		case g.Verdict != want[i] || !strings.HasSuffix(g.File, fmt.Sprintf("#%d", i+1)):
			return fmt.Sprintf("message %d, which is %s: %+v", i+1, want[i], g)
		}
	}
	if len(got) < len(want) {
		return fmt.Sprintf("%d verdicts of %d messages", len(got), len(want))
	}
	return ""
}

// judgeArchive runs dnseal verify --json, with the resolver s.
func judgeArchive(t *testing.T, s *scribe, args ...string) (all []saved, errors string) {
	t.Helper()
	r, err := receiver.New(receiver.Options{Lookup: s, Saved: true})
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	out, in := io.Pipe()
	v := &verify.Verifier{
		Receiver: r, Workers: 2, Sinks: []verify.Sink{verify.JSON(in)},
		Notice: func(text string) { cli.Print(&stderr, "dnseal: %s", text) },
		Fail:   func(err error) { _ = cli.Report(&stderr, err) },
	}
	go func() {
		_, err := v.Run(t.Context(), args)
		in.CloseWithError(err)
	}()
	for d := json.NewDecoder(out); ; {
		var one saved
		if err := d.Decode(&one); err == io.EOF {
			return all, stderr.String()
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
}

// archive writes n messages in the form f, and returns their verdicts.
func (s *scribe) archive(t *testing.T, path string, f form, n int) (want []string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := io.WriteCloser(file)
	if f.pack != nil {
		w = f.pack(file)
	}
	out := bufio.NewWriter(w)
	random := rand.New(rand.NewPCG(1, uint64(len(f.name))))
	out.WriteString(f.start)
	for i := range n {
		text, verdict := s.message(t, random, f, i == n-1)
		want = append(want, verdict)
		out.WriteString(text)
		if i < n-1 {
			out.WriteString(f.ends(f.gap))
		}
	}
	out.WriteString(f.ends(f.end))
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	if f.pack != nil {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return want
}

// ends gives text the line ends of the form.
func (f form) ends(text string) string {
	if f.eol == "" {
		return text
	}
	return strings.ReplaceAll(text, "\n", f.eol)
}

// write is a message as the form has it.
func (f form) write(header, body string) string {
	var text strings.Builder
	for line := range strings.Lines(body) {
		rest := strings.TrimLeft(line, ">")
		if !f.raw && strings.HasPrefix(rest, "From ") && (f.quote == "mboxrd" || f.quote == "mboxo" && rest == line) {
			text.WriteByte('>')
		}
		text.WriteString(line)
	}
	body = f.ends(text.String())
	if f.separator != "" {
		header = f.separator + "\n" + header
	}
	if f.length {
		header += fmt.Sprintf("Content-Length: %d\n", len(body))
	}
	return f.ends(header+"\n") + body
}

// TestArchivesOfWriters: the same for files that other programs write.
func TestArchivesOfWriters(t *testing.T) {
	t.Parallel()
	s := newScribe(t)
	dir := t.TempDir()
	source := filepath.Join(dir, "source")
	want := s.archive(t, source, form{name: "source", separator: "From alice@example.org" + asctime, quote: "mboxo", gap: "\n"}, 60)
	raw := filepath.Join(dir, "raw")
	if err := os.Mkdir(raw, 0o700); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, uint64(len("source"))))
	for i := range want { // the same messages, each by itself
		text, _ := s.message(t, random, form{quote: "mboxo", raw: true}, i == len(want)-1)
		if err := os.WriteFile(filepath.Join(raw, fmt.Sprintf("%03d.eml", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, command := range map[string][]string{
		"python, mbox":    {"python3", "-c", pythonMailbox, raw, filepath.Join(dir, "py.mbox"), "mbox"},
		"python, MMDF":    {"python3", "-c", pythonMailbox, raw, filepath.Join(dir, "py.mmdf"), "MMDF"},
		"python, MH":      {"python3", "-c", pythonMailbox, raw, filepath.Join(dir, "py.mh"), "MH"},
		"formail":         {"sh", "-c", "for m in \"$0\"/*; do formail <\"$m\"; done >\"$1\"", raw, filepath.Join(dir, "formail")},
		"zip of messages": {"sh", "-c", "zip -q \"$1\" \"$0\"/*", raw, filepath.Join(dir, "mail.zip")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, program := range append([]string{command[0]}, map[string][]string{"formail": {"formail"}, "zip of messages": {"zip"}}[name]...) {
				peertest.Program(t, program)
			}
			if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			got, errors := judgeArchive(t, s, command[4])
			for i := range got {
				got[i].File = fmt.Sprintf("#%d", i+1) // each has names of its own
			}
			if diff := difference(want, got); diff != "" || errors != "" {
				t.Errorf("%s\n%s", diff, errors)
			}
		})
	}
}

// pythonMailbox puts the messages of a folder into a mailbox of Python's standard library.
const pythonMailbox = `
import glob, mailbox, sys
box = getattr(mailbox, sys.argv[3])(sys.argv[2])
for name in sorted(glob.glob(sys.argv[1] + "/*")):
    box.add(open(name, "rb").read())
box.flush()
box.close()
`

// TestUnquoted: quoting is undone where the digest shows that it is quoting, also where the author
// wrote some of the lines so, and nothing else is.
func TestUnquoted(t *testing.T) {
	t.Parallel()
	s := newScribe(t)
	const head, gap = "Content-Type: text/plain\n\n", "-\n"
	for _, tt := range []struct{ signed, saved, verdict, remark string }{
		{"From a\n>From b\n>>From c\n", ">From a\n>>From b\n>>>From c\n", "pass", "from 3 lines"},
		{"From a\n>From b\n>>From c\n", ">From a\n>From b\n>>From c\n", "pass", "from 1 line:"},
		{">From a\nFrom b\n>From c\nFrom d\n", ">From a\n>From b\n>From c\n>From d\n", "pass", "from 2 lines"},
		{">From a\n", ">From a\n", "pass", ""},
		{"From a\n", "> From a\n", "fail", ""},
		{"From a\nx\n", ">From a\ny\n", "fail", ""},
		{"From a\n", ">>From a\n", "fail", ""},
		{strings.Repeat(">From a\n", 7), strings.Repeat(">From a\n", 8), "fail", ""},
		{"x\n", "y\n", "fail", ""},
	} {
		text := "From alice@example.org" + asctime + "\nFrom: alice@example.org\nMIME-Version: 1.0\n" + multipartSigned + "\n" + enclose(head+tt.saved+gap, s.sign(t, head+tt.signed+gap))
		path := filepath.Join(t.TempDir(), "box")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, errors := judgeArchive(t, s, path)
		if len(got) != 1 || errors != "" || got[0].Verdict != tt.verdict || !strings.Contains(strings.Join(got[0].Remarks, "\n"), tt.remark) || tt.remark == "" && len(got[0].Remarks) > 0 {
			t.Errorf("%q saved as %q: %+v %s", tt.signed, tt.saved, got, errors)
		}
		if err := os.WriteFile(path, []byte(text[strings.IndexByte(text, '\n')+1:]), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, _ = judgeArchive(t, s, path); len(got) != 1 || got[0].Verdict == "pass" && tt.signed != tt.saved {
			t.Errorf("%q as a single message: %+v", tt.saved, got)
		}
	}
}
