//go:build unix

package authority

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dnseal/lookup/lookuptest/peertest"
)

// postgres makes a database in PostgreSQL, and the lines that name it. The server knows new zones
// at once.
func postgres(tb testing.TB, s *Server) string {
	tb.Helper()
	const backend, schema = "usr/lib/*/pdns/libgpgsqlbackend.so", "usr/share/pdns-backend-pgsql/schema/schema.pgsql.sql"
	root := ""
	for _, dir := range []string{"/", filepath.Join(peertest.Module(tb), ".cache/peers/pdns-backend-pgsql")} {
		if found, _ := filepath.Glob(filepath.Join(dir, backend)); len(found) > 0 {
			root = dir
		}
	}
	tables, err := os.ReadFile(filepath.Join(root, schema))
	if root == "" || err != nil {
		peertest.Missing(tb, "pdns-backend-pgsql")
	}
	s.Postgres = peertest.StartPostgres(tb, s.opts.Durable)
	s.SQL(tb, string(tables))
	modules, _ := filepath.Glob(filepath.Join(root, filepath.Dir(backend)))
	return fmt.Sprintf("launch=gpgsql\ngpgsql-host=%s\ngpgsql-user=lab\ngpgsql-dbname=postgres\ngpgsql-dnssec=yes\nmodule-dir=%s\nzone-cache-refresh-interval=0\n", s.Postgres.Dir, modules[0])
}

// SQL runs statements in the database of PowerDNSPostgres, and returns the values of the last one's
// rows; NULL is "∅".
func (s *Server) SQL(tb testing.TB, text string) (out [][]string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	conn, err := pgconn.Connect(ctx, s.Postgres.URL())
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.Exec(ctx, text).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	for _, row := range results[len(results)-1].Rows {
		var values []string
		for _, v := range row {
			if v == nil {
				v = []byte("∅")
			}
			values = append(values, string(v))
		}
		out = append(out, values)
	}
	return out
}
