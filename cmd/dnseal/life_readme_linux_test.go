//go:build !submit

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/lookup/lookuptest/peertest/authority"
)

// TestReadmeFirstPass runs the commands of README's section from a signed zone to the first pass as
// they stand there, against a named with the configuration that stands there. It has a network of
// its own, so that named answers on port 53 and is found as everywhere: by SOA and NS records.
func TestReadmeFirstPass(t *testing.T) {
	t.Parallel()
	blocks := readmeBlocks(t, "### From a signed zone to the first `pass`")
	conf, commands := blocks[0], strings.Split(strings.TrimSpace(blocks[1]), "\n")
	if len(commands) > 4 {
		t.Errorf("%d commands, at most 4", len(commands))
	}
	ownNetwork(t)
	dir := t.TempDir()
	key := authority.NewKey("dnseal")
	must(t, os.WriteFile(filepath.Join(dir, "dnseal.key"), []byte(key.String()), 0o600))
	conf = strings.ReplaceAll(conf, "/etc/bind/", dir+"/")
	conf = strings.ReplaceAll(conf, "/var/lib/bind/example.org", "zone")
	s := authority.Start(t, authority.BIND, "example.org", authority.Options{Addr: "192.0.2.53:53", Statements: conf})
	resolver := authority.Resolver(t, s) // one for all: publishing leaves nothing in its cache
	must(t, os.WriteFile(filepath.Join(dir, "anchor"), []byte(s.Anchor), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "mail.eml"), []byte("From: alice@example.org\r\nSubject: Chairs\r\n\r\nThree, please.\r\n"), 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "bin"), 0o700))
	program, err := filepath.Abs(os.Args[0])
	must(t, err)
	must(t, os.Symlink(program, filepath.Join(dir, "bin", "dnseal")))
	for i, line := range commands {
		command, prints, _ := strings.Cut(line, "#")
		cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "DNSEAL_TEST_MAIN=1", "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "DNSEAL_RESOLVER="+resolver, "DNSEAL_TRUST_ANCHOR="+filepath.Join(dir, "anchor"))
		out, err := cmd.CombinedOutput()
		t.Logf("$ %s\n%s", strings.TrimSpace(command), out)
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		for part := range strings.SplitSeq(prints, "…") {
			if part = strings.TrimSpace(part); !strings.Contains(string(out), part) {
				t.Errorf("%s does not print %q", command, part)
			}
		}
		if i == len(commands)-1 && !strings.Contains(string(out), "signed.eml: pass\n") {
			t.Error("no pass at the end")
		}
	}
}

// readmeBlocks are the code blocks of a section of README.md.
func readmeBlocks(t *testing.T, heading string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	must(t, err)
	_, section, found := strings.Cut(string(text), "\n"+heading+"\n")
	if !found {
		t.Fatalf("README.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n#")
	for i, part := range strings.Split(section, "```") {
		if i%2 == 1 {
			blocks = append(blocks, strings.TrimLeft(part, "\n"))
		}
	}
	return blocks
}

// ownNetwork gives the rest of the test a network of its own, with the addresses 127.0.0.0/8 and
// 192.0.2.53: its goroutine keeps its thread, and programs that it starts are in that network too.
// Only root can.
func ownNetwork(t *testing.T) {
	t.Helper()
	ip := peertest.Program(t, "ip")
	peertest.NeedRoot(t, "only root can make a network for named to answer on port 53")
	runtime.LockOSThread() // until the goroutine ends, and the thread with it
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		peertest.Skip(t, "no network of its own for named to answer on port 53: "+err.Error())
	}
	for _, args := range [][]string{{"link", "set", "lo", "up"}, {"addr", "add", "192.0.2.53/32", "dev", "lo"}} {
		if out, err := exec.CommandContext(t.Context(), ip, args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %q: %v\n%s", args, err, out)
		}
	}
}
