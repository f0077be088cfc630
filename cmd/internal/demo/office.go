package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"time"

	"dnseal/cmd/internal/relay"
	"dnseal/sender"
	"dnseal/sender/identity"
)

// office is everything between the two people: a signing relay, two hops, a mailbox. Mail goes
// submission -> hops[0] -> hops[1] -> mailbox, all SMTP over loopback.
type office struct {
	mailbox *Mailbox
	hops    []*hop
	relays  []*relay.Server
	wg      sync.WaitGroup
	// submission is the address for submissions.
	submission string
}

// openOffice starts all servers. dir holds the identities the signing relay may use: from's for
// mail from this machine, and the device's for its address.
func openOffice(dir, from string) (*office, error) {
	o := &office{hops: []*hop{{name: "hop1.example.com"}, {name: "hop2.example.com"}}}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, no name to resolve
	if err != nil {
		return nil, err
	}
	o.mailbox = ServeMailbox(l)
	s, err := sender.New(sender.Options{
		Identities: func(name string) (*identity.Identity, error) { return identity.Load(dir, name) },
		Rules: []sender.Rule{
			{Who: []string{"net:127.0.0.0/8"}, From: []string{from}, Identity: "{from}"},
			{Who: []string{"net:127.0.0.0/8"}, From: []string{"alerts@example.net"}, Identity: demoDevice},
		},
	})
	if err != nil {
		o.close()
		return nil, err
	}
	next := o.mailbox.Addr()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for _, r := range []relay.Options{
		{Hostname: o.hops[1].name, Handler: o.hops[1], Trusted: loopback},
		{Hostname: o.hops[0].name, Handler: o.hops[0], Trusted: loopback},
		{Hostname: "relay." + from[strings.LastIndexByte(from, '@')+1:], Handler: s, Trusted: loopback},
	} {
		r.NextHop = []string{next}
		if next, err = o.start(r); err != nil {
			o.close()
			return nil, err
		}
	}
	o.submission = next
	return o, nil
}

// start serves one relay on a free port and returns its address.
func (o *office) start(opts relay.Options) (string, error) {
	opts.Log = slog.New(slog.DiscardHandler)
	r, err := relay.New(opts)
	if err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, no name to resolve
	if err != nil {
		return "", err
	}
	o.relays = append(o.relays, r)
	o.wg.Go(func() { _ = r.Serve(l) })
	return l.Addr().String(), nil
}

// submit submits a message as any program would, and returns the relay's last reply.
func (o *office) submit(ctx context.Context, from string, text []byte) (string, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", o.submission)
	if err != nil {
		return "", err
	}
	if err = conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return "", err
	}
	c, err := smtp.NewClient(conn, "relay")
	if err != nil {
		return "", err
	}
	defer c.Close() //nolint:errcheck // all was said
	if err := c.Hello("laptop.example.org"); err != nil {
		return "", err
	}
	if err := c.Mail(from); err != nil {
		return "", err
	}
	if err := c.Rcpt("bob@example.net"); err != nil {
		return "", err
	}
	return o.data(c.Text, text)
}

// data sends the content (RFC 5321, Section 4.1.1.4). Its own code, because net/smtp hides the text
// of the reply.
func (o *office) data(text *textproto.Conn, msg []byte) (string, error) {
	if err := text.PrintfLine("DATA"); err != nil {
		return "", err
	}
	if _, _, err := text.ReadResponse(354); err != nil {
		return "", err
	}
	w := text.DotWriter()
	if _, err := w.Write(msg); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	code, reply, err := text.ReadResponse(250)
	return fmt.Sprintf("%d %s", code, reply), err
}

// close ends all servers, the first ones first.
func (o *office) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, r := range slices.Backward(o.relays) {
		_ = r.Shutdown(ctx)
	}
	o.mailbox.Close()
	o.wg.Wait()
}
