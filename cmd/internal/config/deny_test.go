package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/cmd/internal/relay"
)

// denied is a file of denied clients, and a clock.
type denied struct {
	t    *testing.T
	path string
	now  time.Time
	c    *Config
}

func newDenied(t *testing.T, text string) *denied {
	t.Helper()
	d := &denied{t: t, path: filepath.Join(t.TempDir(), "denied"), now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
	d.write(text)
	d.pass(time.Hour)
	d.load()
	return d
}

// load reads the configuration anew.
func (d *denied) load() {
	d.t.Helper()
	was := d.c
	d.c = &Config{}
	d.c.loaded.denied = &denyFiles{files: map[string]*denyFile{}, now: func() time.Time { return d.now }}
	if err := d.c.loaded.denied.load(d.path); err != nil {
		d.t.Fatal(err)
	}
	if was != nil {
		d.c.KeepDenied(was)
	}
}

// write writes the file in place, now.
func (d *denied) write(text string) {
	d.t.Helper()
	if err := os.WriteFile(d.path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Chtimes(d.path, d.now, d.now); err != nil {
		d.t.Fatal(err)
	}
}

// pass lets a time pass, with the looks that a service has, and returns the errors.
func (d *denied) pass(took time.Duration) (errs []string) {
	d.t.Helper()
	const every = 250 * time.Millisecond
	for end := d.now.Add(took); d.now.Before(end); {
		if d.c == nil {
			d.now = end
			return nil
		}
		d.now = d.now.Add(min(every, end.Sub(d.now)))
		if _, err := d.c.RefreshDeny(); err != nil {
			errs = append(errs, err.Error())
		}
	}
	return errs
}

// want checks which of the devices 1 to 4 are denied.
func (d *denied) want(when, devices string) {
	d.t.Helper()
	list := d.c.Deny(&Relay{Deny: []string{"192.0.2.1"}, DenyFile: d.path})
	got := ""
	for _, n := range []string{"1", "2", "3", "4"} {
		if list.Name("s" + n + ".example") {
			got += n
		}
	}
	if got != devices || !list.Addr(netip.MustParseAddr("192.0.2.1")) {
		d.t.Errorf("%s: %q are denied, want %q", when, got, devices)
	}
}

func names(devices string) string {
	var b strings.Builder
	for _, n := range devices {
		b.WriteString("s" + string(n) + ".example\n")
	}
	return b.String()
}

// TestDenyFileInPlace: a file that is short for a moment, as a rewritten one is, lets nobody in.
// What is added is denied within a second, what is gone is let in when the file has been the same
// for two.
func TestDenyFileInPlace(t *testing.T) {
	t.Parallel()
	d := newDenied(t, names("123"))
	d.want("at first", "123")
	d.write("")
	d.pass(1500 * time.Millisecond)
	d.want("emptied", "123")
	d.write(names("1"))
	d.pass(1500 * time.Millisecond)
	d.write(names("14"))
	d.pass(time.Second)
	d.want("being written", "1234")
	d.pass(time.Second)
	d.want("just written", "1234")
	d.pass(time.Second)
	d.want("written", "14")
	d.write("# nobody\n")
	d.pass(3 * time.Second)
	d.want("all taken out", "")
}

// TestDenyFileGone keeps the entries, the new ones too, of a file that is gone or cannot be used,
// and says so once.
func TestDenyFileGone(t *testing.T) {
	t.Parallel()
	d := newDenied(t, names("123"))
	d.write(names("4"))
	d.pass(time.Second)
	if err := os.Remove(d.path); err != nil {
		t.Fatal(err)
	}
	if errs := d.pass(time.Minute); len(errs) != 1 || !strings.Contains(errs[0], "no such file") {
		t.Errorf("errors: %q", errs)
	}
	d.want("gone", "1234")
	d.write("no name\n")
	if errs := d.pass(time.Minute); len(errs) != 1 || !strings.Contains(errs[0], "line 1") {
		t.Errorf("errors: %q", errs)
	}
	d.want("broken", "1234")
	d.write(names("4"))
	d.pass(3 * time.Second)
	d.want("as it was before", "4")
}

// TestDenyFileReload: a reload in the middle of a rewrite lets nobody in either, nor do many.
func TestDenyFileReload(t *testing.T) {
	t.Parallel()
	d := newDenied(t, names("123"))
	d.write(names("1"))
	for range 20 {
		d.load()
		d.want("reloaded", "123")
		d.pass(10 * time.Millisecond)
	}
	d.write(names("14"))
	d.load()
	d.want("reloaded again", "1234")
	d.pass(3 * time.Second)
	d.want("written", "14")
	d.write(names("4"))
	d.now = d.now.Add(time.Hour) // nobody looked
	d.load()
	d.want("written long ago", "4")
	if n := d.c.loaded.denied.files[d.path].inForce().Len(); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// TestDenyFileEmpty: a file that a slow command is to fill lets nobody in, however long it takes,
// and the log says so once; a comment empties the list.
func TestDenyFileEmpty(t *testing.T) {
	t.Parallel()
	d := newDenied(t, names("123"))
	d.write("")
	if errs := d.pass(time.Minute); len(errs) != 1 || !strings.Contains(errs[0], "a file of one comment line empties the list") {
		t.Errorf("errors: %q", errs)
	}
	d.want("empty", "123")
	d.load()
	if errs := d.pass(time.Minute); len(errs) != 0 {
		t.Errorf("told again: %q", errs)
	}
	d.want("empty and reloaded", "123")
	d.write(names("14"))
	d.pass(3 * time.Second)
	d.want("written", "14")
	d.write("")
	d.now = d.now.Add(time.Hour) // nobody looked
	d.load()
	d.want("reloaded at once", "14")
	if errs := d.pass(time.Minute); len(errs) != 1 {
		t.Errorf("errors: %q", errs)
	}
	d.want("looked at", "14")
	d.write("# nobody\n")
	d.load()
	d.pass(3 * time.Second)
	d.want("a comment", "")
	d.write("")
	if errs := d.pass(time.Minute); len(errs) != 0 {
		t.Errorf("nothing to keep: %q", errs)
	}
}

// TestDenyOfThree has one list of three.
func TestDenyOfThree(t *testing.T) {
	t.Parallel()
	var all *relay.Deny
	for _, one := range []string{"s1.example", "s2.example", "s3.example"} {
		list, err := relay.ParseDeny([]string{one})
		if err != nil {
			t.Fatal(err)
		}
		all = all.With(list)
	}
	if all.Len() != 3 || !all.Name("s1.example") || !all.Name("s2.example") || !all.Name("s3.example") {
		t.Errorf("%d entries", all.Len())
	}
}
