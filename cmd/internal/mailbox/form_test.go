package mailbox

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// compress writes text to a file, compressed.
func compress(t *testing.T, path, by, text string) {
	t.Helper()
	var buf bytes.Buffer
	var w io.WriteCloser
	switch by {
	case "gzip":
		w = gzip.NewWriter(&buf)
	case "zstd":
		w, _ = zstd.NewWriter(&buf)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, buf.String())
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// listed walks path and writes one line for each message: its name, what it holds or the error, and
// what is said of it.
func listed(t *testing.T, path string) string {
	t.Helper()
	var out strings.Builder
	err := Walk(path, func(m Message) error {
		out.WriteString(strings.TrimPrefix(m.Name, filepath.Dir(path)+"/") + ": ")
		if m.Open == nil {
			out.WriteString(m.Notice + "\n")
			return nil
		}
		text, err := readAll(m)
		out.WriteString(strings.ReplaceAll(text, "\n", "|"))
		if m.Remark != "" {
			out.WriteString(" (" + m.Remark + ")")
		}
		if err != nil {
			out.WriteString(" error: " + strings.ReplaceAll(err.Error(), filepath.Dir(path)+"/", ""))
		}
		out.WriteString("\n")
		return nil
	})
	if err != nil {
		out.WriteString("walk: " + strings.ReplaceAll(err.Error(), filepath.Dir(path)+"/", "") + "\n")
	}
	return out.String()
}

func readAll(m Message) (string, error) {
	r, err := m.Open()
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), errors.Join(err, r.Close())
}

const twoMessages = "From a@b Sat Nov 28 20:00:00 2026\nS: 1\n\none\n\nFrom c@d Sat Nov 28 20:00:00 2026\nS: 2\n\ntwo\n\n"

func TestCompressed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := "#1: S: 1||one|\n#2: S: 2||two|\n"
	for _, by := range []string{"gzip", "zstd"} {
		compress(t, filepath.Join(dir, "box."+by), by, twoMessages)
		if diff := cmp.Diff(strings.ReplaceAll(want, "#", "box."+by+"#"), listed(t, filepath.Join(dir, "box."+by))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", by, diff)
		}
		compress(t, filepath.Join(dir, "one."+by), by, "S: 1\n\none\n")
		if got := listed(t, filepath.Join(dir, "one."+by)); got != "one."+by+": S: 1||one|\n" {
			t.Errorf("%s of one message: %s", by, got)
		}
	}
	whole, err := os.ReadFile(filepath.Join(dir, "box.gzip"))
	if err != nil {
		t.Fatal(err)
	}
	var piped []string
	if err := WalkReader(bytes.NewReader(whole), "-", func(m Message) error { piped = append(piped, m.Name); return nil }); err != nil || len(piped) != 2 {
		t.Errorf("WalkReader: %v, %v", piped, err)
	}
	cut := listed(t, write(t, filepath.Join(dir, "cut.gz"), string(whole[:len(whole)-12])))
	if !strings.HasPrefix(cut, "cut.gz#1: S: 1||one|") || !strings.Contains(cut, "ends in the middle of this message: what follows cannot be read") || !strings.Contains(cut, "walk: cut.gz: what is compressed ends early: unexpected EOF\n") {
		t.Errorf("cut off: %s", cut)
	}
	if bzip, err := exec.LookPath("bzip2"); err == nil {
		cmd := exec.Command(bzip)
		cmd.Stdin = strings.NewReader(twoMessages)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := listed(t, write(t, filepath.Join(dir, "box.bz2"), string(out))); got != strings.ReplaceAll(want, "#", "box.bz2#") {
			t.Errorf("bzip2: %s", got)
		}
	}
}

// A file that expands to more than mail does is not read to its end.
func TestBomb(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	block := make([]byte, 1<<20)
	for range 200 {
		if _, err := w.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := Walk(write(t, filepath.Join(dir, "bomb"), buf.String()), func(m Message) error {
		r, err := m.Open()
		if err != nil {
			return err
		}
		defer r.Close()
		k, err := io.Copy(io.Discard, r)
		n = int(k)
		return err
	})
	if !errors.Is(err, errExpands) || n > expandFree+expandRatio*buf.Len() {
		t.Errorf("%d bytes: %v", n, err)
	}
}

// zipped writes an archive of files, each with its name and text.
func zipped(t *testing.T, path string, files [][2]string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, file := range files {
		w, err := z.Create(file[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, file[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, b.String())
}

// TestZipSameNames: files of one name in an archive have addresses of their own, by which each is
// found.
func TestZipSameNames(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "m.zip")
	zipped(t, path, [][2]string{
		{"a.eml", "S: 1\n\n"}, {"a.eml", "S: 2\n\n"}, {"a (2)", "S: 3\n\n"}, {"a", "S: 6\n\n"}, {"a", "S: 7\n\n"}, {"a.eml", "S: 4\n\n"}, {"box", twoMessages}, {"box", twoMessages}, {"a.eml", "S: 5\n\n"},
	})
	want := []string{
		"m.zip#a.eml: S: 1||\n", "m.zip#a.eml (2): S: 2||\n", "m.zip#a (2): S: 3||\n", "m.zip#a: S: 6||\n", "m.zip#a (3): S: 7||\n", "m.zip#a.eml (3): S: 4||\n",
		"m.zip#box#1: S: 1||one|\n", "m.zip#box#2: S: 2||two|\n", "m.zip#box (2)#1: S: 1||one|\n", "m.zip#box (2)#2: S: 2||two|\n", "m.zip#a.eml (4): S: 5||\n",
	}
	if diff := cmp.Diff(strings.Join(want, ""), listed(t, path)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	for _, line := range want {
		name, text, _ := strings.Cut(line, ": ")
		got := listed(t, filepath.Join(filepath.Dir(path), name))
		if !strings.HasSuffix(got, ": "+text) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestZip(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mail.zip")
	zipped(t, path, [][2]string{
		{"a/", ""},
		{"a/1.eml", "S: 1\n\none\n"},
		{"../../2.eml", "S: 2\n\n"},
		{"notes.txt", "no"},
		{"__MACOSX/._1.eml", "no"},
		{"Mail/Inbox.mbox", twoMessages},
		{"3", "S: 3\n\n"},
		{"b#\x1b.eml", "S: 4\n\n"},
		{"logo.png", "no"},
	})
	want := `mail.zip#a/1.eml: S: 1||one|
mail.zip#../../2.eml: S: 2||
mail.zip#Mail/Inbox.mbox#1: S: 1||one|
mail.zip#Mail/Inbox.mbox#2: S: 2||two|
mail.zip#5: S: 3||
mail.zip#6: S: 4||
mail.zip: 2 other files in it are not read: their names are not those of saved mail
`
	if diff := cmp.Diff(want, listed(t, path)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for arg, want := range map[string]string{
		"#5": "mail.zip#5: S: 3||\n", "#a/1.eml": "1.eml: S: 1||one|\n", "#Mail/Inbox.mbox#2": "Inbox.mbox#2: S: 2||two|\n",
		"#7": "walk: mailbox: no such message: mail.zip holds 6 messages\n", "#nowhere": "walk: mailbox: no such message: mail.zip holds 6 messages, and none of this name\n",
	} {
		if got := listed(t, path+arg); got != want {
			t.Errorf("%s: %s", arg, got)
		}
	}
	if got := listed(t, write(t, filepath.Join(filepath.Dir(path), "cut.zip"), "PK\x03\x04 and no list")); !strings.HasPrefix(got, "walk: cut.zip: the zip archive is cut off or damaged: ") {
		t.Errorf("cut off: %s", got)
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mail")
	for name, text := range map[string]string{
		"1.eml": "S: 1\n\n", "2": "S: 2\n\n", "sub/deep/3.eml": "S: 3\n\n", "x.msf": "no", ".hidden": "no", "box": twoMessages,
		"Export.mbox/mbox": twoMessages, "Export.mbox/table_of_contents": "no",
		"4.emlx": "7\nS: 4\n\nx<?xml version=\"1.0\"?>\n", "5.emlx": "99\nS: 5\n\n", "6.partial.emlx": "6\nS: 6\n\n",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	if err := os.Symlink(dir, filepath.Join(dir, "loop")); err != nil {
		t.Log(err)
	}
	want := `mail/1.eml: S: 1||
mail/2: S: 2||
mail/4.emlx: S: 4||x
mail/5.emlx: S: 5|| (the file ends in the middle of this message: of the 99 octets that its first line names, 6 are there)
mail/6.partial.emlx:  error: mail/6.partial.emlx is not a mail message but an Apple Mail file without its attachments (.partial.emlx), which are kept in other files
mail/Export.mbox/mbox#1: S: 1||one|
mail/Export.mbox/mbox#2: S: 2||two|
mail/box#1: S: 1||one|
mail/box#2: S: 2||two|
mail/sub/deep/3.eml: S: 3||
mail: 2 other files in it are not read: their names are not those of saved mail
`
	if diff := cmp.Diff(want, listed(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := listed(t, dir+"#8"); got != "mail/box#1: S: 1||one|\n" {
		t.Errorf("#8: %s", got)
	}
}

func TestSelection(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	box := write(t, filepath.Join(dir, "box"), twoMessages)
	write(t, filepath.Join(dir, "odd#3"), "S: 3\n\n")
	for arg, want := range map[string]string{
		"#1": "box#1: S: 1||one|\n", "#2": "box#2: S: 2||two|\n", "#3": "walk: mailbox: no such message: box holds 2 messages\n",
		"#0": "walk: mailbox: no such message: box holds 2 messages\n", "#": "walk: stat box#: no such file or directory\n",
	} {
		if got := listed(t, box+arg); got != want {
			t.Errorf("%s: %s", arg, got)
		}
	}
	if got := listed(t, filepath.Join(dir, "odd#3")); got != "odd#3: S: 3||\n" {
		t.Errorf("a name with #: %s", got)
	}
	if got := listed(t, filepath.Join(dir, "odd#3#1")); got != "odd#3: S: 3||\n" {
		t.Errorf("number 1 of one: %s", got)
	}
}
