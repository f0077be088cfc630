package hoptest

import (
	"fmt"
	"os"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// nobody is the user, and the group, of the programs where root runs the tests: none of them needs
// more, and some refuse to work for root.
const nobody = 65534

// place is a folder of the test, which is the program's home. Its files are the program's.
type place struct{ dir string }

func newPlace(t *testing.T) place {
	t.Helper()
	p := place{peertest.ShortDir(t)}
	p.own(t, ".")
	return p
}

func (p place) path(name string) string { return p.dir + "/" + name }

// own hands a file or folder to the user that programs run as.
func (p place) own(t *testing.T, name string) string {
	t.Helper()
	if os.Getuid() == 0 {
		if err := os.Chown(p.path(name), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	return p.path(name)
}

// file writes a file that no other user can read, which some programs ask for, and returns its
// path.
func (p place) file(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(p.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p.own(t, name)
}

// message writes the file of message number n.
func (p place) message(t *testing.T, n int, text string) string {
	t.Helper()
	return p.file(t, fmt.Sprintf("%d.eml", n), text)
}

// messages writes each message as a Unix file.
func (p place) messages(t *testing.T, messages []string) (files []string) {
	t.Helper()
	for n, m := range messages {
		files = append(files, p.message(t, n, lf(m)))
	}
	return files
}

// folder makes a folder.
func (p place) folder(t *testing.T, name string) string {
	t.Helper()
	if err := os.Mkdir(p.path(name), 0o700); err != nil {
		t.Fatal(err)
	}
	return p.own(t, name)
}

// maildir makes an empty Maildir.
func (p place) maildir(t *testing.T, name string) string {
	t.Helper()
	for _, sub := range []string{"", "/cur", "/new", "/tmp"} {
		p.folder(t, name+sub)
	}
	return p.path(name)
}
