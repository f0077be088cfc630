package config

// Relay is a listener of "dnseal relay" ([[relay]]).
type Relay struct {
	// Role is "submission" (accepts mail from clients that are authenticated or in a "net:" rule,
	// and signs it) or "inbound" (accepts mail from any client for its recipients, and verifies
	// it). Mandatory.
	Role string `toml:"role"`
	// Listen is "host:port" or "unix:/path". A socket of this address that systemd passes is used
	// instead of a new one. Mandatory.
	Listen string `toml:"listen"`
	// SocketMode is the mode of a unix socket, octal. A reload applies it, and the group, to the
	// open socket; one that systemd passes stays as it is. Default: "0660".
	SocketMode string `toml:"socket-mode"`
	// SocketGroup is the group of a unix socket, by name or number. Default: the group of the
	// process.
	SocketGroup string `toml:"socket-group"`
	// Protocol is "smtp" or "lmtp" (RFC 2033). Default: "smtp".
	Protocol string `toml:"protocol"`
	// TLS is "none", "starttls" (RFC 3207) or "implicit" (RFC 8314, Section 3.3); the last two need
	// certificate and key. Default: "none".
	TLS string `toml:"tls"`
	// Certificate is a PEM file with the server's certificate and its chain. Default: none.
	Certificate string `toml:"certificate"`
	// Key is the PEM file of the certificate's private key. Other users must not be able to read
	// it. Default: none.
	Key string `toml:"key"`
	// Users is the file of names and passwords for SASL PLAIN (RFC 4616), as "dnseal relay passwd"
	// writes it; LOGIN is offered too, for devices that know nothing else. Needs TLS. Default:
	// none.
	Users string `toml:"users"`
	// Dovecot is the path of a Dovecot auth socket whose mechanisms are offered. Needs TLS.
	// Default: none.
	Dovecot string `toml:"dovecot"`
	// Clients lists the device, service and host names (stars allowed) that may log in by TLS
	// certificate and TLSA record (SASL EXTERNAL: RFC 4422, Appendix A). Where a zone does not
	// answer its clients are deferred (454), and the log says so once a minute; those of other
	// zones notice nothing. Where many come from one address see crowds. Needs TLS. Default: none.
	Clients []string `toml:"clients"`
	// ExternalTLS12 lets these clients log in over TLS 1.2 too, for devices without TLS 1.3. The
	// client certificate, and so the name of the device, is then sent in clear: who listens on the
	// way learns it. Default: false.
	ExternalTLS12 bool `toml:"external-tls12"`
	// UnbracketedAddresses accepts addresses without angle brackets (MAIL FROM:a@b), as some
	// devices write them, from clients in a "net:" rule. Submission only. Default: false.
	UnbracketedAddresses bool `toml:"unbracketed-addresses"`
	// BareNewline is what becomes of a message that holds an LF without CR, sent by a client in a
	// "net:" rule: "reject", or "normalize", where the LF becomes CRLF. It is never a part of what
	// ends a message; one with a CR without LF is always refused, and so is one in chunks (BDAT)
	// with either. "normalize" is for submission only. Default: "reject".
	BareNewline string `toml:"bare-newline"`
	// Deny lists clients that are refused before any lookup, even when clients or a "net:" rule
	// names them: DNS names (stars allowed), addresses and networks. After a reload it also applies
	// to connected clients, and to the message that one of them is sending. Default: none.
	Deny []string `toml:"deny"`
	// DenyFile is a file with more of such entries, one a line; "#" begins a comment. What is added
	// applies within a second, without a reload, and what is taken out once the file has not
	// changed for two seconds, so that one written in place lets nobody in. Where the new file has
	// a mistake, is empty or is gone, the entries before it stay, and the log says so once; one
	// line of comment empties the list. A command that takes long writes another file, which mv
	// then puts in its place: what it has written so far counts as the whole list. 300,000 names
	// take 15 MiB of memory. Default: none.
	DenyFile string `toml:"deny-file"`
	// Recipients are the domains that mail is accepted for; "*.example.org" means all domains below
	// one. Local parts that name another host ("%", "!", "@": RFC 1123, Section 5.2.16) are
	// refused. Inbound only, and mandatory there.
	Recipients []string `toml:"recipients"`
	// Proxies are the addresses of proxies: connections from them must begin with a PROXY protocol
	// header, all others must not.
	// Default: none.
	Proxies []string `toml:"proxies"`
	// NextHop lists the next hops, in order of preference: "host:port", "lmtp:unix:/path",
	// "tls:host:465". Mandatory.
	NextHop []string `toml:"next-hop"`
	// NextHopTLS is "none", "verify" (the next hop needs a certificate for its name under the
	// roots) or "dane" (its certificate must match its TLSA records; RFC 7672). Default: "none" for
	// a next hop on this machine, "verify" for all others.
	NextHopTLS string `toml:"next-hop-tls"`
	// NextHopRoots is a PEM file of the roots for "verify". Default: the roots of this machine.
	NextHopRoots string `toml:"next-hop-roots"`
	// NextHopIdentity is the identity whose certificate is the TLS client certificate for the next
	// hop; after a rollover that of the new key, without a reload. Where it is revoked mail waits.
	// Default: none.
	NextHopIdentity string `toml:"next-hop-identity"`
	// NextHopUser is the name under which we log in at every next hop, by SASL PLAIN (RFC 4616), or
	// LOGIN where only that is offered, both over TLS; there is no SCRAM, so that a next hop which
	// offers nothing else cannot be used. Where the login is refused clients get 451, and the log
	// has an error. Needs next-hop-password-file. Default: no login by password.
	NextHopUser string `toml:"next-hop-user"`
	// NextHopPasswordFile is a file whose first line is the password. Other users must not be able
	// to read it. Default: none.
	NextHopPasswordFile string `toml:"next-hop-password-file"`
	// NextHopLoginInClear sends the password without TLS to a next hop on another machine too:
	// whoever listens on the way learns it. Default: false; without TLS it only goes to loopback
	// addresses and unix sockets.
	NextHopLoginInClear bool `toml:"next-hop-login-in-clear"`
	// PassClient is how the next hop learns the client's address: "xclient", "proxy" or "" (not at
	// all). Default: "".
	PassClient string `toml:"pass-client"`
	// MaxBytes is the size in bytes of the largest message. Default: 50 MiB.
	MaxBytes Size `toml:"max-bytes"`
	// MaxRecipients is how many recipients a message may have; at least 100 should be allowed (RFC
	// 5321, Section 4.5.3.1.8). Default: 1000.
	MaxRecipients int `toml:"max-recipients"`
	// MaxConnections is how many clients are served at the same time. Default: 2000.
	MaxConnections int `toml:"max-connections"`
	// MaxWaiting is how many more may wait, before the greeting, for others to end; those above
	// are refused (421). It is for crowds, for proxies and for all others each, and of it an eighth
	// (and at least max-per-client) for one network of those others (IPv4: /24, IPv6: /48). Clients
	// that are denied by their address do not wait. Default: 10000.
	MaxWaiting int `toml:"max-waiting"`
	// MaxPerClient is how many connections one address (IPv6: /64) may have at the same time,
	// those that wait included; those above are refused (421). Default: 100.
	MaxPerClient int `toml:"max-per-client"`
	// Crowds are addresses and networks that many clients share, such as a NAT, or a balancer
	// without PROXY protocol. max-per-client does not count for them: together they may have three
	// quarters of max-connections, and so may those who are in no crowd and behind no proxy; the
	// others wait. Their failed logins by password count for each name, so that one of them cannot
	// lock out all; failed logins by Dovecot then count there alone. Default: none.
	Crowds []string `toml:"crowds"`
	// MaxInFlight is the size in bytes of all incoming messages together. Default: 1 GiB.
	MaxInFlight Size `toml:"max-in-flight"`
	// QuarantineAs is what this relay, which cannot hold mail, does where [on], or on in a
	// [[domain]], says "quarantine", as for a milter in the same file: "mark", "reject" or "defer".
	// Where another class or domain asks for more, that counts. Inbound only, and mandatory there
	// where "quarantine" is used. Default: none.
	QuarantineAs string `toml:"quarantine-as"`
	// RestoreHeader restores header fields that were changed in transit to their signed values,
	// when nothing else is wrong: the message then passes. The Reply-To of a mailing list is
	// removed too; a list name before the Subject stays. Inbound only. Default: false.
	RestoreHeader bool `toml:"restore-header"`
	// Observe only logs and counts what this listener would do to a message; it passes unchanged. A
	// submission relay does all that it does else: it decides by the rules, looks up the record,
	// and signs in memory; then the message leaves unsigned, with its X-Dnseal- fields and forged
	// results, and nobody is refused because of a rule or a key. The result in log and metrics is
	// then "observe:signed", "observe:not-allowed" and so on, and "would" the action. Logins are
	// still required. Default: false.
	Observe bool `toml:"observe"`

	Timeouts Timeouts `toml:"timeouts"`
}

// Timeouts sets how long a relay waits ([relay.timeouts]). It follows its [[relay]] in the file.
type Timeouts struct {
	// Command is the limit for the next command of a client (RFC 5321, Section 4.5.3.2.7). Default:
	// "5m".
	Command Duration `toml:"command"`
	// Read is the limit for the next piece of a message. Default: "3m".
	Read Duration `toml:"read"`
	// Data is the limit for a whole message. Default: "30m".
	Data Duration `toml:"data"`
	// Wait is the limit for which a client waits, before the greeting, for one of max-connections.
	// Default: "1m".
	Wait Duration `toml:"wait"`
	// Login is the limit for the lookup of a client's TLSA records, and for its wait before it
	// while many log in. Default: "15s".
	Login Duration `toml:"login"`
	// Handle is the limit for signing or verifying one message, with its lookups. Default: "2m".
	Handle Duration `toml:"handle"`
	// Answer is the limit from the end of a message to the reply to the client, with all that the
	// next hop does; clients wait for 10 minutes (RFC 5321, Section 4.5.3.2.6). Default: "9m".
	Answer Duration `toml:"answer"`
	// HopConnect is the limit for the connection to a next hop, with TLS and greeting. Default:
	// "10s".
	HopConnect Duration `toml:"hop-connect"`
	// HopCommand is the limit for each reply of a next hop except the last. Default: "60s".
	HopCommand Duration `toml:"hop-command"`
	// HopFinal is the limit for its reply to the message. Default: "5m".
	HopFinal Duration `toml:"hop-final"`
	// HopIdle is how long an unused connection to it is kept for the next message. Default: "30s".
	HopIdle Duration `toml:"hop-idle"`
}

// Roles of listeners.
const (
	RoleSubmission = "submission"
	RoleInbound    = "inbound"
	RoleSign       = "sign"
	RoleVerify     = "verify"
)

// Milter is a listener of "dnseal milter" ([[milter]]).
type Milter struct {
	// Role is "sign" or "verify". Mandatory.
	Role string `toml:"role"`
	// Listen is "unix:/path", "inet:host:port" or "inet:port@host". A socket of this address that
	// systemd passes is used instead of a new one. Mandatory.
	Listen string `toml:"listen"`
	// SocketMode is the mode of a unix socket, octal. A reload applies it, and the group, to the
	// open socket; one that systemd passes stays as it is. Default: "0660".
	SocketMode string `toml:"socket-mode"`
	// SocketGroup is the group of a unix socket, by name or number. Default: the group of the
	// process.
	SocketGroup string `toml:"socket-group"`
	// Daemons are the MTA's daemons ({daemon_name}) that accept only submissions: the address of a
	// client of any other daemon matches no "net:" rule. Default: any daemon.
	Daemons []string `toml:"daemons"`
	// RestoreHeader restores header fields that were changed in transit to their signed values,
	// when nothing else is wrong: the message then passes. The Reply-To of a mailing list is
	// removed too; a list name before the Subject stays. Only for verify. Default: false.
	RestoreHeader bool `toml:"restore-header"`
	// Observe only logs and counts what this listener would do to a message; it passes unchanged. A
	// sign listener does all that it does else: it decides by the rules, looks up the record, and
	// signs in memory; then the message leaves unsigned, with its X-Dnseal- fields and forged
	// results, and nobody is refused because of a rule or a key. The result in log and metrics is
	// then "observe:signed", "observe:not-allowed" and so on, and "would" the action. Default:
	// false.
	Observe bool `toml:"observe"`
	// MaxBytes is the size in bytes of the largest message; a larger one is of class too-big.
	// Default: what the MTA accepts.
	MaxBytes Size `toml:"max-bytes"`
	// MaxHeaderBytes is the size in bytes of the largest header; a message with a larger one is of
	// class too-big. A verify listener never accepts it, whatever the action, because forged
	// results could stay in it. Default: 1 MiB.
	MaxHeaderBytes Size `toml:"max-header-bytes"`
	// MaxSessions is how many connections of MTAs are served at the same time. Default: 512.
	MaxSessions int `toml:"max-sessions"`
	// Timeout is the time limit for one message; progress reports keep the MTA waiting meanwhile.
	// Default: "4m".
	Timeout Duration `toml:"timeout"`
}
