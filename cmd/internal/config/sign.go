package config

import "dnseal/sender"

// Sign configures how mail is signed ([sign]).
type Sign struct {
	// Form is "clear" (multipart/signed: RFC 8551, Section 3.5.3) or "opaque"
	// (application/pkcs7-mime: RFC 8551, Section 3.5.2). Default: "clear".
	Form string `toml:"form"`
	// HeaderProtection also protects the header fields by the signature (RFC 9788). Default: true.
	HeaderProtection *bool `toml:"header-protection"`
	// OpaqueFor lists recipients who get the opaque form: addresses, stars allowed. A milter cannot
	// give the recipients of one message different forms: there all recipients get the clear form
	// when only some are in the list. A [[route]] that names a form comes first. Default: none.
	OpaqueFor []string `toml:"opaque-for"`
	// PlainFor lists recipients who get the message unsigned, with the same exception in a milter.
	// Default: none.
	PlainFor []string `toml:"plain-for"`
	// SelfCheck is "digest" (structure and digest of the signed message are checked) or "full" (the
	// signature value is verified too). Default: "digest".
	SelfCheck string `toml:"self-check"`
	// CheckRecord looks up the signer's own records before signing, so that only mail is signed
	// that receivers can verify; otherwise the message is of class key-not-published. Default:
	// true.
	CheckRecord *bool `toml:"check-record"`
	// Staple sends the DNSSEC chain of the signer's own records with each signature, for receivers
	// without DNS (dnseal verify --offline). Where it cannot be had the message is signed without,
	// and the log says why. Default: false.
	Staple bool `toml:"staple"`
	// SignReports also signs delivery reports (RFC 3464). Default: false.
	SignReports bool `toml:"sign-reports"`
	// Control lists the submitters whose X-Dnseal-Sign field ("no", "clear", "opaque") is obeyed,
	// in the form of sign.rule.who. The field is removed from all mail. Default: none.
	Control []string `toml:"control"`
	// MaxBytes is the size in bytes of the largest message that is signed; a larger one is of class
	// too-big. Default: what the listener accepts.
	MaxBytes Size   `toml:"max-bytes"`
	Rules    []Rule `toml:"rule"`
}

// Rule permits submitters to use From addresses ([[sign.rule]]). The first rule whose who, from
// and mail-from match applies. A From address that any rule names is protected: only submitters
// whom a rule permits it may use it.
//
// Placeholders in from and identity make one rule serve many people or devices: {user} is the SASL
// user name, {tls} the TLSA name of the client, {label} the first label of that name. They stand
// for what this submitter has proven by an entry of who, and are compared as they are: a star in a
// user name means nothing. All addresses that a placeholder can stand for are protected: with who =
// ["user:*"] and from = ["{user}@example.org"] nobody else may use any address of example.org that
// no other rule permits.
type Rule struct {
	// Who lists submitters by their proof: "user:NAME" (SASL), "tls:NAME" (TLS client by its
	// TLSA record), "net:ADDRESS" or "net:CIDR". A star in a name stands for any characters:
	// "user:*", "tls:*._device.example.net". Use "net:" only where all mail is a submission:
	// mail that filters re-inject also comes from loopback. Mandatory.
	Who []string `toml:"who"`
	// From lists addresses; a star matches any characters on its side of the @.
	// "{user}@example.org" is for user names without an @, "{user}" for those that are whole
	// addresses; who must then name their domains, as in "user:*@example.org". The case of a user
	// name counts, as that of a local part does. A user name that is no local part or address as it
	// stands (white space, quotation marks, comments, an @ too many, not in Unicode form NFC)
	// matches nothing. "{label}@example.net" and "alerts@{tls}" are for devices; with {label} all
	// names in who must have the same parent, without stars. Mandatory.
	From []string `toml:"from"`
	// MailFrom lists the envelope senders that may be used with it, "<>" for the null reverse-path
	// (RFC 5321, Section 4.5.5). Default: any.
	MailFrom []string `toml:"mail-from"`
	// Identity is "{from}", the identity of the From address, or the name of an identity, which can
	// have placeholders: "{tls}", "{user}@example.org", "{label}@example.net". Identities that a
	// star or a placeholder leads to are looked for when a message is signed; one that does not
	// exist is of class sign-failed. Default: "{from}".
	Identity string `toml:"identity"`
	// Form is "clear" or "opaque". Default: sign.form.
	Form sender.Form `toml:"form"`
	// RefuseOpaque refuses (class malformed) a message for the clear form with a part that is
	// signed or encrypted already and would not survive transit. Default: false; such a message
	// gets the opaque form.
	RefuseOpaque bool `toml:"refuse-opaque"`
	// Again also signs a message that is signed or encrypted already. Default: false.
	Again bool `toml:"again"`
}
