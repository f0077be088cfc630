package hoptest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// archives keep mail, and give it out.
func archives() []hop {
	return []hop{
		{name: "public-inbox", want: "PPPPPP", why: "mboxrd where it gives messages out, which its first line says", copies: 3, pass: publicInbox},
	}
}

// publicInbox takes each message as it is, HTML too. They are read from its git repository, each
// from the web, and all from there.
func publicInbox(t *testing.T, p place, messages []string) []string {
	t.Helper()
	setup, agent := peertest.Program(t, "public-inbox-init"), peertest.Program(t, "public-inbox-mda")
	p.folder(t, ".public-inbox")
	p.file(t, ".public-inbox/config", "[publicinboxmda]\nspamcheck = none\n[publicinbox \"test\"]\nfilter = PublicInbox::Filter::Mirror\n")
	run(t, p.dir, "", setup, "-V2", "test", p.path("inbox"), "http://localhost/test", "list@example.net")
	for _, m := range messages {
		run(t, p.dir, lf(m), "/usr/bin/env", "ORIGINAL_RECIPIENT=list@example.net", agent, "--no-precheck")
	}
	return append(p.blobs(t), p.pages(t, len(messages))...)
}

// blobs are the messages in the git repository.
func (p place) blobs(t *testing.T) (files []string) {
	t.Helper()
	git, repository := peertest.Program(t, "git"), "--git-dir="+p.path("inbox/git/0.git")
	for n, commit := range strings.Fields(run(t, p.dir, "", git, repository, "rev-list", "HEAD")) {
		files = append(files, p.message(t, n, run(t, p.dir, "", git, repository, "show", commit+":m")))
	}
	return files
}

// pages are what the web server gives out.
func (p place) pages(t *testing.T, messages int) []string {
	t.Helper()
	addr := peertest.FreeAddr(t)
	p.serve(t, "/usr/bin/env", "HOME="+p.dir, peertest.Program(t, "public-inbox-httpd"), "-W", "0", "-l", addr)
	peertest.WaitListening(t, addr)
	site := "http://" + addr + "/test/"
	files := []string{p.file(t, "all.mbox.gz", get(t, site+"all.mbox.gz"))}
	for n := range messages {
		files = append(files, p.file(t, fmt.Sprintf("%d.raw", n), get(t, site+strings.Trim(messageID(n), "<>")+"/raw")))
	}
	return files
}

func get(t *testing.T, url string) string {
	t.Helper()
	in, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(in)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, reply.Status, err)
	}
	return string(text)
}
