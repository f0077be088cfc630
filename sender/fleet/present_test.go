package fleet

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/sender/identity"
)

// revoke says of the key of an identity what dnseal identity revoke does.
func revoke(t *testing.T, dir, name string) {
	t.Helper()
	id, err := identity.LoadPublic(dir, name)
	if err == nil {
		err = os.WriteFile(filepath.Join(filepath.Dir(id.KeyFile), identity.RevokedFile), []byte(id.KeyID()+" 2026-11-30T00:00:00Z\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// rekey puts another key into the folder of an identity, as a rollover leaves it, and returns its
// record.
func rekey(t *testing.T, dir, name string, opts identity.CreateOptions) string {
	t.Helper()
	folder := filepath.Join(dir, identity.FolderName(name))
	if err := os.Rename(folder, t.TempDir()+"/old"); err != nil {
		t.Fatal(err)
	}
	id, err := identity.Create(dir, name, opts)
	if err != nil {
		t.Fatal(err)
	}
	r, err := id.Record(3, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	return recordText(r)
}

// TestRevokedStaysOut: a key that was revoked by itself is in no zone file, is not published, and
// its row is told.
func TestRevokedStaysOut(t *testing.T) {
	t.Parallel()
	const name = "sn-000001.s1._device.example.net"
	inv, dir := enrolled(t, 5)
	inv.Dir = dir
	revoke(t, dir, name)
	path := filepath.Join(dir, "zone")
	z, err := inv.BeginZoneFile(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, e := z.Commit(); e != nil || n != 4 {
		t.Errorf("%d records, %v", n, e)
	}
	server := newZone()
	sum, _, err := publishTo(t, inv, server)
	if err != nil || sum.Published != 4 || len(server.records[name+"."]) != 0 {
		t.Errorf("%+v, %v, %q", sum, err, server.records[name+"."])
	}
	opts := options(t, table(5), "{serial}.{site}._device.example.net")
	opts.Dir = dir
	var told []string
	opts.Failed = func(f *Failure) { told = append(told, string(f.Code)+" "+f.Error()) }
	if sum, err := inv.Enroll(context.Background(), opts); err != nil || sum != (Enrollment{There: 4, Failed: 1}) || !strings.HasPrefix(told[0], "retired fleet: line 3: ") {
		t.Errorf("%+v, %v, %q", sum, err, told)
	}
}

// TestRolledOver: the key in the folder counts, whichever was enrolled.
func TestRolledOver(t *testing.T) {
	t.Parallel()
	const name = "sn-000001.s1._device.example.net"
	inv, dir := enrolled(t, 5)
	inv.Dir = dir
	want := rekey(t, dir, name, identity.CreateOptions{})
	path := filepath.Join(dir, "zone")
	z, err := inv.BeginZoneFile(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, e := z.Commit(); e != nil || n != 5 {
		t.Errorf("%d records, %v", n, e)
	}
	if text, e := os.ReadFile(path); e != nil || !strings.Contains(string(text), name+". 300 IN TLSA "+want+"\n") {
		t.Errorf("%s, %v", text, e)
	}
	server := newZone()
	if _, _, err = publishTo(t, inv, server); err != nil || strings.Join(server.records[name+"."], " ") != want {
		t.Errorf("%q, %v", server.records[name+"."], err)
	}
}

// TestPresentUnreadable: a folder that cannot be read is told, and keeps the record of no other
// name from being published, or from leaving the zone; its own leaves it when it is retired.
func TestPresentUnreadable(t *testing.T) {
	t.Parallel()
	const name = "sn-000001.s1._device.example.net"
	inv, dir := enrolled(t, 5)
	inv.Dir = dir
	if err := os.WriteFile(filepath.Join(dir, name, "cert.pem"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	failures := 0
	inv.Failed = func(f *Failure) {
		if failures++; f.Code != Folder || f.Name != name || f.Line != 3 {
			t.Error(f)
		}
	}
	write := func(records, told int) {
		t.Helper()
		failures = 0
		z, err := inv.BeginZoneFile(filepath.Join(dir, "zone"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := z.Commit(); n != records || err != nil || failures != told {
			t.Errorf("%d records, %v, %d told", n, err, failures)
		}
	}
	write(5, 1)
	const stolen = "sn-000002.s2._device.example.net"
	if sum, told := retired(t, inv, RetireOptions{Dir: dir}, stolen); sum != (Retirement{Retired: 1, Published: 1}) || told != "" {
		t.Errorf("%+v, %s", sum, told)
	}
	write(4, 1)
	defer func() {
		for run := range 2 {
			want := []Retirement{{Retired: 1, Published: 1, Failed: 1}, {Before: 1, Failed: 1}}[run]
			if sum, told := retired(t, inv, RetireOptions{Dir: dir}, name); sum != want || told != "1 folder" {
				t.Errorf("%+v, %s", sum, told)
			}
			write(3, 0)
		}
		if gone, err := identity.Revoked(filepath.Join(dir, name)); err != nil || len(gone) != 1 {
			t.Error(gone, err)
		}
	}()
	server := newZone()
	if sum, told, err := publishTo(t, inv, server); err != nil || sum.Published != 3 || sum.Failed != 1 || !strings.HasPrefix(told[0], "fleet: "+name+": ") {
		t.Errorf("%+v, %v, %q", sum, err, told)
	}
}

// BenchmarkPresent: what looking at the folder of each identity costs.
func BenchmarkPresent(b *testing.B) {
	dir := b.TempDir()
	id, err := identity.Create(dir, "a._device.example.net", identity.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	inv := &Inventory{Dir: dir}
	for b.Loop() {
		e := Event{Name: id.Name, Key: id.KeyID(), Record: "3 1 1 00"}
		if revoked, err := inv.present(&e); revoked || err != nil || e.Record != "3 1 1 00" {
			b.Fatal(revoked, err, e.Record)
		}
	}
}

// TestRevokedNotMissed: the record of a key that was revoked after it was published is not sent
// again.
func TestRevokedNotMissed(t *testing.T) {
	t.Parallel()
	const name = "sn-000000.s0._device.example.net" // the first of its zone is asked for
	inv, dir := enrolled(t, 5)
	inv.Dir = dir
	server := newZone()
	if _, _, err := publishTo(t, inv, server); err != nil {
		t.Fatal(err)
	}
	revoke(t, dir, name)
	delete(server.records, name+".")
	server.sent = 0
	if sum, told, err := publishTo(t, inv, server); err != nil || sum.Published != 0 || server.sent != 0 || told != nil || len(server.records) != 4 {
		t.Errorf("%+v, %q, %v, %q", sum, told, err, server.records)
	}
}
