// Package worldtest is what tests of the program share: a folder with an identity, a resolver that
// publishes it, and a mailbox at the end.
package worldtest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/cmd/internal/demo"
	"dnseal/cmd/internal/logline"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
)

// World ends with its test.
type World struct {
	T       testing.TB
	Dir     string
	DNS     *lookuptest.Server
	Record  string // of alice@example.org, in zone-file form
	Mailbox *demo.Mailbox
}

// OneRelay is a relay between the sockets "relay" and "mailbox", for [World.Config].
const OneRelay = `
[[relay]]
role = "submission"
listen = "unix:DIR/relay"
next-hop = ["unix:DIR/mailbox"]
`

// New makes a world of alice@example.org. Its files are keys/, anchor, tsig.key, which may change
// the zone, and the mailbox's socket.
func New(tb testing.TB) *World {
	tb.Helper()
	return NewWith(tb, identity.CreateOptions{})
}

// NewWith is [New] with an identity made by these options.
func NewWith(tb testing.TB, opts identity.CreateOptions) *World {
	tb.Helper()
	w := &World{T: tb, Dir: tb.TempDir()}
	var err error
	w.Record, err = w.record("alice@example.org", opts)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := publish.NewKey("test")
	if err != nil {
		tb.Fatal(err)
	}
	w.Write("tsig.key", key.File())
	if w.DNS, err = lookuptest.New([]lookuptest.Zone{{Text: w.Record + "\n", Origin: "example.org."}}, lookuptest.Options{
		UpdateKeys: []lookuptest.UpdateKey{{Name: key.Name, Algorithm: key.Algorithm, Secret: key.Secret()}},
	}); err != nil {
		tb.Fatal(err)
	}
	if err = w.DNS.Start("127.0.0.1:0"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = w.DNS.Close() })
	w.Write("anchor", w.DNS.Anchor())
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: w.Path("mailbox"), Net: "unix"})
	if err != nil {
		tb.Fatal(err)
	}
	w.Mailbox = demo.ServeMailbox(l)
	tb.Cleanup(w.Mailbox.Close)
	return w
}

// record creates an identity and returns its record in zone-file form.
func (w *World) record(name string, opts identity.CreateOptions) (string, error) {
	id, err := identity.Create(w.Path("keys"), name, opts)
	if err != nil {
		return "", err
	}
	owner, typ, err := id.OwnerName()
	if err != nil {
		return "", err
	}
	record, err := id.Record(3, 1, 1)
	if err != nil {
		return "", err
	}
	return identity.FormatRecord(owner, typ, record, time.Minute, "zone")
}

// Path is the path of a file of the world.
func (w *World) Path(name string) string { return filepath.Join(w.Dir, name) }

// Write writes a file and returns its path.
func (w *World) Write(name, text string) string {
	w.T.Helper()
	if err := os.WriteFile(w.Path(name), []byte(text), 0o600); err != nil {
		w.T.Fatal(err)
	}
	return w.Path(name)
}

// Config writes dnseal.toml and returns its path: what every test needs, then more, in which DIR is
// the world's folder.
func (w *World) Config(more string) string {
	w.T.Helper()
	head := fmt.Sprintf(`
identities = "DIR/keys"
hostname = "relay.example.org"
[dns]
resolvers = [%q]
timeout = "30s"
trust-anchor = "DIR/anchor"
[[sign.rule]]
who = ["net:127.0.0.1"]
from = ["alice@example.org"]
`, w.DNS.Addr())
	return w.Write("dnseal.toml", strings.ReplaceAll(head+more, "DIR", w.Dir))
}

// Buffer is a buffer that several goroutines may write to and read from.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range bytes.Lines(p) {
		check(line)
	}
	return b.b.Write(p)
}

// String is all that was written.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// strange are the lines of daemons, written to any Buffer, that are not as dnseal-log(5) says.
var strange sync.Map

// Strange returns what is wrong with lines of daemons that any [Buffer] was given: a field that
// dnseal-log(5) does not have, or one that is there twice.
func Strange() (found []string) {
	strange.Range(func(what, line any) bool {
		found = append(found, fmt.Sprintf("%s: %s", what, line))
		return true
	})
	return found
}

var known = func() map[string]bool {
	names := map[string]bool{}
	for _, s := range logline.Sections {
		for _, f := range s.Fields {
			names[f.Name] = true
		}
	}
	return names
}()

func check(line []byte) {
	var l logline.Line
	if !l.Parse(line) {
		return
	}
	seen := map[string]bool{}
	l.Each(func(key, _ []byte) {
		switch name := string(key); {
		case !known[name]:
			strange.Store("unknown field "+name, string(line))
		case seen[name]:
			strange.Store("twice the field "+name, string(line))
		default:
			seen[name] = true
		}
	})
}
