package powerdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dnseal/lookup/publish"
)

// server is a database.
type server struct {
	config *pgconn.Config
}

// maxMessage bounds one message of the server: a row, or a part of it.
const maxMessage = 1 << 20

// CheckURL checks the form of [Options].URL; nothing is connected. The error does not repeat it: it
// may hold a password.
func CheckURL(url string) error {
	_, err := parse(url, defaultTimeout)
	return err
}

// parse reads a URL. The library's errors have it in them, and its own way to hide the password is,
// as it says, no guarantee.
func parse(url string, timeout time.Duration) (server, error) {
	if strings.TrimSpace(url) == "" {
		return server{}, errURL
	}
	config, err := pgconn.ParseConfig(url)
	if err != nil {
		return server{}, errURL
	}
	config.ConnectTimeout = timeout
	config.MaxProtocolMessageBodyLen = maxMessage
	config.RuntimeParams["application_name"] = "dnseal"
	return server{config}, nil
}

// String is the database without user and password.
func (s server) String() string {
	host := s.config.Host
	if !strings.HasPrefix(host, "/") {
		host = net.JoinHostPort(host, strconv.Itoa(int(s.config.Port)))
	}
	return fmt.Sprintf("the database %s at %s", s.config.Database, host)
}

// session is a connection, opened when it is needed.
type session struct {
	*Client
	conn *pgconn.PgConn
}

func (s *session) connected() bool { return s.conn != nil && !s.conn.IsClosed() }

// connect opens the connection anew.
func (s *session) connect(ctx context.Context) error {
	s.close()
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, s.server.config)
	if err != nil {
		return &connectError{err}
	}
	s.conn = conn
	return nil
}

// close ends the connection; what is under way is rolled back.
func (s *session) close() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
	s.conn = nil
}

// connectError is a connection that was not made.
type connectError struct{ err error }

func (e *connectError) Error() string { return e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

// SQLSTATE codes (PostgreSQL, Appendix A).
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
	queryCanceled        = "57014"
	undefinedTable       = "42P01"
	undefinedColumn      = "42703"
	noPrivilege          = "42501"
	readOnly             = "25006"
	noDatabase           = "3D000"
)

// again reports whether a transaction can be made by another try: the connection was lost, or the
// database gave it up for the sake of another one.
func again(err error) bool {
	if r, ok := errors.AsType[*publish.Refusal](err); ok && r != nil {
		return false
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return true
	}
	switch e.Code[:min(2, len(e.Code))] {
	case "08", "53": // connection, resources
		return true
	case "57": // operator intervention
		return e.Code != queryCanceled
	}
	return e.Code == serializationFailure || e.Code == deadlockDetected
}

// rolledBack reports whether the database itself says that a transaction was not made. What it says
// while it shuts down is no such word.
func rolledBack(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && !strings.HasPrefix(e.Code, "57") && !strings.HasPrefix(e.Code, "08")
}

// refusal says what an error means; unsure says that a
// transaction that was to end is perhaps made.
func (s server) refusal(ctx context.Context, zone string, err error, unsure bool) error {
	if r, ok := errors.AsType[*publish.Refusal](err); ok {
		return r
	}
	r := &publish.Refusal{Server: s.String(), Zone: zone, Err: err, Code: publish.ServerFailure}
	_, notConnected := errors.AsType[*connectError](err)
	why := oneLine(err)
	switch e, ok := errors.AsType[*pgconn.PgError](err); {
	case unsure:
		r.Code, r.Text = publish.Unknown, fmt.Sprintf("%s went away before it confirmed the last transaction, so it is perhaps made: %s", s, why)
		r.Advice = "run the command again: it reads first what is there"
	case ctx.Err() != nil:
		return fmt.Errorf("publish: ended before the transaction, so nothing was changed by it: %w", ctx.Err())
	case ok:
		s.explain(e, r)
	case notConnected:
		r.Code, r.Text = publish.Unreachable, fmt.Sprintf("%s cannot be reached: %s; nothing was changed", s, why)
		r.Advice = "see that it runs, and that the URL, PGHOST and pg_hba.conf are right"
	default:
		r.Code, r.Text = publish.Unreachable, fmt.Sprintf("%s went away, and the transaction with it: %s; nothing was changed by it", s, why)
		r.Advice = "run the command again when it is back"
	}
	return r
}

// explain says what an error of the database means.
func (s server) explain(e *pgconn.PgError, r *publish.Refusal) {
	r.Text = fmt.Sprintf("%s says: %s (SQLSTATE %s); nothing was changed", s, firstLine(e.Message), e.Code)
	r.Advice = "its log says more"
	switch {
	case e.Code == undefinedTable || e.Code == undefinedColumn || e.Code == noDatabase:
		r.Code, r.Advice = publish.NotHere, "name the database that PowerDNS uses (gpgsql-dbname in pdns.conf), with the tables of its version"
	case e.Code == noPrivilege:
		r.Code, r.Advice = publish.Policy, "the user needs SELECT, UPDATE on domains, SELECT on domainmetadata and cryptokeys, all on records, USAGE on records_id_seq"
	case e.Code == readOnly:
		r.Code, r.Advice = publish.Secondary, "name the primary of the database: this one takes no changes"
	case strings.HasPrefix(e.Code, "28"):
		r.Code, r.Advice = publish.Policy, "set the password in a file (PGPASSFILE), or allow the user in pg_hba.conf"
	case e.Code == lockNotAvailable || e.Code == deadlockDetected || e.Code == serializationFailure:
		r.Text = fmt.Sprintf("%s: another transaction holds the zone (SQLSTATE %s); nothing was changed", s, e.Code)
		r.Advice = "another run, or pdnsutil, is at it: run the command again when it is done"
	case e.Code == queryCanceled:
		r.Text = fmt.Sprintf("%s took too long for a transaction, and ended it: %s; nothing was changed", s, firstLine(e.Message))
		r.Advice = "publish fewer changes at a time, or see what it is busy with"
	case e.Code == "53100" || e.Code == "53200":
		r.Advice = "it has no room left"
	}
}

// oneLine is an error in one line.
func oneLine(err error) string { return firstLine(strings.ReplaceAll(err.Error(), "\n", " ")) }

func firstLine(text string) string {
	text, _, _ = strings.Cut(strings.Join(strings.Fields(strings.ReplaceAll(text, "\t", " ")), " "), "\n")
	const most = 300
	return text[:min(most, len(text))]
}
