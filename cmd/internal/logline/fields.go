package logline

// Field is a field of the log.
type Field struct {
	Name string
	// Meaning is what it says, with its unit and its values.
	Meaning string
	// When says in which lines it is; empty: in all of the section.
	When string
}

// Section is fields that belong together.
type Section struct {
	Title  string
	Fields []Field
}

const (
	ifSigned   = "a message that a rule signs"
	ifVerified = "a message that was verified"
)

// Sections are all fields. A line never has one of them twice.
var Sections = []Section{
	{"EVERY LINE", []Field{
		{"time", "when it was written, RFC 3339 with milliseconds, in the time zone of the daemon.", ""},
		{"level", "INFO; WARN: somebody should look at it, such as mail that is deferred because of our own key or record, or a login that failed; ERROR: a fault of this machine.", ""},
		{"msg", "the kind of the line: see LINES.", ""},
		{Door, "relay or milter: the daemon.", ""},
		{Role, "the role of the listener: submission and sign sign, inbound and verify verify.", "a listener wrote it"},
	}},
	{"EVERY MESSAGE", []Field{
		{"id", "the name of the message here: at the relay its own, which is also in its Received field, at the milter the MTA's queue id.", ""},
		{"message_id", "the value of Message-ID (RFC 5322), as the author's program wrote it: a stranger's, for mail that comes in. At most 250 printable ASCII characters; others are question marks.", "the header could be read and has one"},
		{"client", "the client's address.", "known, and not a Unix socket"},
		{"user", "the user who logged in.", "a login by SASL"},
		{"tls", "the name that the client proved by its certificate and TLSA record.", "a login by certificate"},
		{"auth", "the SASL mechanism of the login.", "a login"},
		{"mail_from", "the reverse-path, without angle brackets; empty: the null sender.", ""},
		{"rcpts", "the number of recipients.", ""},
		{"bytes", "the size of the message as it came.", ""},
		{"took", "the time from MAIL (relay) or from the end of the message (milter) to the decision: in text with a unit, such as 1.5ms; in JSON nanoseconds.", ""},
		{"action", "accept, quarantine, defer or reject: what was decided. mark in the configuration is accept.", ""},
		{"result", "the word of the decision. Signing: signed, unsigned, left-alone (signed or encrypted already, or a report of a mail system), passed (no handler), or the class for which it was not signed; with observe: in front where the listener only observes. " +
			"Verifying: the verdict of dnseal-verdicts(7). Both: content, loop, next-hop, denied, malformed, too-big, internal-error, unsupported for what never got a verdict.", ""},
		{"reply", "what the client was told: the reply code and text, at the relay mostly those of the next hop, whose queue id they often have. LMTP: each different one, with a semicolon between.", "relay: always; milter: deferred or rejected"},
		{"daemon", "the name of the MTA's daemon ({daemon_name}).", "the MTA sends it"},
		{"error", "the trouble, in words.", "a fault of this machine, of the next hop or of the client"},
		{"stack", "where in the program it was.", "a fault in the program: please report it"},
	}},
	{"SIGNING AND VERIFYING", []Field{
		{"from", "the From addresses of the message.", "From was looked at"},
		{"class", "the class by which [on] and [[domain]] decide; empty: none.", "not signed, or verified"},
		{"code", "the code, of dnseal-verdicts(7).", "not signed, or verified"},
		{"reason", "the reason, in words.", "not signed, or verified; also other lines"},
		{"identity", "signing: whose signature; verifying: the name that the signer states.", "a rule signs, or there is a signature"},
		{"observe", "true: the listener only observes, and the message went on as it came.", "observe = true"},
		{"would", "the action, if it did not only observe.", "observe = true"},
		{"forged_results", "how many Authentication-Results fields that bear our own name were removed.", "there were some, or a message was verified"},
		{"dkim", "signing: the domains and selectors of the DKIM signatures; verifying: their results.", "[dkim]"},
		{"dkim_error", "why there is no DKIM signature, although there is a key for the domain.", "[dkim]"},
		{"would_dkim", "what would be in dkim.", "[dkim], and a listener that only observes"},
	}},
	{"SIGNING", []Field{
		{"rule", "the number of the [[sign.rule]], from 1.", ifSigned},
		{"kind", "why the message is left alone: smime-signed, smime-encrypted, pgp and the like, report.", "result left-alone"},
		{"form", "clear or opaque: the form of each signed copy.", ifSigned},
		{"cause", "why it is not in the form asked for: the place and the reason.", "another form was needed"},
		{"unprotected", "the header fields that the signature cannot cover.", "there are some"},
		{"fragile", "the place of what hops may change, and why it was left so.", "there is some"},
		{"signing_time", "left out: Date is more than an hour away.", "it is left out"},
		{"staple", "why no DNSSEC chain is sent along.", "[sign] staple, and there is none"},
		{"encrypted", "the ciphers.", "it was encrypted"},
		{"not_encrypted", "the recipients who get it in clear although the route would encrypt, each with the code of the cause.", "there are some"},
		{"header_ends_at", "the line that ended the header in place of an empty one.", "there was one"},
	}},
	{"VERIFYING", []Field{
		{"signatures", "how many signatures there are.", ifVerified},
		{"header", "the state of the header: protected, changed, restored or unprotected.", ifVerified},
		{"resent_by", "who sent the message again, by its Resent-* fields: not proven.", "there are such fields"},
		{"binding", "from, rule or none: what binds the signer to From.", "there is a signature"},
		{"algorithm", "the algorithm of the signature.", "there is a signature"},
		{"owner", "the name whose records were looked up.", "there was a lookup"},
		{"dns", "secure, insecure, bogus or indeterminate.", "there was a lookup"},
		{"decrypted", "the ciphers of what was decrypted.", "it is delivered decrypted"},
		{"decrypted_verdict", "the verdict on the decrypted message.", "some recipients get it decrypted, others as it came"},
		{"decrypted_recipients", "how many recipients get it decrypted.", "some recipients get it decrypted, others as it came"},
		{"not_decrypted", "why it was not decrypted.", "it was to be"},
	}},
	{"OTHER LINES", []Field{
		{"not_logged", "how many lines of this kind were left out before this one, so that strangers cannot fill the log; the metrics count all.", "refused connections, deferred logins"},
		{"mechanism", "the SASL mechanism.", "login failed"},
		{"name", "the name that the client claims, or that was looked up.", "logins deferred, lookup"},
		{"zone", "the zone that does not answer.", "logins deferred"},
		{"service", "the service for passwords that does not answer.", "logins deferred"},
		{"rcpt", "the recipient.", "recipient not taken"},
		{"command", "the SMTP command.", "a session failed"},
		{"panic", "the fault.", "a fault in the program"},
		{"config", "the configuration file.", "ready, reloaded"},
		{"listeners", "how many listeners there are.", "ready, reloaded"},
		{"listen", "the address of a listener.", "this listener only observes"},
		{"address", "the address of a socket.", "a socket of systemd that is not used"},
		{"for", "how long.", "draining"},
		{"warning", "what is wrong with a resolver.", "lookup"},
		{"file", "a file of evidence.", "evidence"},
		{"dir", "the directory of evidence.", "evidence"},
		{"messages", "how many messages the file is about.", "evidence"},
		{"ended", "the trouble that is over.", "identity"},
		{"note", "a remark.", "identity"},
		{"hint", "what to do.", "identity"},
	}},
}
