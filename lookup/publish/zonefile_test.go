package publish

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest/peertest"
)

// newZoneFile is a zone file with a content in a folder of its own.
func newZoneFile(t *testing.T, content string, reload ...string) (*ZoneFile, string) {
	t.Helper()
	w := newWorld(t, nil, nil)
	file := filepath.Join(t.TempDir(), "zone")
	must(t, os.WriteFile(file, []byte(content), 0o640))
	z, err := NewZoneFile(ZoneFileOptions{File: file, Zone: "example.org", Lookup: w.lookup, NameServers: []string{w.sandbox.Addr()}, Reload: reload})
	must(t, err)
	return z, file
}

func text(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	return string(b)
}

func entries(t *testing.T, file string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Dir(file))
	must(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

const hexA = "6161616161616161616161616161616161616161616161616161616161616161"

// TestZoneFile: only the block changes, by exact records; the SOA in it gets the next serial.
func TestZoneFile(t *testing.T) {
	t.Parallel()
	owner := "aa._smimecert.example.org."
	mine := add(owner, record('a'))
	line := owner + " 60 IN SMIMEA 3 1 1 " + hexA + "\n"
	for name, tt := range map[string]struct {
		before, after string
		c             Change
	}{
		"empty":         {"", "; dnseal begin\n" + line + "; dnseal end\n", mine},
		"empty block":   {"a TXT ( \"x\" ; y\n )\n; dnseal begin\n; dnseal end\n$TTL 5\nb A 192.0.2.1", "a TXT ( \"x\" ; y\n )\n; dnseal begin\n" + line + "; dnseal end\n$TTL 5\nb A 192.0.2.1", mine},
		"CRLF around":   {"a A 192.0.2.1\r\n; dnseal begin\r\n; dnseal end\r\n", "a A 192.0.2.1\r\n; dnseal begin\r\n" + line + "; dnseal end\r\n", mine},
		"others stay":   {"; dnseal begin\nbb._smimecert 30 IN SMIMEA 3 0 0 (00\n 11)\n; dnseal end\n", "; dnseal begin\n" + line + "bb._smimecert.example.org. 30 IN SMIMEA 3 0 0 0011\n; dnseal end\n", mine},
		"TTL of all":    {"; dnseal begin\n" + owner + " 5 IN SMIMEA 3 1 1 00\n; dnseal end\n", "; dnseal begin\n" + owner + " 60 IN SMIMEA 3 1 1 00\n" + line + "; dnseal end\n", mine},
		"removed":       {"; dnseal begin\n" + line + "; dnseal end\n", "; dnseal begin\n; dnseal end\n", remove(owner, record('a'))},
		"nothing to do": {"; dnseal begin\n; a comment\n" + line + "; dnseal end\n", "; dnseal begin\n; a comment\n" + line + "; dnseal end\n", mine},
		"other form":    {"; dnseal begin\naa._smimecert 60 TYPE53 \\# 4 03010100\n; dnseal end\n", "; dnseal begin\n; dnseal end\n", remove(owner, dane.Record{Usage: 3, Selector: 1, MatchingType: 1, Data: []byte{0}})},
		"SOA": {
			"$TTL 300\n; dnseal begin\n@ SOA ns host (\n 4294967295 1 2 3 4 )\n; dnseal end\n",
			"$TTL 300\n; dnseal begin\nexample.org.\t3600\tIN\tSOA\tns.example.org. host.example.org. 0 1 2 3 4\n" + line + "; dnseal end\n", mine,
		},
	} {
		z, file := newZoneFile(t, tt.before)
		must(t, z.Apply(t.Context(), tt.c))
		if got := text(t, file); got != tt.after {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, tt.after)
		}
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 || !slices.Equal(entries(t, file), []string{"zone"}) {
			t.Errorf("%s: %v, %v, %q", name, info.Mode(), err, entries(t, file))
		}
	}
}

// TestZoneFileErrors: a file that is not as it must be stays as it is.
func TestZoneFileErrors(t *testing.T) {
	t.Parallel()
	expecting := add(mailOwner(1), record('a'))
	expecting.Expect = []dane.Record{record('x')}
	for name, tt := range map[string]struct {
		content string
		c       Change
		want    Code
	}{
		"no block":     {"@ SOA a b 1 2 3 4 5\n", add(mailOwner(1), record('a')), ZoneFileInvalid},
		"no end":       {"; dnseal begin\n", add(mailOwner(1), record('a')), ZoneFileInvalid},
		"two blocks":   {"; dnseal begin\n; dnseal end\n; dnseal begin\n; dnseal end\n", add(mailOwner(1), record('a')), ZoneFileInvalid},
		"end first":    {"; dnseal end\n; dnseal begin\n", add(mailOwner(1), record('a')), ZoneFileInvalid},
		"other record": {"; dnseal begin\na A 192.0.2.1\n; dnseal end\n", add(mailOwner(1), record('a')), ZoneFileInvalid},
		"directive":    {"; dnseal begin\n $INCLUDE /etc/passwd\n; dnseal end\n", add(mailOwner(1), record('a')), ZoneFileInvalid},
		"no record":    {"; dnseal begin\nwhat is this\n; dnseal end\n", add(mailOwner(1), record('a')), ZoneFileInvalid},
		"changed":      {"; dnseal begin\n; dnseal end\n", expecting, Changed},
		"outside":      {"; dnseal begin\n; dnseal end\n", add("aa._smimecert.example.com", record('a')), OutsideZone},
	} {
		z, file := newZoneFile(t, tt.content)
		wantCode(t, z.Apply(t.Context(), tt.c), tt.want)
		if text(t, file) != tt.content {
			t.Errorf("%s: the file changed", name)
		}
	}
	z, file := newZoneFile(t, "")
	must(t, errors.Join(os.Remove(file), os.Mkdir(file, 0o700)))
	wantCode(t, z.Apply(t.Context(), add(mailOwner(1), record('a'))), ZoneFileInvalid)
}

// TestReload: the command gets its arguments as they are; when it fails, the old file is back; when
// it does not end, that is said.
func TestReload(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "sh")
	const before = "; dnseal begin\n; dnseal end\n"
	c := add(mailOwner(1), record('a'))
	mark := filepath.Join(t.TempDir(), "a b")
	z, file := newZoneFile(t, before, "sh", "-c", `echo "$0" >"$0"`, mark)
	must(t, z.Apply(t.Context(), c))
	if text(t, mark) != mark+"\n" || text(t, file) == before {
		t.Error("the command did not run")
	}
	z, file = newZoneFile(t, before, "sh", "-c", "echo no such zone >&2; exit 3")
	if r := wantCode(t, z.Apply(t.Context(), c), ReloadFailed); !strings.Contains(r.Text, `exit status 3 ("no such zone"); the zone file is as it was`) || text(t, file) != before {
		t.Errorf("%q\n%s", r.Text, text(t, file))
	}
	z, _ = newZoneFile(t, before, "/nonexistent/program")
	wantCode(t, z.Apply(t.Context(), c), ReloadFailed)
	z, file = newZoneFile(t, before, "sleep", "60")
	z.opts.Timeout = 300 * time.Millisecond
	if wantCode(t, z.Apply(t.Context(), c), Unknown); text(t, file) == before {
		t.Error("the file is the old one")
	}
}

// TestReloadEnded: who does not wait for the command any more hears that the file is changed.
func TestReloadEnded(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "sh")
	mark := filepath.Join(t.TempDir(), "mark")
	z, _ := newZoneFile(t, "", "sh", "-c", `echo >"$0"; exec sleep 60`, mark)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(mark); err == nil {
				cancel()
			}
			time.Sleep(time.Millisecond) // until the command runs
		}
	}()
	err := z.Apply(ctx, add(mailOwner(1), record('a')))
	if r := wantCode(t, err, Unknown); !errors.Is(err, context.Canceled) || !strings.Contains(r.Text, "was ended (context canceled)") {
		t.Errorf("%v", err)
	}
}

// TestReloadOutput: of what the command says the beginning is kept, and it is said that there was
// more; the command does not stop because of it.
func TestReloadOutput(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "sh")
	z, _ := newZoneFile(t, "", "sh", "-c", "echo bad zone; head -c 5000000 /dev/zero; exit 3")
	r := wantCode(t, z.Apply(t.Context(), add(mailOwner(1), record('a'))), ReloadFailed)
	if !strings.Contains(r.Text, `exit status 3 ("bad zone", the beginning of more than 64 KiB)`) {
		t.Error(r.Text)
	}
	var b beginning
	for range 100 {
		if n, err := b.Write(make([]byte, 1000)); n != 1000 || err != nil {
			t.Fatal(n, err)
		}
	}
	if len(b.kept) != maxOutput || !b.cut {
		t.Errorf("%d octets are kept", len(b.kept))
	}
}

// TestZoneFileMissing: a path that is wrong makes no file that no server reads, neither for a
// change nor for its script.
func TestZoneFileMissing(t *testing.T) {
	t.Parallel()
	c := add(mailOwner(1), record('a'))
	for _, name := range []string{"other", filepath.Join("no", "folder")} {
		z, file := newZoneFile(t, "")
		z.opts.File = filepath.Join(filepath.Dir(file), name)
		r := wantCode(t, z.Apply(t.Context(), c), ZoneFileInvalid)
		_, err := z.Script(t.Context(), c)
		wantCode(t, err, ZoneFileInvalid)
		if !strings.Contains(r.Text, "there is no zone file "+z.opts.File) || !strings.Contains(r.Advice, "touch "+z.opts.File) || !slices.Equal(entries(t, file), []string{"zone"}) {
			t.Errorf("%v, %s, %q", r, r.Advice, entries(t, file))
		}
	}
}

// TestZoneFileScript: the block as it would be; nothing is written.
func TestZoneFileScript(t *testing.T) {
	t.Parallel()
	z, file := newZoneFile(t, "a A 192.0.2.1\n; dnseal begin\n; dnseal end\n")
	before := text(t, file)
	got, err := z.Script(t.Context(), add("aa._smimecert.example.org", record('a')))
	if err != nil || got != "; dnseal begin\naa._smimecert.example.org. 60 IN SMIMEA 3 1 1 "+hexA+"\n; dnseal end\n" || text(t, file) != before {
		t.Errorf("%s, %v", got, err)
	}
}

// FuzzBlock: no file crashes it; what is outside the block stays byte for byte, and what was
// written is read again.
func FuzzBlock(f *testing.F) {
	f.Add("a\n; dnseal begin\n@ SOA a b 1 2 3 4 5\nx TLSA 3 1 1 00\n; dnseal end\nb")
	f.Add("; dnseal begin\r\n; dnseal end")
	f.Add("; dnseal begin\nx 5 TYPE52 \\# 4 03010100 ; y\n  60 SMIMEA 3 1 ( 1 \n00 )\n ; dnseal end \n")
	c := add("aa._smimecert.example.org.", record('a'))
	c.Owner = dns.CanonicalName(c.Owner)
	f.Fuzz(func(t *testing.T, content string) {
		b, err := split(content)
		if err != nil || b.read("example.org.") != nil || b.change("file", "example.org.", &c) != nil {
			return
		}
		next := b.text()
		if !strings.HasPrefix(next, b.before+b.begin) || !strings.HasSuffix(next, b.end+b.after) || strings.TrimSpace(content) != "" && b.before+b.begin != content[:len(b.before+b.begin)] {
			t.Fatalf("%q -> %q", content, next)
		}
		again, err := split(next)
		if err != nil {
			t.Fatalf("%q -> %q: %v", content, next, err)
		}
		if err = again.read("example.org."); err != nil {
			t.Fatalf("%q -> %q: %v", content, next, err)
		}
		if !contains(again.at(&c), record('a')) {
			t.Fatalf("%q -> %q", content, next)
		}
	})
}

// TestZoneFileAgain: a run that was killed before the server read the file is made good by the next
// one, which expects what the server still shows.
func TestZoneFileAgain(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "sh")
	c := add(mailOwner(1), record('a'))
	c.Expect = []dane.Record{}
	mark := filepath.Join(t.TempDir(), "mark")
	z, file := newZoneFile(t, "; dnseal begin\n; dnseal end\n", "sh", "-c", `echo x >>"$0"`, mark)
	must(t, z.Apply(t.Context(), c))
	after := text(t, file)
	must(t, z.Apply(t.Context(), c))
	if text(t, file) != after || text(t, mark) != "x\nx\n" {
		t.Errorf("%s\n%s", text(t, file), text(t, mark))
	}
	c.Add = []dane.Record{record('b')}
	wantCode(t, z.Apply(t.Context(), c), Changed)
	gone := remove(mailOwner(1), record('a'))
	gone.Expect = []dane.Record{record('a')}
	must(t, z.Apply(t.Context(), gone))
	must(t, z.Apply(t.Context(), gone))
}
