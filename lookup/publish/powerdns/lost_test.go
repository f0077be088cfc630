//go:build unix

package powerdns_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/lookup/publish"
	"dnseal/lookup/publish/powerdns"
)

// breaker stands between a client and the database, and cuts connections.
type breaker struct {
	up, dir string
	// word is what a message of the client has in it that is cut off; after says that the database
	// still gets it, and only its answer is lost.
	word  string
	after bool
	// times is how often; from then on nothing connects where dead is set.
	dead bool

	mu    sync.Mutex
	times int
}

// start listens until the test ends, and returns the URL.
func (b *breaker) start(t *testing.T) string {
	t.Helper()
	b.dir = peertest.ShortDir(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(b.dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); running.Wait() })
	return fmt.Sprintf("host=%s user=lab dbname=postgres sslmode=disable", b.dir)
}

// cut reports whether this message is to be cut off.
func (b *breaker) cut(message []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.times > 0 && bytes.Contains(message, []byte(b.word)) {
		b.times--
		return true
	}
	return false
}

func (b *breaker) gone() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dead && b.times == 0
}

// serve passes one connection on.
func (b *breaker) serve(down net.Conn) {
	defer func() { _ = down.Close() }()
	if b.gone() {
		return
	}
	up, err := net.Dial("unix", filepath.Join(b.up, ".s.PGSQL.5432"))
	if err != nil {
		return
	}
	var answers sync.WaitGroup
	defer answers.Wait()
	defer func() { _ = up.Close() }()
	lost := make(chan struct{})
	answers.Go(func() { pass(up, down, lost) })
	buf := make([]byte, 1<<20)
	for {
		n, err := down.Read(buf)
		if err != nil {
			return
		}
		if b.cut(buf[:n]) {
			close(lost)
			_ = down.Close()
			if b.after {
				_, _ = up.Write(buf[:n])
				answers.Wait() // it has done it
			}
			return
		}
		if _, err := up.Write(buf[:n]); err != nil {
			return
		}
	}
}

// pass passes answers on until they are to be lost.
func pass(up, down net.Conn, lost <-chan struct{}) {
	buf := make([]byte, 1<<16)
	for {
		n, err := up.Read(buf)
		if err != nil {
			_ = down.Close()
			return
		}
		select {
		case <-lost:
			return
		default:
		}
		if _, err := down.Write(buf[:n]); err != nil {
			return
		}
	}
}

// testLost: wherever the connection is lost, nothing is half made. What is to be found out is, and
// what cannot be is unknown.
func (z *zone) testLost(t *testing.T) {
	t.Helper()
	for i, c := range []struct {
		name  string
		b     *breaker
		times int
		want  publish.Code
	}{
		{"before the lock", &breaker{word: "for update"}, 1, ""},
		{"in COPY", &breaker{word: "\t3 1 1 "}, 2, ""},
		{"before COMMIT", &breaker{word: "commit"}, 1, ""},
		{"after COMMIT", &breaker{word: "commit", after: true}, 1, ""},
		{"for good", &breaker{word: "for update", dead: true}, 1, publish.Unreachable},
		{"for good after COMMIT", &breaker{word: "commit", after: true, dead: true}, 1, publish.Unknown},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			b := c.b
			b.times, b.up = c.times, z.Postgres.Dir
			client := z.client(t, func(o *powerdns.Options) { o.URL = b.start(t) })
			one, two := add(z.at(fmt.Sprintf("a%d._lost", i)), digest(i)), add(z.at(fmt.Sprintf("b%d._lost", i)), digest(i))
			one.Expect = one.Remove
			err := client.Apply(t.Context(), one, two)
			if code(err) != c.want || (err == nil) != (c.want == "") {
				t.Fatalf("error = %v, want code %q", err, c.want)
			}
			partial, _ := errors.AsType[*publish.PartialError](err)
			switch made := z.made(t, one, two); {
			case c.want == publish.Unreachable && (made != 0 || len(partial.NotDone) != 2), c.want == publish.Unknown && len(partial.Unknown) != 2, c.want == "" && made != 2:
				t.Errorf("%d are made, error %v", made, err)
			}
		})
	}
	z.rectified(t)
}

// made is how many changes the database has.
func (z *zone) made(t *testing.T, changes ...publish.Change) (n int) {
	t.Helper()
	for _, c := range changes {
		n += len(z.SQL(t, "select 1 from records where type = 'TLSA' and name = '"+strings.TrimSuffix(c.Owner, ".")+"'"))
	}
	return n
}

// testTogether: runs at once do not disturb each other.
func (z *zone) testTogether(t *testing.T) {
	t.Helper()
	var running sync.WaitGroup
	for i := range 3 {
		running.Go(func() {
			var list []publish.Change
			for j := range 30 {
				list = append(list, add(z.at(fmt.Sprintf("r%d-%d.%02x._run", i, j, j%4)), digest(j)))
			}
			for _, changes := range [][]publish.Change{list, withdrawn(list[5:]...)} {
				if err := z.client(t, nil).Apply(t.Context(), changes...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	z.rectified(t)
	z.checked(t)
	if n := len(z.SQL(t, "select 1 from records where name like 'r%."+z.name+"' and type = 'TLSA'")); n != 15 {
		t.Errorf("%d records are there, want 15", n)
	}
}

// testTold: what is wrong with the database or the zone is told, and never a password.
func (z *zone) testTold(t *testing.T) {
	t.Helper()
	z.SQL(t, "create role weak login; create role strong login password 'x'")
	z.SQL(t, "create database nothing")
	url := z.Postgres.URL()
	change := add(z.at("sensor._device"), digest(1))
	for name, c := range map[string]struct {
		url  string
		sql  string
		want publish.Code
	}{
		"privilege":  {strings.Replace(url, "user=lab", "user=weak password=hunter2", 1), "", publish.Policy},
		"user":       {strings.Replace(url, "user=lab", "user=absent password=hunter2", 1), "", publish.Policy},
		"tables":     {strings.Replace(url, "dbname=postgres", "dbname=nothing", 1), "", publish.NotHere},
		"database":   {strings.Replace(url, "dbname=postgres", "dbname=absent", 1), "", publish.NotHere},
		"host":       {"postgres://lab:hunter2@" + peertest.FreeLocalhost(t) + "/postgres", "", publish.Unreachable},
		"read only":  {url + " options='-c default_transaction_read_only=on'", "", publish.Secondary},
		"secondary":  {url, "update domains set type = 'SLAVE'", publish.Secondary},
		"catalog":    {url, "update domains set type = 'PRODUCER'", publish.NoUpdates},
		"presigned":  {url, "insert into domainmetadata (domain_id, kind, content) select id, 'PRESIGNED', '1' from domains", publish.NoUpdates},
		"no SOA":     {url, "delete from records using domains", publish.NotHere},
		"bad SOA":    {url, "update records set content = 'x' from domains", publish.ServerFailure},
		"bad NSEC3":  {url, "insert into domainmetadata (domain_id, kind, content) select id, 'NSEC3PARAM', '1 x 0 -' from domains", publish.ServerFailure},
		"other zone": {url, "", publish.NotHere},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			owner := change
			if c.sql != "" {
				at := strings.ToLower(strings.ReplaceAll(name, " ", "-")) + ".told.lab"
				z.SQL(t, "insert into domains (name, type) values ('"+at+"', 'NATIVE')")
				z.SQL(t, "insert into records (domain_id, name, type, content, ttl) select id, name, 'SOA', 'ns. h. 1 2 3 4 5', 60 from domains where name = '"+at+"'")
				where := " where domains.name = '" + at + "'"
				if strings.Contains(c.sql, "records") {
					where += " and domain_id = domains.id"
				}
				z.SQL(t, c.sql+where)
				owner.Owner = "sensor._device." + at + "."
			}
			client := z.client(t, func(o *powerdns.Options) {
				o.URL, o.Timeout = c.url, 5*time.Second
				if name == "other zone" {
					o.Zone, owner.Owner = "absent.lab", "sensor.absent.lab."
				}
			})
			err := client.Apply(t.Context(), owner)
			t.Log(err)
			if code(err) != c.want || strings.ContainsRune(err.Error(), '\n') || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error = %v (%q), want code %q, one line and no password", err, code(err), c.want)
			}
		})
	}
	z.testLocked(t, change)
	z.testEnded(t, change)
	for _, wrong := range []string{"", "postgres://lab:hunter2@[::1/x", "host=x port=hunter2", "postgres://lab:hunter2@x:99999999/y", "password='hunter2"} {
		if err := powerdns.CheckURL(wrong); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// testLocked: a zone that another one holds is told, not waited for without end.
func (z *zone) testLocked(t *testing.T, change publish.Change) {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), z.Postgres.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err = conn.Exec(t.Context(), "begin; select 1 from domains where name = '"+z.name+"' for update").ReadAll(); err != nil {
		t.Fatal(err)
	}
	client := z.client(t, func(o *powerdns.Options) { o.Timeout = 3 * time.Second })
	if err = client.Apply(t.Context(), change); code(err) != publish.ServerFailure || !strings.Contains(err.Error(), "another transaction holds the zone") {
		t.Errorf("error = %v", err)
	}
}

// testEnded: a run that is ended changes nothing more.
func (z *zone) testEnded(t *testing.T, change publish.Change) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := z.Apply(ctx, change); !errors.Is(err, context.Canceled) || z.made(t, change) != 0 {
		t.Errorf("error = %v", err)
	}
}
