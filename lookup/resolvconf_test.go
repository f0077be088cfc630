package lookup

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dnseal/lookup/dane"
)

// TestResolvConf has a client follow the file its resolvers come from.
func TestResolvConf(t *testing.T) {
	t.Parallel()
	// Nobody listens there, which takes no time to find out.
	const first, second = "127.83.1.1:53", "127.83.1.2:53"
	path := filepath.Join(t.TempDir(), "resolv.conf")
	write := func(text string) {
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	var asked string
	now := time.Now()
	c, err := New(Options{
		Resolvers: []string{"127.83.1.3"}, NoCache: true, Now: func() time.Time { return now },
		Limits: Limits{FirstPause: 1, LastPause: 1},
		Trace: func(q Query) {
			mu.Lock()
			defer mu.Unlock()
			asked = q.Server
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.resolvFile = &resolvFile{path: path}
	for _, step := range []struct {
		file  string // "": as it is
		later time.Duration
		want  string
	}{
		{"nameserver 127.83.1.1\n", 0, first},
		{"nameserver 127.83.1.2\n", followEvery - 1, first},
		{"", 1, second},
		{"search example.org\n", followEvery, second},
		{"nameserver 127.83.1.1\n", followEvery, first},
	} {
		if step.file != "" {
			write(step.file)
		}
		now = now.Add(step.later)
		mu.Lock()
		asked = ""
		mu.Unlock()
		c.Lookup(t.Context(), "sensor._device.example.org", dane.TLSA)
		mu.Lock()
		if asked != step.want {
			t.Errorf("%+v: asked %q", step, asked)
		}
		mu.Unlock()
	}
}
