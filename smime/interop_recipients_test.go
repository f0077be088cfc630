package smime_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/smime"
	"dnseal/smime/cms"
)

const recipientsFile = "testdata/interop/recipients.txt"

// recipient is what one program shows of our mail, as README has it.
type recipient struct {
	program string
	// shows has the plain words for self-signed, CA-issued and both signatures.
	shows [3]string
	// prints has the program's own words, in the same order; none where make interop does not run
	// it.
	prints [3]string
	tried  string
}

// recipients reads the file: a line for each program, of fields between tabs. Lines that start with
// # are comments.
func recipients(t *testing.T) (out []recipient) {
	t.Helper()
	text, err := os.ReadFile(recipientsFile)
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 8 {
			t.Fatalf("%s: %d fields in %q", recipientsFile, len(f), line)
		}
		out = append(out, recipient{f[0], [3]string(f[1:4]), [3]string(f[5:8]), f[4]})
	}
	return out
}

// TestInteropRecipientsTable holds the table of README.md to the file.
func TestInteropRecipientsTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	out.WriteString("| program | self-signed | CA-issued | both signatures | tried |\n|---|---|---|---|---|\n")
	for _, r := range recipients(t) {
		out.WriteString("| " + strings.Join([]string{r.program, r.shows[0], r.shows[1], r.shows[2], r.tried}, " | ") + " |\n")
	}
	holdTable(t, "recipients", out.String())
}

// TestInteropDebian13Recipients sends mail to recipients who trust a CA, and nothing else. Those
// who have a program of TestInteropDebian13 see its own words in the file: nothing for what is
// accepted.
func TestInteropDebian13Recipients(t *testing.T) {
	if *debian13 == "" {
		t.Skip("skipped: the programs of Debian 13 have their turn with make interop")
	}
	issued, own := newPeerIdentities(t, t.TempDir()), newSelfSigned(t, t.TempDir())
	signers := [3][]cms.Signer{
		{own["p256"].signer},
		{issued["p256"].signer},
		{own["p256"].signer, issued["p256"].signer},
	}
	for _, want := range recipients(t) {
		i := slices.IndexFunc(programs, func(p program) bool { return p.name == want.tried })
		if i < 0 {
			continue
		}
		t.Run(want.program, func(t *testing.T) {
			agent := programs[i].start(t, *debian13, issued)
			for j, s := range signers {
				text := signMessage(t, smime.SignOptions{Signers: s, Time: time.Now()})
				got := ""
				if err := agent.verifyMail(t, issued["p256"], text); err != nil {
					got = programs[i].why(err)
				}
				if got != want.prints[j] {
					t.Errorf("signers %d: %q, want %q", j, got, want.prints[j])
				}
			}
		})
	}
}
