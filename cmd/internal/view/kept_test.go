package view

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
	"dnseal/smime/message"
)

// gone is a DNS in which nothing is published any more.
type gone struct{}

func (gone) Lookup(_ context.Context, name string, typ dane.Type) *lookup.Result {
	return &lookup.Result{Name: name, Type: typ, Status: dnssec.Secure, Presence: dane.Absent}
}

func (g gone) LookupFresh(ctx context.Context, name string, typ dane.Type) *lookup.Result {
	return g.Lookup(ctx, name, typ)
}

// keep verifies a letter of a by a DNS of its own, and returns the evidence of that and the anchors
// to check it from.
func keep(t *testing.T, a *author, letter []byte) ([]byte, *dnssec.Anchors) {
	t.Helper()
	owner, err := dane.SMIMEAName("alice", "example.org")
	must(t, err)
	zone := "$ORIGIN example.org.\n@ 300 IN SOA ns h 1 2 3 4 300\n@ 300 IN NS ns\nns 300 IN A 127.0.0.1\n" + owner + " 300 IN SMIMEA " + fmt.Sprintf("3 1 1 %x", a.record.Data) + "\n"
	server, err := lookuptest.New([]lookuptest.Zone{{Text: zone}}, lookuptest.Options{})
	must(t, err)
	must(t, server.Start("127.0.0.1:0"))
	defer server.Close()
	anchors, err := dnssec.ParseAnchors(server.Anchor(), "lab")
	must(t, err)
	client, err := lookup.New(lookup.Options{Resolvers: []string{server.Addr()}, Anchors: anchors, Timeout: hang})
	must(t, err)
	defer client.Close()
	opts := receiver.Options{Lookup: client, Digests: true, Saved: true, Timeout: hang}
	r, err := receiver.New(opts)
	must(t, err)
	m, err := message.Read(bytes.NewReader(letter), message.ReadOptions{})
	must(t, err)
	defer m.Close()
	report, err := r.Verify(t.Context(), m)
	must(t, err)
	var out bytes.Buffer
	w, err := evidence.NewWriter(&out, "test", time.Now())
	must(t, err)
	must(t, w.Add(report, evidence.JudgedBy(anchors, evidence.PolicyOf(&opts))))
	must(t, w.Seal(evidence.Seal{Sealed: time.Now()}))
	return out.Bytes(), anchors
}

// judging are the options of a page that judges by a DNS, and by evidence from these anchors.
func judging(dns lookup.Resolver, anchors *dnssec.Anchors) Options {
	return Options{Receiver: func(past func(context.Context, receiver.Digests) *receiver.Past) (*receiver.Receiver, error) {
		return receiver.New(receiver.Options{Lookup: dns, Saved: true, Past: past})
	}, Evidence: evidence.Options{Anchors: anchors, Policy: evidence.Policy{Saved: true}}}
}

// TestEvidence: what is dropped with a message decides instead of the DNS of today; what is not
// right in it is said.
func TestEvidence(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	letter := a.letter(t, "Old invoice", "text")
	proof, anchors := keep(t, a, letter)
	opts := judging(gone{}, anchors)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "old.eml"), letter, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "proof"), proof, 0o600))
	s := start(t, opts, filepath.Join(dir, "old.eml"), filepath.Join(dir, "proof"))
	c := enter(t, s)

	c.drop(file{"old.eml", letter}).want(t, http.StatusOK, "No record is published at")
	c.drop(file{"proof.evidence", proof}, file{"old.eml", letter}).want(t, http.StatusOK, "Pass 1", "proof.evidence: evidence of 1 message, sealed 20")
	c.drop(file{"old.eml", letter}, file{"called-otherwise", proof}).want(t, http.StatusOK, "Pass 1", "called-otherwise: evidence of 1 message")
	c.drop(file{"proof.evidence", proof}).want(t, http.StatusOK, "Evidence alone says nothing")
	edited := bytes.Replace(proof, []byte(`"verdict":"pass"`), []byte(`"verdict":"fail"`), 1)
	c.drop(file{"proof.evidence", edited}, file{"old.eml", letter}).want(t, http.StatusOK, "Evidence not used:", "was edited", "nor by the DNS of today", "Undecided 1", "Evidence that came with the message cannot be used: ")
	c.drop(file{"proof.evidence", proof}, file{"other.eml", a.letter(t, "Other", "text")}).want(t, http.StatusOK, "Undecided 1")
	c.get("").want(t, http.StatusOK, "/proof: evidence of 1 message", "<h2 id=\"h1\">")
}

// TestEvidenceUnusable: where evidence that came with a message cannot be used, that the key is
// published today makes no pass, in the list and on its own page, whatever is wrong with it.
func TestEvidenceUnusable(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	letter, other := a.letter(t, "Old invoice", "text"), a.letter(t, "Another", "text")
	proof, anchors := keep(t, a, letter)
	s := start(t, judging(a, anchors))
	c := enter(t, s)
	c.drop(file{"old.eml", letter}).want(t, http.StatusOK, "Pass")
	drops := 1
	for _, tt := range []struct {
		why  string
		data []byte
	}{
		{"was edited", bytes.Replace(proof, []byte(`"verdict":"pass"`), []byte(`"verdict":"fail"`), 1)},
		{"its version is not known here", bytes.Replace(proof, []byte(`{"dnseal-evidence":1`), []byte(`{"dnseal-evidence":9`), 1)},
		{"it is no file of evidence", []byte("hello")},
		{"it is no file of evidence", nil},
	} {
		drops++
		c.drop(file{"wrong.evidence", tt.data}, file{"old.eml", letter}).want(t, http.StatusOK, "Evidence not used:", tt.why, "Undecided 1")
		page := c.get(fmt.Sprintf("d/%d/1", drops))
		page.want(t, http.StatusOK, "<title>Undecided", "The evidence that was given does not decide this", "Evidence that came with the message cannot be used: wrong.evidence", tt.why)
		if strings.Contains(page.body, "v-pass") {
			t.Errorf("%s: a pass", tt.why)
		}
	}
	// What is right decides about its own message all the same, and about no other.
	c.drop(file{"wrong.evidence", nil}, file{"right.evidence", proof}, file{"old.eml", letter}, file{"other.eml", other}).want(t, http.StatusOK, "2 messages", "cannot be used: wrong.evidence")
	c.get(fmt.Sprintf("d/%d/1", drops+1)).want(t, http.StatusOK, "<title>Pass", "as of")
	c.get(fmt.Sprintf("d/%d/2", drops+1)).want(t, http.StatusOK, "<title>Undecided", "cannot be used: wrong.evidence")
	c.drop(file{"wrong.evidence", nil}, file{"wrong-too.evidence", nil}, file{"old.eml", letter}).want(t, http.StatusOK, "Undecided 1", "; and 1 more")
}

// TestEvidenceInside: where an archive holds messages and evidence, they are not judged by the DNS
// of today either.
func TestEvidenceInside(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	letter := a.letter(t, "Old invoice", "text")
	proof, anchors := keep(t, a, letter)
	opts := judging(a, anchors)
	var plain, both bytes.Buffer
	for out, files := range map[*bytes.Buffer]map[string][]byte{&plain: {"old.eml": letter}, &both: {"old.eml": letter, "kept/day.evidence": proof}} {
		w := zip.NewWriter(out)
		for name, data := range files {
			f, err := w.Create(name)
			must(t, err)
			_, err = f.Write(data)
			must(t, err)
		}
		must(t, w.Close())
	}
	name := filepath.Join(t.TempDir(), "case.zip")
	must(t, os.WriteFile(name, both.Bytes(), 0o600))
	s := start(t, opts, name)
	c := enter(t, s)
	want := []string{"Undecided 1", "Evidence not used:", "case.zip: evidence inside an archive is not read; take it out"}
	eventually(t, "the verdict", func() bool { return !strings.Contains(c.get("").body, "Being verified") })
	c.get("").want(t, http.StatusOK, want...)
	c.drop(file{"case.zip", both.Bytes()}).want(t, http.StatusOK, want...)
	c.drop(file{"case.zip", plain.Bytes()}).want(t, http.StatusOK, "Pass")
	c.drop(file{"case.zip", both.Bytes()}, file{"day.evidence", proof}).want(t, http.StatusOK, "Pass 1", "As of")
}

// TestShowEvidence: the command line can name a folder of evidence, and what cannot be opened is no
// way back to the DNS of today.
func TestShowEvidence(t *testing.T) {
	t.Parallel()
	a := newAuthor(t)
	letter := a.letter(t, "Old invoice", "text")
	proof, anchors := keep(t, a, letter)
	opts := judging(a, anchors)
	dir := t.TempDir()
	mail, folder, mixed := filepath.Join(dir, "old.eml"), filepath.Join(dir, "kept"), filepath.Join(dir, "mixed")
	must(t, os.WriteFile(mail, letter, 0o600))
	for _, d := range []string{folder, mixed, filepath.Join(dir, "folder.evidence")} {
		must(t, os.Mkdir(d, 0o700))
	}
	must(t, os.WriteFile(filepath.Join(folder, "day.evidence"), proof, 0o600))
	must(t, os.WriteFile(filepath.Join(mixed, "day.evidence"), proof, 0o600))
	must(t, os.WriteFile(filepath.Join(mixed, "old.eml"), letter, 0o600))
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{folder, mail}, []string{"Pass 1", "1 message", "As of", "day.evidence: evidence of 1 message"}},
		{[]string{mixed}, []string{"Pass 1", "1 message", "As of", "day.evidence: evidence of 1 message"}},
		{[]string{filepath.Join(dir, "lost.evidence"), mail}, []string{"Undecided 1", "lost.evidence: no such file"}},
		{[]string{filepath.Join(dir, "folder.evidence"), mail}, []string{"Pass 1"}},
	} {
		s := start(t, opts, tt.args...)
		c := enter(t, s)
		eventually(t, "the verdicts", func() bool { return !strings.Contains(c.get("").body, "Being verified") })
		c.get("").want(t, http.StatusOK, tt.want...)
	}
}
