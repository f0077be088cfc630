package handover_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"testing"

	"dnseal/cmd/internal/cli"
	made "dnseal/cmd/internal/handover"
)

// TestSecrets: private keys, keys that prove nothing and keys of two are told by their lines, and
// never shown.
func TestSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	p8, err := x509.MarshalPKCS8PrivateKey(w.ids[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weakDER, err := x509.MarshalPKIXPublicKey(&weak.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	std := base64.StdEncoding.EncodeToString
	key, cert := std(w.ids[0].Certificate.RawSubjectPublicKeyInfo), std(w.ids[0].Certificate.Raw)
	text := std(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p8}))
	table := w.write("t.csv", "serial,key\n1,"+std(p8)+"\n2,"+text+"\n3,"+key+"\n4,"+std(weakDER)+"\n5,"+cert+"\n6,"+key[:40]+"\n")
	if err = w.make(made.Making{Source: &made.Table{File: table, Key: "key"}, To: w.path("h.p7m")}); !errors.Is(err, cli.ExitNotPass) {
		t.Error(err)
	}
	for _, want := range []string{
		"line 2: it has a private key, which must never leave its device", "line 3: it has a private key",
		"line 5: ", "line 6: its key is that of line 4 too", "line 7: ",
	} {
		if !strings.Contains(w.err.String(), want) {
			t.Errorf("not told: %s", want)
		}
	}
	if told := w.err.String(); strings.Contains(told, "line 4: ") || strings.Contains(told, text[:16]) || strings.Contains(told, std(p8)[:16]) {
		t.Error(told)
	}
}

// TestGivenOn: a table that take wrote is given on without more said, a row without name too; a
// column that take would refuse is refused at once.
func TestGivenOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	key := base64.StdEncoding.EncodeToString(w.ids[0].Certificate.RawSubjectPublicKeyInfo)
	source := &made.Table{File: w.write("t.csv", "serial,public_key\n1,"+key+"\n"), Key: made.KeyColumn}
	for _, hand := range []string{"first", "second", "third"} {
		if err := w.make(made.Making{Source: source, To: w.path(hand + ".p7m")}); err != nil {
			t.Fatal(hand, err, &w.err)
		}
		if err := w.take(w.path(hand+".csv"), false, w.path(hand+".p7m")); err != nil {
			t.Fatal(hand, err)
		}
		source = &made.Table{File: w.path(hand + ".csv"), Key: made.KeyColumn}
	}
	rows := w.rows(w.path("third.csv"))
	if strings.Join(rows[0], " ") != "name serial public_key provenance" || rows[1][0] != "" || strings.Count(rows[1][3], giverName) != 3 {
		t.Errorf("%q", rows)
	}
	for _, columns := range []string{"name,key", "public_key,key"} {
		table := &made.Table{File: w.write("own.csv", columns+"\nx,"+key+"\n"), Key: "key"}
		if err := w.make(made.Making{Source: table, To: w.path("own.p7m")}); err == nil || !strings.Contains(err.Error(), "which a hand-over has for itself") {
			t.Errorf("%s: %v", columns, err)
		}
	}
}

// full is a disk on which nothing has room.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

// TestNotPrinted: a result that cannot be printed is an error.
func TestNotPrinted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	source := &made.Table{File: w.table(), Key: "key", Name: "name"}
	if err := w.make(made.Making{Source: source, To: w.path("h.p7m")}); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"h.p7m", "new.p7m"} { // made before, and not
		m := made.Making{Source: source, To: w.path(to), Giver: w.giver, Out: full{}, Err: &w.err}
		if err := m.Run(t.Context()); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// TestTold: what is wrong is told once, with its object, in the words of people.
func TestTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	source := &made.Table{File: w.table(), Key: "key", Name: "name"}
	if err := w.make(made.Making{Source: source, To: w.path("h.p7m"), PerFile: 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.take(w.path("t.csv"), true, w.path("h-2.p7m")); err != nil || !strings.Contains(w.out.String(), "; of its 3 parts 2 are missing: 1, 3") {
		t.Error(err, w.out.String())
	}
	if err := w.make(made.Making{Source: source, To: w.path("x.p7m"), Taker: "nonsense !!"}); err == nil || !strings.Contains(err.Error(), "--taker: ") {
		t.Error(err)
	}
	none, empty := w.path("none.p7m"), w.write("empty.p7m", "")
	if err := w.take(w.path("t2.csv"), false, none); err == nil || err.Error() != none+": no such file or directory" {
		t.Error(err)
	}
	if err := w.take(w.path("t2.csv"), false, empty); err == nil || err.Error() != empty+": it is empty" {
		t.Error(err)
	}
	if err := w.make(made.Making{Source: &made.Table{File: w.dir, Key: "key"}, To: w.path("x.p7m")}); err == nil || !strings.Contains(err.Error(), "--from: "+w.dir+" is no regular file") {
		t.Error(err)
	}
}

// TestNoRegularFile: folders and links in the place of what is made stay as they are.
func TestNoRegularFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	source := &made.Table{File: w.table(), Key: "key", Name: "name"}
	if err := w.make(made.Making{Source: source, To: w.path("h.p7m")}); err != nil {
		t.Fatal(err)
	}
	folder, link := w.path("folder"), w.path("link")
	if err := errors.Join(os.Mkdir(folder, 0o700), os.Symlink("h.p7m", link)); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{folder, link} {
		before, _ := os.Lstat(to)
		for _, err := range []error{w.make(made.Making{Source: source, To: to}), w.take(to, false, w.path("h.p7m"))} {
			if err == nil || !strings.Contains(err.Error(), "is no regular file") && !strings.Contains(err.Error(), "the hand-over itself") {
				t.Errorf("%s: %v", to, err)
			}
		}
		if after, _ := os.Lstat(to); !os.SameFile(before, after) {
			t.Errorf("%s was replaced", to)
		}
	}
}
