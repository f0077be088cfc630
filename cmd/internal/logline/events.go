package logline

// Event is a kind of line.
type Event struct {
	// Msg is the value of the field msg, or its beginning where that ends in a space.
	Msg  string
	Text string
}

// MessageEvent is the msg of the one line of each message.
const MessageEvent = "message"

// Msg of lines that dnseal report counts.
const (
	RefusedEvent  = "relay: connection refused"
	LoginEvent    = "relay: login failed"
	DeferredEvent = "relay: logins deferred"
)

// Events are all kinds of lines.
var Events = []Event{
	{MessageEvent, "a message was decided: one line for each, from relay and milter in the same words."},
	{RefusedEvent, "a connection ended before its first command. reason: busy, per-client, denied, proxy, tls or tls-hello."},
	{LoginEvent, "a login failed, or was not offered; reason says why."},
	{DeferredEvent, "logins could not be checked, because a zone or a service does not answer."},
	{"relay: recipient not taken", "a recipient was refused before the message came: nobody can encrypt to him."},
	{"relay: next hop", "no next hop can be reached, or none is as it should be."},
	{"relay: next hop lost", "the next hop ended the connection in a message; the client was told to try again."},
	{"relay: next hop lost at RCPT", "the same, before the message."},
	{"relay: next hop did not wait for the message", "the next hop ended the connection while the message was signed; another was opened."},
	{"relay: client lost in its message", "the client ended the connection in a message; nothing was passed on."},
	{"relay: logins", "the service for passwords cannot be reached."},
	{"relay: a session failed", "a fault in the program; the connection was ended."},
	{"milter: connection closed", "the MTA, or what connected in its place, did not keep to the protocol."},
	{"milter: cannot accept", "no connection can be accepted for now."},
	{"milter: panic", "a fault in the program; the message was deferred."},
	{"milter: a message came with a DKIM-Signature, which its new body breaks; if the DKIM signer is a milter too, name it after this one in the MTA's list of milters", "told once."},
	{"milter: library: ", "what the library for milters says; only when debugging."},
	{"ready", "the listeners are open."},
	{"reloaded", "a new configuration is in force."},
	{"not reloaded, the old configuration stays", "the configuration has a mistake: error says where. A line for each."},
	{"denied clients have changed", "deny-file was read again."},
	{"not read again, its old entries stay in force", "deny-file has a mistake."},
	{"draining", "balancers are told; new clients are still served."},
	{"stopping", "the service ends."},
	{"stopped", "the last line."},
	{"listener for ", "the listener for metrics or health checks has failed."},
	{"a listener while draining", "a listener has failed while the service drains."},
	{"nothing is signed by S/MIME: a listener signs, but there is no [[sign.rule]]; write one (dnseal.toml(5)), unless all clients sign their mail themselves", "at the start."},
	{"this listener only observes: it signs and refuses nothing", "at the start."},
	{"the socket has another mode or group", "a reload applied socket-mode and socket-group to an open socket."},
	{"socket-mode and socket-group are not applied to a socket that systemd opened; write SocketMode= and SocketGroup= into its unit", "at a reload."},
	{"systemd passed a socket that no listener of the configuration names; it is closed", "at the start."},
	{"systemd cannot be notified", "systemd did not take what it was told."},
	{"lookup", "something is wrong with a resolver; once a day."},
	{"identity", "what the keeper does with keys and records, and what is wrong with them: when it begins, once a day, and when it ends. code is of dnseal-identity-status(1)."},
	{"evidence sealed", "a file of evidence is complete."},
	{"evidence ", "evidence could not be kept, sealed, stamped or tidied, or files were removed; error says why."},
}
