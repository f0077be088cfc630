package nexthop

import (
	"fmt"
	"io"
	"time"

	"dnseal/cmd/internal/relay/wire"
)

// Write implements io.Writer below the deadlines of the client.
func (c *Client) Write(p []byte) (int, error) {
	return wire.WriteWithin(c.conn, p, earlier(time.Now().Add(wire.WriteTimeout), c.Until))
}

// earlier returns the earlier of t and limit, where the zero limit is none.
func earlier(t, limit time.Time) time.Time {
	if !limit.IsZero() && limit.Before(t) {
		return limit
	}
	return t
}

// Send writes the message after DATA and returns the final replies: one for all recipients, or one
// for each of n by LMTP (RFC 2033, Section 4.2). write must write the whole message. After an error
// the connection must be closed; replies that come with it are what the next hop sent before, and
// those that never came are zero.
func (c *Client) Send(n int, write func(io.Writer) error) (final []wire.Reply, err error) {
	r, err := c.Command("DATA")
	if err != nil {
		return nil, err
	}
	// RFC 5321, Section 4.3.2: DATA is answered by 354, or by a refusal for all recipients.
	if r.Code >= 400 {
		return []wire.Reply{r}, nil
	}
	if r.Code != 354 {
		return nil, fmt.Errorf("answers DATA with %s", r)
	}
	if err = c.content(write); err != nil {
		return c.lastReply(), err
	}
	if !c.Hop.LMTP {
		// RFC 5321, Section 4.2.5: one reply for all recipients.
		n = 1
	}
	c.mail = false
	final = make([]wire.Reply, n)
	for i := range final {
		if final[i], err = c.reply(c.opts.FinalTimeout, "the message"); err != nil {
			break
		}
	}
	return final, err
}

// content sends what write writes with dots, and the end.
func (c *Client) content(write func(io.Writer) error) error {
	large := wire.LargeBuffers.Get().(*[]byte)
	defer wire.LargeBuffers.Put(large)
	block := newBlockWriter(c, *large)
	dots := newStuffer(block)
	if err := write(dots); err != nil {
		return err
	}
	// RFC 5321, Section 4.1.1.4: content ends with CRLF "." CRLF.
	if err := dots.Close(); err != nil {
		return err
	}
	return block.Flush()
}

// lastReply reads what a next hop sent before it closed in the middle of a message: a refusal, or
// nothing.
func (c *Client) lastReply() []wire.Reply {
	r, err := c.reply(time.Second, "a part of the message")
	if err != nil || r.Code < 400 {
		return nil
	}
	return []wire.Reply{r}
}

// blockWriter collects small writes and passes large ones through.
type blockWriter struct {
	w   io.Writer
	buf []byte
	n   int
	err error
}

func newBlockWriter(w io.Writer, buf []byte) *blockWriter { return &blockWriter{w: w, buf: buf} }

func (b *blockWriter) Write(p []byte) (int, error) {
	if len(p) > len(b.buf)-b.n {
		_ = b.Flush()
	}
	if b.err != nil {
		return 0, b.err
	}
	if len(p) >= len(b.buf) {
		_, b.err = b.w.Write(p)
		return len(p), b.err
	}
	b.n += copy(b.buf[b.n:], p)
	return len(p), nil
}

// Flush passes on what was collected.
func (b *blockWriter) Flush() error {
	if b.err == nil && b.n > 0 {
		_, b.err = b.w.Write(b.buf[:b.n])
	}
	b.n = 0
	return b.err
}
