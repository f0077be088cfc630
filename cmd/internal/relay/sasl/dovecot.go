package sasl

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"dnseal/cmd/internal/relay/wire"
)

// Limits of the conversation with Dovecot's auth service.
const (
	dovecotTimeout = 30 * time.Second // one reply; Dovecot itself delays failures by 2 s
	dovecotLine    = 16 << 10
	dovecotKeep    = time.Minute // how long the list of mechanisms is believed
)

// dovecot passes logins through to a Dovecot auth-client socket (Dovecot's authentication protocol,
// version 1).
type dovecot struct {
	path string

	mu    sync.Mutex
	names []string
	since time.Time // when names was read
}

// mechanisms are those that Dovecot offers, read again after a minute.
func (d *dovecot) mechanisms(ctx context.Context) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.since) < dovecotKeep {
		return d.names, nil
	}
	c, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	c.Close()
	d.names, d.since = c.names, time.Now()
	return d.names, nil
}

func (d *dovecot) mechanism(name string) func(context.Context, Client) (Exchange, error) {
	return func(ctx context.Context, client Client) (Exchange, error) {
		c, err := d.connect(ctx)
		if err != nil {
			return nil, unavailable("%w", err)
		}
		c.request = "AUTH\t1\t" + name + "\tservice=smtp\tsecured"
		if a := client.Addr; a.IsValid() {
			c.request += fmt.Sprintf("\trip=%s\trport=%d", a.Addr().WithZone(""), a.Port())
		}
		return c, nil
	}
}

// dovecotConn is one login over one connection to Dovecot.
type dovecotConn struct {
	conn    net.Conn
	in      *bufio.Reader
	names   []string
	request string // of the login, without a response
	begun   bool
}

func (d *dovecot) connect(ctx context.Context) (*dovecotConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dovecotTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", d.path)
	if err != nil {
		return nil, fmt.Errorf("dovecot: %w", err)
	}
	c := &dovecotConn{conn: conn, in: bufio.NewReaderSize(conn, dovecotLine)}
	if err := c.handshake(); err != nil {
		c.Close()
		return nil, fmt.Errorf("dovecot: %s: %w", d.path, err)
	}
	return c, nil
}

func (c *dovecotConn) Close() { _ = c.conn.Close() }

// handshake sends our version and process id and reads the mechanisms, up to DONE.
func (c *dovecotConn) handshake() error {
	if err := c.send("VERSION\t1\t1\nCPID\t" + strconv.Itoa(os.Getpid())); err != nil {
		return err
	}
	for range 100 {
		words, err := c.line()
		if err != nil {
			return err
		}
		switch {
		case words[0] == "VERSION" && (len(words) < 2 || words[1] != "1"):
			return errors.New("speaks another version of the protocol")
		case words[0] == "MECH" && len(words) > 1 && canPass(words[1], words[2:]):
			c.names = append(c.names, strings.ToUpper(words[1]))
		case words[0] == "DONE":
			return nil
		}
	}
	return errors.New("sends no DONE after its greeting")
}

// canPass reports whether a mechanism can be passed through: it proves a user by the responses
// alone.
func canPass(name string, properties []string) bool {
	name = strings.ToUpper(name)
	// RFC 4422, Section 3.1, has the letters of names. ANONYMOUS (RFC 4505) proves no user.
	return name != "ANONYMOUS" && name != "EXTERNAL" && !strings.HasSuffix(name, "-PLUS") && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) &&
		!slices.Contains(properties, "private") && !slices.Contains(properties, "anonymous")
}

// send writes lines; the answers must come within dovecotTimeout.
func (c *dovecotConn) send(lines string) error {
	if err := c.conn.SetDeadline(time.Now().Add(dovecotTimeout)); err != nil {
		return err
	}
	_, err := c.conn.Write([]byte(lines + "\n"))
	return err
}

// line reads one line and splits it at its tabs.
func (c *dovecotConn) line() ([]string, error) {
	l, err := c.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return strings.Split(string(l[:len(l)-1]), "\t"), nil
}

// Step implements Exchange.
func (c *dovecotConn) Step(_ context.Context, response []byte) ([]byte, *Principal, error) {
	line := "CONT\t1\t" + base64.StdEncoding.EncodeToString(response)
	if !c.begun {
		line, c.begun = c.request, true
		if response != nil {
			line += "\tresp=" + base64.StdEncoding.EncodeToString(response)
		}
	}
	if err := c.send(line); err != nil {
		return nil, nil, unavailable("dovecot: %w", err)
	}
	for {
		words, err := c.line()
		if err != nil {
			return nil, nil, unavailable("dovecot: %w", err)
		}
		if len(words) < 2 || words[1] != "1" {
			continue // about the service, not about this login
		}
		return c.answer(words)
	}
}

// answer reads Dovecot's word on our login.
func (c *dovecotConn) answer(words []string) ([]byte, *Principal, error) {
	switch words[0] {
	case "CONT":
		if len(words) < 3 {
			return []byte{}, nil, nil
		}
		challenge, err := base64.StdEncoding.DecodeString(words[2])
		if err != nil {
			return nil, nil, unavailable("dovecot: challenge: %w", err)
		}
		return challenge, nil, nil
	case "OK":
		if user := field(words, "user"); ValidUser(user) == nil {
			return nil, &Principal{User: user}, nil
		}
		return nil, nil, unavailable("dovecot: OK without a valid user name")
	case "FAIL":
		// 2.3 says "temp", 2.4 "code=temp_fail".
		if slices.Contains(words, "temp") || field(words, "code") == "temp_fail" {
			return nil, nil, unavailable("dovecot: %s", wire.Printable(strings.Join(words[2:], " ")))
		}
		return nil, nil, denied(causePassword, "dovecot: %s", wire.Printable(strings.Join(words[2:], " ")))
	}
	return nil, nil, unavailable("dovecot: unknown answer %q", wire.Printable(words[0]))
}

// field returns the value of key=value.
func field(words []string, key string) string {
	for _, w := range words {
		if v, ok := strings.CutPrefix(w, key+"="); ok {
			return v
		}
	}
	return ""
}
