package powerdns

import (
	"context"
	"errors"
	"strconv"
	"strings"
)

// errTooMuch is an answer that nothing needs.
var errTooMuch = errors.New("powerdns: the database sends more than the names can have")

// maxAnswer bounds the octets of one answer.
const maxAnswer = 256 << 20

// query sends one statement with its parameters as text, and hands each row to f; a nil value is
// NULL. The values are good until f returns.
func (s *session) query(ctx context.Context, f func(row [][]byte) error, sql string, params ...string) error {
	values := make([][]byte, len(params))
	for i, p := range params {
		values[i] = []byte(p)
	}
	rows := s.conn.ExecParams(ctx, sql, values, nil, nil, nil)
	var err error
	size := 0
	for rows.NextRow() {
		if err != nil || f == nil {
			continue
		}
		for _, v := range rows.Values() {
			size += len(v)
		}
		if err = f(rows.Values()); err == nil && size > maxAnswer {
			err = errTooMuch
		}
	}
	_, closed := rows.Close()
	return errors.Join(closed, err)
}

// exec sends one statement that answers nothing.
func (s *session) exec(ctx context.Context, sql string, params ...string) error {
	return s.query(ctx, nil, sql, params...)
}

var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// array is a PostgreSQL array of texts (PostgreSQL, 8.15.6).
func array(list []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, text := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		_, _ = quoted.WriteString(&b, text)
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

// numbers is a PostgreSQL array of numbers.
func numbers(list []int64) string {
	b := []byte{'{'}
	for i, n := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return string(append(b, '}'))
}

// number reads a number; what is none is 0.
func number(text []byte) int64 {
	n, _ := strconv.ParseInt(string(text), 10, 64)
	return n
}

// yes reads a bool.
func yes(text []byte) bool { return string(text) == "t" }

var copied = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

// line writes one row for COPY in its text form; nil is NULL.
func line(b *strings.Builder, values ...*string) {
	for i, v := range values {
		if i > 0 {
			b.WriteByte('\t')
		}
		if v == nil {
			b.WriteString(`\N`)
			continue
		}
		_, _ = copied.WriteString(b, *v)
	}
	b.WriteByte('\n')
}
