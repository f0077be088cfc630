//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"net/netip"
	"slices"
	"strings"

	gomilter "github.com/d--j/go-milter"

	"dnseal/smime/message"
)

// The most recipients of one message, and the most bytes of them; beyond that the message is
// deferred.
// RFC 5321, Section 4.5.3.1.8: at least 100 must be accepted.
const (
	maxRecipients      = 100_000
	maxRecipientsBytes = 16 << 20
)

// peer is the SMTP client of a session.
type peer struct {
	addr  netip.Addr
	hello string
}

// clientAddr reads the address of a connect event; "unspec" and local clients give the zero value.
func clientAddr(family, addr string) netip.Addr {
	if family != "tcp4" && family != "tcp6" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return netip.Addr{}
	}
	// RFC 4291, Section 2.5.5.2: an IPv4 client at an IPv6 socket.
	return a.Unmap()
}

// beginEnvelope starts the envelope of a message with its MAIL command.
func beginEnvelope(from, args string) *message.Envelope {
	// RFC 5321, Section 4.1.1.2. A milter changes the message, not a recipient's copy.
	env := &message.Envelope{MailFrom: from, OneForm: true}
	for a := range strings.FieldsSeq(args) {
		// RFC 6531, Section 3.4.
		// RFC 5321, Section 2.4: keywords in any case.
		env.UTF8 = env.UTF8 || strings.EqualFold(a, "SMTPUTF8")
	}
	return env
}

// complete adds the facts of the macros and the connection. Only the MTA can set
// macros, so {auth_authen} is a user that it has authenticated (RFC 4954, Section 4).
func (s *session) complete(env *message.Envelope, macros gomilter.Macros) {
	env.Hello = s.peer.hello
	env.QueueID = macros.Get(gomilter.MacroQueueId)
	env.Received = s.srv.opts.Now()
	env.Submitter = message.Submitter{
		User: macros.Get(gomilter.MacroAuthAuthen),
		Addr: s.peer.addr,
	}
	if len(s.srv.opts.Daemons) > 0 && !slices.Contains(s.srv.opts.Daemons, macros.Get(gomilter.MacroDaemonName)) {
		env.Submitter.Addr = netip.Addr{}
		return
	}
	if !env.Submitter.Addr.IsValid() {
		// RFC 5321, Section 4.1.3: the tag of an IPv6 address literal.
		env.Submitter.Addr, _ = netip.ParseAddr(strings.TrimPrefix(macros.Get(gomilter.MacroClientAddr), "IPv6:"))
	}
}
