package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// client is one connection to a next hop. Commands go out together where the
// next hop offers PIPELINING (RFC 2920).
type client struct {
	hop  NextHop
	opts HopOptions
	conn net.Conn
	in   *input
	out  *bufio.Writer
	ext  map[string]string // EHLO keywords, upper case, with their parameters
	tls  bool              // the connection is encrypted, and verified by policy
	mail bool              // a transaction is open, or may be
	peer string            // what XCLIENT was told last
	used int               // transactions so far
	free time.Time         // since when it rests in the pool

	until time.Time // no read or write lasts longer; zero: no such cap
	gone  func()    // told once when the connection ends; may be nil
}

// dialer makes a connection, as net.Dialer does.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// connect dials a next hop and gets through greeting, EHLO and TLS. hello is our own name.
func connect(ctx context.Context, dial dialer, hop NextHop, opts HopOptions, hello string, who peer) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, opts.DialTimeout)
	defer cancel()
	conn, err := dial(ctx, hop.Network, hop.Address)
	if err != nil {
		return nil, fmt.Errorf("relay: next hop %s: %w", hop, err)
	}
	c := &client{hop: hop, opts: opts, conn: conn}
	c.until, _ = ctx.Deadline()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err = c.open(ctx, hello, who)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("relay: next hop %s: %w", hop, err)
	}
	c.until = time.Time{}
	return c, nil
}

func (c *client) open(ctx context.Context, hello string, who peer) error {
	if c.opts.Pass == "proxy" {
		if err := who.writeProxy(c.conn); err != nil {
			return err
		}
	}
	if c.hop.Implicit {
		if err := c.encrypt(ctx); err != nil {
			return err
		}
	}
	c.wrap()
	greeting, err := c.reply(c.opts.DialTimeout)
	if err != nil {
		return err
	}
	if !greeting.ok() {
		return fmt.Errorf("greets with %s", greeting)
	}
	if err := c.hello(hello); err != nil {
		return err
	}
	if err := c.startTLS(ctx, hello); err != nil {
		return err
	}
	if err := c.logIn(); err != nil {
		return err
	}
	return c.introduce(who, hello)
}

func (c *client) wrap() {
	c.in = newInput(c.conn)
	c.out = bufio.NewWriterSize(c, 4<<10)
}

// hello says EHLO or LHLO, and HELO to those who know no better.
func (c *client) hello(name string) error {
	verb := "EHLO "
	if c.hop.LMTP {
		verb = "LHLO "
	}
	r, err := c.command(verb + name)
	if err != nil {
		return err
	}
	if r.code/100 == 5 && !c.hop.LMTP {
		// RFC 5321, Section 3.2: fall back to HELO.
		if r, err = c.command("HELO " + name); err == nil {
			r.lines = r.lines[:min(1, len(r.lines))]
		}
	}
	if err != nil {
		return err
	}
	if !r.ok() {
		return fmt.Errorf("answers %s with %s", strings.TrimSpace(verb), r)
	}
	c.ext = map[string]string{}
	for _, l := range r.lines[min(1, len(r.lines)):] {
		word, params, _ := strings.Cut(l, " ")
		c.ext[strings.ToUpper(word)] = params
	}
	return nil
}

func (c *client) offers(ext string) bool {
	_, ok := c.ext[ext]
	return ok
}

// startTLS encrypts where the policy wants it.
func (c *client) startTLS(ctx context.Context, hello string) error {
	if c.hop.Implicit || c.opts.policyFor(c.hop) == TLSNone {
		return nil
	}
	if !c.offers("STARTTLS") {
		return errors.New("does not offer STARTTLS; set next-hop-tls = \"none\" if that is meant to be so")
	}
	r, err := c.command("STARTTLS")
	if err != nil {
		return err
	}
	if r.code != 220 {
		return fmt.Errorf("answers STARTTLS with %s", r)
	}
	// RFC 3207, Section 6: nothing that came before TLS counts.
	if c.in.buffered() > 0 {
		return errors.New("sends more after its answer to STARTTLS")
	}
	if err := c.encrypt(ctx); err != nil {
		return err
	}
	c.wrap()
	return c.hello(hello)
}

func (c *client) encrypt(ctx context.Context) error {
	conn := tls.Client(c.conn, c.opts.tlsConfig(ctx, c.hop))
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	c.conn, c.tls = conn, true
	return nil
}

// command sends one line and waits for its reply.
func (c *client) command(line string) (reply, error) {
	rs, err := c.commands([]string{line})
	if err != nil {
		return reply{}, err
	}
	return rs[0], nil
}

// commands sends lines together where that is allowed, and returns as many replies.
func (c *client) commands(lines []string) ([]reply, error) {
	together := c.offers("PIPELINING")
	replies := make([]reply, 0, len(lines))
	for i, l := range lines {
		_, _ = c.out.WriteString(l)
		_, _ = c.out.WriteString("\r\n")
		if together && i < len(lines)-1 {
			continue
		}
		if err := c.out.Flush(); err != nil {
			return replies, err
		}
		for len(replies) <= i {
			r, err := c.reply(c.opts.CommandTimeout)
			if err != nil {
				return replies, err
			}
			replies = append(replies, r)
		}
	}
	return replies, nil
}

// reply reads one reply within d.
func (c *client) reply(d time.Duration) (reply, error) {
	c.in.limit(d, d)
	c.in.until = earlier(c.in.until, c.until)
	var r reply
	for {
		l, err := c.in.line(2 * maxReplyLine)
		if err != nil && !errors.Is(err, errBareLine) {
			return reply{}, err
		}
		code, text, last, ok := parseReplyLine(string(l))
		if !ok || err != nil || (r.code != 0 && code != r.code) || len(r.lines) >= 4*maxReplyLines {
			return reply{}, fmt.Errorf("sends no SMTP reply: %q", printable(string(l)))
		}
		r.code = code
		r.lines = append(r.lines, text)
		if last {
			return r, nil
		}
	}
}

// parseReplyLine takes a line of RFC 5321, Section 4.2 apart.
func parseReplyLine(l string) (code int, text string, last, ok bool) {
	if len(l) < 3 || l[0] < '2' || l[0] > '5' || l[1] < '0' || l[1] > '9' || l[2] < '0' || l[2] > '9' {
		return 0, "", false, false
	}
	code = int(l[0]-'0')*100 + int(l[1]-'0')*10 + int(l[2]-'0')
	if len(l) == 3 {
		return code, "", true, true
	}
	if l[3] != ' ' && l[3] != '-' {
		return 0, "", false, false
	}
	return code, l[4:], l[3] == ' ', true
}

// reset ends a transaction that shall not be sent. False: the connection is of no use any more.
func (c *client) reset() bool {
	r, err := c.command("RSET")
	c.mail = false
	return err == nil && r.ok()
}

// quit says goodbye without waiting for an answer.
func (c *client) quit() {
	_, _ = writeWithin(c.conn, []byte("QUIT\r\n"), time.Now().Add(time.Second))
	c.close()
}

// close cuts the connection, so that a message on its way cannot be taken as whole.
func (c *client) close() {
	_ = c.conn.Close()
	if c.gone != nil {
		c.gone()
		c.gone = nil
	}
}
