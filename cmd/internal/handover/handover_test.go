package handover_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/cmd/internal/cli"
	made "dnseal/cmd/internal/handover"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/sender/fleet/handover"
	"dnseal/sender/identity"
)

const giverName = "fleet@maker.example"

// world is a giver, and devices whose keys are in folders.
type world struct {
	t     *testing.T
	dir   string
	giver *identity.Identity
	ids   []*identity.Identity
	out   bytes.Buffer
	err   bytes.Buffer
}

func newWorld(t *testing.T, devices int) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.giver = w.create(giverName)
	for i := range devices {
		w.ids = append(w.ids, w.create(fmt.Sprintf("s%d._device.example.net", i)))
	}
	return w
}

func (w *world) create(name string) *identity.Identity {
	w.t.Helper()
	id, err := identity.Create(w.dir, name, identity.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) string {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return w.path(name)
}

// Lookup and LookupFresh implement lookup.Resolver: the giver's record is published.
func (w *world) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	record, err := w.giver.Record(3, 1, 1)
	owner, _, err2 := w.giver.OwnerName()
	if err = errors.Join(err, err2); err != nil || name != owner {
		w.t.Error(name, err)
	}
	return &lookup.Result{Name: name, Type: t, Status: dnssec.Secure, Presence: dane.Present, Records: []dane.Record{record}}
}

func (w *world) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return w.Lookup(ctx, name, t)
}

// table writes a table of all devices: keys of even ones, certificates of odd ones.
func (w *world) table() string {
	text := "Serial,Name,Key\n"
	for i, id := range w.ids {
		key := id.Certificate.RawSubjectPublicKeyInfo
		if i%2 == 1 {
			key = id.Certificate.Raw
		}
		text += fmt.Sprintf("%03d,%s,%s\n", i, id.Name, base64.StdEncoding.EncodeToString(key))
	}
	return w.write("table.csv", text)
}

func (w *world) make(m made.Making) error {
	w.t.Helper()
	if table, ok := m.Source.(*made.Table); ok {
		if err := table.Open(); err != nil {
			return err
		}
	}
	w.out.Reset()
	w.err.Reset()
	m.Giver, m.Out, m.Err = w.giver, &w.out, &w.err
	return m.Run(w.t.Context())
}

func (w *world) take(to string, partial bool, files ...string) error {
	w.t.Helper()
	w.out.Reset()
	t := made.Taking{Options: handover.ReadOptions{Giver: giverName, Lookup: w}, Files: files, To: to, Partial: partial, Out: &w.out}
	return t.Run(w.t.Context())
}

func (w *world) rows(file string) [][]string {
	w.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// TestHands passes devices through two hands: of a table, taken, and given on as that table.
func TestHands(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	table := &made.Table{File: w.table(), Key: "key", Name: "name"}
	if err := w.make(made.Making{Source: table, To: w.path("h.p7m")}); err != nil {
		t.Fatal(err)
	}
	if err := w.take(w.path("taken.csv"), false, w.path("h.p7m")); err != nil {
		t.Fatal(err)
	}
	rows := w.rows(w.path("taken.csv"))
	if got := strings.Join(rows[0], " "); got != "name serial public_key provenance" || len(rows) != 4 {
		t.Fatalf("%q, %d rows", got, len(rows))
	}
	if got := rows[2][0] + " " + rows[2][1]; got != "s1._device.example.net 001" || rows[2][2] != base64.StdEncoding.EncodeToString(w.ids[1].Certificate.Raw) {
		t.Errorf("%q", rows[2])
	}
	again := &made.Table{File: w.path("taken.csv"), Key: made.KeyColumn, Name: made.NameColumn}
	if err := w.make(made.Making{Source: again, To: w.path("on.p7m")}); err != nil {
		t.Fatal(err)
	}
	if err := w.take(w.path("on.csv"), false, w.path("on.p7m")); err != nil {
		t.Fatal(err)
	}
	if got := w.rows(w.path("on.csv"))[3][3]; strings.Count(got, giverName) != 2 {
		t.Errorf("provenance %q", got)
	}
}

// TestParts: each part by itself, those that are there again left as they are, none missing or of
// another hand-over.
func TestParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	making := made.Making{Source: &made.Table{File: w.table(), Key: "key", Name: "name"}, To: w.path("h.p7m"), PerFile: 2}
	if err := w.make(making); err != nil {
		t.Fatal(err)
	}
	parts := []string{w.path("h-1.p7m"), w.path("h-2.p7m"), w.path("h-3.p7m")}
	first, _ := os.ReadFile(parts[0])
	w.write("h-2.p7m", string(first[:100])) // what a full disk would not leave
	if err := w.make(making); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(parts[0]); !bytes.Equal(first, again) || strings.Count(w.out.String(), "made before") != 2 {
		t.Errorf("a part that was there was made again: %s", &w.out)
	}
	other := made.Making{Source: making.Source, Taker: "integrator.example", To: w.path("other.p7m"), PerFile: 2}
	if err := w.make(other); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what  string
		files []string
		want  string
	}{
		{"missing", []string{parts[2], parts[0]}, "of the 3 parts of the hand-over 1 are missing: 2"},
		{"twice", []string{parts[0], parts[1], parts[0]}, "part 1 was given twice"},
		{"of another", []string{parts[0], w.path("other-2.p7m")}, "it is for integrator.example"},
	} {
		to := w.path(tt.what + ".csv")
		if err := w.take(to, false, tt.files...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.what, err)
		}
		if _, err := os.Stat(to); err == nil {
			t.Errorf("%s: the table is there", tt.what)
		}
	}
	if err := w.take(w.path("all.csv"), false, parts[2], parts[0], parts[1]); err != nil || len(w.rows(w.path("all.csv"))) != 6 {
		t.Error(err)
	}
	if err := w.take(w.path("some.csv"), true, parts[2]); err != nil || len(w.rows(w.path("some.csv"))) != 2 {
		t.Error(err)
	}
}

// TestWrongRows: every wrong row is told by its line, and nothing is signed.
func TestWrongRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	key := base64.StdEncoding.EncodeToString(w.ids[0].Certificate.RawSubjectPublicKeyInfo)
	table := w.write("t.csv", "serial,key,provenance\n1,"+key+",\n2,,\n3,AAAA,\n4,!,\n5,"+key+",x\n6\n7,-----BEGIN PRIVATE KEY-----,\n")
	err := w.make(made.Making{Source: &made.Table{File: table, Key: "key"}, To: w.path("h.p7m")})
	if !errors.Is(err, cli.ExitNotPass) {
		t.Error(err)
	}
	for line := 3; line <= 8; line++ {
		if !strings.Contains(w.err.String(), fmt.Sprintf("line %d: ", line)) {
			t.Errorf("line %d is not told: %s", line, &w.err)
		}
	}
	if _, err := os.Stat(w.path("h.p7m")); err == nil {
		t.Error("the hand-over is there")
	}
	for _, tt := range []made.Table{{File: table, Key: "nokey"}, {File: w.path("none.csv"), Key: "key"}, {File: "-", Key: "key"}, {File: w.write("e.csv", "key\n"), Key: "key"}} {
		if err := w.make(made.Making{Source: &tt, To: w.path("h.p7m")}); err == nil {
			t.Errorf("%+v: no error", tt)
		}
	}
}

// TestOwnInput: neither the table nor the hand-over is overwritten by what is made of it.
func TestOwnInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	table := w.table()
	before, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	source := &made.Table{File: table, Key: "key", Name: "name"}
	if err := w.make(made.Making{Source: source, To: table}); err == nil {
		t.Error("the table is the hand-over: no error")
	}
	if after, _ := os.ReadFile(table); !bytes.Equal(before, after) {
		t.Error("the table was overwritten")
	}
	if err := w.make(made.Making{Source: source, To: w.path("h.p7m")}); err != nil {
		t.Fatal(err)
	}
	if err := w.take(w.path("h.p7m"), false, w.path("h.p7m")); err == nil || !strings.Contains(err.Error(), "name another file") {
		t.Errorf("the hand-over is the table: %v", err)
	}
}

// TestOthersFile: what these commands did not make stays as it is; what they made is replaced.
func TestOthersFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	source := &made.Table{File: w.table(), Key: "key", Name: "name"}
	if err := w.make(made.Making{Source: source, To: w.path("h.p7m")}); err != nil {
		t.Fatal(err)
	}
	const text = "name,site\nof,somebody\n"
	other := w.write("other", text)
	errs := []error{w.make(made.Making{Source: source, To: other}), w.take(other, false, w.path("h.p7m"))}
	for _, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "was not made by this command") {
			t.Error(err)
		}
	}
	if after, err := os.ReadFile(other); err != nil || string(after) != text {
		t.Errorf("%q, %v", after, err)
	}
	for range 2 {
		if err := w.take(w.path("taken.csv"), false, w.path("h.p7m")); err != nil {
			t.Error(err)
		}
	}
	if err := w.make(made.Making{Source: source, To: w.path("h.p7m"), Taker: "taker.example"}); err != nil {
		t.Error(err)
	}
}

// TestFolders hands on what an inventory has that is not retired.
func TestFolders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	line := `{"time":"2026-11-30T10:00:00Z","event":%q,"name":"s%d._device.example.net","record":"3 1 1 00","row":{"serial":"%d","site":"b"}}` + "\n"
	inventory := w.write("fleet.jsonl", fmt.Sprintf(line+line+line+line, "enrolled", 0, 0, "enrolled", 1, 1, "enrolled", 2, 2, "retired", 1, 1))
	folders, err := made.NewFolders(inventory, w.dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.make(made.Making{Source: folders, To: w.path("h.p7m")}); err != nil {
		t.Fatal(err, &w.err)
	}
	if err := w.take(w.path("t.csv"), false, w.path("h.p7m")); err != nil {
		t.Fatal(err)
	}
	rows := w.rows(w.path("t.csv"))
	if len(rows) != 3 || strings.Join(rows[0], " ") != "name serial site public_key provenance" || rows[2][0] != w.ids[2].Name {
		t.Errorf("%q", rows)
	}
	if err := os.RemoveAll(filepath.Join(w.dir, w.ids[2].Name)); err != nil {
		t.Fatal(err)
	}
	if err := w.make(made.Making{Source: folders, To: w.path("h2.p7m")}); !errors.Is(err, cli.ExitNotPass) || !strings.Contains(w.err.String(), "its key is not here") {
		t.Errorf("%v: %s", err, &w.err)
	}
}

// TestFoldersRevoked: a key that was revoked by itself is handed over to nobody.
func TestFoldersRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	line := `{"time":"2026-11-30T10:00:00Z","event":"enrolled","name":"s%d._device.example.net","record":"3 1 1 00"}` + "\n"
	inventory := w.write("fleet.jsonl", fmt.Sprintf(line+line+line, 0, 1, 2))
	revoked := filepath.Join(w.dir, w.ids[1].Name, identity.RevokedFile)
	if err := os.WriteFile(revoked, []byte(w.ids[1].KeyID()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	folders, err := made.NewFolders(inventory, w.dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.make(made.Making{Source: folders, To: w.path("h.p7m")}); err != nil {
		t.Fatal(err, &w.err)
	}
	if want := "left out 1 identity, because the keys are revoked"; !strings.Contains(w.err.String(), want) || strings.Contains(w.err.String()+w.out.String(), "1 identities") {
		t.Errorf("%s%s", &w.err, &w.out)
	}
	if err := w.take(w.path("t.csv"), false, w.path("h.p7m")); err != nil {
		t.Fatal(err)
	}
	if rows := w.rows(w.path("t.csv")); len(rows) != 3 || rows[2][0] != w.ids[2].Name {
		t.Errorf("%q", rows)
	}
}

// TestWeakKey: a key that nobody may sign with is handed over to nobody, alone or in a certificate.
func TestWeakKey(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0") // so that the key can be made
	w := newWorld(t, 0)
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"a._device.example.net"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	table := w.write("weak.csv", "serial,key\n1,"+base64.StdEncoding.EncodeToString(der)+"\n2,"+base64.StdEncoding.EncodeToString(cert)+"\n")
	if err := w.make(made.Making{Source: &made.Table{File: table, Key: "key"}, To: w.path("h.p7m")}); !errors.Is(err, cli.ExitNotPass) || strings.Count(w.err.String(), "1024 bit") != 2 {
		t.Errorf("%v: %s", err, &w.err)
	}
}
