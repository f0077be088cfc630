//go:build unix && !submit

package main

import (
	"bufio"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestView runs the command: the browser gets the printed address, which leads to the page with the
// file; another one on the same port is refused; an interrupt ends it as it should.
func TestView(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "mail.eml"), []byte("From: alice@example.org\r\nSubject: Chairs\r\n\r\nThree.\r\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "xdg-open"), []byte("#!/bin/sh\necho \"$1\" >"+dir+"/opened.new && mv "+dir+"/opened.new "+dir+"/opened\n"), 0o700))
	cmd := exec.CommandContext(t.Context(), os.Args[0], "view", "mail.eml")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DNSEAL_TEST_MAIN=1", "DISPLAY=:99", "PATH="+dir+":"+os.Getenv("PATH"), "DNSEAL_RESOLVER=127.0.0.1:1")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer cmd.Process.Kill()
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	address, err := url.Parse(strings.TrimSpace(line))
	must(t, err)
	opened := waitForFile(t, filepath.Join(dir, "opened"))
	if opened != line {
		t.Errorf("printed %q, opened %q", line, opened)
	}

	busy := exec.CommandContext(t.Context(), os.Args[0], "view", "--no-browser", "--listen", address.Host)
	busy.Env = append(os.Environ(), "DNSEAL_TEST_MAIN=1", "DNSEAL_RESOLVER=127.0.0.1:1")
	text, err := busy.CombinedOutput()
	var exit *exec.ExitError
	if !asExit(err, &exit) || exit.ExitCode() != 2 || !strings.HasPrefix(string(text), "dnseal: error: address "+address.Host+" is in use\ndnseal: hint: ") {
		t.Errorf("another one: %v, %s", err, text)
	}

	waitForPage(t, address.String(), "Chairs")
	must(t, cmd.Process.Signal(syscall.SIGINT))
	if err := cmd.Wait(); err != nil {
		t.Errorf("after an interrupt: %v", err)
	}
}

// TestViewOffline: with --offline nothing is asked, and what signers sent along decides.
func TestViewOffline(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "view", "--offline", "--no-browser", "../../testdata/vectors/001-pass.eml")
	cmd.Env = append(os.Environ(), "DNSEAL_TEST_MAIN=1")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	page := waitForPage(t, strings.TrimSpace(line), "Undecided")
	if !strings.Contains(page, "The record was not looked up, and is not proven: ") {
		t.Error(page)
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// waitForPage opens the address that dnseal view printed, and waits until the page has a word.
func waitForPage(t *testing.T, address, word string) (page string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	client := &http.Client{Jar: jar, Timeout: hang, Transport: &http.Transport{DisableKeepAlives: true}}
	for end := time.Now().Add(hang); !strings.Contains(page, word); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) { // of another process
			t.Fatalf("no %q on the page: %s", word, page)
		}
		resp, err := client.Get(address)
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		must(t, resp.Body.Close())
		page, address = string(body), resp.Request.URL.String()
	}
	return page
}

func waitForFile(t *testing.T, name string) string {
	t.Helper()
	for end := time.Now().Add(hang); ; time.Sleep(5 * time.Millisecond) { // of another process
		text, err := os.ReadFile(name)
		if err == nil {
			return string(text)
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
