package hoptest

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

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

// serve runs a server until the test ends.
func (p place) serve(t *testing.T, program string, args ...string) {
	t.Helper()
	if os.Getuid() == 0 {
		id := strconv.Itoa(nobody)
		args = append([]string{"--reuid", id, "--regid", id, "--clear-groups", program}, args...)
		program = peertest.Program(t, "setpriv")
	}
	peertest.Run(t, program, args...)
}

// hand gives a message for one recipient to a server, by SMTP or LMTP.
func hand(t *testing.T, client *smtp.Client, recipient, message string) {
	t.Helper()
	err := client.Mail("alice@example.org", nil)
	if err == nil {
		err = client.Rcpt(recipient, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	w, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.WriteString(w, message); err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func dial(t *testing.T, network, addr string) net.Conn {
	t.Helper()
	d := net.Dialer{Timeout: patience}
	conn, err := d.DialContext(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}
