package wire

import (
	"net"
	"time"
)

// WriteTimeout is how long one write may take.
const WriteTimeout = 2 * time.Minute

// Writer writes to a connection, each write below a deadline of its own.
type Writer struct{ Conn net.Conn }

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	return WriteWithin(w.Conn, p, time.Now().Add(WriteTimeout))
}

// WriteWithin writes p to conn before the deadline.
func WriteWithin(conn net.Conn, p []byte, deadline time.Time) (int, error) {
	if err := conn.SetWriteDeadline(deadline); err != nil {
		return 0, err
	}
	return conn.Write(p)
}
