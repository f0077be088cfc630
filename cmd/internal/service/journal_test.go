package service

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/worldtest"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

const inbound = `
[[relay]]
role = "inbound"
listen = "unix:DIR/relay"
recipients = ["example.net"]
next-hop = ["unix:DIR/mailbox"]
max-connections = 1000
`

// signed is a message from alice, of some size.
func (w *world) signed(size int) []byte {
	w.T.Helper()
	id, err := identity.Load(w.Path("keys"), "alice@example.org")
	if err != nil {
		w.T.Fatal(err)
	}
	text := "From: alice@example.org\r\nTo: bob@example.net\r\nSubject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", size/72+1)
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		w.T.Fatal(err)
	}
	defer m.Close()
	edit, err := sender.SignMessage(w.T.Context(), m, []*identity.Identity{id}, smime.SignOptions{Time: time.Now()})
	if err != nil {
		w.T.Fatal(err)
	}
	defer edit.Close()
	var out bytes.Buffer
	if _, err := m.WriteEdited(&out, edit); err != nil {
		w.T.Fatal(err)
	}
	return out.Bytes()
}

// relayed hands a message in n times over one connection, and takes it from the mailbox.
func (w *world) relayed(text []byte, n int) error {
	conn, err := net.Dial("unix", w.Path("relay"))
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(hang))
	c, err := smtp.NewClient(conn, "relay")
	if err != nil {
		return err
	}
	for range n {
		if err = c.Mail("alice@example.org"); err == nil {
			err = c.Rcpt("bob@example.net")
		}
		if err != nil {
			return err
		}
		data, err := c.Data()
		if err != nil {
			return err
		}
		data.Write(text)
		if err := data.Close(); err != nil {
			return err
		}
		<-w.Mailbox.Mail
	}
	return c.Quit()
}

// keptEvidence waits until the evidence of what was relayed is written.
func (r *running) keptEvidence() {
	r.journals.mu.Lock()
	defer r.journals.mu.Unlock()
	for _, j := range r.journals.open {
		j.Flush()
	}
}

// TestEvidence: a relay keeps evidence of the signed mail that it verifies, over a reload in one
// file, and seals it when it ends. What cannot be kept changes nothing about the mail.
func TestEvidence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(inbound + "[evidence]\ndir = \"DIR/evidence\"\nidentity = \"alice@example.org\"\n")
	r := w.start("relay")
	text := w.signed(100)
	must(t, w.relayed(text, 3))
	must(t, w.relayed([]byte("From: carol@example.com\r\n\r\nunsigned\r\n"), 1))
	w.reload(r, "msg=reloaded")
	must(t, w.relayed(text, 2))
	r.keptEvidence()
	must(t, os.Rename(w.Path("evidence"), w.Path("away")))
	must(t, os.WriteFile(w.Path("evidence"), nil, 0o600))
	body := w.get("/metrics")
	if !strings.Contains(body, `dnseal_evidence_messages_total{result="kept"} 5`) {
		t.Errorf("%s", body)
	}
	must(t, r.stop())
	if !strings.Contains(r.log.String(), `msg="evidence is sealed, and no longer where it was kept"`) {
		t.Error("nothing is said of the file that was moved")
	}
	anchors, err := config.ReadAnchors(w.Path("anchor"))
	must(t, err)
	a, err := evidence.Open(w.Path("away"), evidence.Options{Anchors: anchors})
	must(t, err)
	defer a.Close()
	head, err := os.ReadFile(a.Files()[0].Name)
	must(t, err)
	if want := `{"dnseal-evidence":1,"writer":"dnseal relay ` + cli.Version() + `",`; !strings.HasPrefix(string(head), want) {
		t.Errorf("it begins with %.100s, want %s", head, want)
	}
	if got := a.Files(); len(got) != 1 || got[0].Messages != 5 || got[0].Sealed == nil {
		t.Errorf("%+v", got)
	}
	rec, err := receiver.New(receiver.Options{Past: a.Past})
	must(t, err)
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	must(t, err)
	defer m.Close()
	// The relay has added a Received field before it verified, so that the whole is not the same.
	if report, err := rec.Verify(t.Context(), m); err != nil || report.Verdict != receiver.Pass || report.AsOf == nil || report.Evidence.Witness != "the signature of alice@example.org" {
		t.Errorf("%+v, %v", report.Evidence, err)
	}
}

// TestEvidenceTrouble: where evidence cannot be kept mail goes on, and it is said and counted; a
// folder that cannot be made keeps the relay from starting.
func TestEvidenceTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(inbound + "[evidence]\ndir = \"DIR/evidence\"\nkeep = \"30d\"\ntimestamp = \"http://127.0.0.1:1/\"\n")
	r := w.start("relay")
	must(t, os.Remove(w.Path("evidence")))
	must(t, w.relayed(w.signed(100), 2))
	r.keptEvidence()
	if body := w.get("/metrics"); !strings.Contains(body, `dnseal_evidence_messages_total{result="failed"} 2`) {
		t.Errorf("%s", body)
	}
	if n := strings.Count(r.log.String(), `level=ERROR msg="evidence is not kept"`); n != 1 {
		t.Errorf("said %d times", n)
	}
	must(t, os.Mkdir(w.Path("evidence"), 0o700))
	must(t, w.relayed(w.signed(100), 1))
	must(t, r.stop())
	if !strings.Contains(r.log.String(), `msg="evidence is sealed without all proofs of its time"`) || !strings.Contains(r.log.String(), `msg="evidence sealed"`) {
		t.Error("a service for time stamps that does not answer")
	}
	w.config(inbound + "[evidence]\ndir = \"DIR/anchor\"\n")
	if err := newService("relay", w.Path("dnseal.toml"), r.log).run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "dnseal.toml:") {
		t.Errorf("a file in place of the folder: %v", err)
	}
}

// TestEvidenceReload: a configuration that is not taken over removes no evidence by its keep; one
// that is taken over does.
func TestEvidenceReload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, os.Mkdir(w.Path("evidence"), 0o700))
	old := w.Write("evidence/old.evidence", "x")
	then := time.Now().Add(-48 * time.Hour)
	must(t, os.Chtimes(old, then, then))
	shorter := strings.Replace(inbound, "max-connections", "tls = \"none\"\nmax-connections", 1) + "[evidence]\ndir = \"DIR/evidence\"\nkeep = \"24h\"\n"
	w.config(inbound + "[evidence]\ndir = \"DIR/evidence\"\n")
	r := w.start("relay")
	w.config(strings.ReplaceAll(shorter, "unix:DIR/relay", "unix:DIR/nowhere/relay"))
	w.reload(r, "not reloaded")
	if _, err := os.Stat(old); err != nil {
		t.Error(err)
	}
	w.config(shorter)
	w.reload(r, "msg=reloaded")
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("%v\n%s", err, r.log)
	}
	must(t, r.stop())
}

// TestNothingOfMailIsLogged: subjects and texts are in no log, whatever becomes of the mail, and in
// no file of evidence.
func TestNothingOfMailIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(inbound + "restore-header = true\n[evidence]\ndir = \"DIR/evidence\"\n")
	r := w.start("relay")
	text := strings.Repeat("confidential\r\n", 10)
	clean := bytes.ReplaceAll(w.signed(100), []byte("Subject: x"), []byte("Subject: confidential"))
	for _, mail := range [][]byte{
		clean, bytes.Replace(clean, []byte("xxx"), []byte("confidential"), 1), append([]byte("Subject: confidential\r\n"), w.signed(100)...),
		[]byte("From: alice@example.org\r\nSubject: confidential\r\n\r\n" + text), []byte("From: confidential\r\nSubject: confidential\r\n\r\n" + text),
		[]byte("From: alice@example.org\r\nContent-Type: multipart/signed; confidential\r\n\r\n" + text),
	} {
		must(t, w.relayed(mail, 1))
	}
	must(t, r.stop())
	if log := r.log.String(); strings.Count(log, "msg=message") != 6 || strings.Contains(log, "confidential") {
		t.Errorf("%s", log)
	}
	files, err := filepath.Glob(w.Path("evidence/*"))
	must(t, err)
	for _, name := range files {
		kept, err := os.ReadFile(name)
		must(t, err)
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 || bytes.Contains(kept, []byte("confidential")) {
			t.Errorf("%v %v: %s", info.Mode(), err, kept)
		}
	}
	if len(files) != 1 {
		t.Errorf("%q", files)
	}
}

// TestJournals: generations with the same settings use one journal, and a file of roots that holds
// others now is another setting.
func TestJournals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, one := stampService(t)
	_, two := stampService(t)
	head := inbound + "[evidence]\ndir = \"DIR/evidence\"\ntimestamp = \"http://127.0.0.1:1/\"\ntimestamp-roots = \"DIR/roots\"\n"
	s := newService("relay", w.config(head), &worldtest.Buffer{})
	var journals []*evidence.Journal
	for _, root := range []*x509.Certificate{one, one, two} {
		w.Write("roots", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})))
		c, err := config.Load(s.file)
		must(t, err)
		g := &generation{config: c}
		must(t, s.openJournal(g))
		defer g.endJournal()
		journals = append(journals, g.journal)
	}
	if journals[0] != journals[1] || journals[1] == journals[2] {
		t.Errorf("%v", journals)
	}
}

// BenchmarkEvidence compares the inbound relay with evidence to the same without, by the fastest of
// short runs in turns: a machine that is busy with something else makes no run faster.
func BenchmarkEvidence(b *testing.B) {
	for _, size := range []int{2 << 10, 100 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			with, without := newWorld(b), newWorld(b)
			with.config(inbound + "[evidence]\ndir = \"DIR/evidence\"\n")
			without.config(inbound)
			texts := map[*world][]byte{}
			for _, w := range []*world{with, without} {
				w.start("relay")
				texts[w] = w.signed(size)
				must(b, w.relayed(texts[w], 50))
			}
			best := map[*world]time.Duration{with: time.Hour, without: time.Hour}
			turns := []*world{with, without}
			for b.Loop() {
				for _, w := range turns {
					best[w] = min(best[w], timed(b, w, texts[w]))
				}
				slices.Reverse(turns)
			}
			b.ReportMetric(best[without].Seconds()/best[with].Seconds(), "x-without")
			b.ReportMetric(perRun/best[with].Seconds(), "msg/s")
			b.ReportMetric(0, "ns/op")
			if n, _ := filepath.Glob(with.Path("evidence/*")); len(n) != 1 {
				b.Errorf("%q", n)
			}
		})
	}
}

const perRun = 50

func timed(b *testing.B, w *world, text []byte) time.Duration {
	b.Helper()
	began := time.Now()
	must(b, w.relayed(text, perRun))
	return time.Since(began)
}
