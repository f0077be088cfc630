package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"dnseal/lookup/dane"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
)

// table is one of n devices.
func table(n int) string {
	var b strings.Builder
	b.WriteString("serial,site\n")
	for i := range n {
		fmt.Fprintf(&b, "SN-%06d,s%d\n", i, i%3)
	}
	return b.String()
}

// options enroll a table by a template.
func options(tb testing.TB, text, template string) EnrollOptions {
	tb.Helper()
	rows, err := NewRows(strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	names, err := ParseTemplate(template, rows.Columns)
	if err != nil {
		tb.Fatal(err)
	}
	return EnrollOptions{Rows: rows, Template: names, NameKey: []byte("key"), Form: lifecycle.Form{Usage: dane.DANEEE, Selector: 1, Matching: 1}, TTL: 300e9}
}

const devices = "{serial}._device.example.net"

// TestEnroll: the folders of a table are identities, each has one line, and a second run finds all
// of them there.
func TestEnroll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inv := newInventory(t, filepath.Join(dir, DefaultInventory))
	const many = 600
	for run := range 2 {
		opts := options(t, table(many), devices)
		opts.Dir = dir
		sum, err := inv.Enroll(context.Background(), opts)
		if want := []Enrollment{{Enrolled: many}, {There: many}}[run]; err != nil || sum != want {
			t.Fatalf("%+v, %v, want %+v", sum, err, want)
		}
	}
	seen := map[string]int{}
	if err := inv.Each(func(e Event) error {
		seen[e.Name]++
		id, err := identity.Load(dir, e.Name)
		if err != nil {
			return err
		}
		record, err := id.Record(3, 1, 1)
		if err != nil {
			return err
		}
		if e.Key != id.KeyID() || e.Record != recordText(record) || e.Row["serial"] == "" || e.Line < 2 || !e.NotAfter.Equal(id.Certificate.NotAfter) || id.CheckName() != nil {
			t.Errorf("%+v", e)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(seen) != many {
		t.Errorf("%d names", len(seen))
	}
}

// TestEnrollFailures: what is wrong is told by line, and the others are enrolled.
func TestEnrollFailures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inv := newInventory(t, filepath.Join(dir, DefaultInventory))
	opts := options(t, "serial\nA1\na1\nb.2\n"+strings.Repeat("x", 63)+"\n\"\nC3\n", "{serial}."+strings.Repeat("y.", 90)+"_device.example.net")
	opts.Dir = dir
	var told []string
	opts.Failed = func(f *Failure) { told = append(told, fmt.Sprintf("%d %s", f.Line, f.Code)) }
	sum, err := inv.Enroll(context.Background(), opts)
	if want := (Enrollment{Enrolled: 2, Failed: 4}); err != nil || sum != want {
		t.Errorf("%+v, %v", sum, err)
	}
	if got := strings.Join(told, ", "); got != "3 duplicate, 4 value, 5 name, 6 csv" {
		t.Error(got)
	}
}

// TestEnrollCollision: a template that makes one name of two rows enrolls one of them, in whatever
// run.
func TestEnrollCollision(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inv := newInventory(t, filepath.Join(dir, DefaultInventory))
	var told []string
	for _, text := range []string{"serial\nabc1\nabc2\n", "serial\nabc1\n", "serial\nabc3\nabc1\n"} {
		opts := options(t, text, "{serial[0:3]}._device.example.net")
		opts.Dir = dir
		opts.Failed = func(f *Failure) { told = append(told, f.Error()) }
		if _, err := inv.Enroll(context.Background(), opts); err != nil {
			t.Fatal(err)
		}
	}
	want := "fleet: line 3: it makes the same identity as line 2, abc._device.example.net\n" +
		"fleet: line 2: abc._device.example.net is enrolled already, for other values (line 2 of the table then)\n" +
		"fleet: line 3: it makes the same identity as line 2, abc._device.example.net"
	if got := strings.Join(told, "\n"); got != want {
		t.Error(got)
	}
}

// TestEnrollRevoked: a folder whose key is revoked is not taken over, also where nobody opens it.
func TestEnrollRevoked(t *testing.T) {
	t.Parallel()
	for _, passphrase := range []string{"", "secret"} {
		dir := t.TempDir()
		enroll := func(inventory string) (sum Enrollment, told []string) {
			opts := options(t, "serial\na1\n", "{serial}._device.example.net")
			opts.Dir, opts.Create.Passphrase = dir, passphrase
			opts.Failed = func(f *Failure) { told = append(told, f.Error()) }
			sum, err := newInventory(t, filepath.Join(dir, inventory)).Enroll(context.Background(), opts)
			if err != nil {
				t.Fatal(err)
			}
			return sum, told
		}
		if sum, told := enroll("first"); sum.Enrolled != 1 {
			t.Fatalf("%+v, %q", sum, told)
		}
		id, err := identity.LoadPublic(dir, "a1._device.example.net")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(id.KeyFile), identity.RevokedFile), []byte(id.KeyID()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if sum, told := enroll("second"); sum.Failed != 1 || !strings.Contains(told[0], "revoked") {
			t.Errorf("passphrase %q: %+v, %q", passphrase, sum, told)
		}
	}
}

// TestEnrollRandom: a row has one random name, in all runs, and two equal rows are told.
func TestEnrollRandom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inv := newInventory(t, filepath.Join(dir, DefaultInventory))
	var names, told []string
	for _, text := range []string{"serial,site\na,1\nb,1\n", "serial,site\nb,1\na,1\nc,2\nC,2\n"} {
		opts := options(t, text, "{random[0:2]}.{random}._device.example.net")
		opts.Dir = dir
		opts.Failed = func(f *Failure) { told = append(told, f.Error()) }
		if _, err := inv.Enroll(context.Background(), opts); err != nil {
			t.Fatal(err)
		}
	}
	if err := inv.Each(func(e Event) error { names = append(names, e.Name); return nil }); err != nil || len(names) != 3 {
		t.Errorf("%q, %v", names, err)
	}
	for _, name := range names {
		if len(name) != 29+len("._device.example.net") || name[:2] != name[3:5] {
			t.Error(name)
		}
	}
	if got := strings.Join(told, "\n"); got != "fleet: line 5: it makes the same identity as line 4" {
		t.Error(got)
	}
}

// TestEnrollZoneFile: the zone file has a record for each identity, in all runs, and its serial
// rises.
func TestEnrollZoneFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inv := newInventory(t, filepath.Join(dir, DefaultInventory))
	path := filepath.Join(dir, "zone")
	for run, n := range []int{40, 40, 60} {
		opts := options(t, table(n), "{hash(serial)[0:2]}.{hash(serial)[2:4]}.{site}._device.example.net")
		opts.Dir = dir
		var err error
		if opts.Zone, err = inv.BeginZoneFile(path, []byte("$ORIGIN .\nexample.net. 300 IN SOA a. b. {serial} 1 1 1 1")); err != nil {
			t.Fatal(err)
		}
		if _, err = inv.Enroll(context.Background(), opts); err != nil {
			t.Fatal(err)
		}
		if count, e := opts.Zone.Commit(); e != nil || count != n {
			t.Errorf("%d, %v", count, e)
		}
		text, err := os.ReadFile(path)
		if err != nil || strings.Count(string(text), " 300 IN TLSA 3 1 1 ") != n || !strings.Contains(string(text), fmt.Sprintf(" %d 1 1 1 1\n", 1796040000+run)) {
			t.Errorf("%v: %.200s", err, text)
		}
	}
}

// TestEnrollKeyFile: the inventory says where each key is, and what a run that was killed left
// after them is moved away.
func TestEnrollKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.pem")
	enroll := func(n int) *KeyFile {
		inv := newInventory(t, filepath.Join(dir, DefaultInventory))
		defer func() { _ = inv.Close() }()
		keys, err := inv.OpenKeyFile(path)
		if err != nil {
			t.Fatal(err)
		}
		opts := options(t, table(n), devices)
		opts.Keys = keys
		if _, err = inv.Enroll(context.Background(), opts); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		if err = inv.scan(func(e *Event) error {
			if e.What == Enrolled {
				count++
				one := string(text[e.At : e.At+e.Size])
				made, e2 := identity.Import(t.TempDir(), e.Name, []identity.File{{Name: "one", Data: []byte(one)}}, identity.ImportOptions{})
				if e2 != nil || made.Identity.KeyID() != e.Key || !strings.HasPrefix(one, "# "+e.Name+"\n") {
					t.Errorf("%v: %s", e2, one)
				}
			}
			return nil
		}); err != nil || count != n {
			t.Errorf("%d, %v", count, err)
		}
		_ = keys.Close()
		return keys
	}
	enroll(3)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = f.WriteString("# lost"); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	if keys := enroll(5); !strings.Contains(keys.Note, "6 octets were moved to keys.pem.cut") {
		t.Error(keys.Note)
	}
	if text, e := os.ReadFile(path + ".cut"); e != nil || string(text) != "# lost" {
		t.Errorf("%s, %v", text, e)
	}
	foreign := filepath.Join(dir, "foreign.pem")
	if err = os.WriteFile(foreign, []byte(keysHead), 0o600); err != nil {
		t.Fatal(err)
	}
	inv := newInventory(t, filepath.Join(dir, DefaultInventory))
	for file, want := range map[string]string{foreign: "does not know it", path: "keys are missing"} {
		if file == path {
			if err = os.Truncate(path, 200); err != nil {
				t.Fatal(err)
			}
		}
		if _, err = inv.OpenKeyFile(file); err == nil || !strings.Contains(err.Error()+identity.Hint(err), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestEnrollUnread: a table that cannot be read to its end is told with the cause, and what came
// before counts.
func TestEnrollUnread(t *testing.T) {
	t.Parallel()
	for range 10 {
		dir := t.TempDir()
		inv := newInventory(t, filepath.Join(dir, DefaultInventory))
		opts := options(t, table(2), devices)
		opts.Dir = dir
		rows, err := NewRows(io.MultiReader(strings.NewReader(table(3000)), iotest.ErrReader(errGone)))
		if err != nil {
			t.Fatal(err)
		}
		opts.Rows = rows
		if _, err = inv.Enroll(context.Background(), opts); !errors.Is(err, errGone) {
			t.Errorf("%v, want %v", err, errGone)
		}
	}
}
