//go:build cgo && pkcs11 && unix

package provision

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/pkcs11"
)

// hsm is a SoftHSM with a token of the PIN testPIN.
type hsm struct {
	peertest.SoftHSM
	uri string // without the key
}

const (
	testPIN   = "correct-horse"
	aliceName = "alice@example.org"
)

// TestTokens is of all tests with SoftHSM: a process has one, with one configuration, which sees
// the tokens that were there at its start.
func TestTokens(t *testing.T) {
	soft, there := peertest.NewSoftHSM(t.TempDir())
	if !there {
		peertest.Missing(t, "softhsm2")
	}
	t.Setenv("SOFTHSM2_CONF", soft.Config)
	tests := map[string]func(*testing.T, hsm){
		"life": lifeOnToken, "killed": killedOnToken, "renewal": renewalOnToken, "raw": rawOnToken, "gone": goneToken,
	}
	for name := range tests {
		soft.Token(t, name, testPIN)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, hsm{soft, "pkcs11:token=" + name}) })
	}
}

// create makes an identity with its key on the token.
func (h hsm) create(t *testing.T, dir, algorithm string) *identity.Identity {
	t.Helper()
	id, err := identity.Create(dir, aliceName, identity.CreateOptions{
		PKCS11: h.uri + ";object=alice?module-path=" + h.Module, Passphrase: testPIN, Algorithm: algorithm,
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(filepath.Dir(id.KeyFile), passFile), []byte(testPIN+"\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// keys lists the private keys on the token.
func (h hsm) keys(t *testing.T) string {
	t.Helper()
	return h.Tool(t, "--token-label", strings.TrimPrefix(h.uri, "pkcs11:token="), "--login", "--pin", testPIN, "--list-objects", "--type", "privkey")
}

func (h hsm) wantKeys(t *testing.T, n int) {
	t.Helper()
	if list := h.keys(t); strings.Count(list, "Private Key Object") != n {
		t.Errorf("want %d keys, the token has\n%s", n, list)
	}
}

// lock locks the folder of the identity.
func lock(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := Lock(dir, aliceName)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// lifeOnToken takes an identity through two rollovers, and deletes the old key as the note says.
func lifeOnToken(t *testing.T, h hsm) {
	t.Helper()
	w := newWorld(t, "")
	id := h.create(t, w.Dir, "rsa2048-pss")
	w.pass(w.run(aliceName, ToPublish(PublishOptions{})))
	zero := time.Duration(0)
	for i, algorithm := range []string{"", "p384"} {
		opts := RolloverOptions{Retention: lifecycle.Withdraw, OldFor: &zero}
		opts.Algorithm = algorithm
		roll := ToRollOver(opts)
		var notes []string
		for range 3 {
			o := w.run(aliceName, roll)
			if notes = append(notes, o.Notes...); o.Step.Do == lifecycle.Wait {
				w.pass(o)
			}
		}
		next, err := identity.Load(w.Dir, aliceName)
		if err != nil || next.KeyID() == id.KeyID() {
			t.Fatal("the next key does not sign", err)
		}
		if want := []string{"rsa2048-pss", "p384"}[i]; next.Algorithm() != want {
			t.Errorf("the next key is of %s, want %s", next.Algorithm(), want)
		}
		text, _ := os.ReadFile(next.KeyFile)
		if !strings.HasPrefix(string(text), h.uri+";object=alice-20") || strings.Count(string(text), "-20") != 1 || !strings.Contains(string(text), "?module-path=") {
			t.Errorf("key.pem of the next key: %s", text)
		}
		if len(notes) != 1 || !strings.Contains(notes[0], "stays on its token") {
			t.Fatalf("notes %q, events %q", notes, w.events)
		}
		h.wantKeys(t, 2)
		_, command, _ := strings.Cut(notes[0], "delete it with: ")
		if out, err := exec.CommandContext(t.Context(), "sh", "-c", command+" --pin "+testPIN).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		h.wantKeys(t, 1)
		if again, err := identity.Load(w.Dir, aliceName); err != nil || again.KeyID() != next.KeyID() {
			t.Fatal("another key was deleted", err)
		}
		id = next
	}
}

// killedOnToken: at each point where a run can be killed the next one ends with the one key that
// was made, and a key that was thrown away is not made use of again.
func killedOnToken(t *testing.T, h hsm) {
	t.Helper()
	dir := t.TempDir()
	h.create(t, dir, "p256")
	f := lock(t, dir)
	text, err := os.ReadFile(f.path(keyFile))
	if err != nil {
		t.Fatal(err)
	}
	planned, err := f.planObject(firstOf(text), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	uri, err := pkcs11.ParseURI(planned)
	if err != nil {
		t.Fatal(err)
	}
	made, err := pkcs11.Generate(uri, "p256", pkcs11.Options{PIN: testPIN})
	if err != nil {
		t.Fatal(err)
	}
	// The certificate fails: so it is said which object is used by the next run.
	failing := NextOptions{}
	failing.Days = 1 << 20
	if err = f.MakeNext(failing); err == nil || exists(f.path(identity.NextFolder)) {
		t.Fatalf("an error of the certificate: %v", err)
	}
	other := NextOptions{}
	other.Algorithm = "p384"
	if err = f.MakeNext(other); err == nil || !strings.Contains(err.Error(), planned) || !strings.Contains(identity.Hint(err), plannedFile) {
		t.Fatalf("another algorithm: %v", err)
	}
	if err = f.MakeNext(NextOptions{}); err != nil {
		t.Fatal(err)
	}
	h.wantKeys(t, 2)
	k, err := f.Keys()
	if pub, ok := k.Next.Public.(interface{ Equal(any) bool }); err != nil || ok && !pub.Equal(made.Public()) {
		t.Fatalf("the key that was made is not the next one: %v", err)
	}
	// Killed before the plan was removed.
	if err = os.WriteFile(f.path(plannedFile), []byte(planned), 0o600); err != nil {
		t.Fatal(err)
	}
	f.Close()
	f = lock(t, dir)
	if exists(f.path(plannedFile)) {
		t.Error("the plan is still there")
	}
	first := k.Next.KeyID()
	if err = errors.Join(f.dropNext(), f.MakeNext(NextOptions{})); err != nil {
		t.Fatal(err)
	}
	if k, err = f.Keys(); err != nil || k.Next.KeyID() == first {
		t.Fatalf("the key that was thrown away is the next one: %v", err)
	}
	// Killed in the switch.
	next := k.Next.KeyID()
	if err = errors.Join(f.archive(time.Now()), os.Rename(f.path(identity.NextFolder, keyFile), f.path(keyFile))); err != nil {
		t.Fatal(err)
	}
	if id, e := identity.Load(dir, aliceName); e != nil || id.KeyID() != next {
		t.Fatalf("in the switch: %v", e)
	}
	f.Close()
	f = lock(t, dir)
	if k, err = f.Keys(); err != nil || k.Active.KeyID() != next || k.Next != nil || len(k.Old) != 1 {
		t.Fatalf("after the switch: %v", err)
	}
}

func firstOf(text []byte) string {
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// renewalOnToken: the key is still used, so nobody is told to delete it.
func renewalOnToken(t *testing.T, h hsm) {
	t.Helper()
	dir := t.TempDir()
	id := h.create(t, dir, "p256")
	f := lock(t, dir)
	if err := errors.Join(f.MakeNext(NextOptions{Renew: true}), f.Switch(time.Now()), f.Settle(id.GenerationID())); err != nil {
		t.Fatal(err)
	}
	k, err := f.Keys()
	if err != nil || k.Active.KeyID() != id.KeyID() || k.Active.GenerationID() == id.GenerationID() {
		t.Fatalf("the certificate is not renewed: %v", err)
	}
	if u, ok := k.Object(id.GenerationID()); ok {
		t.Errorf("%s is said to be left", u)
	}
	h.wantKeys(t, 1)
}

// rawOnToken: a key without certificate is followed by one without.
func rawOnToken(t *testing.T, h hsm) {
	t.Helper()
	dir := t.TempDir()
	id := h.create(t, dir, "p256")
	if err := os.Remove(id.CertFile); err != nil {
		t.Fatal(err)
	}
	f := lock(t, dir)
	if err := errors.Join(f.MakeNext(NextOptions{}), f.Switch(time.Now())); err != nil {
		t.Fatal(err)
	}
	next, err := identity.Load(dir, aliceName)
	if err != nil || next.Certificate != nil || next.KeyID() == id.KeyID() {
		t.Fatalf("%+v, %v", next, err)
	}
}

// goneToken: where the PIN is missing nothing is made, and nothing is left.
func goneToken(t *testing.T, h hsm) {
	t.Helper()
	dir := t.TempDir()
	h.create(t, dir, "p256")
	f := lock(t, dir)
	if err := os.WriteFile(f.path(passFile), []byte("wrong-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := f.MakeNext(NextOptions{})
	if !errors.Is(err, identity.ErrLocked) || strings.Contains(err.Error()+identity.Hint(err), "wrong-secret") || exists(f.path(identity.NextFolder)) || exists(f.path(plannedFile)) {
		t.Fatalf("a wrong PIN: %v", err)
	}
	h.wantKeys(t, 1)
}
