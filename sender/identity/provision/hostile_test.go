package provision

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
)

// TestNextHalfCopied: somebody copies a next key into the folder, certificate first, while another
// command looks at it: nothing is switched, and nothing is lost.
func TestNextHalfCopied(t *testing.T) {
	t.Parallel()
	const name = "alice@example.org"
	for _, raw := range []bool{false, true} {
		dir, other := t.TempDir(), t.TempDir()
		first, err := identity.Create(dir, name, identity.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if raw {
			if err = os.Remove(first.CertFile); err != nil {
				t.Fatal(err)
			}
		}
		second, err := identity.Create(other, name, identity.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		f, err := Find(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		if err = os.Mkdir(f.path("next"), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{second.CertFile, second.KeyFile} {
			data, err := os.ReadFile(part) //nolint:govet // of this step
			if err == nil {
				err = os.WriteFile(f.path("next", filepath.Base(part)), data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			again, err := Lock(dir, name)
			if err != nil {
				t.Fatal(err)
			}
			again.Close()
			id, err := identity.Load(dir, name)
			if err != nil || id.KeyID() != first.KeyID() || !raw && !bytes.Equal(id.Certificate.Raw, first.Certificate.Raw) {
				t.Fatalf("raw %v, after %s: %v", raw, part, err)
			}
		}
		if f, err = Lock(dir, name); err != nil {
			t.Fatal(err)
		}
		err = f.Switch(time.Now())
		f.Close()
		if id, loadErr := identity.Load(dir, name); err != nil || loadErr != nil || id.KeyID() != second.KeyID() {
			t.Fatal(err, loadErr)
		}
	}
}

// TestLinkedKey: key.pem and cert.pem are links to files elsewhere, by paths that are relative: the
// earlier key can still be read after a switch.
func TestLinkedKey(t *testing.T) {
	t.Parallel()
	const name = "alice@example.org"
	dir := t.TempDir()
	first, err := identity.Create(dir, name, identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(first.KeyFile)
	for _, part := range []string{keyFile, certFile} {
		if err = os.Rename(filepath.Join(folder, part), filepath.Join(dir, part)); err == nil {
			err = os.Symlink(filepath.Join("..", part), filepath.Join(folder, part))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	f, err := Lock(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err = f.MakeNext(NextOptions{}); err != nil {
		t.Fatal(err)
	}
	if err = f.Switch(time.Now()); err != nil {
		t.Fatal(err)
	}
	k, err := f.Keys()
	if err != nil || len(k.Old) != 1 || k.Old[0].KeyID() != first.KeyID() {
		t.Fatalf("%v %+v", err, k)
	}
	if err = f.Settle(k.Old[0].GenerationID()); err != nil {
		t.Fatal(err)
	}
}

// TestArchiveInterrupted: a key that only its certificate tells the public half of, and a kill
// while it is linked into the folder of an earlier one.
func TestArchiveInterrupted(t *testing.T) {
	t.Parallel()
	const name = "alice@example.org"
	for links := range 3 {
		dir := t.TempDir()
		first, err := identity.Create(dir, name, identity.CreateOptions{Passphrase: "x"})
		if err != nil {
			t.Fatal(err)
		}
		f, err := Lock(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		folder, err := f.oldFolder(first.GenerationID(), time.Now())
		if err == nil {
			err = os.MkdirAll(folder, 0o700)
		}
		for _, part := range archived[:links] {
			if err == nil {
				err = link(f.path(part), filepath.Join(folder, part))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Keys(); err != nil {
			t.Errorf("after %d links: %v", links, err)
		}
	}
}

// TestLongState: a state.json of any size counts as lost, and is not read whole.
func TestLongState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Lock(dir, id.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err = os.WriteFile(f.path(stateFile), []byte("{"), 0o600); err == nil {
		err = os.Truncate(f.path(stateFile), 1<<40) // no room is used for it
	}
	if err != nil {
		t.Fatal(err)
	}
	m, note, err := f.Memory()
	if err != nil || !strings.Contains(note, "longer") || m.Publish {
		t.Errorf("%q, %v", note, err)
	}
	if err = f.Remember(lifecycle.Memory{Publish: true}); err != nil {
		t.Fatal(err)
	}
	if m, note, err = f.Memory(); err != nil || note != "" || !m.Publish {
		t.Errorf("written anew: %+v %q, %v", m, note, err)
	}
}

// TestFirstSwitchInterrupted: where no key was before, a run that is killed while it makes an
// encrypted next key the active one leaves a folder that is read, and that the next run ends.
func TestFirstSwitchInterrupted(t *testing.T) {
	t.Parallel()
	const name = "alice@example.org"
	for _, renamed := range []bool{false, true} {
		dir := t.TempDir()
		first, err := identity.Create(dir, name, identity.CreateOptions{Passphrase: "x"})
		if err != nil {
			t.Fatal(err)
		}
		f := &Folder{Name: name, Path: filepath.Dir(first.KeyFile)}
		if err = os.Mkdir(f.path("next"), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{keyFile, certFile} {
			if err = os.Rename(f.path(part), f.path("next", part)); err != nil {
				t.Fatal(err)
			}
		}
		if err = f.archive(time.Now()); err == nil && renamed {
			err = os.Rename(f.path("next", keyFile), f.path(keyFile))
		}
		if err != nil {
			t.Fatal(err)
		}
		again, err := Lock(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		if !renamed {
			err = again.Switch(time.Now())
		}
		k, keysErr := again.Keys()
		again.Close()
		if err != nil || keysErr != nil || k.Active == nil || k.Active.KeyID() != first.KeyID() || k.Next != nil || exists(f.path("next")) || !exists(f.path(certFile)) {
			t.Errorf("renamed %v: %v, %v, %+v", renamed, err, keysErr, k)
		}
	}
}
