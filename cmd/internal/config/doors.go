package config

// Relay is a listener of "dnseal relay" ([[relay]]).
type Relay struct {
	// Role is "submission" (signs what those hand in who logged in, or whom a "net:" rule covers)
	// or "inbound" (takes mail from anybody for its recipients, and verifies it). Mandatory.
	Role string `toml:"role"`
	// Listen is "host:port" or "unix:/path". A socket of this address that systemd passes is used
	// instead of a new one. Mandatory.
	Listen string `toml:"listen"`
	// SocketMode is the mode of a unix socket, octal. Default: "0660".
	SocketMode string `toml:"socket-mode"`
	// SocketGroup is the group of a unix socket, by name or number. Default: the group of the
	// process.
	SocketGroup string `toml:"socket-group"`
	// Protocol is "smtp" or "lmtp". Default: "smtp".
	Protocol string `toml:"protocol"`
	// TLS is "none", "starttls" or "implicit"; the last two need certificate and key. Default:
	// "none".
	TLS string `toml:"tls"`
	// Certificate is a PEM file with the server's certificate and its chain. Default: none.
	Certificate string `toml:"certificate"`
	// Key is the PEM file of the certificate's key, for nobody else to read. Default: none.
	Key string `toml:"key"`
	// Users is the file of names and passwords for SASL PLAIN, as "dnseal relay passwd" writes it.
	// Needs TLS. Default: none.
	Users string `toml:"users"`
	// Dovecot is the path of a Dovecot auth socket whose mechanisms are offered. Needs TLS.
	// Default: none.
	Dovecot string `toml:"dovecot"`
	// Clients lists the device, service and host names (stars allowed) that may log in by TLS
	// certificate and TLSA record (SASL EXTERNAL). Needs TLS. Default: none.
	Clients []string `toml:"clients"`
	// Deny shuts clients out at once, before any lookup, though they are among clients or in a
	// "net:": DNS names (stars allowed), addresses and networks. After a reload it also holds
	// for clients that are connected. Default: none.
	Deny []string `toml:"deny"`
	// Recipients are the domains mail is taken for, "*.example.org" for all below one. Local parts
	// that name another host ("%", "!", "@") are refused. Inbound only, and mandatory there.
	Recipients []string `toml:"recipients"`
	// Proxies are the addresses that must, and alone may, begin with a PROXY protocol header.
	// Default: none.
	Proxies []string `toml:"proxies"`
	// NextHop says where mail goes, in order of preference: "host:port", "lmtp:unix:/path",
	// "tls:host:465". Mandatory.
	NextHop []string `toml:"next-hop"`
	// NextHopTLS is "none", "verify" (a certificate for its name from the roots) or "dane" (one
	// that matches its TLSA records). Default: "none" for a next hop on this machine, "verify" for
	// all others.
	NextHopTLS string `toml:"next-hop-tls"`
	// NextHopRoots is a PEM file of the roots for "verify". Default: those of this machine.
	NextHopRoots string `toml:"next-hop-roots"`
	// NextHopIdentity is the identity that is shown to the next hop as TLS client certificate.
	// Default: none.
	NextHopIdentity string `toml:"next-hop-identity"`
	// PassClient is how the client's address reaches the next hop: "xclient", "proxy" or "" (not at
	// all). Default: "".
	PassClient string `toml:"pass-client"`
	// MaxBytes is the size of the largest message. Default: 50 MiB.
	MaxBytes int64 `toml:"max-bytes"`
	// MaxRecipients is how many recipients a message may have. Default: 1000.
	MaxRecipients int `toml:"max-recipients"`
	// MaxConnections is how many clients are served at once. Default: 2000.
	MaxConnections int `toml:"max-connections"`
	// MaxPerClient is how many connections one address may have at once. Default: 100.
	MaxPerClient int `toml:"max-per-client"`
	// MaxInFlight is how many bytes all messages on their way in may have together. Default: 1 GiB.
	MaxInFlight int64 `toml:"max-in-flight"`
	// RestoreHeader puts header fields that were changed on the way back as they were signed,
	// where nothing else is wrong: the message then passes. Lists' own Reply-To goes, too; a
	// name before Subject stays. Inbound only. Default: false.
	RestoreHeader bool `toml:"restore-header"`
	// Observe only logs what verifying would do: inbound mail goes on unchanged. Default: false.
	Observe bool `toml:"observe"`

	Timeouts Timeouts `toml:"timeouts"`
}

// Timeouts says how long a relay waits ([relay.timeouts]). It stands below its [[relay]].
type Timeouts struct {
	// Command is for the next command of a client (RFC 5321, 4.5.3.2.7). Default: "5m".
	Command Duration `toml:"command"`
	// Read is for the next piece of a message. Default: "3m".
	Read Duration `toml:"read"`
	// Data is for the whole of a message. Default: "30m".
	Data Duration `toml:"data"`
	// Login is for the lookup of a client's TLSA records. Default: "15s".
	Login Duration `toml:"login"`
	// Handle is for signing or verifying one message, with its lookups. Default: "2m".
	Handle Duration `toml:"handle"`
	// Answer is from the end of a message to our answer, with all that the next hop does; clients
	// wait for 10 minutes (RFC 5321, 4.5.3.2.6). Default: "9m".
	Answer Duration `toml:"answer"`
	// HopConnect is for the connection to a next hop, with TLS and greeting. Default: "10s".
	HopConnect Duration `toml:"hop-connect"`
	// HopCommand is for each reply of a next hop but the last. Default: "60s".
	HopCommand Duration `toml:"hop-command"`
	// HopFinal is for its reply to the message. Default: "5m".
	HopFinal Duration `toml:"hop-final"`
	// HopIdle is how long a connection to it is kept for the next message. Default: "30s".
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
	// Role is "sign" or "verify"; never guessed. Mandatory.
	Role string `toml:"role"`
	// Listen is "unix:/path", "inet:host:port" or "inet:port@host". A socket of this address that
	// systemd passes is used instead of a new one. Mandatory.
	Listen string `toml:"listen"`
	// SocketMode is the mode of a unix socket, octal. Default: "0660".
	SocketMode string `toml:"socket-mode"`
	// SocketGroup is the group of a unix socket, by name or number. Default: the group of the
	// process.
	SocketGroup string `toml:"socket-group"`
	// Daemons name the MTA's daemons ({daemon_name}) that take nothing but submissions: the address
	// of a client that came another way counts for no "net:". Default: any daemon.
	Daemons []string `toml:"daemons"`
	// RestoreHeader puts header fields that were changed on the way back as they were signed,
	// where nothing else is wrong: the message then passes. Lists' own Reply-To goes, too; a
	// name before Subject stays. Only for verify. Default: false.
	RestoreHeader bool `toml:"restore-header"`
	// Observe only logs what would be done: mail goes on unchanged. Only for verify. Default:
	// false.
	Observe bool `toml:"observe"`
	// MaxBytes is the size of the largest message; class too-big. Default: what the MTA takes.
	MaxBytes int64 `toml:"max-bytes"`
	// MaxHeaderBytes is the size of the largest header; a message with a larger one is of class
	// too-big. A verify listener takes none, whatever the action, because forged results would stay
	// in it. Default: 1 MiB.
	MaxHeaderBytes int `toml:"max-header-bytes"`
	// MaxSessions is how many connections of MTAs are served at once. Default: 512.
	MaxSessions int `toml:"max-sessions"`
	// Timeout is how long one message may take; the MTA is told of progress meanwhile. Default:
	// "4m".
	Timeout Duration `toml:"timeout"`
}
