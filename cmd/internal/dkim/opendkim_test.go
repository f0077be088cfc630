//go:build unix

package dkim

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// TestOpenDKIMVerifies: OpenDKIM verifies what we sign by RSA and by Ed25519, and sees each change.
func TestOpenDKIMVerifies(t *testing.T) {
	t.Parallel()
	program := peertest.Program(t, "opendkim")
	for _, k := range both("example.org") {
		dir := t.TempDir()
		peertest.WriteFile(t, filepath.Join(dir, "keys"), k.Name()+" "+k.Record()+"\n")
		peertest.WriteFile(t, filepath.Join(dir, "conf"), fmt.Sprintf("Mode v\nSyslog no\nTestPublicKeys %s/keys\n", dir))
		signed, n := sign(t, []Key{k}, readMail(t, peerMessage), nil)
		if n != 1 {
			t.Fatalf("%d signatures", n)
		}
		for _, change := range []struct {
			text string
			good bool
		}{
			{signed, true},
			{strings.Replace(signed, "Hi  there", "Ho  there", 1), false},
			{strings.Replace(signed, "From: Alice", "Cc: mallory@example.com\r\nFrom: Alice", 1), false},
		} {
			peertest.WriteFile(t, filepath.Join(dir, "mail"), change.text)
			out, err := exec.CommandContext(t.Context(), program, "-x", filepath.Join(dir, "conf"), "-t", filepath.Join(dir, "mail")).CombinedOutput()
			if good := err == nil && strings.Contains(string(out), "succeeded"); good != change.good {
				t.Errorf("%s: good %t, want %t: %v %s", k.Algorithm(), good, change.good, err, out)
			}
		}
	}
}
