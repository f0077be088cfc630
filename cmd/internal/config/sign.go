package config

import "dnseal/sender"

// Sign says how mail is signed ([sign]).
type Sign struct {
	// Form is "clear" (multipart/signed) or "opaque" (application/pkcs7-mime). Default: "clear".
	Form string `toml:"form"`
	// HeaderProtection puts the header fields under the signature too (RFC 9788). Default: true.
	HeaderProtection *bool `toml:"header-protection"`
	// OpaqueFor lists recipients who get the opaque form: addresses, stars allowed. A milter cannot
	// give recipients of one message different forms: there those of a mixed list all get the clear
	// form. Default: none.
	OpaqueFor []string `toml:"opaque-for"`
	// PlainFor lists recipients who get the message unsigned, with the same exception. Default:
	// none.
	PlainFor []string `toml:"plain-for"`
	// SelfCheck is "digest" (structure and digest of what was made are checked) or "full" (the
	// signature value too). Default: "digest".
	SelfCheck string `toml:"self-check"`
	// CheckRecord looks up our own record before signing, so that nothing is signed that nobody can
	// verify; class key-not-published. Default: true.
	CheckRecord *bool `toml:"check-record"`
	// SignReports signs delivery reports too. Default: false.
	SignReports bool `toml:"sign-reports"`
	// Control lists the submitters whose X-Dnseal-Sign field ("no", "clear", "opaque") is listened
	// to, as in sign.rule.who. The field is removed from all mail. Default: nobody.
	Control []string `toml:"control"`
	// MaxBytes is the size of the largest message that is signed; class too-big. Default: what the
	// listener takes.
	MaxBytes int64  `toml:"max-bytes"`
	Rules    []Rule `toml:"rule"`
}

// Rule is a line of the table of who may sign as whom ([[sign.rule]]). The first whose who, from
// and mail-from match applies. A From that any rule names is protected: nobody else may use it.
type Rule struct {
	// Who lists submitters by what was proven: "user:NAME" (SASL), "tls:NAME" (TLS client by its
	// TLSA record), "net:ADDRESS" or "net:CIDR". "net:" belongs where nothing but submissions comes
	// in: mail re-injected by filters also comes from loopback. Mandatory.
	Who []string `toml:"who"`
	// From lists addresses; a star stands for any characters on its side of the @. Mandatory.
	From []string `toml:"from"`
	// MailFrom lists envelope senders that may go with it, "<>" for the null sender. Default: any.
	MailFrom []string `toml:"mail-from"`
	// Identity is "{from}", the identity of the From address, or one by name. Default: "{from}".
	Identity string `toml:"identity"`
	// Form is "clear" or "opaque". Default: sign.form.
	Form sender.Form `toml:"form"`
	// RefuseOpaque refuses (class malformed) what is to be clear and holds a part that is
	// signed or encrypted already and would not survive transit. Default: false; it is made
	// opaque.
	RefuseOpaque bool `toml:"refuse-opaque"`
	// Again signs also what is signed or encrypted already. Default: false.
	Again bool `toml:"again"`
}
