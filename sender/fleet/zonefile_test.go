package fleet

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/sender/identity"
)

// listed writes the zone file of an inventory.
func listed(t *testing.T, inv *Inventory, path string) error {
	t.Helper()
	z, err := inv.BeginZoneFile(path, nil)
	if err == nil {
		_, err = z.Commit()
	}
	return err
}

// TestZoneFileOther: a file of another name than that which has the records is refused, until that
// one is away: a device that is retired now would stay in it.
func TestZoneFileOther(t *testing.T) {
	t.Parallel()
	inv, dir := enrolled(t, 3)
	path, typo := filepath.Join(dir, "fleet.zone"), filepath.Join(dir, "fleet.zon")
	if err := listed(t, inv, path); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{CheckZoneFile(inv.path, typo), listed(t, inv, typo)} {
		if err == nil || !strings.Contains(err.Error(), "the zone file of this fleet is "+path+", and has 3 records of it") || !strings.Contains(identity.Hint(err), "give --zone-file "+path) {
			t.Errorf("%v; %s", err, identity.Hint(err))
		}
	}
	if _, err := os.Lstat(typo); err == nil {
		t.Error("it is written")
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := listed(t, inv, typo); err != nil {
		t.Error(err)
	}
}

// TestZoneFileLink: a symbolic link stays one, and the file that it leads to is replaced.
func TestZoneFileLink(t *testing.T) {
	t.Parallel()
	inv, dir := enrolled(t, 2)
	link, path := filepath.Join(dir, "link"), filepath.Join(dir, "etc", "zone")
	if err := os.Mkdir(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("etc/zone", link); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := listed(t, inv, link); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error(info, err)
	}
	if n, err := countRecords(path); n != 2 || err != nil {
		t.Error(n, err)
	}
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	if err := CheckZoneFile(inv.path, filepath.Join(dir, "loop")); err == nil || !strings.Contains(err.Error(), "symbolic links") {
		t.Error(err)
	}
}

// TestZoneFileMode: the new file has the mode of the old one.
func TestZoneFileMode(t *testing.T) {
	t.Parallel()
	inv, dir := enrolled(t, 2)
	path := filepath.Join(dir, "zone")
	if err := listed(t, inv, path); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o664} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := listed(t, inv, path); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Error(info.Mode(), err)
		}
	}
}

// TestZoneFileErrors name the file that was asked for, once.
func TestZoneFileErrors(t *testing.T) {
	t.Parallel()
	inv, dir := enrolled(t, 2)
	path := filepath.Join(dir, "nowhere", "zone")
	if err := listed(t, inv, path); err == nil || err.Error() != "fleet: zone file: write "+path+": no such file or directory" {
		t.Error(err)
	}
	path = filepath.Join(dir, "zone")
	z, err := inv.BeginZoneFile(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err = os.WriteFile(path, []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = z.Commit(); err == nil || strings.Count(err.Error(), "zone file:") != 1 || !strings.Contains(identity.Hint(err), "name another file") {
		t.Error(err)
	}
}

// TestWaiting counts what a retirement leaves, by the way that brought it there.
func TestWaiting(t *testing.T) {
	t.Parallel()
	inv, dir := enrolled(t, 4)
	path, server := filepath.Join(dir, "zone"), newZone()
	if _, _, err := publishTo(t, inv, server); err != nil {
		t.Fatal(err)
	}
	if err := listed(t, inv, path); err != nil {
		t.Fatal(err)
	}
	if _, err := inv.Retire(context.Background(), RetireOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	check := func(wantUpdates, wantListed int) {
		t.Helper()
		if updates, listed, file, err := inv.Waiting(); err != nil || updates != wantUpdates || listed != wantListed || file != path {
			t.Error(updates, listed, file, err)
		}
	}
	check(4, 4)
	if _, _, err := publishTo(t, inv, server); err != nil {
		t.Fatal(err)
	}
	check(0, 4)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check(0, 0)
	if err := listed(t, inv, path); err != nil {
		t.Fatal(err)
	}
	check(0, 0)
}

// TestZoneFileHeader: records in the header are none of the fleet's: they may come and go.
func TestZoneFileHeader(t *testing.T) {
	t.Parallel()
	inv, dir := enrolled(t, 2)
	path := filepath.Join(dir, "zone")
	const head, record = "@ 300 IN SOA ns hostmaster {serial} 1 1 1 1\n", "_443._tcp.www 300 IN TLSA 3 1 1 00\n"
	for _, head := range []string{head + record + record, head} {
		z, err := inv.BeginZoneFile(path, []byte(head))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := z.Commit(); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := countRecords(path); n != 2 || err != nil {
			t.Error(n, err)
		}
	}
}
