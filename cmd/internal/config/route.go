package config

import (
	"fmt"
	"slices"

	"dnseal/lookup"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/sender/identity/decryption"
	"dnseal/sender/recipient"
	"dnseal/smime/message"
)

// Route says how signed mail leaves for some recipients, and whether mail that comes in for them is
// decrypted ([[route]]). Of several routes the first that names a recipient counts. A route that
// encrypts also counts for an address that differs from its own in the case of the local part; one
// that cannot be read falls under the strictest route.
//
// The keys of recipients are their SMIMEA records that hold a certificate (3 0 0, or 1 0 0 with
// pkix-roots) or a key (3 1 0), in a signed zone, found under the local part exactly as it is
// written. Mail is signed, then encrypted; what is not signed here, such as a message that is
// signed already, is encrypted as it is, and what is encrypted already is passed on. Recipients
// whom To and Cc do not name get a message each, so that nobody learns of them. A milter has one
// message for all: where several encryptions were needed, "require" refuses it, and "if-possible"
// lets it pass in clear.
//
// Content under a cipher that authenticates is held in memory while it is encrypted or decrypted:
// at most 64 MiB of a message, and 256 MiB of all messages of the process together. What finds no
// memory within timeouts.handle of a relay, or timeout of a milter, is deferred.
type Route struct {
	// To lists recipients: addresses, stars allowed. Mandatory.
	To []string `toml:"to"`
	// Form is "clear", "opaque" or "plain" (unsigned), with the exceptions for a milter at
	// sign.opaque-for. Default: what sign.opaque-for, sign.plain-for and sign.form say.
	Form string `toml:"form"`
	// Encrypt is "require" (a recipient without a key that can be used is refused, by a relay at
	// RCPT; nothing is sent in clear), "if-possible" (it is sent in clear where it is proven that
	// the recipient has no such key; the log says so under not-encrypted) or "never". Where the key
	// cannot be looked up now, both defer. Default: "never".
	Encrypt string `toml:"encrypt"`
	// Profile is "compatible" (what programs newer than 2022 read: AES-CBC and RSA PKCS #1 v1.5, or
	// AES-GCM where all certificates of the recipients say that it is known), "modern"
	// (AES-256-GCM, RSA-OAEP; ML-KEM, then X25519 of a recipient with several keys) or "pq"
	// (modern, and a recipient without an ML-KEM key is refused; only with "require"). Default:
	// "compatible".
	Profile string `toml:"profile"`
	// Decrypt is for mail that comes in: what is encrypted for a key of the identity with the
	// recipient's address is delivered to him decrypted, with the signature in it, and
	// Authentication-Results says so. Whatever his keys do not open he gets as it is: nobody has
	// mail to others opened for himself. Keys that are made, or switched by a rollover, are used
	// within seconds, without a reload. Of several recipients of a message a relay gives each what
	// his route and his keys say; a milter has one message for all, and decrypts it where all may
	// have it decrypted. Default: false.
	Decrypt bool `toml:"decrypt"`
	// DecryptBy names identities whose keys open mail for these recipients too: one that is shared
	// by all, or that of an alias. All of these recipients can then read what is encrypted for it.
	// Only with decrypt. Default: none.
	DecryptBy []string `toml:"decrypt-by"`
}

func (c *Config) checkRoutes(n *notes) {
	for i, r := range c.Routes {
		key := fmt.Sprintf("route[%d]", i)
		if len(r.To) == 0 {
			n.wrong(key, "the route names no recipients; write to = [\"*@example.org\"]")
		} else if _, err := sender.New(sender.Options{Identities: c.Identity, Routes: []sender.Route{{To: r.To}}}); err != nil {
			n.wrong(key+".to", "%s", strip(err))
		}
		if r.Decrypt && c.Identities == "" {
			n.wrong(key+".decrypt", "decrypt needs identities, the directory with the keys")
		}
		if len(r.DecryptBy) > 0 && !r.Decrypt {
			n.wrong(key+".decrypt-by", "decrypt-by: the route does not decrypt; write decrypt = true, or leave decrypt-by out")
		}
		n.oneOfOrNone(key+".form", r.Form, "clear", "opaque", "plain")
		n.oneOfOrNone(key+".encrypt", r.Encrypt, "require", "if-possible", "never")
		n.oneOfOrNone(key+".profile", r.Profile, "compatible", "modern", "pq")
		switch {
		case r.Profile != "" && (r.Encrypt == "" || r.Encrypt == "never"):
			n.wrong(key+".profile", "profile: the route does not encrypt; write encrypt = \"require\" or \"if-possible\", or leave profile out")
		case r.Profile == "pq" && r.Encrypt == "if-possible":
			n.wrong(key+".profile", "profile is \"pq\" and encrypt \"if-possible\": who has other keys than ML-KEM would get the message in clear; write encrypt = \"require\" or profile = \"modern\"")
		}
	}
}

// addRoutes adds the routes to the options of a sender; r looks up the keys of recipients.
func (c *Config) addRoutes(o *sender.Options, r lookup.Resolver) {
	o.RecipientKeys, o.PKIXRoots = r, c.loaded.roots
	for _, route := range c.Routes {
		form := sender.Form(route.Form)
		if route.Form == "plain" {
			form = sender.FormPlain
		}
		o.Routes = append(o.Routes, sender.Route{
			To: route.To, Form: form, Encrypt: sender.Encryption(route.Encrypt), Profile: recipient.Profile(route.Profile),
		})
	}
}

// loadDecryption reads the keys by which mail is decrypted, where a route wants that.
func (c *Config) loadDecryption(n *notes) {
	i := slices.IndexFunc(c.Routes, func(r Route) bool { return r.Decrypt })
	if i < 0 || c.Identities == "" {
		return
	}
	key := fmt.Sprintf("route[%d].decrypt", i)
	live, err := decryption.Open(c.Identities)
	switch {
	case err != nil:
		n.wrong(key, "%s%s", strip(err), advice(err))
	case live.Empty():
		n.wrong(key, "no identity in %s has a key that decrypts; make one with: dnseal identity new --use encrypt NAME", c.Identities)
	}
	c.loaded.decryption = live
	for i, r := range c.Routes {
		for _, name := range r.DecryptBy {
			if err == nil && !live.Has(canonical(name)) {
				n.wrong(fmt.Sprintf("route[%d].decrypt-by", i), "there is no identity %s in %s with a key that decrypts; make one with: dnseal identity new --use encrypt %s", name, c.Identities, identity.Quote(name))
			}
		}
	}
}

// addDecryption adds to the options of a receiver for whom mail is decrypted, and by which keys.
func (c *Config) addDecryption(o *receiver.Options) {
	live := c.loaded.decryption
	if live == nil {
		return
	}
	to := make([][]message.Pattern, len(c.Routes))
	for i, r := range c.Routes {
		for _, text := range r.To {
			if p, err := message.ParsePattern(text); err == nil { // checked at load
				to[i] = append(to[i], p)
			}
		}
	}
	o.Deliver.Keys = live.Keys
	o.Deliver.For = func(a message.Address) (names []string) {
		i := slices.IndexFunc(to, func(patterns []message.Pattern) bool {
			return slices.ContainsFunc(patterns, func(p message.Pattern) bool { return p.MatchAddress(a) })
		})
		if i < 0 || !c.Routes[i].Decrypt {
			return nil
		}
		if own := canonical(a.String()); live.Has(own) {
			names = append(names, own)
		}
		for _, name := range c.Routes[i].DecryptBy {
			names = append(names, canonical(name))
		}
		return names
	}
}
