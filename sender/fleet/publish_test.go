package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
)

var errGone = errors.New("the server has gone")

// zone is a server in memory: it refuses what others than ours is at, and goes away when it is
// told.
type zone struct {
	records  map[string][]string
	sent     int    // changes
	goAway   int    // after so many batches; -1: never
	nowhere  string // an owner for which there is no zone
	lost     bool   // the batch during which it goes away is made, and nobody hears of it
	unseen   bool
	silent   error // of all questions
	readBack []string
}

func newZone() *zone { return &zone{records: map[string][]string{}, goAway: -1} }

func (z *zone) Apply(_ context.Context, changes ...publish.Change) error {
	if z.goAway == 0 && !z.lost {
		return errGone
	}
	// As a client does that finds all zones before it sends anything.
	if i := slices.IndexFunc(changes, func(c publish.Change) bool { return c.Owner == z.nowhere }); i >= 0 {
		return &publish.Refusal{Code: publish.NoZone, Text: "no zone was found for " + z.nowhere}
	}
	var refused []publish.Change
	var done []publish.Change
	for _, c := range changes {
		if len(c.Add) > 0 && len(z.records[c.Owner]) > 0 {
			refused = append(refused, c)
		}
	}
	if len(refused) > 0 && len(changes) == 1 {
		return &publish.Refusal{Code: publish.Changed, Text: "another record is at " + changes[0].Owner}
	}
	for _, c := range changes {
		if slices.ContainsFunc(refused, func(r publish.Change) bool { return r.Owner == c.Owner }) {
			continue
		}
		done = append(done, c)
		z.sent++
		for _, r := range c.Add {
			z.records[c.Owner] = append(z.records[c.Owner], recordText(r))
		}
		for _, r := range c.Remove {
			z.records[c.Owner] = slices.DeleteFunc(z.records[c.Owner], func(s string) bool { return s == recordText(r) })
		}
		if len(z.records[c.Owner]) == 0 {
			delete(z.records, c.Owner)
		}
	}
	if z.goAway == 0 {
		return errGone
	}
	z.goAway--
	if len(refused) > 0 {
		return &publish.PartialError{Done: done, NotDone: refused, Err: &publish.Refusal{Code: publish.Changed, Text: "another record"}}
	}
	return nil
}

func (z *zone) Await(ctx context.Context, waiting func(*publish.Refusal), changes ...publish.Change) ([]publish.Seen, error) {
	seen, err := z.Look(ctx, changes...)
	if err != nil {
		return nil, err
	}
	if z.unseen {
		r := &publish.Refusal{Code: publish.Behind, Text: "a secondary is behind"}
		if waiting != nil {
			waiting(r)
		}
		return seen, r
	}
	for i := range seen {
		if !seen[i].Shows(changes[i]) {
			return seen, &publish.Refusal{Code: publish.NotDone, Text: "it is not there"}
		}
	}
	return seen, nil
}

// Look is what one server shows, and with unseen an old copy.
func (z *zone) Look(ctx context.Context, changes ...publish.Change) (out []publish.Seen, err error) {
	if z.silent != nil {
		return nil, z.silent
	}
	for _, c := range changes {
		z.readBack = append(z.readBack, c.Owner)
		seen, err := z.Read(ctx, c.Owner, c.Type)
		if err != nil {
			return nil, err
		}
		if z.unseen {
			seen[0].Records, seen[0].Presence = nil, dane.Absent
		}
		out = append(out, seen...)
	}
	return out, nil
}

func (z *zone) Read(_ context.Context, owner string, t dane.Type) ([]publish.Seen, error) {
	seen := publish.Seen{Owner: owner, Type: t, Server: "ns", Status: dnssec.Secure, Presence: dane.Absent}
	for _, text := range z.records[owner] {
		r, err := parseRecord(text)
		if err != nil {
			return nil, err
		}
		seen.Records, seen.Presence = append(seen.Records, r), dane.Present
	}
	return []publish.Seen{seen}, nil
}

func (z *zone) ZoneOf(_ context.Context, owner string) (string, error) {
	return owner[strings.IndexByte(owner, '.')+1:], nil
}

// enrolled is an inventory of n devices, with their folders.
func enrolled(t *testing.T, n int) (*Inventory, string) {
	t.Helper()
	dir := t.TempDir()
	inv := newInventory(t, filepath.Join(dir, DefaultInventory))
	opts := options(t, table(n), "{serial}.{site}._device.example.net")
	opts.Dir = dir
	if _, err := inv.Enroll(context.Background(), opts); err != nil {
		t.Fatal(err)
	}
	return inv, dir
}

func publishTo(t *testing.T, inv *Inventory, z *zone) (Publication, []string, error) {
	t.Helper()
	var told []string
	sum, err := inv.Publish(context.Background(), PublishOptions{Publisher: z, Reader: z, Batch: 10, Failed: func(f *Failure) { told = append(told, f.Error()) }})
	return sum, told, err
}

// TestPublish: each record is sent once, one name of each batch and zone is read back, and a second
// run has nothing to do.
func TestPublish(t *testing.T) {
	t.Parallel()
	inv, _ := enrolled(t, 25)
	z := newZone()
	sum, told, err := publishTo(t, inv, z)
	if err != nil || sum != (Publication{Published: 25, Sampled: 9, Servers: 1, Showing: 1}) || told != nil || len(z.records) != 25 || len(z.readBack) != 9 {
		t.Errorf("%+v, %v, %v, %d records, read back %v", sum, told, err, len(z.records), z.readBack)
	}
	// The first and the last of each of three zones.
	size := inv.size
	if sum, _, err = publishTo(t, inv, z); err != nil || sum != (Publication{Sampled: 6, Servers: 1, Showing: 1}) || z.sent != 25 || inv.size != size {
		t.Errorf("%+v, %v, %d sent", sum, err, z.sent)
	}
}

// TestPublishLost: what a zone has lost since it was noted is found by what is asked for of each
// zone, and is sent again; what a rollover has replaced is left alone.
func TestPublishLost(t *testing.T) {
	t.Parallel()
	inv, dir := enrolled(t, 60)
	z := newZone()
	if _, _, err := publishTo(t, inv, z); err != nil {
		t.Fatal(err)
	}
	if _, err := inv.Retire(context.Background(), RetireOptions{Names: ListedNames(strings.NewReader("sn-000000.s0._device.example.net\n")), Dir: dir}); err != nil {
		t.Fatal(err)
	}
	const retired, rolled = "sn-000000.s0._device.example.net.", "sn-000004.s1._device.example.net."
	old := slices.Clone(z.records[retired])
	if _, _, err := publishTo(t, inv, z); err != nil {
		t.Fatal(err)
	}
	z.records[retired] = old
	z.records[rolled] = []string{"3 1 1 00"}
	lost := 0
	for owner := range z.records { // all of s1 but one, and the last of s2
		if strings.Contains(owner, ".s1.") && owner != rolled || strings.HasPrefix(owner, "sn-000059") {
			delete(z.records, owner)
			lost++
		}
	}
	sum, told, err := publishTo(t, inv, z)
	if err != nil || told != nil || sum.Published != lost || sum.Withdrawn != 1 || sum.Lost != lost+1 || !sum.Served() {
		t.Errorf("%+v, %v, %v; %d were lost", sum, told, err, lost)
	}
	if len(z.records) != 59 || z.records[retired] != nil || strings.Join(z.records[rolled], " ") != "3 1 1 00" {
		t.Errorf("%d records, %q, %q", len(z.records), z.records[retired], z.records[rolled])
	}
	if sum, _, err = publishTo(t, inv, z); err != nil || sum.Published+sum.Withdrawn+sum.Lost != 0 || !sum.Served() {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestPublishNotTold: where nothing was asked, or nobody answered, nothing counts as served.
func TestPublishNotTold(t *testing.T) {
	t.Parallel()
	inv, _ := enrolled(t, 3)
	z := newZone()
	for i := range 3 {
		z.records[fmt.Sprintf("sn-%06d.s%d._device.example.net.", i, i)] = []string{"3 1 1 00"}
	}
	if sum, told, err := publishTo(t, inv, z); err != nil || sum.Served() || sum.Failed != 3 || len(told) != 3 || sum.Sampled != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	clear(z.records)
	if sum, _, err := publishTo(t, inv, z); err != nil || !sum.Served() {
		t.Errorf("%+v, %v", sum, err)
	}
	z.silent = errGone
	if sum, _, err := publishTo(t, inv, z); !errors.Is(err, errGone) || sum.Served() {
		t.Errorf("%+v, %v", sum, err)
	}
	empty := newInventory(t, filepath.Join(t.TempDir(), DefaultInventory))
	if sum, _, err := publishTo(t, empty, newZone()); err != nil || sum.Served() {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestPublishGone: a server that goes away in the middle loses nothing, and nothing is there twice,
// also where it made what it never answered.
func TestPublishGone(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		inv, _ := enrolled(t, 35)
		z := newZone()
		z.goAway, z.lost = 1, lost
		sum, _, err := publishTo(t, inv, z)
		if !errors.Is(err, errGone) || sum.Published != 10 || sum.Served() {
			t.Errorf("%+v, %v", sum, err)
		}
		z.goAway, z.lost = -1, false
		sum, told, err := publishTo(t, inv, z)
		if err != nil || sum.Published != 25 || sum.Failed+sum.Lost != 0 || !sum.Served() || told != nil || len(z.records) != 35 || z.sent != 35 {
			t.Errorf("lost %v: %+v, %v, %v, %d sent", lost, sum, told, err, z.sent)
		}
		for owner, records := range z.records {
			if len(records) != 1 {
				t.Errorf("%s: %q", owner, records)
			}
		}
	}
}

// TestPublishUnseen: what was accepted and not seen is read back by the next run.
func TestPublishUnseen(t *testing.T) {
	t.Parallel()
	inv, _ := enrolled(t, 25)
	z := newZone()
	z.unseen = true
	if sum, _, err := publishTo(t, inv, z); err == nil || sum.Published != 25 || sum.Served() {
		t.Errorf("%+v, %v", sum, err)
	}
	if s, err := inv.Status(0); err != nil || s.Unseen != 25 || s.Published != 25 {
		t.Errorf("%+v, %v", s, err)
	}
	waited := 0
	_, err := inv.Publish(context.Background(), PublishOptions{Publisher: z, Reader: z, Batch: 10, Waiting: func(*publish.Refusal) { waited++ }, Failed: func(f *Failure) { t.Error(f) }})
	if r, ok := errors.AsType[*publish.Refusal](err); !ok || r.Code != publish.Behind || waited == 0 || z.sent != 25 {
		t.Errorf("%v, told %d times, %d sent", err, waited, z.sent)
	}
	z.unseen = false
	if sum, _, err := publishTo(t, inv, z); err != nil || sum != (Publication{Sampled: 6, Servers: 1, Showing: 1}) {
		t.Errorf("%+v, %v, %v", sum, err, z.readBack)
	}
	if s, err := inv.Status(0); err != nil || s.Unseen != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestPublishRefused: a name where another's record is stays as it is, and is told; the others go
// on.
func TestPublishRefused(t *testing.T) {
	t.Parallel()
	inv, _ := enrolled(t, 25)
	z := newZone()
	const owner = "sn-000003.s0._device.example.net."
	z.records[owner] = []string{"3 1 1 00"}
	for range 2 {
		_, told, err := publishTo(t, inv, z)
		if err != nil || len(z.records) != 25 || strings.Join(z.records[owner], " ") != "3 1 1 00" {
			t.Errorf("%v, %v", err, z.records[owner])
		}
		if got := strings.Join(told, "\n"); got != "fleet: "+strings.TrimSuffix(owner, ".")+": publish: another record is at "+owner {
			t.Error(got)
		}
	}
}

// TestPublishNowhere: a name for which there is no zone is told, and keeps no other from its own.
func TestPublishNowhere(t *testing.T) {
	t.Parallel()
	inv, _ := enrolled(t, 25)
	z := newZone()
	z.nowhere = "sn-000003.s0._device.example.net."
	_, told, err := publishTo(t, inv, z)
	if err != nil || len(z.records) != 24 || len(told) != 1 {
		t.Errorf("%v, %d records, %q", err, len(z.records), told)
	}
}

// TestRetire: those of a list sign no more, their records go, and names that are none are told.
func TestRetire(t *testing.T) {
	t.Parallel()
	inv, dir := enrolled(t, 12)
	z := newZone()
	if _, _, err := publishTo(t, inv, z); err != nil {
		t.Fatal(err)
	}
	list := "# gone\nsn-000001.s1._device.example.net\nSN-000002.s2._device.example.net.\nnobody._device.example.net\nno name\n"
	for run := range 2 {
		var told []string
		sum, err := inv.Retire(context.Background(), RetireOptions{Names: ListedNames(strings.NewReader(list)), Dir: dir, Failed: func(f *Failure) { told = append(told, fmt.Sprint(f.Line, " ", f.Code)) }})
		want := []Retirement{{Retired: 2, Published: 2, Failed: 2}, {Before: 2, Failed: 2}}[run]
		if err != nil || sum != want || strings.Join(told, ", ") != "4 unknown, 5 name" {
			t.Errorf("%+v, %v, %q", sum, err, told)
		}
	}
	if s, err := inv.Status(0); err != nil || s.Active != 10 || s.Retired != 2 || s.Waiting != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	if sum, _, err := publishTo(t, inv, z); err != nil || sum.Withdrawn != 2 || len(z.records) != 10 {
		t.Errorf("%+v, %v, %d", sum, err, len(z.records))
	}
	if _, err := identity.Load(dir, "sn-000001.s1._device.example.net"); !errors.Is(err, identity.ErrRevoked) {
		t.Error(err)
	}
	if s, err := inv.Status(0); err != nil || s.Waiting != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	opts := options(t, table(3), "{serial}.{site}._device.example.net")
	opts.Dir = dir
	if sum, err := inv.Enroll(context.Background(), opts); err != nil || sum != (Enrollment{There: 1, Failed: 2}) {
		t.Errorf("%+v, %v", sum, err)
	}
}

// TestSweep: identities that are older than their lifetime go, and leave the zone file.
func TestSweep(t *testing.T) {
	t.Parallel()
	inv, dir := enrolled(t, 5)
	inv.Now = func() time.Time { return time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC) }
	opts := options(t, table(8), "{serial}.{site}._device.example.net")
	opts.Dir = dir
	if _, err := inv.Enroll(context.Background(), opts); err != nil {
		t.Fatal(err)
	}
	would := 0
	for _, dry := range []bool{true, false} {
		sum, err := inv.Retire(context.Background(), RetireOptions{Lifetime: 24 * time.Hour, Dir: dir, DryRun: dry, Would: func(string, time.Time) { would++ }})
		if err != nil || sum.Retired != 5 || would != 5 {
			t.Errorf("%+v, %v", sum, err)
		}
	}
	path := filepath.Join(dir, "zone")
	z, err := inv.BeginZoneFile(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if count, err := z.Commit(); err != nil || count != 3 {
		t.Errorf("%d, %v", count, err)
	}
	if s, err := inv.Status(4000 * 24 * time.Hour); err != nil || s.Active != 3 || s.Waiting != 0 || s.Expiring != 3 || s.ZoneFile != path || s.Unpublished != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), "\n") != 4 || !strings.HasPrefix(string(text), zoneMark) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	rows := func() *Rows {
		r, err := NewRows(strings.NewReader("serial,name\nA,a._device.example.net\nb.c,no name\n"))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	byColumn, err := ColumnNames(rows(), "name")
	if err != nil {
		t.Fatal(err)
	}
	r := rows()
	template, err := ParseTemplate("{serial}._device.example.net", r.Columns)
	if err != nil {
		t.Fatal(err)
	}
	byTemplate, err := TemplateNames(r, template, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range []*Names{byColumn, byTemplate} {
		if l, e := names.Next(); e != nil || l.Name != "a._device.example.net" || l.Line != 2 {
			t.Errorf("%+v, %v", l, e)
		}
		var f *Failure
		if _, e := names.Next(); !errors.As(e, &f) || f.Line != 3 {
			t.Error(e)
		}
		if _, e := names.Next(); !errors.Is(e, io.EOF) {
			t.Error(e)
		}
	}
	if _, err = ColumnNames(rows(), "names"); err == nil {
		t.Error("a column that is not there")
	}
	for _, text := range []string{"{random}._device.example.net", "{hash(serial)}._device.example.net"} {
		template, err := ParseTemplate(text, r.Columns)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = TemplateNames(r, template, nil); err == nil {
			t.Error(text)
		}
	}
}
