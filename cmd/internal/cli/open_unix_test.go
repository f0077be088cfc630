//go:build unix

package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func named(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestPipeWithoutWriter: a named pipe that nobody writes to is an error, whether nobody has opened
// it or somebody has and is silent, also in the middle.
func TestPipeWithoutWriter(t *testing.T) {
	t.Parallel()
	for what, before := range map[string]string{"nobody": "", "silent": "", "half": "half"} {
		name := named(t)
		f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if what != "nobody" {
			w, wrong := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0)
			if wrong != nil {
				t.Fatal(wrong)
			}
			defer w.Close()
			if _, wrong = w.WriteString(before); wrong != nil {
				t.Fatal(wrong)
			}
		}
		got, err := io.ReadAll(&pipe{File: f, wait: 20 * time.Millisecond})
		if err == nil || string(got) != before || !strings.HasSuffix(err.Error(), "is a named pipe, and nothing is written to it") {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
}

// TestPipe: what is written to a named pipe is read, whoever comes first.
func TestPipe(t *testing.T) {
	t.Parallel()
	name := named(t)
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(name, []byte("text"), 0) }()
	got, err := ReadFile(name, 4)
	if err != nil || string(got) != "text" {
		t.Errorf("%q, %v", got, err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(name, 4); err != nil || string(got) != "text" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := ReadFile(name, 3); err == nil || err.Error() != name+" is larger than 3 bytes" {
		t.Error(err)
	}
	if _, err := ReadFile(name+"x", 3); !os.IsNotExist(err) {
		t.Error(err)
	}
}
