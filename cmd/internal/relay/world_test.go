package relay

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"

	"dnseal/lookup/lookuptest/peertest"
)

// world is the way of a message through programs of this time: swaks or a client of ours, the
// signing relay, Postfix that is offered 8BITMIME, Postfix that is not, Exim, a list of mlmmj, the
// verifying relay, Dovecot by LMTP.
type world struct {
	dovecot string // folder
	inbound string // address of the verifying relay
	hopA    string // address of the first Postfix
	hopUTF8 string // and of one that knows SMTPUTF8 and hands on to Exim at once
	dir     string // of identities
	lookup  lookup.Resolver
}

func newWorld(t *testing.T) *world {
	t.Helper()
	needRoot(t)
	w := &world{dir: t.TempDir()}
	id, err := identity.Create(w.dir, "alice@example.org", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.lookup = publish(t, id)
	w.dovecot = startDovecot(t)
	verifier, err := receiver.New(receiver.Options{Lookup: w.lookup, AuthservID: "mx.example.net"})
	if err != nil {
		t.Fatal(err)
	}
	w.inbound = startRelay(t, Options{
		Inbound: true, Recipients: []string{"example.net"}, Handler: verifier, NextHop: []string{"lmtp:unix:" + w.dovecot + "/run/lmtp"}, Hop: waits,
	}).addr
	exim := startExim(t, w.inbound)
	hopB := peertest.Postfix(t, peertest.ShortDir(t), exim, "myhostname = hopb.example", "smtpd_discard_ehlo_keywords = 8bitmime smtputf8")
	// A Postfix believes that a server with SMTPUTF8 accepts 8-bit too, so there must be another
	// way for such mail.
	w.hopUTF8 = peertest.Postfix(t, peertest.ShortDir(t), exim, "myhostname = hopc.example")
	w.hopA = peertest.Postfix(t, peertest.ShortDir(t), hopB, "myhostname = hopa.example")
	return w
}

// publish serves the record of an identity in a signed zone, and returns a client that looks it up.
func publish(t *testing.T, id *identity.Identity) *lookup.Client {
	t.Helper()
	owner, typ, err := id.OwnerName()
	if err != nil {
		t.Fatal(err)
	}
	r, err := id.Record(3, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	line, err := identity.FormatRecord(owner, typ, r, time.Minute, "rfc3597")
	if err != nil {
		t.Fatal(err)
	}
	s, err := lookuptest.New([]lookuptest.Zone{{Origin: "example.org.", Text: line + "\n"}}, lookuptest.Options{})
	if err == nil {
		err = s.Start("127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return validating(t, s.Addr(), s.Anchor())
}

// validating is a resolver with the trust anchor of a test.
func validating(t *testing.T, addr, anchor string) *lookup.Client {
	t.Helper()
	anchors, err := dnssec.ParseAnchors(anchor, "test")
	if err != nil {
		t.Fatal(err)
	}
	c, err := lookup.New(lookup.Options{Resolvers: []string{addr}, Anchors: anchors, Timeout: hangGuard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// signing starts the relay that signs.
func (w *world) signing(t *testing.T, next string, opts sender.Options) string {
	t.Helper()
	opts.Identities = func(name string) (*identity.Identity, error) { return identity.Load(w.dir, name) }
	opts.Rules = []sender.Rule{{Who: []string{"net:127.0.0.0/8"}, From: []string{"alice@example.org"}}}
	opts.Lookup = w.lookup
	s, err := sender.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return startRelay(t, Options{NextHop: []string{next}, Trusted: loopback, Hop: waits, Handler: s}).addr
}

// waits has a relay wait for a next hop on a busy machine. Else it defers, as it should, and the
// list sends what was deferred again only when somebody runs its mlmmj-maintd.
var waits = nexthop.Options{DialTimeout: hangGuard, CommandTimeout: hangGuard, FinalTimeout: hangGuard}

// mails reads what Dovecot stored, by Message-ID, with CRLF.
func (w *world) mails(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(w.dovecot+"/mail", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(filepath.Dir(path)) != "new" {
			return nil //nolint:nilerr // folders come and go while Dovecot works
		}
		b, err := os.ReadFile(path)
		if m := messageID.FindSubmatch(b); err == nil && m != nil {
			out[string(m[1])] = strings.ReplaceAll(string(b), "\n", "\r\n")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var (
	messageID = regexp.MustCompile(`(?mi)^Message-ID: <([^>]+)>`)
	verdict   = regexp.MustCompile(`(?s)Authentication-Results: mx\.example\.net;\s+smime=(\w+)`)
)

// arrived waits until so many mails with a prefix are there.
func (w *world) arrived(t *testing.T, prefix string, n int) map[string]string {
	t.Helper()
	var got map[string]string
	peertest.WaitFor(t, fmt.Sprintf("%d mails %s*", n, prefix), func() bool {
		entries, _ := filepath.Glob(w.dovecot + "/mail/*/new/*")
		if len(entries) < n {
			return false
		}
		got = map[string]string{}
		for id, m := range w.mails(t) {
			if strings.HasPrefix(id, prefix) {
				got[id] = m
			}
		}
		return len(got) >= n
	})
	return got
}

// swaks hands in a message, byte for byte.
func swaks(t *testing.T, addr string, m worldMessage) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	data := m.text
	if !strings.HasSuffix(data, "\r\n") {
		data += "\r\n"
	}
	mustWrite(t, path, strings.ReplaceAll("\n"+data, "\n.", "\n..")[1:]+".\r\n")
	out, err := exec.CommandContext(t.Context(), peertest.Program(t, "swaks"), "--server", addr, "--ehlo", "client.example.org",
		"--from", "alice@example.org", "--to", listAddress, "--no-data-fixup", "--data", "@"+path).CombinedOutput()
	if err != nil {
		return fmt.Errorf("swaks: %w\n%s", err, out)
	}
	return nil
}

// handIn sends all messages: every fourth by swaks, except where it cannot (parameters, and NUL).
func (w *world) handIn(t *testing.T, opts sender.Options, ms []worldMessage) {
	t.Helper()
	ascii, utf8 := w.signing(t, w.hopA, opts), w.signing(t, w.hopUTF8, opts)
	var g errgroup.Group
	g.SetLimit(4)
	for i, m := range ms {
		g.Go(func() error {
			addr := ascii
			if m.mail == " SMTPUTF8" {
				addr = utf8
			}
			if i%4 == 0 && m.mail == "" && !strings.Contains(m.text, "\x00") {
				return swaks(t, addr, m)
			}
			return handInOne(addr, m)
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

func handInOne(addr string, m worldMessage) error {
	s := &submitter{addr: addr}
	defer s.close()
	if !s.open() {
		return fmt.Errorf("%s: no connection", m.id)
	}
	for _, line := range []string{"MAIL FROM:<alice@example.org>" + m.mail, "RCPT TO:<" + listAddress + ">" + m.rcpt, "DATA"} {
		if r := s.command(line); r[0] != '2' && r[0] != '3' {
			return fmt.Errorf("%s: %s: %s", m.id, line, r)
		}
	}
	data := m.text
	if !strings.HasSuffix(data, "\r\n") {
		data += "\r\n"
	}
	if r := s.command(strings.ReplaceAll("\n"+data, "\n.", "\n..")[1:] + "."); r[0] != '2' {
		return fmt.Errorf("%s: %s", m.id, r)
	}
	return nil
}

// TestThroughTheWorld sends messages of all kinds on the whole way, clear and opaque. Every
// signature and every protected header holds at the end; all that is reported is the footer that
// the list wrote after them. A message that is signed without preparing for the way does not hold,
// which shows that the way is as rough as it is said.
func TestThroughTheWorld(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "swaks")
	w := newWorld(t)
	clear, opaque := worldMessages("clear", 200), worldMessages("opaque", 200)
	w.handIn(t, sender.Options{}, clear)
	w.handIn(t, sender.Options{Opaque: true}, opaque)
	control := w.control(t)
	for i, m := range control {
		if err := handInOne(w.hopA, m); err != nil {
			t.Fatalf("control %d: %v", i, err)
		}
	}
	for _, run := range []struct {
		prefix string
		n      int
	}{{"clear.", len(clear)}, {"opaque.", len(opaque)}, {"control.", len(control)}} {
		for id, text := range w.arrived(t, run.prefix, run.n) {
			got := verdict.FindStringSubmatch(text)
			want := map[bool]string{true: "policy", false: "fail"}[run.prefix != "control."]
			if got == nil || got[1] != want || want == "policy" && !strings.Contains(text, "(partial, DNSSEC secure, header protected)") {
				t.Errorf("%s: %q, want %s\n%.2000s", id, got, want, text)
			}
			if _, after, _ := strings.Cut(text, "smime.p7s"); strings.Contains(text, "multipart/signed;") && run.prefix == "clear." && !strings.Contains(after, "--\r\n\r\n"+strings.ReplaceAll(listFooter, "\n", "\r\n")) {
				t.Errorf("%s: no footer after the last boundary\n%s", id, text[max(0, len(text)-300):])
			}
		}
	}
	w.wrapped(t)
}

// control makes messages signed by openssl cms as it is: with 8-bit text and with a line of 1,100
// octets.
func (w *world) control(t *testing.T) []worldMessage {
	t.Helper()
	openssl := peertest.Program(t, "openssl")
	id, err := identity.Load(w.dir, "alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	der, err := x509.MarshalPKCS8PrivateKey(id.Key)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, dir+"/key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	mustWrite(t, dir+"/cert", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.Certificate.Raw})))
	var out []worldMessage
	for name, content := range map[string]string{"eight": text("8bit") + "Schöne Grüße\r\n", "long": "Content-Type: text/plain\r\n\r\n" + strings.Repeat("z", 1100) + "\r\n"} {
		mustWrite(t, dir+"/"+name, content)
		signed := mustRun(t, openssl, "cms", "-sign", "-binary", "-crlfeol", "-in", dir+"/"+name, "-signer", dir+"/cert", "-inkey", dir+"/key", "-md", "sha256")
		signed = strings.ReplaceAll(strings.ReplaceAll(signed, "\r\n", "\n"), "\n", "\r\n")
		mid := "control." + name + "@example.org"
		out = append(out, worldMessage{id: mid, mail: " BODY=8BITMIME", text: "From: alice@example.org\r\nTo: " + listAddress + "\r\nDate: " + worldDate + "\r\nMessage-ID: <" + mid + ">\r\n" + signed})
	}
	return out
}

// wrapped puts a signed message that arrived into another with a footer, as Mailman does, and sends
// it on: the signature holds for its part, and the verdict says so.
func (w *world) wrapped(t *testing.T) {
	t.Helper()
	var inner string
	for id, text := range w.mails(t) {
		if strings.HasPrefix(id, "clear.plain.") {
			inner = text
			break
		}
	}
	i := strings.Index(inner, "Content-Type: multipart/signed")
	head, rest, _ := strings.Cut(inner[i:], "\r\n\r\n")
	// The fields from here on up to the first that is no Content-Type's.
	for n := range strings.SplitSeq(head, "\r\n") {
		if n != "" && n[0] != ' ' && n[0] != '\t' && !strings.HasPrefix(n, "Content-Type:") {
			head, _, _ = strings.Cut(head, "\r\n"+n)
			break
		}
	}
	rest = rest[:strings.LastIndex(rest, "--\r\n")+4]
	const mid = "wrapped@example.org"
	text := "From: alice@example.org\r\nTo: bob@example.net\r\nDate: " + worldDate + "\r\nMessage-ID: <" + mid + ">\r\n" +
		multipart("mixed", "mailman", head+"\r\n\r\n"+rest, "Content-Type: text/plain\r\n\r\n_____\r\nfooter\r\n")
	s := &submitter{addr: w.inbound}
	defer s.close()
	if got, reply := s.tryFor("bob@example.net", text); got != done {
		t.Fatalf("reply = %q", reply)
	}
	got := w.arrived(t, mid, 1)[mid]
	if v := verdict.FindStringSubmatch(got); v == nil || v[1] != "policy" || !strings.Contains(got, "body.smime-part=1.2") {
		t.Errorf("%.1500s\nwant smime=policy for part 1.2", got)
	}
}
