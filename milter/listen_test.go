//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	gomilter "github.com/d--j/go-milter"

	"dnseal/lookup/lookuptest/peertest"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][3]string{
		"unix:/run/dnseal/sign.sock":      {"unix", "unix:/run/dnseal/sign.sock", "local:/run/dnseal/sign.sock"},
		"local:/run/x":                    {"unix", "unix:/run/x", "local:/run/x"},
		"UNIX:/run/x":                     {"unix", "unix:/run/x", "local:/run/x"},
		"inet:127.0.0.1:8891":             {"tcp", "inet:127.0.0.1:8891", "inet:8891@127.0.0.1"},
		"inet:8891@127.0.0.1":             {"tcp", "inet:127.0.0.1:8891", "inet:8891@127.0.0.1"},
		"inet:8891@localhost":             {"tcp", "inet:localhost:8891", "inet:8891@localhost"},
		"inet:[2001:db8::1]:8891":         {"tcp", "inet:[2001:db8::1]:8891", "inet6:8891@2001:db8::1"},
		"inet6:8891@2001:db8::1":          {"tcp", "inet:[2001:db8::1]:8891", "inet6:8891@2001:db8::1"},
		"inet6:8891@[2001:db8::1]":        {"tcp", "inet:[2001:db8::1]:8891", "inet6:8891@2001:db8::1"},
		"/run/x":                          {},
		"unix:run/x":                      {},
		"unix:":                           {},
		"unix:/a\x00b":                    {},
		"inet:8891":                       {},
		"inet:8891@":                      {},
		"inet::8891":                      {},
		"inet:host:":                      {},
		"inet:host:0":                     {},
		"inet:host:65536":                 {},
		"inet:host:smtp":                  {},
		"inet:2001:db8::1:8891":           {},
		"inet:a b:8891":                   {},
		"ip:host:1":                       {},
		"":                                {},
		"inet:8891@host@other":            {},
		"inet:" + strings.Repeat("1", 99): {},
	} {
		got, err := ParseAddress(in)
		if want[0] == "" {
			if err == nil {
				t.Errorf("ParseAddress(%q) = %v, want an error", in, got)
			}
			continue
		}
		if err != nil || got.Network != want[0] || got.String() != want[1] || got.Sendmail() != want[2] {
			t.Errorf("ParseAddress(%q) = %q, %q, %v, want %q", in, got, got.Sendmail(), err, want)
		}
		for _, spelling := range []string{got.String(), got.Sendmail()} {
			if again, err := ParseAddress(spelling); err != nil || again != got {
				t.Errorf("ParseAddress(%q) = %v, %v, want %v", spelling, again, err, got)
			}
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"unix:/run/x", "inet:host:1", "inet6:1@[::1]", "inet:1@host"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		for _, spelling := range []string{a.String(), a.Sendmail()} {
			if again, err := ParseAddress(spelling); err != nil || again != a {
				t.Errorf("ParseAddress(%q) = %v; ParseAddress(%q) = %v, %v", s, a, spelling, again, err)
			}
		}
	})
}

// TestListenUnix sees mode and group, and sockets left behind by others.
func TestListenUnix(t *testing.T) {
	t.Parallel()
	path := filepath.Join(peertest.ShortDir(t), "s")
	a := Address{"unix", path}
	group := strconv.Itoa(os.Getgid())

	listen := func(want string, opts ListenOptions) net.Listener {
		t.Helper()
		ln, err := Listen(t.Context(), a, opts)
		switch {
		case want == "" && err != nil:
			t.Fatalf("Listen: %v", err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Fatalf("Listen: %v, want %q", err, want)
		}
		return ln
	}
	mode := func(want fs.FileMode) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%v, %v, want mode %v", info, err, want)
		}
	}

	live := listen("", ListenOptions{Group: group})
	mode(DefaultSocketMode)
	listen("another process serves it", ListenOptions{})
	mode(DefaultSocketMode)

	live.(*net.UnixListener).SetUnlinkOnClose(false) // as after a kill
	if err := live.Close(); err != nil {
		t.Fatal(err)
	}
	// Another test that starts a program holds the socket from its fork to its exec.
	peertest.WaitFor(t, "the last copy of the socket to close", func() bool {
		c, err := net.Dial("unix", path)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	listen("no-such-group", ListenOptions{Group: "no-such-group"})
	fresh := listen("", ListenOptions{Mode: 0o600})
	mode(0o600)
	if err := fresh.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket outlives its listener: %v", err)
	}

	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	listen("not a socket", ListenOptions{})
	if got, _ := os.ReadFile(path); string(got) != "precious" {
		t.Errorf("the file has become %q", got)
	}
}

// TestListenGroup wants the socket in the group asked for; only root can give it to any.
func TestListenGroup(t *testing.T) {
	t.Parallel()
	peertest.NeedRoot(t, "only root may give a socket to a group it is not in")
	path := filepath.Join(peertest.ShortDir(t), "s")
	ln, err := Listen(t.Context(), Address{"unix", path}, ListenOptions{Group: "4711"})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if gid := info.Sys().(*syscall.Stat_t).Gid; gid != 4711 {
		t.Errorf("the socket is of group %d", gid)
	}
}

// TestServeTCP serves over TCP and by a listener that came from elsewhere, as socket activation
// brings it.
func TestServeTCP(t *testing.T) {
	t.Parallel()
	srv := serve(t, Options{Handler: always(accepting)})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	_ = ln.Close()
	given, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(given) }()
	m := &mta{t: t, macros: gomilter.NewMacroBag()}
	if m.s, err = gomilter.NewClient("tcp", ln.Addr().String()).Session(m.macros); err != nil {
		t.Fatal(err)
	}
	m.hello(gomilter.FamilyInet6, "2001:db8::7")
	if _, a := m.send(mail{raw: simple}); a.Type != gomilter.ActionAccept {
		t.Errorf("answer %v", a)
	}
	_ = m.s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve() = %v", err)
	}
}
