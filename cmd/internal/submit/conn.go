package submit

import (
	"net"
	"os"
	"time"
)

// limited is a connection of which each read and write must be done within step, and all of them
// until a time. The SMTP client sets no time for the content, and lifts each deadline after its
// command; here they hold always.
type limited struct {
	net.Conn
	step  time.Duration
	until time.Time
}

func (c *limited) deadline() (time.Time, error) {
	now := time.Now()
	if !now.Before(c.until) {
		return now, os.ErrDeadlineExceeded
	}
	if d := now.Add(c.step); d.Before(c.until) {
		return d, nil
	}
	return c.until, nil
}

// Read implements [net.Conn].
func (c *limited) Read(p []byte) (int, error) {
	d, err := c.deadline()
	if err == nil {
		err = c.Conn.SetReadDeadline(d)
	}
	if err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write implements [net.Conn].
func (c *limited) Write(p []byte) (int, error) {
	d, err := c.deadline()
	if err == nil {
		err = c.Conn.SetWriteDeadline(d)
	}
	if err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// SetDeadline does nothing: the times are those above.
func (c *limited) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *limited) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *limited) SetWriteDeadline(time.Time) error { return nil }
