package provision

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"dnseal/sender/identity"
)

// TestNextIsProtectedAlike: an encrypted key is followed by an encrypted one, and a key that is
// elsewhere by none that is in a file.
func TestNextIsProtectedAlike(t *testing.T) {
	t.Parallel()
	const name = "alice@example.org"
	dir := t.TempDir()
	id, err := identity.Create(dir, name, identity.CreateOptions{Passphrase: "open sesame"})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Lock(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err = f.MakeNext(NextOptions{}); !errors.Is(err, identity.ErrLocked) {
		t.Fatalf("without the passphrase: %v", err)
	}
	if err = os.WriteFile(f.path(passFile), []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err = f.MakeNext(NextOptions{}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(f.path("next", keyFile))
	if err != nil || !strings.Contains(string(text), "ENCRYPTED PRIVATE KEY") {
		t.Fatalf("the next key is not encrypted: %v", err)
	}
	if err = f.Switch(time.Now()); err != nil {
		t.Fatal(err)
	}
	next, err := identity.Load(dir, name)
	if err != nil || next.KeyID() == id.KeyID() {
		t.Fatal(err)
	}
	if err = os.WriteFile(f.path(keyFile), []byte("pkcs11:token=x;object=y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err = f.MakeNext(NextOptions{}); err == nil || exists(f.path("next")) {
		t.Fatalf("a key in a file follows one on a token: %v", err)
	}
}

// TestAlgorithmOfNext: where a next key is there another algorithm is refused, instead of left out
// of account.
func TestAlgorithmOfNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	id := w.create("alice@example.org")
	w.pass(w.run(id.Name, ToPublish(PublishOptions{})))
	roll := func(algorithm string) *Outcome {
		w.Intent, w.begun = ToRollOver(RolloverOptions{NextOptions: NextOptions{CreateOptions: identity.CreateOptions{Algorithm: algorithm}}}), nil
		return w.Run(t.Context(), []string{id.Name})[0]
	}
	for _, tt := range []struct {
		algorithm string
		refused   bool
	}{{"p384", false}, {"p384", false}, {"", false}, {"ed25519", true}} {
		if o := roll(tt.algorithm); (o.Err != nil) != tt.refused || tt.refused && identity.Hint(o.Err) == "" {
			t.Errorf("%q: %v", tt.algorithm, o.Err)
		}
	}
	next, err := identity.LoadPublicFolder(w.Dir+"/"+id.Name+"/next", id.Name)
	if err != nil || next.Algorithm() != "p384" {
		t.Fatal(err)
	}
	w.run(id.Name, ToRevoke(next.KeyID(), w.at))
	if o := roll("ed25519"); o.Err != nil || o.Keys.Next == nil || o.Keys.Next.Algorithm() != "ed25519" {
		t.Errorf("after the next key was revoked: %v", o.Err)
	}
}
