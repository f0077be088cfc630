package hoptest

import (
	"context"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dnseal/cmd/internal/mailbox"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// hop is one program in one setting.
type hop struct {
	name string
	// want is what becomes of the messages of texts that dnseal signed, a letter each: P passes; r
	// passes after its header was restored; i is intact, but not pass; - is none of these.
	want string
	// why says what the program does where not all pass, or what it is known to change.
	why string
	// encodes says that the program writes every transfer encoding anew, so that text passes only
	// where nothing in it had to be encoded for transit: worse than OpenSSL's, which does not
	// encode.
	encodes bool
	// copies is how many times each message comes out. 0: once.
	copies int
	// pass hands messages with CRLF line ends to the program, and returns what verify is to read:
	// messages, mbox files or Maildir folders.
	pass func(t *testing.T, p place, messages []string) []string
}

// outcome is the letter of one message, see hop.want.
type outcome byte

// rank orders outcomes. A header that OpenSSL did not protect is not restored: it passes as it was
// changed.
func (o outcome) rank() int { return map[outcome]int{'i': 1, 'r': 2, 'P': 2}[o] }

// TestPrograms reads what came out as dnseal verify does, but for the quoting of "From " in an
// mbox: that is not undone, so that it must not have changed anything. What dnseal signed comes out
// of each program as the table says, and never worse than what OpenSSL signed.
func TestPrograms(t *testing.T) {
	t.Parallel()
	alice := newAuthor(t)
	var sealed, control []string
	for n, x := range texts() {
		sealed = append(sealed, alice.seal(t, n, x))
		control = append(control, alice.control(t, n, x))
	}
	for _, family := range [][]hop{filters(), writers(), fetchers(), readers(), archives(), mailboxes(), cyruses(), contentFilters(), pythons()} {
		for _, h := range family {
			t.Run(h.name, func(t *testing.T) {
				t.Parallel()
				s, extra := alice.through(t, h, sealed)
				c, _ := alice.through(t, h, control)
				t.Logf("dnseal %s, OpenSSL %s", s, c)
				if s != h.want || extra != 0 {
					t.Errorf("%s, want %s (%s); %d other messages", s, h.want, h.why, extra)
				}
				for n := range s {
					if outcome(s[n]).rank() < outcome(c[n]).rank() && !h.encodes {
						t.Errorf("message %d: %c, and %c when OpenSSL signed it", n+1, s[n], c[n])
					}
				}
			})
		}
	}
}

// through returns the outcome of each message, the worst where it comes out more than once, and how
// many messages came out that did not go in.
func (a author) through(t *testing.T, h hop, messages []string) (got string, extra int) {
	t.Helper()
	outcomes := map[string][]outcome{}
	for _, path := range h.pass(t, newPlace(t), messages) {
		err := mailbox.Walk(path, func(saved mailbox.Message) error {
			if saved.Open != nil {
				id, o := a.judge(t, saved)
				outcomes[id] = append(outcomes[id], o)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := range messages {
		all := outcomes[messageID(n)]
		delete(outcomes, messageID(n))
		worst := slices.MinFunc(append(all, 'P'), func(x, y outcome) int { return x.rank() - y.rank() })
		if len(all) != max(1, h.copies) {
			worst = '-'
		}
		got += string(worst)
	}
	for _, all := range outcomes {
		extra += len(all)
	}
	return got, extra
}

// judge verifies a saved message, and returns its Message-ID too.
func (a author) judge(t *testing.T, saved mailbox.Message) (string, outcome) {
	t.Helper()
	in, err := saved.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	r, err := receiver.New(receiver.Options{Lookup: a, Saved: true, RestoreHeader: true, AuthservID: "mx.example.net"})
	if err != nil {
		t.Fatal(err)
	}
	m := read(t, text)
	report, err := r.Verify(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSpace(m.First("Message-ID"))
	switch {
	case report.Verdict == receiver.Pass:
		return id, 'P'
	case len(report.Signatures) == 0 || report.Signatures[0].Integrity != receiver.Good:
		return id, '-'
	case r.Handle(t.Context(), m, &message.Envelope{}).Result == string(receiver.Pass):
		return id, 'r'
	}
	return id, 'i'
}

// patience bounds one run of a program, also on a loaded machine.
const patience = 5 * time.Minute

// run runs a program in a folder that is its home, as no privileged user, and returns what it
// printed.
func run(t *testing.T, dir, input, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(input)
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "LOGNAME=bob", "USER=bob", "MAIL=" + dir + "/mail"}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, stderr.String())
	}
	return stdout.String()
}
