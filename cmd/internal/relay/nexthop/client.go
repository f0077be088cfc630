package nexthop

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"dnseal/cmd/internal/relay/wire"
)

// Client is one connection to a next hop. Commands go out together where the
// next hop offers PIPELINING (RFC 2920).
type Client struct {
	Hop       Hop
	opts      Options
	conn      net.Conn
	in        *wire.Input
	out       *bufio.Writer
	ext       map[string]string // EHLO keywords, upper case, with their parameters
	tls       bool              // the connection is encrypted, and verified by policy
	mail      bool              // a transaction is open, or may be
	announced string            // the origin that XCLIENT named last
	loggedIn  bool
	used      int       // transactions so far
	free      time.Time // since when it is idle in the pool

	Until time.Time // no read or write lasts longer; zero: no such cap
	gone  func()    // called once when the connection ends; may be nil
}

// connect dials a next hop and gets through greeting, EHLO and TLS. hello is our own name.
func connect(ctx context.Context, hop Hop, opts Options, hello string, from Origin) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, opts.DialTimeout)
	defer cancel()
	conn, err := opts.Dial(ctx, hop.Network, hop.Address)
	if err != nil {
		return nil, fmt.Errorf("relay: next hop %s: %w", hop, err)
	}
	c := &Client{Hop: hop, opts: opts, conn: conn}
	c.Until, _ = ctx.Deadline()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err = c.open(ctx, hello, from)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("relay: next hop %s: %w", hop, err)
	}
	c.Until = time.Time{}
	return c, nil
}

func (c *Client) open(ctx context.Context, hello string, from Origin) error {
	if c.opts.Pass == "proxy" {
		if err := from.writeProxy(c.conn); err != nil {
			return err
		}
	}
	if c.Hop.Implicit {
		if err := c.encrypt(ctx); err != nil {
			return err
		}
	}
	c.wrap()
	greeting, err := c.reply(c.opts.DialTimeout, "the connection")
	if err != nil {
		return err
	}
	// RFC 5321, Section 3.1: 220, or 554 from a server that accepts no mail.
	if !greeting.OK() {
		return fmt.Errorf("greets with %s", greeting)
	}
	if err := c.hello(hello); err != nil {
		return err
	}
	if err := c.startTLS(ctx, hello); err != nil {
		return err
	}
	if err := c.introduce(from, hello); err != nil || c.announced != "" {
		return err
	}
	return c.logIn()
}

func (c *Client) wrap() {
	c.in = wire.NewInput(c.conn)
	c.out = bufio.NewWriterSize(c, 4<<10)
}

// hello sends EHLO or LHLO, and HELO to a server that refuses EHLO.
func (c *Client) hello(name string) error {
	verb := "EHLO "
	if c.Hop.LMTP {
		// RFC 2033, Section 4.1.
		verb = "LHLO "
	}
	r, err := c.Command(verb + name)
	if err != nil {
		return err
	}
	if r.Code/100 == 5 && !c.Hop.LMTP {
		// RFC 5321, Section 3.2: fall back to HELO.
		if r, err = c.Command("HELO " + name); err == nil {
			r.Lines = r.Lines[:min(1, len(r.Lines))]
		}
	}
	if err != nil {
		return err
	}
	if !r.OK() {
		return fmt.Errorf("answers %s with %s", strings.TrimSpace(verb), r)
	}
	c.ext = map[string]string{}
	// RFC 5321, Section 4.1.1.1: the first line is a greeting, each other one an extension.
	for _, l := range r.Lines[min(1, len(r.Lines)):] {
		word, params, _ := strings.Cut(l, " ")
		// RFC 5321, Section 2.4: keywords are compared without case.
		c.ext[strings.ToUpper(word)] = params
	}
	return nil
}

// Offers reports whether the next hop named an extension in its answer to EHLO (RFC 5321, Section
// 4.1.1.1).
func (c *Client) Offers(ext string) bool {
	_, ok := c.ext[ext]
	return ok
}

// startTLS encrypts where the policy wants it.
func (c *Client) startTLS(ctx context.Context, hello string) error {
	if c.Hop.Implicit || c.opts.policyFor(c.Hop) == TLSNone {
		return nil
	}
	if !c.Offers("STARTTLS") {
		return errors.New("does not offer STARTTLS; set next-hop-tls = \"none\" to send without TLS")
	}
	r, err := c.Command("STARTTLS")
	if err != nil {
		return err
	}
	// RFC 3207, Section 4: 220, or 454 while TLS is not available.
	if r.Code != 220 {
		return fmt.Errorf("answers STARTTLS with %s", r)
	}
	// RFC 3207, Section 6: nothing that came before TLS counts.
	if c.in.Buffered() > 0 {
		return errors.New("sends more after its answer to STARTTLS")
	}
	if err := c.encrypt(ctx); err != nil {
		return err
	}
	c.wrap()
	// RFC 3207, Section 4.2: EHLO again, and what was offered before TLS is forgotten.
	return c.hello(hello)
}

func (c *Client) encrypt(ctx context.Context) error {
	conn := tls.Client(c.conn, c.opts.tlsConfig(ctx, c.Hop))
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	c.conn, c.tls = conn, true
	return nil
}

// Command sends one line and waits for its reply.
func (c *Client) Command(line string) (wire.Reply, error) {
	rs, err := c.Commands([]string{line})
	if err != nil {
		return wire.Reply{}, err
	}
	return rs[0], nil
}

// Commands sends lines together where that is allowed, and returns as many replies.
func (c *Client) Commands(lines []string) ([]wire.Reply, error) {
	together := c.Offers("PIPELINING")
	replies := make([]wire.Reply, 0, len(lines))
	for i, l := range lines {
		_, _ = c.out.WriteString(l)
		_, _ = c.out.WriteString("\r\n")
		// RFC 2920, Section 3.1: only a server that offers PIPELINING may get several commands at
		// once.
		if together && i < len(lines)-1 {
			continue
		}
		if err := c.out.Flush(); err != nil {
			return replies, err
		}
		for len(replies) <= i {
			r, err := c.reply(c.opts.CommandTimeout, lines[len(replies)])
			if err != nil {
				return replies, err
			}
			replies = append(replies, r)
		}
	}
	return replies, nil
}

// Envelope sends the commands of an envelope, and returns the replies to them.
func (c *Client) Envelope(lines []string) ([]wire.Reply, error) {
	c.mail = true
	c.used++
	return c.Commands(lines)
}

// Refused is the first of some replies that is no 2xx, else the last one.
func Refused(replies []wire.Reply) (r wire.Reply) {
	for _, r = range replies {
		if !r.OK() {
			break
		}
	}
	return r
}

// reply reads one reply within d, to what was sent. An error closes the connection: whatever comes
// after it could be a reply to something else.
func (c *Client) reply(d time.Duration, sent string) (wire.Reply, error) {
	r, err := c.anyReply(d)
	// RFC 5321, Section 4.3.2: no command but DATA has a 3yz reply.
	if err == nil && r.Code/100 == 3 && sent != "DATA" {
		c.Close()
		return wire.Reply{}, fmt.Errorf("answers %s with %s", sent, r)
	}
	return r, err
}

// anyReply reads one reply within d.
func (c *Client) anyReply(d time.Duration) (wire.Reply, error) {
	total := d
	if !c.Until.IsZero() {
		total = min(d, time.Until(c.Until))
	}
	c.in.Limit(d, total)
	r, err := c.in.ReadReply()
	if err != nil {
		c.Close()
		return wire.Reply{}, err
	}
	return r, nil
}

// reset ends a transaction whose message is not sent (RFC 5321, Section 4.1.1.5). False: the
// connection cannot be used again.
func (c *Client) reset() bool {
	r, err := c.Command("RSET")
	c.mail = false
	return err == nil && r.OK()
}

// quit sends QUIT and closes without waiting for the reply.
func (c *Client) quit() {
	_, _ = wire.WriteWithin(c.conn, []byte("QUIT\r\n"), time.Now().Add(time.Second))
	c.Close()
}

// Close cuts the connection, so that a message in transfer cannot count as complete (RFC 5321,
// Section 4.1.1.10).
func (c *Client) Close() {
	_ = c.conn.Close()
	if c.gone != nil {
		c.gone()
		c.gone = nil
	}
}
