package relay

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"time"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/cmd/internal/relay/sasl"
	"dnseal/smime/message"
)

// Options configure a Server. NextHop is required; the zero value of each
// other field is the default, and the safe one: no client may submit.
type Options struct {
	// Hostname is our name in the greeting and in Received; empty: the host's.
	Hostname string
	// Inbound accepts mail from any client, for Recipients only. False is a submission service:
	// only from those who logged in or whom Trusted covers (RFC 6409, Section 4.3).
	Inbound bool
	// LMTP speaks LMTP (RFC 2033) to clients.
	LMTP bool
	// TLS is for STARTTLS, or for implicit TLS with Implicit; nil: no TLS.
	TLS      *tls.Config
	Implicit bool
	// Handler signs or verifies; nil passes everything on as it came. A [message.Holder] is
	// held from the MAIL command of a message to its end.
	Handler message.Handler
	// SevenBit returns the edit that gives a message 7-bit content, for a next hop that accepts
	// nothing else, or ErrEightBit where that cannot be done. Nil: such messages are refused (554
	// 5.6.3).
	SevenBit func(context.Context, *message.Message) (*message.Edit, error)
	// NextHop in order of preference: see [nexthop.Parse].
	NextHop []string
	// Hop is how next hops are reached.
	Hop nexthop.Options
	// Trusted networks may submit without logging in. A unix socket counts as 127.0.0.1: who may
	// open it is decided by its mode.
	Trusted []netip.Prefix
	// UnbracketedAddresses accepts MAIL FROM:a@b and RCPT TO:a@b from Trusted clients, against RFC
	// 5321, Section 4.1.1.2.
	UnbracketedAddresses bool
	// NormalizeNewlines makes CRLF of an LF without CR in the content that Trusted clients send by
	// DATA, instead of refusing the message. Such an LF is no part of what ends content.
	NormalizeNewlines bool
	// Recipients are the domains mail is accepted for ("*.example.org" for everything below one);
	// inbound only, and mandatory there.
	Recipients []string
	// Deny shuts clients out at once, before any lookup; nil: no client. [Server.SetDeny]
	// replaces it.
	Deny *Deny
	// Proxies are the addresses that must, and alone may, begin with a PROXY protocol header of
	// version 2.
	Proxies []netip.Prefix
	// Crowds are addresses that many clients share: MaxPerClient does not count for them, and
	// failed logins count by name. They may have three quarters of MaxConnections, and then those
	// who are in no crowd and behind no proxy no more either.
	Crowds []netip.Prefix
	// Auth is how clients log in.
	Auth sasl.Options
	// Limits bound what unknown clients can cost.
	Limits Limits
	// Log gets one line a message; nil: slog.Default.
	Log *slog.Logger
	// OnDecision, OnRefused and OnLogin are for metrics. They must not block; nil: not called.
	//
	// OnDecision is called once a message, also for one that ended with its MAIL command, with the
	// greatest first digit of its replies.
	OnDecision func(r *message.Record, digit int)
	// OnRefused is called for a connection that ends before its first command: "busy",
	// "per-client", "denied", "proxy", "tls" or "tls-hello".
	OnRefused func(reason string)
	// OnLogin is called for each login.
	OnLogin func(Login)
}

// Login is how a login ended.
type Login struct {
	// Mechanism is one of a few names, or "other".
	Mechanism string
	// Result is "done", "refused", "unavailable", "guessing", "tls-version" or "no-mechanism".
	Result string
	// Cause is a word for why it was refused, empty for other results: "no-name", "not-a-client",
	// "denied", "insecure", "no-record", "no-match", "password" or "acts-as".
	Cause string
	// User or TLSName is who logged in, or wanted to and is let in by this name in general; both
	// may be empty.
	User, TLSName string
}

// Limits of a Server. A zero field means its default.
type Limits struct {
	// of one message as it comes; 50 MiB. exactly this many are accepted
	MaxBytes       int64
	MaxRecipients  int           // of one message; 1000 (RFC 5321, Section 4.5.3.1.8: at least 100)
	MaxConnections int           // at once; 2000
	MaxWaiting     int           // connections above, which wait, in each lane; 10,000
	WaitTimeout    time.Duration // for a connection that waits; 1 min
	MaxPerClient   int           // connections at once of one address (IPv6: /64); 100
	MaxInFlight    int64         // bytes of all messages on their way in; 1 GiB
	MaxErrors      int           // bad commands in a connection; 20
	CommandTimeout time.Duration // for one command; 5 min (RFC 5321, Section 4.5.3.2.7)
	ReadTimeout    time.Duration // for one read of content; 3 min (RFC 5321, Section 4.5.3.2.5)
	DataTimeout    time.Duration // for the whole content; 30 min
	HandleTimeout  time.Duration // for the handler; 2 min
	// from the end of the content to our answer; 9 min, because clients wait for 10 (RFC 5321,
	// 4.5.3.2.6)
	AnswerTimeout time.Duration
}

func (l Limits) withDefaults() Limits {
	l.MaxBytes = cmp.Or(l.MaxBytes, 50<<20)
	l.MaxRecipients = cmp.Or(l.MaxRecipients, 1000)
	l.MaxConnections = cmp.Or(l.MaxConnections, 2000)
	l.MaxWaiting = cmp.Or(l.MaxWaiting, 10_000)
	l.WaitTimeout = cmp.Or(l.WaitTimeout, time.Minute)
	l.MaxPerClient = cmp.Or(l.MaxPerClient, 100)
	l.MaxInFlight = cmp.Or(l.MaxInFlight, 1<<30)
	l.MaxErrors = cmp.Or(l.MaxErrors, 20)
	l.CommandTimeout = cmp.Or(l.CommandTimeout, 5*time.Minute)
	l.ReadTimeout = cmp.Or(l.ReadTimeout, 3*time.Minute)
	l.DataTimeout = cmp.Or(l.DataTimeout, 30*time.Minute)
	l.HandleTimeout = cmp.Or(l.HandleTimeout, 2*time.Minute)
	l.AnswerTimeout = cmp.Or(l.AnswerTimeout, 9*time.Minute)
	return l
}
