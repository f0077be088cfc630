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
