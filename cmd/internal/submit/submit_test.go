package submit

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/submit/spool"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	from   = "sensor7@example.net"
	device = "sensor7._device.example.net"
)

// identityOf makes an identity.
func identityOf(t *testing.T, name string) *identity.Identity {
	t.Helper()
	id, err := identity.Create(t.TempDir(), name, identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// letter makes a signed message.
func letter(t *testing.T, to ...string) *Letter {
	t.Helper()
	id := identityOf(t, from)
	l, err := Prepare(t.Context(), Draft{Message: read(t, "From: "+from+"\nSubject: report\n\n21.5 degrees\n"), To: to}, Defaults{},
		func(*message.Message) (*identity.Identity, error) { return id, nil }, false, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Content.Close() })
	return l
}

func read(t *testing.T, text string) *message.Message {
	t.Helper()
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// delivery is one with a spool, and what it prints.
func delivery(t *testing.T, o *Options) (*Delivery, *bytes.Buffer) {
	t.Helper()
	var said bytes.Buffer
	d := &Delivery{Options: o, Now: time.Now, Print: func(f string, a ...any) { fmt.Fprintf(&said, f+"\n", a...) }}
	var err error
	d.Spool, err = spool.Open(filepath.Join(t.TempDir(), "spool"), spool.Limits{Bytes: 4 << 20, Messages: 100, Expire: time.Hour}, func() time.Time { return d.Now() })
	if err != nil {
		t.Fatal(err)
	}
	return d, &said
}

func left(t *testing.T, d *Delivery) int {
	t.Helper()
	entries, damaged, err := d.Spool.List()
	if damaged != nil || err != nil {
		t.Fatal(damaged, err)
	}
	return len(entries)
}

// dead are the folders of what was set aside.
func dead(t *testing.T, d *Delivery) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(d.Spool.Dead(), "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestSubmit: what is signed arrives as it is, by each form of TLS and login, and is not in the
// spool any more.
func TestSubmit(t *testing.T) {
	t.Parallel()
	id := identityOf(t, device)
	for name, tt := range map[string]struct {
		fake *fake
		set  func(*Options)
		auth string
	}{
		"STARTTLS": {},
		"implicit": {fake: &fake{implicit: true}},
		"PLAIN":    {fake: &fake{exts: []string{"AUTH LOGIN PLAIN"}}, set: func(o *Options) { o.User, o.Password = "box7", "secret" }, auth: `PLAIN "\x00box7\x00secret"`},
		"LOGIN":    {fake: &fake{exts: []string{"AUTH LOGIN"}}, set: func(o *Options) { o.User, o.Password = "box7", "secret" }, auth: `LOGIN "box7" "secret"`},
		"EXTERNAL": {fake: &fake{exts: []string{"AUTH PLAIN EXTERNAL", "SIZE 100000", "8BITMIME"}}, set: func(o *Options) { o.Client = id }, auth: `EXTERNAL "` + device + `"`},
		"none":     {fake: &fake{noTLS: true}, set: func(o *Options) { o.TLS = TLSNone }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := tt.fake
			if f == nil {
				f = &fake{}
			}
			f.start(t)
			o := f.options()
			if tt.set != nil {
				tt.set(o)
			}
			if err := o.Check(); err != nil {
				t.Fatal(err)
			}
			d, said := delivery(t, o)
			l := letter(t, "ops@example.org", "b@example.org")
			if err := d.Submit(t.Context(), l, false); err != nil || said.Len() > 0 {
				t.Fatalf("%v, %s", err, said)
			}
			got := f.taken()
			if len(got) != 1 || !strings.HasPrefix(got[0].from, "MAIL FROM:<"+from+">") || got[0].to != "<ops@example.org><b@example.org>" {
				t.Fatalf("%+v", got)
			}
			var want bytes.Buffer
			if err := copyOf(l.Content)(&want); err != nil || got[0].text != want.String() {
				t.Errorf("%s\n%s", got[0].text, want.String())
			}
			if n := left(t, d); n > 0 {
				t.Errorf("%d messages in the spool", n)
			}
			logins, names := f.seen()
			if auth := strings.Join(logins, "; "); auth != tt.auth {
				t.Errorf("%s, want %s", auth, tt.auth)
			}
			if tt.auth != "" && strings.HasPrefix(tt.auth, "EXTERNAL") && !slices.Contains(names, device) {
				t.Errorf("certificates %q", names)
			}
		})
	}
}

// TestFailures: each way in which a server can fail gives one line, the status, and a message that
// is kept where it can be had another time.
func TestFailures(t *testing.T) {
	t.Parallel()
	other, _ := serverTLS(t, "127.0.0.2")
	for name, tt := range map[string]struct {
		step, answer string
		change       func(*fake, *Options)
		status       error
		says         string
	}{
		"greeting":           {answer: "554 no", status: refused, says: "answers the start (greeting, EHLO, STARTTLS) with 554 no"},
		"greeting later":     {answer: "421 4.3.2 later", says: "answers the start (greeting, EHLO, STARTTLS) with 421 4.3.2 later"},
		"greeting cut":       {answer: "cut", says: "the start (greeting, EHLO, STARTTLS): the connection was cut"},
		"greeting hang":      {answer: "hang", says: "the start (greeting, EHLO, STARTTLS): no answer in time"},
		"EHLO":               {step: "EHLO", answer: "550 no", status: refused, says: "answers the start (greeting, EHLO, STARTTLS) with 550 no"},
		"no STARTTLS":        {change: func(f *fake, _ *Options) { f.noTLS = true }, status: refused, says: "does not offer STARTTLS"},
		"STARTTLS refused":   {step: "STARTTLS", answer: "454 not now", says: "answers the start (greeting, EHLO, STARTTLS) with 454 not now"},
		"STARTTLS hang":      {step: "STARTTLS", answer: "hang", says: "the start (greeting, EHLO, STARTTLS): no answer in time"},
		"certificate":        {change: func(_ *fake, o *Options) { o.Roots = nil }, status: refused, says: "TLS: tls: failed to verify certificate: x509: certificate signed by unknown authority"},
		"name":               {change: func(f *fake, _ *Options) { f.tls.Certificates = other.Certificates }, status: refused, says: "TLS: tls: failed to verify certificate: x509: certificate is valid for 127.0.0.2, not 127.0.0.1"},
		"no TLS at the port": {change: func(_ *fake, o *Options) { o.Server.Implicit = true }, status: refused, says: "TLS: tls: first record does not look like a TLS handshake"},
		"password":           {step: "AUTH", answer: "535 5.7.8 bad", change: password, status: refused, says: "answers the login of box7 with 535 5.7.8 bad"},
		"login later":        {step: "AUTH", answer: "454 4.7.0 later", change: password, says: "answers the login of box7 with 454 4.7.0 later"},
		"login cut":          {step: "AUTH", answer: "cut", change: password, says: "the login of box7: the connection was cut"},
		"no mechanism":       {change: func(f *fake, o *Options) { password(f, o); f.exts = []string{"AUTH GSSAPI"} }, status: refused, says: `offers neither AUTH PLAIN nor LOGIN, but "GSSAPI"`},
		"not logged in":      {step: "MAIL", answer: "530 5.7.0 log in", status: refused, says: "answers MAIL FROM:<" + from + "> with 530 5.7.0 log in"},
		"MAIL":               {step: "MAIL", answer: "550-5.1.8 no\n550 5.1.8 never", status: refused, says: "answers MAIL FROM:<" + from + "> with 550 5.1.8 no never"},
		"MAIL later":         {step: "MAIL", answer: "451 4.3.0 later", says: "answers MAIL FROM:<" + from + "> with 451 4.3.0 later"},
		"MAIL cut":           {step: "MAIL", answer: "cut", says: "MAIL FROM:<" + from + ">: the connection was cut"},
		"MAIL hang":          {step: "MAIL", answer: "hang", says: "MAIL FROM:<" + from + ">: no answer in time"},
		"RCPT":               {step: "RCPT", answer: "550 5.1.1 unknown", status: refused, says: "answers RCPT TO:<a@example.org> with 550 5.1.1 unknown; answers RCPT TO:<b@example.org> with 550 5.1.1 unknown"},
		"RCPT later":         {step: "RCPT", answer: "450 4.2.1 full", says: "answers RCPT TO:<a@example.org> with 450 4.2.1 full"},
		"RCPT cut":           {step: "RCPT", answer: "cut", says: "RCPT TO:<a@example.org>: the connection was cut"},
		"one RCPT":           {step: "RCPT TO:<b@", answer: "550 5.1.1 unknown", status: refused, says: "handed in, but not for all recipients: 127.0.0.1:"},
		"DATA":               {step: "DATA", answer: "554 5.5.1 no", status: refused, says: "answers DATA with 554 5.5.1 no"},
		"DATA hang":          {step: "DATA", answer: "hang", says: "DATA: no answer in time"},
		"content":            {step: ".", answer: "554 5.7.1 not signed", status: refused, says: "answers the content with 554 5.7.1 not signed"},
		"content later":      {step: ".", answer: "452 4.3.1 full", says: "answers the content with 452 4.3.1 full"},
		"content cut":        {step: ".", answer: "cut", says: "the content: the connection was cut before the reply to the content; the server may have the message"},
		"content hang":       {step: ".", answer: "hang", says: "the content: no answer in time before the reply to the content; the server may have the message"},
		"SIZE":               {change: func(f *fake, _ *Options) { f.exts = []string{"SIZE 1000"} }, status: refused, says: "takes messages of at most 1000 bytes, and this one has "},
		"nobody listens":     {change: func(_ *fake, o *Options) { o.Server.Port = "1" }, says: "127.0.0.1:1: connection: connection refused"},
		// The command prints it with cli.Printable.
		"a terminal is obeyed?": {step: "MAIL", answer: "451 4.3.0 \x1b[2Jlater", says: "with 451 4.3.0 \x1b[2Jlater"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{}
			if tt.answer != "" {
				f.set(tt.step, tt.answer)
			}
			f.start(t)
			o := f.options()
			o.Step = 5 * time.Minute
			if tt.answer == "hang" {
				o.Step = 300 * time.Millisecond
			}
			if tt.change != nil {
				tt.change(f, o)
			}
			d, said := delivery(t, o)
			err := d.Submit(t.Context(), letter(t, "a@example.org", "b@example.org"), false)
			lines := strings.Split(strings.TrimSpace(said.String()), "\n")
			lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "dnseal: hint: ") })
			if err != tt.status || len(lines) != 1 || !strings.Contains(lines[0], tt.says) { //nolint:errorlint // a plain value
				t.Errorf("%v, want %v:\n%s\nwant %s", err, tt.status, said, tt.says)
			}
			if n := left(t, d) + len(dead(t, d)); n != 1 {
				t.Errorf("%d messages in the spool, want 1", n)
			}
			// without a spool: what is only for now has a status of its own
			d.Spool = nil
			said.Reset()
			err = d.Submit(t.Context(), letter(t, "a@example.org", "b@example.org"), false)
			want := tt.status
			if want == nil {
				want = temporary
			}
			if err != want || !strings.Contains(said.String(), tt.says) { //nolint:errorlint // a plain value
				t.Errorf("without a spool: %v, want %v:\n%s", err, want, said)
			}
		})
	}
}

func password(f *fake, o *Options) {
	f.exts = []string{"AUTH PLAIN"}
	o.User, o.Password = "box7", "secret"
}

// TestFlush: what waited is handed in, the oldest first, by one connection; what is refused for
// good stays and is not tried again.
func TestFlush(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	d, said := delivery(t, f.options())
	f.set("", "421 later")
	for i := range 4 {
		if err := d.Submit(t.Context(), letter(t, fmt.Sprintf("r%d@example.org", i)), i > 0); err != nil {
			t.Fatal(err)
		}
	}
	// the server is left alone for a while
	said.Reset()
	if err := d.Submit(t.Context(), letter(t, "r4@example.org"), false); err != nil || !strings.Contains(said.String(), "is tried again not before ") || !strings.Contains(said.String(), " UTC, by the next dnseal submit, or by dnseal submit --flush\n") {
		t.Fatalf("%v, %s", err, said)
	}
	if err := d.FlushAll(t.Context(), false); err != temporary { //nolint:errorlint // a plain value
		t.Fatal(err)
	}
	f.set("", "220 hello")
	f.set("RCPT TO:<r1@", "550 5.1.1 unknown")
	f.set("RCPT TO:<r2@", "450 4.2.1 full")
	before := f.connections()
	said.Reset()
	err := d.FlushAll(t.Context(), false)
	if err != refused || !strings.Contains(said.String(), "RCPT TO:<r1@example.org> with 550 5.1.1 unknown") || !strings.Contains(said.String(), "450 4.2.1 full") { //nolint:errorlint // a plain value
		t.Fatalf("%v, %s", err, said)
	}
	var order []string
	for _, m := range f.taken() {
		order = append(order, m.to)
	}
	if want := []string{"<r0@example.org>", "<r3@example.org>", "<r4@example.org>"}; !slices.Equal(order, want) || f.connections() != before+1 {
		t.Errorf("%q by %d connections", order, f.connections()-before)
	}
	f.set("RCPT TO:<r2@", "250 ok")
	f.set("RCPT TO:<r1@", "250 ok")
	_ = d.FlushAll(t.Context(), false)
	if got := f.taken(); len(got) != 4 || got[3].to != "<r2@example.org>" || left(t, d) != 0 || len(dead(t, d)) != 1 {
		t.Errorf("%d taken, %d left", len(got), left(t, d))
	}
}

// TestRefused: what was refused for good, for all recipients or some, is told once, with what to
// do, and does not stand among what waits; moved back it is tried again.
func TestRefused(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	d, said := delivery(t, f.options())
	f.set("RCPT TO:<bad", "550 5.1.1 unknown")
	f.set("RCPT TO:<later", "450 4.2.1 full")
	for _, to := range [][]string{{"bad@example.org"}, {"bad@example.org"}, {"good@example.org", "bad2@example.org"}, {"later@example.org"}} {
		if err := d.Submit(t.Context(), letter(t, to...), true); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.FlushAll(t.Context(), false); err != refused { //nolint:errorlint // a plain value
		t.Error(err)
	}
	for _, want := range []string{
		"error: 2 messages were refused for good, and are in ", "RCPT TO:<bad@example.org> with 550 5.1.1 unknown; remove them there, or move them back into the spool to have them tried again\n",
		"error: 1 message was refused for good by some recipients, and is in ", "RCPT TO:<bad2@example.org> with 550 5.1.1 unknown; remove it there, or move it back into the spool to have it tried again\n",
		"1 message is left in the spool: ",
	} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%s\nwant %s", said, want)
		}
	}
	found := dead(t, d)
	if strings.Count(said.String(), "\n") != 3 || left(t, d) != 1 || len(found) != 3 {
		t.Fatalf("%s, %d left, %q", said, left(t, d), found)
	}
	f.set("RCPT TO:<later", "250 ok")
	said.Reset()
	if err := d.FlushAll(t.Context(), false); err != nil || said.Len() > 0 {
		t.Errorf("told twice: %v, %s", err, said)
	}
	f.set("RCPT TO:<bad", "250 ok")
	for _, folder := range found {
		if err := os.Rename(folder, filepath.Join(folder, "..", "..", filepath.Base(folder))); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.FlushAll(t.Context(), false); err != nil || said.Len() > 0 || len(f.taken()) != 5 || left(t, d) != 0 {
		t.Errorf("%v, %s, %d", err, said, len(f.taken()))
	}
}

// TestRefusedBefore: what an earlier process marked as refused, and did not set aside, is set aside
// without another attempt.
func TestRefusedBefore(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	d, said := delivery(t, f.options())
	if err := d.Submit(t.Context(), letter(t, "a@example.org"), true); err != nil {
		t.Fatal(err)
	}
	entries, _, err := d.Spool.List()
	if err != nil {
		t.Fatal(err)
	}
	entries[0].Envelope.Refused, entries[0].Envelope.Last = true, "550 5.7.1 no"
	if err = d.Spool.Update(entries[0]); err != nil {
		t.Fatal(err)
	}
	err = d.FlushAll(t.Context(), false)
	if err != refused || len(f.taken()) > 0 || len(dead(t, d)) != 1 || !strings.Contains(said.String(), "1 message was refused for good, and is in ") { //nolint:errorlint // a plain value
		t.Errorf("%v, %s", err, said)
	}
}

// TestHints: a server that wants STARTTLS, and one that wants a login, are not told apart by 530
// alone.
func TestHints(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"530 5.7.0 Must issue a STARTTLS command first": "hint: leave --tls none out",
		"530 5.7.0 log in": "hint: log in: ",
	} {
		f := &fake{noTLS: true}
		f.set("MAIL", answer)
		f.start(t)
		o := f.options()
		o.TLS = TLSNone
		d, said := delivery(t, o)
		if err := d.Submit(t.Context(), letter(t, "a@example.org"), false); err != refused || !strings.Contains(said.String(), want) { //nolint:errorlint // a plain value
			t.Errorf("%s: %v, %s", answer, err, said)
		}
	}
}

// TestSome: recipients who were refused for now get the message later, and the others not twice.
func TestSome(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	f.set("RCPT TO:<b@", "450 4.2.1 full")
	d, said := delivery(t, f.options())
	if err := d.Submit(t.Context(), letter(t, "a@example.org", "b@example.org"), false); err != refused || left(t, d) != 1 { //nolint:errorlint // a plain value
		t.Fatalf("%v, %s", err, said)
	}
	f.set("RCPT TO:<b@", "250 ok")
	if err := d.FlushAll(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if got := f.taken(); len(got) != 2 || got[0].to != "<a@example.org>" || got[1].to != "<b@example.org>" || got[0].text != got[1].text {
		t.Errorf("%+v", got)
	}
}

// TestPoison: a message at which the server breaks off does not keep others from their turn.
func TestPoison(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	f.set("RCPT TO:<bad@", "cut")
	d, _ := delivery(t, f.options())
	for _, to := range []string{"bad@example.org", "good@example.org"} {
		if err := d.Submit(t.Context(), letter(t, to), true); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.FlushAll(t.Context(), false); err != temporary || len(f.taken()) != 1 || left(t, d) != 1 { //nolint:errorlint // a plain value
		t.Errorf("%v, %d, %d", err, len(f.taken()), left(t, d))
	}
}

// TestExpire: a message that waited too long is tried once more and then given up, kept aside, and
// that is said. A clock that was wrong when it came, a jump of it, or a time without power is no
// waiting.
func TestExpire(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	f.set("", "421 later")
	d, said := delivery(t, f.options())
	now := time.Unix(60, 0)
	d.Now = func() time.Time { return now }
	if err := d.Submit(t.Context(), letter(t, "a@example.org"), true); err != nil {
		t.Fatal(err)
	}
	flush := func(step time.Duration) error {
		t.Helper()
		now = now.Add(step)
		said.Reset()
		return d.FlushAll(t.Context(), false)
	}
	for _, step := range []time.Duration{0, 56 * 365 * 24 * time.Hour, 7 * 24 * time.Hour, time.Minute, 10 * time.Minute} {
		if err := flush(step); err != temporary || left(t, d) != 1 { //nolint:errorlint // a plain value
			t.Fatalf("after %v: %v, %s", step, err, said)
		}
	}
	_ = flush(12 * time.Minute)
	before := f.connections()
	if err := flush(12 * time.Minute); err != refused || left(t, d) != 0 || f.connections() != before+1 || //nolint:errorlint // a plain value
		!strings.Contains(said.String(), "for a@example.org is given up, and is in ") || !strings.Contains(said.String(), ": it waited for more than 1h; 127.0.0.1:") {
		t.Fatalf("%v, %d left, %s", err, left(t, d), said)
	}
	dead, _ := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(folderIn(said.String()))), "dead", "*"))
	if len(dead) != 1 {
		t.Fatalf("%q", dead)
	}
	// moved back it is handed in
	if err := os.Rename(dead[0], filepath.Join(dead[0], "..", "..", filepath.Base(dead[0]))); err != nil {
		t.Fatal(err)
	}
	f.set("", "220 hello")
	if err := flush(0); err != nil || len(f.taken()) != 1 || left(t, d) != 0 {
		t.Errorf("%v, %s", err, said)
	}
}

// folderIn is the path of a folder in a line.
func folderIn(line string) string {
	_, rest, _ := strings.Cut(line, "is in ")
	path, _, _ := strings.Cut(rest, ": ")
	return path
}

// TestTried: a message is handed in when the server is there again, however old it is.
func TestTried(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	f.set("", "421 later")
	d, said := delivery(t, f.options())
	now := time.Now()
	d.Now = func() time.Time { return now }
	if err := d.Submit(t.Context(), letter(t, "a@example.org"), false); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		now = now.Add(15 * time.Minute)
		_ = d.FlushAll(t.Context(), false)
	}
	now = now.Add(5 * time.Minute)
	f.set("", "220 hello")
	if err := d.FlushAll(t.Context(), false); err != nil || len(f.taken()) != 1 {
		t.Errorf("%v, %s", err, said)
	}
}

// TestDamagedEntries: what is no whole message, or cannot be read, is said and tells by the exit
// status; the others are handed in.
func TestDamagedEntries(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	d, said := delivery(t, f.options())
	for i := range 4 {
		if err := d.Submit(t.Context(), letter(t, fmt.Sprintf("r%d@example.org", i)), true); err != nil {
			t.Fatal(err)
		}
	}
	entries, _, _ := d.Spool.List()
	if err := os.Truncate(filepath.Join(entries[0].Folder(), "message.eml"), 10); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(entries[1].Folder(), "envelope")); err != nil {
		t.Fatal(err)
	}
	// an envelope that this user cannot read now
	if err := os.Remove(filepath.Join(entries[2].Folder(), "envelope")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("envelope", filepath.Join(entries[2].Folder(), "envelope")); err != nil {
		t.Fatal(err)
	}
	if err := d.FlushAll(t.Context(), false); err != refused || len(f.taken()) != 1 || strings.Count(said.String(), "is damaged, and is in ") != 2 || !strings.Contains(said.String(), "cannot be read; it is left where it is: ") { //nolint:errorlint // a plain value
		t.Errorf("%v, %d taken, %s", err, len(f.taken()), said)
	}
}

// TestUnwritten: where what became of a message cannot be written it is not handed in twice by this
// process, and the exit status tells.
func TestUnwritten(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	f.set("RCPT TO:<b@", "450 4.2.1 full")
	d, said := delivery(t, f.options())
	if err := d.Submit(t.Context(), letter(t, "a@example.org", "b@example.org"), true); err != nil {
		t.Fatal(err)
	}
	entries, _, _ := d.Spool.List()
	if err := os.Mkdir(filepath.Join(entries[0].Folder(), "envelope.new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.FlushAll(t.Context(), false); err != refused || !strings.Contains(said.String(), "cannot be written down") { //nolint:errorlint // a plain value
		t.Errorf("%v, %s", err, said)
	}
	f.set("RCPT TO:<b@", "250 ok")
	_ = d.FlushAll(t.Context(), false)
	var to []string
	for _, m := range f.taken() {
		to = append(to, m.to)
	}
	if want := []string{"<a@example.org>", "<b@example.org>"}; !slices.Equal(to, want) {
		t.Errorf("%q", to)
	}
}

// TestNotRemovable: nothing is handed in from a spool of which nothing can be taken out: it would
// be handed in again and again.
func TestNotRemovable(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may remove everything; the script submit-readonly has a file system that is read only")
	}
	f := (&fake{}).start(t)
	d, said := delivery(t, f.options())
	if err := d.Submit(t.Context(), letter(t, "a@example.org"), true); err != nil {
		t.Fatal(err)
	}
	entries, _, _ := d.Spool.List()
	dir := filepath.Dir(entries[0].Folder())
	if err := os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	if err := d.FlushAll(t.Context(), false); err != refused || len(f.taken()) > 0 || !strings.Contains(said.String(), "nothing is handed in: ") { //nolint:errorlint // a plain value
		t.Errorf("%v, %s", err, said)
	}
}

// TestPoisons: not even as many messages as connections may be cut keep others from their turn.
func TestPoisons(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	f.set("RCPT TO:<bad", "cut")
	d, _ := delivery(t, f.options())
	for i := range maxCuts + 1 {
		if err := d.Submit(t.Context(), letter(t, fmt.Sprintf("bad%d@example.org", i)), true); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Submit(t.Context(), letter(t, "good@example.org"), true); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		d.cuts = 0
		_ = d.FlushAll(t.Context(), false)
	}
	if len(f.taken()) != 1 || left(t, d) != maxCuts+1 {
		t.Errorf("%d taken, %d left", len(f.taken()), left(t, d))
	}
}

// TestFull: a spool without room takes no message, and says so; where the server is there, room is
// made.
func TestFull(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	d, said := delivery(t, f.options())
	var err error
	if d.Spool, err = spool.Open(filepath.Join(t.TempDir(), "s"), spool.Limits{Bytes: 1 << 20, Messages: 1}, time.Now); err != nil {
		t.Fatal(err)
	}
	if err := d.Submit(t.Context(), letter(t, "a@example.org"), true); err != nil {
		t.Fatal(err)
	}
	if err := d.Submit(t.Context(), letter(t, "b@example.org"), false); err != nil || len(f.taken()) != 2 {
		t.Fatalf("%v, %s", err, said)
	}
	f.set("", "421 later")
	if err := d.Submit(t.Context(), letter(t, "c@example.org"), false); err != nil {
		t.Fatal(err)
	}
	said.Reset()
	if err := d.Submit(t.Context(), letter(t, "d@example.org"), false); err != temporary || !strings.Contains(said.String(), "was not taken into the spool: the spool is full") { //nolint:errorlint // a plain value
		t.Errorf("%v, %s", err, said)
	}
}

// TestNoDisk: where the spool cannot be written the message is handed in all the same, or not
// taken.
func TestNoDisk(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	d, said := delivery(t, f.options())
	dir := t.TempDir()
	var err error
	if d.Spool, err = spool.Open(filepath.Join(dir, "s"), spool.Limits{Bytes: 1 << 20, Messages: 9}, time.Now); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "s")); err != nil {
		t.Fatal(err)
	}
	if err := d.Submit(t.Context(), letter(t, "a@example.org"), false); err != nil || len(f.taken()) != 1 || !strings.Contains(said.String(), "the spool would not have taken it") {
		t.Errorf("%v, %s", err, said)
	}
	f.set("", "421 later")
	if err := d.Submit(t.Context(), letter(t, "a@example.org"), false); err != temporary || !strings.Contains(said.String(), "was not taken into the spool") { //nolint:errorlint // a plain value
		t.Errorf("%v, %s", err, said)
	}
}

// TestWait: it goes on until nothing is left, with pauses that grow.
func TestWait(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	f.set("", "421 later")
	d, _ := delivery(t, f.options())
	now := time.Now()
	d.Now = func() time.Time { return now }
	var err error
	if d.Spool, err = spool.Open(filepath.Join(t.TempDir(), "s"), spool.Limits{Bytes: 1 << 20, Messages: 9, Expire: 100 * time.Hour}, d.Now); err != nil {
		t.Fatal(err)
	}
	if err = d.Submit(t.Context(), letter(t, "a@example.org"), true); err != nil {
		t.Fatal(err)
	}
	var pauses []time.Duration
	fates, err := d.Wait(t.Context(), func(_ context.Context, p time.Duration) bool {
		now = now.Add(p)
		if pauses = append(pauses, p); len(pauses) == 8 {
			f.set("", "220 hello")
		}
		return true
	})
	if err != nil || len(fates) != 1 || len(f.taken()) != 1 || pauses[7] < 30*time.Minute || pauses[0] > time.Minute {
		t.Errorf("%v, %+v, %v", err, fates, pauses)
	}
}

// TestBusy: while another process delivers, a message only goes into the spool, and that process
// hands it in.
func TestBusy(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	d, said := delivery(t, f.options())
	unlock, _, err := d.Spool.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Submit(t.Context(), letter(t, "a@example.org"), false); err != nil || left(t, d) != 1 || said.Len() > 0 {
		t.Errorf("%v, %s", err, said)
	}
	if err := d.FlushAll(t.Context(), false); err != temporary || !strings.Contains(said.String(), "1 message is left in the spool: another process hands it in") { //nolint:errorlint // a plain value
		t.Errorf("%v, %s", err, said)
	}
	unlock()
	if err := d.FlushAll(t.Context(), false); err != nil || len(f.taken()) != 1 {
		t.Errorf("%v, %s", err, said)
	}
}

// TestInterrupted: a signal ends a delivery at once, and the message is kept.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	f := (&fake{}).start(t)
	f.set("DATA", "hang")
	d, said := delivery(t, f.options())
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-f.hangs; cancel() }()
	if err := d.Submit(ctx, letter(t, "a@example.org"), false); err != context.Canceled || left(t, d) != 1 || !strings.Contains(said.String(), "the message is kept in") { //nolint:errorlint // a plain value
		t.Errorf("%v, %s", err, said)
	}
}

// TestCheck: nothing is sent in clear through a network.
func TestCheck(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		"relay.example.net:587 is not on this machine: nothing is sent there without TLS": {Server: Server{Host: "relay.example.net", Port: "587"}, TLS: TLSNone},
		"tls: before the server and no TLS contradict each other":                         {Server: Server{Host: "localhost", Port: "465", Implicit: true}, TLS: TLSNone},
		"this build cannot look up TLSA records of servers":                               {TLS: TLSDANE},
		`TLS by "maybe": want verify, dane or none`:                                       {TLS: "maybe"},
		"the user box7 without a password":                                                {User: "box7"},
		"a password without a user":                                                       {Password: "x"},
	} {
		if err := o.Check(); err == nil || cli.Plain(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestParseServer(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Server{
		"relay.example.net":         {"relay.example.net", "587", false},
		"relay.example.net:2525":    {"relay.example.net", "2525", false},
		"tls:relay.example.net":     {"relay.example.net", "465", true},
		"tls:relay.example.net:466": {"relay.example.net", "466", true},
		"[2001:db8::1]":             {"2001:db8::1", "587", false},
		"[2001:db8::1]:25":          {"2001:db8::1", "25", false},
		"192.0.2.1":                 {"192.0.2.1", "587", false},
	} {
		if got, err := ParseServer(in); err != nil || got != want {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "tls:", ":587", "a:", "2001:db8::1", "unix:/x", "lmtp:x:24", "a b"} {
		if got, err := ParseServer(in); err == nil {
			t.Errorf("%q: %+v", in, got)
		}
	}
}

// TestPrepare: what cron and others write becomes a message with whole addresses, without Bcc.
func TestPrepare(t *testing.T) {
	t.Parallel()
	sender := func(s string) *string { return &s }
	def := Defaults{From: from, Domain: "example.net", Admin: "ops@example.org"}
	for name, tt := range map[string]struct {
		draft       Draft
		def         Defaults
		text        string
		from, wrong string
		to          []string
		header      map[string]string
	}{
		"cron": {
			draft: Draft{To: []string{"root"}}, def: def, text: "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@box> job\n\nx\n",
			from: from, to: []string{"ops@example.org"}, header: map[string]string{"From": "<" + from + ">", "To": "root@example.net"},
		},
		"no From": {
			draft: Draft{FullName: "Box 7", FromHeader: true}, def: def, text: "To: a@example.org\n\nx\n",
			from: from, to: []string{"a@example.org"}, header: map[string]string{"From": `"Box 7" <` + from + ">"},
		},
		"Bcc": {
			draft: Draft{FromHeader: true}, text: "From: " + from + "\nTo: A <a@example.org>,\n b@example.org\nCc: a@example.org\nBcc: c@example.org\nReturn-Path: <x@y>\n\nx\n",
			from: from, to: []string{"a@example.org", "b@example.org", "c@example.org"}, header: map[string]string{"Bcc": "", "Return-Path": ""},
		},
		"arguments alone": {
			draft: Draft{To: []string{"z@example.org"}}, text: "From: " + from + "\nTo: a@example.org\n\nx\n", from: from, to: []string{"z@example.org"},
		},
		"arguments and -t": {
			draft: Draft{To: []string{"z@example.org"}, FromHeader: true}, text: "From: " + from + "\nTo: a@example.org\n\nx\n", from: from, to: []string{"z@example.org", "a@example.org"},
		},
		"sent again": {
			draft: Draft{FromHeader: true}, text: "Resent-To: r@example.org\nFrom: " + from + "\nTo: a@example.org\n\nx\n", from: from, to: []string{"r@example.org"},
		},
		"null sender": {
			draft: Draft{Sender: sender("<>")}, text: "From: " + from + "\nTo: a@example.org\n\nx\n", to: []string{"a@example.org"},
		},
		"sender root": {
			draft: Draft{Sender: sender("root")}, def: def, text: "From: " + from + "\nTo: a@example.org\n\nx\n", from: from, to: []string{"a@example.org"},
		},
		"no domain":      {text: "From: " + from + "\nTo: root\n\nx\n", wrong: `the field To: "root" has no domain`},
		"no recipient":   {text: "From: " + from + "\nTo: undisclosed-recipients:;\n\nx\n", wrong: "no recipient"},
		"no From at all": {draft: Draft{To: []string{"a@example.org"}}, text: "Subject: x\n\nx\n", wrong: "the message has no From address"},
		"injection":      {draft: Draft{To: []string{"a@example.org>\r\nDATA"}}, text: "From: " + from + "\n\nx\n", wrong: "the recipient a@example.org>"},
	} {
		tt.draft.Message = read(t, tt.text)
		l, err := Prepare(t.Context(), tt.draft, tt.def, nil, false, time.Now())
		if tt.wrong != "" {
			if err == nil || !strings.HasPrefix(cli.Plain(err), tt.wrong) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m, err := message.FromSpool(l.Content, message.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if l.Envelope.From != tt.from || !slices.Equal(l.Envelope.To, tt.to) || !m.Has("Date") || !m.Has("Message-ID") {
			t.Errorf("%s: %+v\n%s", name, l.Envelope, m.First("Message-ID"))
		}
		for _, field := range slices.Sorted(maps.Keys(tt.header)) {
			if got := m.First(field); got != tt.header[field] {
				t.Errorf("%s: %s:%q, want %q", name, field, got, tt.header[field])
			}
		}
	}
}

// TestSigned: the signature is of what arrives, and a message that has one is not signed again.
func TestSigned(t *testing.T) {
	t.Parallel()
	l := letter(t, "a@example.org")
	m, err := message.Read(l.Content.Open(), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if smime.Secured(m) == smime.NotSecured {
		t.Errorf("%v", smime.Secured(m))
	}
	_, err = Prepare(t.Context(), Draft{Message: m, To: []string{"a@example.org"}}, Defaults{}, func(*message.Message) (*identity.Identity, error) { return identityOf(t, from), nil }, false, time.Now())
	if !IsSigned(err) {
		t.Error(err)
	}
	as, err := Prepare(t.Context(), Draft{Message: m, To: []string{"a@example.org"}}, Defaults{}, nil, false, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer as.Content.Close()
	var one, two bytes.Buffer
	if copyOf(l.Content)(&one) != nil || copyOf(as.Content)(&two) != nil || one.String() != two.String() {
		t.Error("a message that is handed in as it is changed")
	}
}

func TestCompleted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"root":                        "root@d",
		" root (Cron Daemon)":         " root@d (Cron Daemon)",
		" (x) root":                   " (x) root@d",
		`"Root, the" <root>`:          `"Root, the" <root@d>`,
		"Root Of All <root >":         "Root Of All <root@d >",
		"root, a@b, \r\n bob":         "root@d, a@b, \r\n bob@d",
		"a@b":                         "a@b",
		"<a@b>":                       "<a@b>",
		"undisclosed-recipients:;":    "undisclosed-recipients:;",
		"two words":                   "two words",
		`"a b"`:                       `"a b"`,
		`"x@y" <root>`:                `"x@y" <root@d>`,
		"root (a, b@c (nested) \\) )": "root@d (a, b@c (nested) \\) )",
		"":                            "",
		`"open`:                       `"open`,
		"<>":                          "<>",
	} {
		if got := completed(in, "d"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzCompleted(f *testing.F) {
	for _, s := range []string{"root", "root (Cron Daemon), a@b", `"Root, the" <root>`, "x:;", `"\`, "(", "<"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := completed(in, "d.example")
		if strings.ReplaceAll(out, "@d.example", "") != strings.ReplaceAll(in, "@d.example", "") {
			t.Fatalf("%q: %q", in, out)
		}
		if _, err := message.ParseAddressList(in); err == nil && out != in {
			t.Fatalf("%q: %q", in, out)
		}
	})
}
