//go:build unix

package peertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres is a PostgreSQL server with the database "postgres" and the user "lab", who needs no
// password. It listens on a socket in its folder alone.
type Postgres struct {
	Dir     string
	process *Process
	program string
	args    []string
}

// StartPostgres makes a cluster and runs it until the test ends. Root runs it as nobody, because it
// refuses root. Without durable it does not wait for the disk (fsync), which benchmarks must.
func StartPostgres(tb testing.TB, durable bool) *Postgres {
	tb.Helper()
	program, err := filepath.EvalSymlinks(Program(tb, "postgres")) // initdb is beside it
	if err != nil {
		tb.Fatal(err)
	}
	p := &Postgres{Dir: ShortDir(tb), program: program}
	data := filepath.Join(p.Dir, "data")
	asOther(tb, p.Dir)
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	defer cancel()
	initdb := exec.CommandContext(ctx, filepath.Join(filepath.Dir(p.program), "initdb"), "-D", data, "-U", "lab", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync") //nolint:gosec // of a test
	initdb.Dir, initdb.SysProcAttr = p.Dir, nobody(tb)
	if out, err := initdb.CombinedOutput(); err != nil {
		tb.Fatalf("initdb: %v\n%s", err, out)
	}
	p.args = []string{"-D", data, "-c", "listen_addresses=", "-c", "unix_socket_directories=" + p.Dir, "-c", "max_wal_size=4GB"}
	if !durable {
		p.args = append(p.args, "-c", "fsync=off")
	}
	p.Restart(tb)
	return p
}

// URL is where it is, for libpq and those like it.
func (p *Postgres) URL() string { return fmt.Sprintf("host=%s user=lab dbname=postgres", p.Dir) }

// Kill ends it as a crash would.
func (p *Postgres) Kill() { p.process.Kill() }

// Stop ends it, and all connections with it.
func (p *Postgres) Stop() {
	p.process.signal(syscall.SIGINT)
	<-p.process.ended
}

// Restart runs it again with what is in its folder, and waits until it takes connections.
func (p *Postgres) Restart(tb testing.TB) {
	tb.Helper()
	// A new one waits for what a killed one left.
	_ = os.Remove(filepath.Join(p.Dir, "data", "postmaster.pid"))
	p.process = runAs(tb, nobody(tb), p.Dir, p.program, p.args...)
	WaitFor(tb, "PostgreSQL", func() bool {
		select {
		case <-p.process.ended:
			tb.Fatal("PostgreSQL does not start")
		default:
		}
		conn, err := pgconn.Connect(tb.Context(), p.URL())
		if err == nil {
			_ = conn.Close(tb.Context())
		}
		return err == nil
	})
}

// nobody is who runs what refuses root; nil: the user of the test.
func nobody(tb testing.TB) *syscall.SysProcAttr {
	tb.Helper()
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		uid, gid := nobodyIDs(tb)
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return attr
}

func nobodyIDs(tb testing.TB) (uid, gid int) {
	tb.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		tb.Fatal(err)
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid
}

// asOther gives a folder to the user of nobody.
func asOther(tb testing.TB, dir string) {
	tb.Helper()
	if os.Getuid() != 0 {
		return
	}
	uid, gid := nobodyIDs(tb)
	if err := os.Chown(dir, uid, gid); err != nil {
		tb.Fatal(err)
	}
}
