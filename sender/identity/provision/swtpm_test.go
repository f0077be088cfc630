//go:build unix

package provision

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/tpm"
)

// TestTPM takes an identity whose key is in a TPM, with a password, through a rollover: the next
// key is in the TPM too, with the same password. Without it nothing is made.
func TestTPM(t *testing.T) {
	t.Setenv(tpm.Env, peertest.SWTPM(t))
	w := newWorld(t, "")
	const name, password = "alice@example.org", "open sesame"
	id, err := identity.Create(w.Dir, name, identity.CreateOptions{TPM: true, Passphrase: password, Algorithm: "rsa2048"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Lock(w.Dir, name)
	if err != nil {
		t.Fatal(err)
	}
	if err = f.MakeNext(NextOptions{}); !errors.Is(err, identity.ErrLocked) || exists(f.path(identity.NextFolder)) {
		t.Fatalf("without the password: %v", err)
	}
	if err = os.WriteFile(f.path(passFile), []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.Close()
	w.pass(w.run(name, ToPublish(PublishOptions{})))
	zero := time.Duration(0)
	opts := RolloverOptions{Retention: lifecycle.Withdraw, OldFor: &zero}
	o := w.run(name, ToRollOver(opts))
	w.want(o, lifecycle.NextPublished, lifecycle.Wait)
	for range 2 {
		w.pass(o)
		o = w.run(name, ToRollOver(opts))
	}
	w.want(o, lifecycle.Active, lifecycle.Nothing)
	next, err := identity.Load(w.Dir, name)
	if err != nil || next.KeyID() == id.KeyID() || next.Algorithm() != "rsa2048" {
		t.Fatalf("the next key: %v", err)
	}
	if _, err = next.NewCertificate(identity.CreateOptions{}); err != nil {
		t.Errorf("the next key does not sign: %v", err)
	}
	text, err := os.ReadFile(next.KeyFile)
	if err != nil || !strings.HasPrefix(string(text), "-----BEGIN TSS2 PRIVATE KEY-----") {
		t.Errorf("key.pem of the next key: %v\n%s", err, text)
	}
	old, err := filepath.Glob(filepath.Join(filepath.Dir(next.KeyFile), "old", "*", keyFile))
	if err != nil || len(old) != 1 {
		t.Fatalf("%v %q", err, old)
	}
	if text, _ = os.ReadFile(old[0]); strings.Contains(string(text), "-----BEGIN TSS2 ") {
		t.Errorf("the old key is still there:\n%s", text)
	}
}
