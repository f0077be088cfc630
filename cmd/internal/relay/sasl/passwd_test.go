package sasl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHash(t *testing.T) {
	t.Parallel()
	h, err := HashPassword("secret")
	if err != nil {
		t.Fatal(err)
	}
	read, err := parseHash(h)
	if err != nil {
		t.Fatal(err)
	}
	if !read.matches("secret") || read.matches("Secret") || read.matches("") {
		t.Error("matches is wrong")
	}
	if (hash{}).matches("") {
		t.Error("the zero hash matches")
	}
	again, err := HashPassword("secret")
	if err != nil {
		t.Fatal(err)
	}
	if again == h {
		t.Error("two hashes have one salt")
	}
}

// TestHashOfOthers checks a hash made by the reference program: echo -n password | argon2 somesalt
// -id -t 2 -k 19456 -p 1 -l 32 -e.
func TestHashOfOthers(t *testing.T) {
	t.Parallel()
	h, err := parseHash(referenceHash)
	if err != nil {
		t.Fatal(err)
	}
	if !h.matches("password") {
		t.Error("the hash of the reference program does not match")
	}
}

func TestHashPasswordRefuses(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"", "a\x00b", strings.Repeat("x", maxPassword+1)} {
		if _, err := HashPassword(p); err == nil {
			t.Errorf("HashPassword(%.10q) = nil", p)
		}
	}
}

func TestReadUsers(t *testing.T) {
	t.Parallel()
	good := "alice:" + referenceHash + "\n"
	for _, tt := range []struct {
		name, text string
		mode       os.FileMode
		err        string // empty: read
	}{
		{"good", "# users\n\n" + good, 0o640, ""},
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n"), 0o600, ""},
		{"empty", "", 0o600, ""},
		{"readable by others", good, 0o644, "run chmod 640"},
		{"writable by the group", good, 0o660, "run chmod 640"},
		{"twice", good + good, 0o600, "line 2: duplicate user \"alice\""},
		{"no hash", good + "bob\n", 0o600, "line 2: relay: password hash does not begin with"},
		{"no name", ":" + referenceHash, 0o600, "line 1: relay: user \"\""},
		{"other costs", strings.Replace(good, "t=2", "t=9", 1), 0o600, "line 1: relay: password hash does not begin with"},
		{"cut off", strings.TrimSuffix(good, "E\n") + "\n", 0o600, "line 1: relay: password hash: "},
		{"long line", strings.Repeat("x", 5000), 0o600, "token too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "users")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			_, err := readUsers(path)
			switch {
			case tt.err == "" && err != nil:
				t.Errorf("readUsers = %v", err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), path)):
				t.Errorf("readUsers = %v, want %q", err, tt.err)
			}
		})
	}
	if _, err := readUsers(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing file is read")
	}
}

func FuzzParseUsers(f *testing.F) {
	f.Add("alice:" + referenceHash + "\n#\n")
	f.Fuzz(func(t *testing.T, text string) {
		users, err := parseUsers(strings.NewReader(text))
		if err != nil {
			return
		}
		for name, h := range users {
			if read, err := parseHash(h.String()); err != nil || read.String() != h.String() || ValidUser(name) != nil {
				t.Errorf("%q: parseHash(%q) = %v, %v", name, h, read, err)
			}
		}
	})
}

const referenceHash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$PL01amPyeUuxG7H0vIr5X+qHkZvWnHmGBGXFYvh8z2E"
