//go:build linux && !submit

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender/identity"
)

// TestReadmeDevice runs the device and the relay of README's section by the configurations that
// stand there: only folders, addresses, the resolver and the CA are those of the test.
func TestReadmeDevice(t *testing.T) {
	t.Parallel()
	blocks := readmeBlocks(t, "### A device that reports by mail")
	sink, dir, addr := startSubmission(t), t.TempDir(), peertest.FreeAddr(t)
	program, err := os.Executable()
	must(t, err)
	id, err := identity.Create(filepath.Join(dir, "keys"), "sensor7._device.example.net", identity.CreateOptions{})
	must(t, err)
	must(t, os.Mkdir(filepath.Join(dir, "identities"), 0o700))
	host, _, _ := net.SplitHostPort(addr)
	out, err := exec.CommandContext(t.Context(), peertest.Program(t, "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-keyout", filepath.Join(dir, "relay.key"), "-out", filepath.Join(dir, "relay.pem"), "-subj", "/CN=relay", "-addext", "subjectAltName=IP:"+host).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	own := strings.NewReplacer("/etc/dnseal/", dir+"/", "/var/lib/dnseal/", dir+"/", "/var/spool/dnseal", dir+"/spool", "0.0.0.0:587", addr, "127.0.0.1:10025", sink.addr, "relay.example.net", addr)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	submit := write("submit.toml", own.Replace(blocks[0])+"roots = \""+dir+"/relay.pem\"\n")
	relay := write("dnseal.toml", own.Replace(blocks[2])+deviceDNS(t, id, write))
	peertest.Run(t, "env", "DNSEAL_TEST_MAIN=1", program, "relay", "--config", relay)
	peertest.WaitListening(t, addr)

	must(t, os.Symlink(program, filepath.Join(dir, "dnseal")))
	command, _, _ := strings.Cut(blocks[1], "\n")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Env = append(os.Environ(), "DNSEAL_TEST_MAIN=1", "DNSEAL_SUBMIT="+submit, "PATH="+dir+":"+os.Getenv("PATH"))
	if out, err = cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	got := sink.mails()
	if len(got) != 1 || got[0].from != "sensor7@example.net" || got[0].to != "<ops@example.net>" || !strings.Contains(got[0].text, "multipart/signed") {
		t.Errorf("%+v", got)
	}
}

// deviceDNS serves the record of an identity, and returns the table [dns] for it.
func deviceDNS(t *testing.T, id *identity.Identity, write func(name, text string) string) string {
	t.Helper()
	owner, typ, err := id.OwnerName()
	must(t, err)
	record, err := id.Record(3, 1, 1)
	must(t, err)
	line, err := identity.FormatRecord(owner, typ, record, time.Minute, "zone")
	must(t, err)
	dns, err := lookuptest.New([]lookuptest.Zone{{Text: line + "\n", Origin: "example.net."}}, lookuptest.Options{})
	must(t, err)
	must(t, dns.Start("127.0.0.1:0"))
	t.Cleanup(func() { dns.Close() })
	return "[dns]\nresolvers = [\"" + dns.Addr() + "\"]\ntrust-anchor = \"" + write("anchor", dns.Anchor()) + "\"\n"
}
