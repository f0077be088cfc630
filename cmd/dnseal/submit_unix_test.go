//go:build unix && !submit

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender/identity"
)

// submission is a server without TLS that keeps what it gets.
type submission struct {
	addr string
	mu   sync.Mutex
	got  []submitted
	down bool          // answers MAIL with 451
	hold chan struct{} // where it is set, the reply to a content waits for it
	here chan struct{} // gets a value when a content is there
}

type submitted struct{ from, to, text string }

func startSubmission(t *testing.T) *submission {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &submission{addr: l.Addr().String(), here: make(chan struct{}, 100)}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &submissionSession{s: s}, nil }))
	server.Domain = "fake"
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-done })
	return s
}

func (s *submission) mails() []submitted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]submitted(nil), s.got...)
}

func (s *submission) set(down bool, hold chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.hold = down, hold
}

type submissionSession struct {
	s *submission
	m submitted
}

func (x *submissionSession) Reset()        { x.m = submitted{} }
func (x *submissionSession) Logout() error { return nil }

func (x *submissionSession) Mail(from string, _ *smtp.MailOptions) error {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if x.s.down {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"}
	}
	x.m = submitted{from: from}
	return nil
}

func (x *submissionSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.m.to += "<" + to + ">"
	return nil
}

func (x *submissionSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	x.s.mu.Lock()
	hold := x.s.hold
	x.s.mu.Unlock()
	x.s.here <- struct{}{}
	if hold != nil {
		<-hold
		return errors.New("held until the client was gone")
	}
	x.m.text = string(text)
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.got = append(x.s.got, x.m)
	return nil
}

// box is a device: an identity, a configuration, and the program by the name sendmail.
type box struct {
	t                    *testing.T
	dir, spool, sendmail string
	config               string
	environment          []string
}

const boxAddress = "box7@example.net"

func newBox(t *testing.T, s *submission) *box {
	t.Helper()
	dir := t.TempDir()
	b := &box{t: t, dir: dir, spool: filepath.Join(dir, "spool"), sendmail: filepath.Join(dir, "sendmail"), config: filepath.Join(dir, "submit.toml")}
	if _, err := identity.Create(filepath.Join(dir, "keys"), boxAddress, identity.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("# of box 7\nserver = %q\ntls = \"none\"\nidentities = %q\nspool = %q\nfrom = %q\ndomain = \"example.net\"\nadmin = \"ops@example.org\"\n",
		s.addr, filepath.Join(dir, "keys"), b.spool, boxAddress)
	program, err := os.Executable()
	if err == nil {
		err = os.WriteFile(b.config, []byte(text), 0o600)
	}
	if err == nil {
		err = os.Symlink(program, b.sendmail)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.environment = append(os.Environ(), "DNSEAL_TEST_MAIN=1", "DNSEAL_SUBMIT="+b.config, "HOME="+dir, "PATH="+dir+":"+os.Getenv("PATH"))
	return b
}

func (b *box) command(program, input string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.t.Context(), program, args...)
	cmd.Env, cmd.Dir, cmd.Stdin = b.environment, b.dir, strings.NewReader(input)
	return cmd
}

// run returns what a program prints, and its exit status.
func (b *box) run(program, input string, args ...string) (string, int) {
	b.t.Helper()
	cmd := b.command(program, input, args...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		b.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// waiting are the messages in the spool.
func (b *box) waiting() []string {
	b.t.Helper()
	found, err := filepath.Glob(filepath.Join(b.spool, "2*", "message.eml"))
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

const cronMail = "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@box7> backup\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n\ndone\n.\nafter the dot\n"

// TestSendmail: what programs hand to sendmail arrives signed, by all the options they give.
func TestSendmail(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"cron of Debian":    {"-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"},
		"cronie":            {"-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"},
		"mutt":              {"-oem", "-oi", "-f", boxAddress, "--", "ops@example.org"},
		"mutt with a DSN":   {"-oem", "-oi", "-N", "failure,delay", "-R", "hdrs", "--", "ops@example.org"},
		"PHP":               {"-t", "-i"},
		"PHP with a sender": {"-t", "-i", "-f" + boxAddress},
		"mail":              {"-i", "root"},
		"git":               {"-i", "-f", boxAddress, "ops@example.org"},
		"old":               {"-bm", "-ti", "-r", boxAddress, "-em", "-v"},
		"with hops":         {"-oi", "-h", "3", "-f" + boxAddress, "ops@example.org"},
		"msmtp's manual":    {"-oi", "-X", "/dev/null", "-O", "DeliveryMode=b", "-L", "tag", "-th3"},
		"Sendmail's, all":   {"-Am", "-G", "-U", "-n", "-m", "-d", "-p", "ESMTP:x", "-N", "never", "-R", "full", "-V", "id", "-oi", "-oem", "-odb", "--", "ops@example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSubmission(t)
			b := newBox(t, s)
			out, status := b.run(b.sendmail, cronMail, args...)
			got := s.mails()
			if status != 0 || out != "" || len(got) != 1 {
				t.Fatalf("%d %s, %d messages", status, out, len(got))
			}
			m := got[0]
			if m.from != boxAddress || m.to != "<ops@example.org>" || !strings.Contains(m.text, "multipart/signed") || !strings.Contains(m.text, "after the dot") || !strings.Contains(m.text, "\r\nTo: root@example.net\r\n") {
				t.Errorf("%+v", m)
			}
		})
	}
}

// TestSendmailWrong: what is not sendmail's work here says so, and a message that cannot be handed
// in leaves an exit status that no caller takes for success.
func TestSendmailWrong(t *testing.T) {
	t.Parallel()
	s := startSubmission(t)
	b := newBox(t, s)
	for want, args := range map[string][]string{
		"-bs of sendmail is not here":              {"-bs"},
		"-h of sendmail wants a number":            {"-h", "root"},
		"unknown shorthand flag: 'Z'":              {"-Z"},
		"no recipient":                             {"-i"},
		"no identities directory":                  {"-i", "root", "--identities", ""},
		"the recipient a b: message: address list": {"-i", "a b"},
	} {
		out, status := b.run(b.sendmail, "From: "+boxAddress+"\n\nx\n", args...)
		if status != 2 || !strings.Contains(out, want) || strings.Count(out, "\n") > 2 {
			t.Errorf("%q: %d %s", args, status, out)
		}
	}
	s.set(true, nil)
	out, status := b.run(b.sendmail, cronMail, "-i", "root", "--spool", "")
	if status != 3 || !strings.Contains(out, "not handed in: "+s.addr+" answers MAIL FROM:<"+boxAddress+"> with 451 4.3.0 later") {
		t.Errorf("%d %s", status, out)
	}
	if err := os.WriteFile(b.config, []byte("server = \"x\"\nspol = \"y\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, status = b.run(b.sendmail, cronMail, "root"); status != 2 || !strings.Contains(out, b.config+`: line 2: unknown key "spol"`) {
		t.Errorf("%d %s", status, out)
	}
	for wrong, want := range map[string]string{
		"expire = \"soon\"":     "",
		"spool-bytes = 8192":    "want a size such as 4MB, 16384 bytes at least",
		"spool-messages = 0":    "want a whole number, 1 at least",
		"spool-bytes = \"4 M\"": "want a size such as 4MB, 16384 bytes at least",
	} {
		if err := os.WriteFile(b.config, []byte(wrong+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, status = b.run(b.sendmail, cronMail, "root"); status != 2 || !strings.Contains(out, b.config+": line 1: ") || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s", wrong, status, out)
		}
	}
}

// TestSubmitOffline: what cannot be handed in is kept, and comes later.
func TestSubmitOffline(t *testing.T) {
	t.Parallel()
	s := startSubmission(t)
	b := newBox(t, s)
	s.set(true, nil)
	out, status := b.run(b.sendmail, cronMail, "-i", "root")
	if status != 0 || !strings.Contains(out, "kept in the spool: ") || len(b.waiting()) != 1 {
		t.Fatalf("%d %s, %d in the spool", status, out, len(b.waiting()))
	}
	if out, status = b.run(b.sendmail, "", "--flush"); status != 3 || !strings.Contains(out, "1 message is left in the spool: ") {
		t.Errorf("%d %s", status, out)
	}
	s.set(false, nil)
	if out, status = b.run(b.sendmail, "", "-q"); status != 0 || out != "" || len(s.mails()) != 1 || len(b.waiting()) != 0 {
		t.Errorf("%d %s, %d in the spool", status, out, len(b.waiting()))
	}
}

// TestSubmitNoSpool: where the spool cannot be made, a message for later is handed in now, and a
// flush says what is wrong.
func TestSubmitNoSpool(t *testing.T) {
	t.Parallel()
	s := startSubmission(t)
	b := newBox(t, s)
	for i, later := range []string{"-odq", "--later"} { // below a file
		out, status := b.run(b.sendmail, cronMail, "-i", later, "root", "--spool", filepath.Join(b.config, "spool"))
		if status != 0 || !strings.Contains(out, "the message is handed in without a spool") || strings.Count(out, "\n") != 1 || len(s.mails()) != i+1 {
			t.Errorf("%s: %d %s, %d messages", later, status, out, len(s.mails()))
		}
	}
	out, status := b.run(b.sendmail, "", "-q", "--spool", filepath.Join(b.config, "spool"))
	if status != 1 || !strings.Contains(out, "nothing is handed in: spool: mkdir ") || strings.Count(out, "\n") != 1 {
		t.Errorf("%d %s", status, out)
	}
}

// TestSubmitKilled: kill -9 in the middle of a delivery, or while the spool is written, loses
// nothing that is in the spool, and leaves nothing half.
func TestSubmitKilled(t *testing.T) {
	t.Parallel()
	s := startSubmission(t)
	b := newBox(t, s)
	hold := make(chan struct{})
	s.set(false, hold)
	cmd := b.command(b.sendmail, cronMail, "-i", "root")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-s.here
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	close(hold)
	s.set(false, nil)
	if len(b.waiting()) != 1 || len(s.mails()) != 0 {
		t.Fatalf("%d in the spool, %d taken", len(b.waiting()), len(s.mails()))
	}
	// one that is killed while it writes
	big := cronMail + strings.Repeat(strings.Repeat("0123456789", 7)+"\n", 40_000)
	cmd = b.command(b.sendmail, big, "-i", "-odq", "root", "--spool-bytes", "100MB")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	for begun := false; !begun; { // a state of another process: nothing to wait on but its files
		found, _ := filepath.Glob(filepath.Join(b.spool, "tmp-*"))
		whole := b.waiting()
		begun = len(found) > 0 || len(whole) > 1
		select {
		case <-ended:
			begun = true
		case <-time.After(100 * time.Microsecond):
		}
	}
	_ = cmd.Process.Kill()
	<-ended
	whole := len(b.waiting()) // with the second, where it was renamed before the kill
	out, status := b.run(b.sendmail, "", "--flush")
	if status != 0 || out != "" || len(s.mails()) != whole || len(b.waiting()) != 0 {
		t.Errorf("%d %s, %d taken of %d, %d in the spool", status, out, len(s.mails()), whole, len(b.waiting()))
	}
	if out, status = b.run(b.sendmail, cronMail, "-i", "root"); status != 0 || out != "" {
		t.Errorf("%d %s", status, out)
	}
	if found, _ := filepath.Glob(filepath.Join(b.spool, "tmp-*")); len(found) > 0 {
		t.Errorf("remains %q", found)
	}
}

// TestSendmailCallers: programs that send mail by sendmail do so by ours.
func TestSendmailCallers(t *testing.T) {
	t.Parallel()
	callers := map[string]func(*testing.T, *box) *exec.Cmd{
		"s-nail": func(t *testing.T, b *box) *exec.Cmd {
			t.Helper()
			return b.command(peertest.Program(t, "s-nail"), "done\n", "-:/", "-S", "mta="+b.sendmail, "-s", "report", "ops@example.org")
		},
		"neomutt": func(t *testing.T, b *box) *exec.Cmd {
			t.Helper()
			return b.command(peertest.Program(t, "neomutt"), "done\n", "-n", "-F", "/dev/null", "-e", "set sendmail='"+b.sendmail+" -oem -oi' copy=no use_envelope_from=yes envelope_from_address="+boxAddress+" from="+boxAddress, "-s", "report", "ops@example.org")
		},
		"php": func(t *testing.T, b *box) *exec.Cmd {
			t.Helper()
			return b.command(peertest.Program(t, "php"), "", "-d", "sendmail_path="+b.sendmail+" -t -i", "-r", `exit(mail("ops@example.org", "report", "done", "From: `+boxAddress+`") ? 0 : 1);`)
		},
		"git": func(t *testing.T, b *box) *exec.Cmd {
			t.Helper()
			cmd := b.command(peertest.Program(t, "git"), "", "send-email", "--quiet", "--sendmail-cmd="+b.sendmail, "--from="+boxAddress, "--to=ops@example.org", "--confirm=never", "--suppress-cc=all", filepath.Join(b.dir, "0001.patch"))
			// Whoever runs the test need not have told git who he is.
			cmd.Env = append(slices.Clone(cmd.Env), "HOME="+b.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_COMMITTER_NAME=box", "GIT_COMMITTER_EMAIL="+boxAddress, "GIT_AUTHOR_NAME=box", "GIT_AUTHOR_EMAIL="+boxAddress)
			return cmd
		},
	}
	for name, caller := range callers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSubmission(t)
			b := newBox(t, s)
			patch := "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: " + boxAddress + "\nSubject: report\n\ndone\n"
			if err := os.WriteFile(filepath.Join(b.dir, "0001.patch"), []byte(patch), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := caller(t, b)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); err != nil {
				if name == "git" && strings.Contains(out.String(), "not a git command") {
					peertest.Missing(t, "git-email")
				}
				t.Fatalf("%v\n%s", err, &out)
			}
			got := s.mails()
			if len(got) != 1 || got[0].to != "<ops@example.org>" || got[0].from != boxAddress || !strings.Contains(got[0].text, "multipart/signed") {
				t.Errorf("%+v\n%s", got, &out)
			}
		})
	}
}
