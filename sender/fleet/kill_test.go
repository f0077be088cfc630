package fleet

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dnseal/sender/identity"
)

// many is how many identities TestMany enrolls.
var many = flag.Int("fleet", 2000, "identities of TestMany; from 100,000 on its memory is told")

// TestMain is the test, or the enrolment that TestKilled kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv("FLEET_ENROLL"); dir != "" {
		os.Exit(enrollForKill(dir))
	}
	os.Exit(m.Run())
}

func enrollForKill(dir string) int {
	inv, err := OpenInventory(filepath.Join(dir, DefaultInventory))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	rows, err := NewRows(strings.NewReader(table(killTable)))
	if err != nil {
		return 1
	}
	opts := EnrollOptions{Rows: rows, Dir: dir, TTL: time.Second}
	opts.Form.Usage, opts.Form.Selector, opts.Form.Matching = 3, 1, 1
	if opts.Template, err = ParseTemplate(devices, rows.Columns); err != nil {
		return 1
	}
	// Progress goes to who kills.
	opts.Done = func(n int) { fmt.Println(n) }
	if _, err = inv.Enroll(context.Background(), opts); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

const killTable = 800

// TestKilled: a run that is killed, wherever it is, and run again is complete: each identity has
// one line, the folder has the key of that line, and nothing else is there.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, after := range []int{1, 300, 600, 1 << 30} {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "FLEET_ENROLL="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err = cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var n, done int
		for done < after {
			if _, err = fmt.Fscan(out, &n); err != nil {
				break
			}
			done += n
		}
		_ = cmd.Process.Kill() // SIGKILL; the last one has ended
		_, _ = io.Copy(io.Discard, out)
		if err = cmd.Wait(); err != nil && after == 1<<30 {
			t.Fatal(err)
		}
	}
	inv := newInventory(t, filepath.Join(dir, DefaultInventory))
	seen := map[string]string{}
	if err := inv.scan(func(e *Event) error {
		if e.What != Enrolled {
			return nil
		}
		if seen[e.Name] != "" {
			t.Errorf("%s is there twice", e.Name)
		}
		seen[e.Name] = e.Key
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	names, err := identity.ListAll(dir)
	if err != nil || len(names) != killTable || len(seen) != killTable {
		t.Fatalf("%d folders, %d lines, %v", len(names), len(seen), err)
	}
	for _, name := range names {
		if id, err := identity.Load(dir, name); err != nil || id.KeyID() != seen[name] {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFull: where the inventory cannot be written the run ends, says so, and goes on when it can.
func TestFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inv := newInventory(t, filepath.Join(dir, DefaultInventory))
	file := inv.file
	full, err := os.Open(filepath.Join(dir, DefaultInventory)) // every write fails
	if err != nil {
		t.Fatal(err)
	}
	inv.file = full
	opts := options(t, table(20), devices)
	opts.Dir = dir
	if sum, e := inv.Enroll(context.Background(), opts); e == nil || sum.Enrolled != 0 {
		t.Errorf("%+v, %v", sum, e)
	}
	inv.file = file
	_ = full.Close()
	opts = options(t, table(20), devices)
	opts.Dir = dir
	if sum, e := inv.Enroll(context.Background(), opts); e != nil || sum != (Enrollment{Enrolled: 20}) {
		t.Errorf("%+v, %v", sum, e)
	}
	if err = inv.Each(func(e Event) error {
		id, failed := identity.Load(dir, e.Name)
		if failed == nil && id.KeyID() != e.Key {
			failed = errors.New("another key")
		}
		return failed
	}); err != nil {
		t.Error(err)
	}
}

// TestInterrupted: a run that is interrupted keeps what it noted, and returns the context's error.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inv := newInventory(t, filepath.Join(dir, DefaultInventory))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	opts := options(t, table(1200), devices)
	opts.Dir = dir
	opts.Done = func(int) { cancel() }
	sum, err := inv.Enroll(ctx, opts)
	if !errors.Is(err, context.Canceled) || sum.Enrolled == 0 || sum.Enrolled == 1200 {
		t.Fatalf("%+v, %v", sum, err)
	}
	opts = options(t, table(1200), devices)
	opts.Dir = dir
	if again, err := inv.Enroll(context.Background(), opts); err != nil || again.There != sum.Enrolled || again.Enrolled != 1200-sum.Enrolled {
		t.Errorf("%+v, then %+v, %v", sum, again, err)
	}
}

// TestMany enrolls a table into a file of keys and a zone file, and again, when all is there: go
// test ./sender/fleet -run '^TestMany$' -fleet 1000000 -v tells the most memory that it had.
func TestMany(t *testing.T) {
	dir := t.TempDir()
	measured := *many >= 100_000
	if measured {
		defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the command does
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(100 << 20))
	}
	var peak atomic.Uint64
	sample := func(int) {
		if measured {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.Sys-m.HeapReleased))
		}
	}
	for run, want := range []Enrollment{{Enrolled: *many}, {There: *many}} {
		inv := newInventory(t, filepath.Join(dir, DefaultInventory))
		keys, err := inv.OpenKeyFile(filepath.Join(dir, "keys.pem"))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := NewRows(manyRows(*many))
		if err != nil {
			t.Fatal(err)
		}
		opts := options(t, "serial,site\n", devices)
		opts.Rows, opts.Keys, opts.Expect, opts.Done = rows, keys, *many, sample
		begin := time.Now()
		if opts.Zone, err = inv.BeginZoneFile(filepath.Join(dir, "zone"), nil); err != nil {
			t.Fatal(err)
		}
		sum, err := inv.Enroll(context.Background(), opts)
		if err != nil || sum != want {
			t.Fatalf("%+v, %v", sum, err)
		}
		if count, err := opts.Zone.Commit(); err != nil || count != *many {
			t.Fatalf("%d, %v", count, err)
		}
		if measured {
			t.Logf("run %d: %d identities, %.0f/s; at most %d MiB from the system", run+1, *many, float64(*many)/time.Since(begin).Seconds(), peak.Load()>>20)
		}
		if measured && peak.Load() > 128<<20 {
			t.Errorf("%d MiB are more than 128", peak.Load()>>20)
		}
		_ = keys.Close()
		_ = inv.Close()
	}
}

// manyRows is the table of n devices, made while it is read.
func manyRows(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := io.WriteString(w, "serial,site\n")
		for i := 0; i < n && err == nil; i++ {
			_, err = fmt.Fprintf(w, "SN-%07d,s%d\n", i, i%100)
		}
		_ = w.CloseWithError(err)
	}()
	return r
}
