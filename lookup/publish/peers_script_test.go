//go:build unix

package publish_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/lookup/lookuptest/peertest/authority"
	"dnseal/lookup/publish"
)

// TestScript: nsupdate and knsupdate read the script as it stands, make all of its changes, and
// refuse it a second time, when what it expects is no more so.
func TestScript(t *testing.T) {
	t.Parallel()
	for _, kind := range []authority.Kind{authority.BIND, authority.Knot, authority.Sandbox} {
		for _, program := range []string{"nsupdate", "knsupdate"} {
			t.Run(string(kind)+" "+program, func(t *testing.T) {
				t.Parallel()
				path := peertest.Program(t, program)
				p := startPrimary(t, kind, authority.Options{})
				c := p.client(t, p.Key, nil)
				old := publish.Change{Owner: "old._device." + p.Zone, Type: dane.TLSA, TTL: time.Minute, Add: []dane.Record{digest(1), digest(2)}}
				if err := c.Apply(t.Context(), old); err != nil {
					t.Fatal(err)
				}
				changes := []publish.Change{
					{Owner: "new._device." + p.Zone, Type: dane.TLSA, TTL: time.Hour, Add: []dane.Record{digest(1)}, Expect: []dane.Record{}},
					{Owner: old.Owner, Type: dane.TLSA, TTL: time.Hour, Add: []dane.Record{digest(1)}, Remove: []dane.Record{digest(2)}, Expect: old.Add},
					{Owner: "mail._smimecert." + p.Zone, Type: dane.SMIMEA, TTL: time.Hour, Add: []dane.Record{{Usage: 3, Data: make([]byte, 1500)}}},
				}
				script, err := c.Script(t.Context(), changes...)
				if err != nil {
					t.Fatal(err)
				}
				if out, failed := run(t, path, p.Key.File(t), script); failed != nil {
					t.Fatalf("%v\n%s\n%s", failed, out, script)
				}
				seen, err := c.ReadBack(t.Context(), changes...)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range seen {
					if len(s.Records) != 1 || s.TTL != time.Hour {
						t.Errorf("%+v", s)
					}
				}
				if out, err := run(t, path, p.Key.File(t), script); err == nil && !strings.Contains(out, "RRSET") {
					t.Errorf("a second time: %s", out)
				}
			})
		}
	}
}

// run runs a program of updates on a script.
func run(t *testing.T, program, keyFile, script string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script")
	peertest.WriteFile(t, file, script)
	args := []string{"-v", "-k", keyFile, file}
	if strings.HasSuffix(program, "knsupdate") {
		// Knot's -k reads its own form; its -y is the key itself.
		args = []string{"-v", "-y", colons(t, keyFile), file}
	}
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	return string(out), err
}

// colons is a key in the form of Knot's tools.
func colons(t *testing.T, file string) string {
	t.Helper()
	k, err := publish.LoadKey(file)
	if err != nil {
		t.Fatal(err)
	}
	return k.Algorithm + ":" + k.Name + ":" + k.Secret()
}
