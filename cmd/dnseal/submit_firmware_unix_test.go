//go:build unix && !submit

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var kills = flag.Int("kills", 30, "how often TestSubmitKilledOften kills a process")

// TestFirmware: mail as firmware writes it arrives signed, or is refused with one line and a status
// that says so.
func TestFirmware(t *testing.T) {
	t.Parallel()
	head := "From: " + boxAddress + "\nTo: ops@example.org\n"
	for name, tt := range map[string]struct{ input, wrong string }{
		"body alone":              {input: "\n21.5 C\n"},
		"no Date, no Message-ID":  {input: head + "Subject: x\n\n21.5 C\n"},
		"names without brackets":  {input: "From: box\nTo: root\n\nx\n"},
		"8-bit without a charset": {input: head + "Subject: 21 \xb0C\n\n21 \xb0C\n"},
		"UTF-8 without a charset": {input: head + "Subject: 21 °C\n\n21 °C\n"},
		"NUL":                     {input: head + "\na\x00b\n"},
		"CRLF and LF mixed":       {input: strings.ReplaceAll(head, "\n", "\r\n") + "\n21.5\r\n22.5\n"},
		"bare CR":                 {input: head + "\n10 %\r20 %\r100 %\n"},
		"no end of line":          {input: head + "\n21.5 C"},
		"10 MB on one line":       {input: head + "\n" + strings.Repeat("x", 10<<20)},
		"nothing":                 {wrong: "empty message"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSubmission(t)
			b := newBox(t, s)
			out, status := b.run(b.sendmail, tt.input, "ops@example.org", "--spool-bytes", "40000000")
			got := s.mails()
			if tt.wrong != "" {
				if status == 0 || len(got) > 0 || !strings.Contains(out, tt.wrong) || strings.Count(out, "\n") > 2 {
					t.Errorf("%d %s, %d messages", status, out, len(got))
				}
				return
			}
			if status != 0 || out != "" || len(got) != 1 || !strings.Contains(got[0].text, "multipart/signed") || !strings.Contains(got[0].text, "\r\nMessage-ID: ") || !strings.Contains(got[0].text, "\r\nDate: ") {
				t.Errorf("%d %s, %d messages", status, out, len(got))
			}
		})
	}
}

// TestSubmitKilledOften: whenever kill -9 comes, a message that is in the spool or was said to be
// handed in arrives: once more for each kill that fell between the server's 250 and its removal.
// -kills 200 does it often.
func TestSubmitKilledOften(t *testing.T) {
	t.Parallel()
	s := startSubmission(t)
	b := newBox(t, s)
	must := map[string]bool{}
	for i := range *kills {
		subject := fmt.Sprintf("report-%d-", i)
		// from a process that has hardly begun to one that is done: a tenth of a second
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%50)*2*time.Millisecond)
		cmd := exec.CommandContext(ctx, b.sendmail, "ops@example.org")
		cmd.Env, cmd.Dir, cmd.Stdin = b.environment, b.dir, strings.NewReader("From: "+boxAddress+"\nSubject: "+subject+"\n\nx\n")
		err := cmd.Run()
		cancel()
		must[subject] = err == nil
		for _, file := range b.waiting() {
			text, err := os.ReadFile(file)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			for name := range must {
				must[name] = must[name] || strings.Contains(string(text), name)
			}
		}
	}
	out, status := b.run(b.sendmail, "", "--flush")
	if status != 0 || out != "" || len(b.waiting()) > 0 {
		t.Fatalf("%d %s", status, out)
	}
	again := 0
	for name, need := range must {
		n := 0
		for _, m := range s.mails() {
			if strings.Contains(m.text, name) {
				n++
			}
		}
		if need && n == 0 || n > *kills+1 {
			t.Errorf("%s arrived %d times", name, n)
		}
		again += max(n-1, 0)
	}
	if found, _ := filepath.Glob(filepath.Join(b.spool, "dead", "*")); len(found) > 0 {
		t.Errorf("set aside: %q", found)
	}
	t.Logf("of %d messages %d arrived again", *kills, again)
}
