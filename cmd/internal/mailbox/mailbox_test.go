package mailbox

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWalkMbox(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200<<10)
	tests := []struct {
		name, mbox string
		want       []string
	}{
		{"one", "From a@b Mon\nS: 1\n\nbody\n", []string{"S: 1\n\nbody\n"}},
		{"two", "From a@b Mon\nS: 1\n\nbody\n\nFrom c@d Tue\nS: 2\n\nb2\n", []string{"S: 1\n\nbody\n", "S: 2\n\nb2\n"}},
		{"From inside a paragraph", "From a Mon\nS: 1\n\nbody\nFrom here on\n", []string{"S: 1\n\nbody\nFrom here on\n"}},
		{"CRLF", "From a Mon\r\nS: 1\r\n\r\nbody\r\n\r\nFrom b Tue\r\nS: 2\r\n\r\n", []string{"S: 1\r\n\r\nbody\r\n", "S: 2\r\n\r\n"}},
		{"no final newline", "From a Mon\nS: 1\n\nbody", []string{"S: 1\n\nbody"}},
		{"long line", "From a Mon\nS: 1\n\n" + long + "\n\nFrom b Tue\nS: 2\n\nx\n", []string{"S: 1\n\n" + long + "\n", "S: 2\n\nx\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "box")
			if err := os.WriteFile(path, []byte(tt.mbox), 0o600); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, read(t, at(path))); diff != "" {
				t.Errorf("Walk (-want +got):\n%s", diff)
			}
			piped := read(t, func(each func(Message) error) error { return WalkReader(strings.NewReader(tt.mbox), "-", each) })
			if diff := cmp.Diff(tt.want, piped); diff != "" {
				t.Errorf("WalkReader (-want +got):\n%s", diff)
			}
		})
	}
}

// at is Walk of a path.
func at(path string) func(func(Message) error) error {
	return func(each func(Message) error) error { return Walk(path, each) }
}

// read returns all messages of a walk, opened after its end.
func read(t *testing.T, walk func(func(Message) error) error) []string {
	t.Helper()
	var found []Message
	if err := walk(func(m Message) error { found = append(found, m); return nil }); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range found {
		r, err := m.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		got = append(got, string(b))
	}
	return got
}

func TestWalkMaildir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := Walk(dir, nil); !errors.Is(err, ErrNoMail) {
		t.Errorf("Walk(empty folder) = %v, want ErrNoMail", err)
	}
	for name, text := range map[string]string{
		"new/1": "S: 1\n\n", "cur/2:2,S": "S: 2\n\n", "tmp/3": "no", "dovecot.index": "no", "dovecot-uidlist": "3 V1 N4",
		".Sent/cur/4:2,S": "S: 4\n\n", ".Sent/tmp/5": "no", ".Sent/maildirfolder": "", "Old/2025/new/6": "S: 6\n\n", ".git/config": "no",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	compress(t, filepath.Join(dir, "cur", "7,S=8:2,SZ"), "gzip", "S: 7\n\n")
	compress(t, filepath.Join(dir, "cur", "8,S=8:2,S"), "zstd", "S: 8\n\n")
	if diff := cmp.Diff([]string{"S: 1\n\n", "S: 2\n\n", "S: 7\n\n", "S: 8\n\n", "S: 4\n\n", "S: 6\n\n"}, read(t, at(dir))); diff != "" {
		t.Errorf("Walk (-want +got):\n%s", diff)
	}
}
