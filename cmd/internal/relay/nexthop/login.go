package nexthop

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"dnseal/cmd/internal/relay/wire"
)

// Secret is a password. It prints as "(secret)", whatever prints it.
type Secret string

const hidden = "(secret)"

// String implements [fmt.Stringer].
func (Secret) String() string { return hidden }

// GoString implements [fmt.GoStringer].
func (Secret) GoString() string { return hidden }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText implements [encoding.TextMarshaler].
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LoginError says that a next hop does not let us in: no mail goes there before an operator acts.
type LoginError struct{ text string }

// Error implements error.
func (e *LoginError) Error() string { return e.text }

func loginError(format string, args ...any) error {
	return &LoginError{fmt.Sprintf(format, args...)}
}

// logIn logs in by password where the options have a user, else by EXTERNAL where the next hop
// offers that and asks for the certificate of our identity.
func (c *Client) logIn() error {
	// RFC 4954, Section 3: the mechanisms follow the keyword.
	offered := strings.Fields(strings.ToUpper(c.ext["AUTH"]))
	if c.opts.User != "" {
		return c.logInByPassword(offered)
	}
	if c.opts.Name == "" || !c.tls || !slices.Contains(offered, "EXTERNAL") {
		return nil
	}
	// RFC 4954, Section 4: the name goes as an initial response.
	return c.exchange("EXTERNAL", c.opts.Name, []string{c.opts.Name})
}

// logInByPassword takes PLAIN (RFC 4616), or LOGIN (draft-murchison-sasl-login) where only that is
// offered.
func (c *Client) logInByPassword(offered []string) error {
	user, password := c.opts.User, string(c.opts.Password)
	switch {
	// RFC 4954, Section 4: no password in clear, but to this machine.
	case !c.tls && !c.Hop.Local() && !c.opts.ClearLogin:
		return errors.New("the password is not sent without TLS; set next-hop-tls = \"verify\" or \"dane\"")
	case slices.Contains(offered, "PLAIN"):
		return c.exchange("PLAIN", user, []string{"\x00" + user + "\x00" + password})
	case slices.Contains(offered, "LOGIN"):
		return c.exchange("LOGIN", user, []string{"", user, password})
	}
	return loginError("offers neither AUTH PLAIN nor LOGIN, but %q; leave next-hop-user out, or let it offer one of them to this host", wire.Printable(c.ext["AUTH"]))
}

// exchange sends responses, the first with the command where it is not empty. Errors: a
// [LoginError] for a refusal that is permanent. They never have a response in them.
func (c *Client) exchange(mechanism, name string, responses []string) error {
	line := "AUTH " + mechanism
	for i, response := range responses {
		if coded := base64.StdEncoding.EncodeToString([]byte(response)); i > 0 {
			line = coded
		} else if coded != "" {
			line += " " + coded
		}
		r, err := c.authStep(line)
		if err != nil {
			return err
		}
		last := i == len(responses)-1
		switch {
		// RFC 4954, Section 4: who is logged in already gets 503.
		case last && r.OK(), r.Code == 503 && i == 0 && c.loggedIn:
			c.loggedIn = true
			return nil
		case !last && r.Code == 334:
			continue
		case r.Code/100 == 3:
			c.Close() // it waits for a line
			return loginError("asks for more at AUTH %s as %s", mechanism, name)
		// RFC 4954, Section 6: 454 is for a moment.
		case r.Temporary():
			return fmt.Errorf("answers AUTH %s as %s with %s", mechanism, name, r)
		}
		return loginError("answers AUTH %s as %s with %s", mechanism, name, r)
	}
	return nil
}

// authStep sends a line, which may hold a password, and reads the reply to it.
func (c *Client) authStep(line string) (wire.Reply, error) {
	_, _ = c.out.WriteString(line + "\r\n")
	if err := c.out.Flush(); err != nil {
		return wire.Reply{}, err
	}
	return c.anyReply(c.opts.CommandTimeout)
}
