package fleet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
)

// retired retires names of a list, and tells of failures by line and code.
func retired(t *testing.T, inv *Inventory, opts RetireOptions, names ...string) (Retirement, string) {
	t.Helper()
	var told []string
	opts.Names = ListedNames(strings.NewReader(strings.Join(names, "\n")))
	opts.Failed = func(f *Failure) { told = append(told, fmt.Sprint(f.Line, " ", f.Code)) }
	sum, err := inv.Retire(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return sum, strings.Join(told, ", ")
}

// TestRetireElsewhere: a key that was not found when its name was retired is marked as revoked as
// soon as it is.
func TestRetireElsewhere(t *testing.T) {
	t.Parallel()
	const name = "sn-000001.s1._device.example.net"
	inv, dir := enrolled(t, 3)
	for i, wrong := range []string{"", t.TempDir()} {
		want := []Retirement{{Retired: 1, Elsewhere: 1}, {Before: 1}}[i]
		if sum, told := retired(t, inv, RetireOptions{Dir: wrong}, name); sum != want || told != "" {
			t.Errorf("%+v, %s", sum, told)
		}
	}
	if _, err := identity.Load(dir, name); err != nil {
		t.Fatal(err)
	}
	for _, marked := range []int{1, 0} {
		if sum, told := retired(t, inv, RetireOptions{Dir: dir}, name); sum != (Retirement{Before: 1, Marked: marked}) || told != "" {
			t.Errorf("%+v, %s", sum, told)
		}
		if _, err := identity.Load(dir, name); !errors.Is(err, identity.ErrRevoked) {
			t.Error(err)
		}
	}
}

// TestRetireAgain: a record that somebody published again is found, and withdrawn again.
func TestRetireAgain(t *testing.T) {
	t.Parallel()
	const name, other = "sn-000001.s1._device.example.net", "sn-000002.s2._device.example.net"
	inv, dir := enrolled(t, 3)
	server := newZone()
	if _, _, err := publishTo(t, inv, server); err != nil {
		t.Fatal(err)
	}
	record := slices.Clone(server.records[name+"."])
	opts := RetireOptions{Dir: dir, Reader: server}
	if sum, told := retired(t, inv, opts, name, other); sum != (Retirement{Retired: 2, Published: 2}) || told != "" {
		t.Errorf("%+v, %s", sum, told)
	}
	if _, _, err := publishTo(t, inv, server); err != nil || len(server.records) != 1 {
		t.Fatal(err)
	}
	if sum, told := retired(t, inv, opts, name, other); sum != (Retirement{Before: 2}) || told != "" {
		t.Errorf("%+v, %s", sum, told)
	}
	server.records[name+"."] = record
	server.records[other+"."] = []string{"3 1 1 00"} // another key's
	if sum, told := retired(t, inv, opts, name, other); sum != (Retirement{Before: 2, Again: 1}) || told != "" {
		t.Errorf("%+v, %s", sum, told)
	}
	if sum, _, err := publishTo(t, inv, server); err != nil || sum.Withdrawn != 1 || server.records[name+"."] != nil || server.records[other+"."] == nil {
		t.Errorf("%+v, %v, %q", sum, err, server.records)
	}
}

// TestRetireOtherRow: of two rows that make one name the one that was refused retires nothing.
func TestRetireOtherRow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inv := newInventory(t, filepath.Join(dir, DefaultInventory))
	const template = "{serial[0:3]}._device.example.net"
	opts := options(t, "serial\nabc1\nabc2\nxyz1\n", template)
	opts.Dir = dir
	if sum, err := inv.Enroll(context.Background(), opts); err != nil || sum != (Enrollment{Enrolled: 2, Failed: 1}) {
		t.Fatal(sum, err)
	}
	for i, text := range []string{"serial\nabc2\nxyz1\n", "serial\nABC1\n"} {
		o := options(t, text, template)
		names, err := TemplateNames(o.Rows, o.Template, nil)
		if err != nil {
			t.Fatal(err)
		}
		told := ""
		sum, err := inv.Retire(context.Background(), RetireOptions{Names: names, Dir: dir, Failed: func(f *Failure) { told += f.Error() }})
		if want := []Retirement{{Retired: 1, Failed: 1}, {Retired: 1}}[i]; err != nil || sum != want {
			t.Errorf("%+v, %v", sum, err)
		}
		if want := []string{"fleet: line 2: abc._device.example.net is enrolled for other values than those of this row: it is another device's, and stays", ""}[i]; told != want {
			t.Error(told)
		}
	}
}

// TestRetireWildcard: a device's key that a CA certified is accepted by a wildcard with the record
// of that CA, at whatever height, once its own record is gone.
func TestRetireWildcard(t *testing.T) {
	t.Parallel()
	const name = "s1.roof._device.example.net"
	for _, owner := range []string{"*.roof._device.example.net.", "*._device.example.net.", "*.example.net.", "*.net.", "_user.example.net."} {
		inv := newInventory(t, filepath.Join(t.TempDir(), DefaultInventory))
		line := `{"time":"2026-11-30T10:00:00Z","event":"enrolled","name":"` + name + `","key":"0011","ttl":300,"record":"3 1 1 aa","ca":true,"not_after":"2099-01-01T00:00:00Z"}` + "\n"
		if err := inv.append([]byte(line)); err != nil {
			t.Fatal(err)
		}
		server := newZone()
		server.records[owner] = []string{"2 1 1 bb"}
		want, code := Retirement{Failed: 1, Vouched: 1}, "1 ca-vouches"
		if owner == "*.net." || owner == "_user.example.net." { // elsewhere, or of mail addresses
			want, code = Retirement{Retired: 1, Elsewhere: 1}, ""
		}
		if sum, told := retired(t, inv, RetireOptions{Reader: server}, name); sum != want || told != code {
			t.Errorf("%s: %+v, %q", owner, sum, told)
		}
	}
}

// TestRetireVouched: a key that others accept by the record of a CA is told each time,
// and counts as retired when that record has gone.
func TestRetireVouched(t *testing.T) {
	t.Parallel()
	for _, owner := range []string{"_user.example.net.", "*._smimecert.example.net.", "*.example.net."} {
		inv := newInventory(t, filepath.Join(t.TempDir(), DefaultInventory))
		line := `{"time":"2026-11-30T10:00:00Z","event":"enrolled","name":"%s@example.net","key":"0011","ttl":300,"record":"3 1 1 aa","ca":%t,"not_after":"2099-01-01T00:00:00Z"}` + "\n"
		if err := inv.append([]byte(fmt.Sprintf(line+line, "a", true, "b", false))); err != nil {
			t.Fatal(err)
		}
		server := newZone()
		server.records[owner] = []string{"2 1 1 bb", "3 1 1 cc"}
		opts := RetireOptions{Reader: server}
		for run := range 2 {
			want := []Retirement{{Retired: 1, Failed: 1, Vouched: 1, Elsewhere: 1}, {Before: 1, Failed: 1, Vouched: 1}}[run]
			if sum, told := retired(t, inv, opts, "a@example.net", "b@example.net"); sum != want || told != "1 ca-vouches" {
				t.Errorf("%s: %+v, %s", owner, sum, told)
			}
		}
		if s, err := inv.Status(0); err != nil || s.Retired != 2 || s.Vouched != 1 {
			t.Errorf("%+v, %v", s, err)
		}
		delete(server.records, owner)
		if sum, told := retired(t, inv, opts, "a@example.net"); sum != (Retirement{Retired: 1, Elsewhere: 1}) || told != "" {
			t.Errorf("%s: %+v, %s", owner, sum, told)
		}
		if s, err := inv.Status(0); err != nil || s.Retired != 2 || s.Vouched != 0 {
			t.Errorf("%+v, %v", s, err)
		}
		server.records[owner] = []string{"2 1 1 bb"}
		if sum, told := retired(t, inv, opts, "a@example.net"); sum != (Retirement{Failed: 1, Vouched: 1}) || told != "1 ca-vouches" {
			t.Errorf("%s: %+v, %s", owner, sum, told)
		}
	}
}

// TestDiskErrors: what would meet every folder ends the call; what is about one does not.
func TestDiskErrors(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{syscall.ENOSPC: true, syscall.EDQUOT: true, syscall.EROFS: true, syscall.EACCES: false} {
		if isOfDisk(fmt.Errorf("fleet: %w", err)) != want {
			t.Error(err)
		}
	}
}

// halfDead is a zone of which one of two name servers answers.
type halfDead struct {
	*zone
	asked map[string]int
}

func (h *halfDead) Read(ctx context.Context, owner string, t dane.Type) ([]publish.Seen, error) {
	h.asked[owner]++
	seen, err := h.zone.Read(ctx, owner, t)
	return append(seen, publish.Seen{Owner: owner, Server: "ns2", Err: errGone}), err
}

// TestRetireHalfDead: a name server that does not answer keeps no key from being retired; that it
// did not is told, and each domain is asked for once.
func TestRetireHalfDead(t *testing.T) {
	t.Parallel()
	inv := newInventory(t, filepath.Join(t.TempDir(), DefaultInventory))
	for _, name := range []string{"a@example.net", "b@example.net", "c@example.org"} {
		line := `{"time":"2026-11-30T10:00:00Z","event":"enrolled","name":"` + name + `","key":"0011","ttl":300,"record":"3 1 1 aa","ca":true,"not_after":"2099-01-01T00:00:00Z"}` + "\n"
		if err := inv.append([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	server := &halfDead{newZone(), map[string]int{}}
	server.records["_user.example.org."] = []string{"2 1 1 bb"}
	sum, told := retired(t, inv, RetireOptions{Reader: server}, "a@example.net", "b@example.net", "c@example.org")
	if want := (Retirement{Retired: 2, Failed: 3, Vouched: 1, Elsewhere: 2}); sum != want || told != "1 refused, 2 refused, 3 ca-vouches" {
		t.Errorf("%+v, %s", sum, told)
	}
	for owner, n := range server.asked {
		if n != 1 {
			t.Errorf("%s was asked for %d times", owner, n)
		}
	}
}

// TestMarkedOnce: where an old certificate is in the folder, or none, keys that were revoked before
// are not counted again.
func TestMarkedOnce(t *testing.T) {
	t.Parallel()
	const name = "sn-000001.s1._device.example.net"
	inv, dir := enrolled(t, 3)
	rekey(t, dir, name, identity.CreateOptions{})
	for _, want := range []Retirement{{Retired: 1}, {Before: 1}, {Before: 1}} {
		if sum, told := retired(t, inv, RetireOptions{Dir: dir}, name); sum != want || told != "" {
			t.Errorf("%+v, %s", sum, told)
		}
	}
}

// TestVouchedLeavesZoneFile: the zone file is written without a key that a CA vouches for.
func TestVouchedLeavesZoneFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inv := newInventory(t, filepath.Join(dir, DefaultInventory))
	line := `{"time":"2026-11-30T10:00:00Z","event":"enrolled","name":"%s@example.net","key":"0011","ttl":300,"record":"3 1 1 aa","ca":true,"not_after":"2099-01-01T00:00:00Z"}` + "\n"
	if err := inv.append(fmt.Appendf(nil, line+line, "a", "b")); err != nil {
		t.Fatal(err)
	}
	server := newZone()
	server.records["_user.example.net."] = []string{"2 1 1 bb"}
	for _, want := range []int{2, 1} {
		z, err := inv.BeginZoneFile(filepath.Join(dir, "zone"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := z.Commit(); n != want || err != nil {
			t.Error(n, err)
		}
		if sum, _ := retired(t, inv, RetireOptions{Reader: server}, "a@example.net"); sum.Vouched != 1 {
			t.Errorf("%+v", sum)
		}
	}
}

// TestRetireUnanswered: where no name server answers all keys are revoked, and what is not known is
// counted, and told once.
func TestRetireUnanswered(t *testing.T) {
	t.Parallel()
	inv, dir := enrolled(t, 3)
	server := newZone()
	if _, _, err := publishTo(t, inv, server); err != nil {
		t.Fatal(err)
	}
	names := []string{"sn-000001.s1._device.example.net", "sn-000002.s2._device.example.net"}
	opts := RetireOptions{Dir: dir, Reader: silent{server}}
	if sum, told := retired(t, inv, opts, names...); sum != (Retirement{Retired: 2, Published: 2}) || told != "" {
		t.Errorf("%+v, %s", sum, told)
	}
	if sum, told := retired(t, inv, opts, names...); sum.Before != 2 || sum.Unknown != 2 || !strings.Contains(sum.Why, "no resolver answers") || told != "" {
		t.Errorf("%+v, %s", sum, told)
	}
	var failures []string
	_, err := inv.Publish(context.Background(), PublishOptions{Publisher: silent{server}, Reader: server, Failed: func(f *Failure) { failures = append(failures, f.Error()) }})
	if refusal, ok := errors.AsType[*publish.Refusal](err); !ok || refusal.Code != publish.NoZone || failures != nil {
		t.Error(err, failures)
	}
}

// silent is a zone that nobody can reach.
type silent struct{ *zone }

var errSilent = &publish.Refusal{Code: publish.NoZone, Err: syscall.ECONNREFUSED, Text: "no resolver answers"}

func (silent) Apply(context.Context, ...publish.Change) error { return errSilent }

func (silent) Look(context.Context, ...publish.Change) ([]publish.Seen, error) {
	return nil, errSilent
}
