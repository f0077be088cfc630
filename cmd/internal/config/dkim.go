package config

import (
	"fmt"
	"net/netip"
	"slices"

	"dnseal/cmd/internal/dkim"
	"dnseal/smime/message"
)

// DKIM configures signatures by DKIM (RFC 6376) beside those by S/MIME ([dkim]).
type DKIM struct {
	// Sign lists the keys that mail is signed with when it leaves a submission relay or a signing
	// milter, after S/MIME. Keys of one domain sign together, which is how RSA and Ed25519 are used
	// at the same time (RFC 8463, Section 4). Mail is signed whose only From address is in the
	// domain of a key, or below it where no key has a nearer domain, and whose submitter logged in
	// or is in networks or a "net:" rule; never mail of class not-allowed. Mail that no rule names
	// and that is passed on without S/MIME is signed too: with no-rule = "accept" any user of this
	// server can get a DKIM signature for any address of the domain that no rule names. Default:
	// none.
	Sign []DKIMKey `toml:"sign"`
	// Networks are addresses and networks whose mail is signed without a login, such as that of
	// programs on this host ("127.0.0.1"), also where no rule names it. A relay takes no mail from
	// them for that: there a "net:" rule is needed. Default: none.
	Networks []string `toml:"networks"`
	// Verify has inbound relays and verifying milters check DKIM of what they verify, and report it
	// beside the verdict on S/MIME, which it never changes, nor what is done with the message:
	// "dkim=" in Authentication-Results, with the state of the key's record by DNSSEC, and in the
	// log. At most 5 signatures of a message are checked, those of the domain of From first. Keys
	// are looked up as [dns] says, within what the lookups for S/MIME leave of [dns] queries and
	// of [verify] timeout; "allow" holds for them, too. For "dnseal verify --policy" this is what
	// --dkim is. Default: false.
	Verify bool `toml:"verify"`
}

// DKIMKey is a key and the name of its record ([[dkim.sign]]).
type DKIMKey struct {
	// Domain is the domain that takes responsibility (d=), such as "example.org". Mandatory.
	Domain string `toml:"domain"`
	// Selector is the name of the key in that domain (s=): its record is at
	// SELECTOR._domainkey.DOMAIN. Mandatory.
	Selector string `toml:"selector"`
	// Key is the PEM file of the private key (PKCS #8 or PKCS #1), RSA of at least 1024 bits
	// (2048 are advised) or Ed25519, of mode 0600, as the keys of identities (TLS keys and
	// password files may be 0640, for a group); "dnseal dkim new" makes one. It is read at the
	// start and at a reload. Mandatory.
	Key string `toml:"key"`
}

// checkDKIM checks [dkim] without reading a file.
func (c *Config) checkDKIM(n *notes) {
	if _, err := prefixes(c.DKIM.Networks); err != nil {
		n.wrong("dkim.networks", "networks: %s", strip(err))
	}
	seen := map[string]bool{}
	for i := range c.DKIM.Sign {
		k, key := &c.DKIM.Sign[i], fmt.Sprintf("dkim.sign[%d]", i)
		if k.Domain == "" || k.Selector == "" || k.Key == "" {
			n.wrong(key, "sign: its entry %d needs domain, selector and key; write { domain = \"example.org\", selector = \"s1\", key = \"FILE\" }", i+1)
			continue
		}
		domain, selector, err := dkim.CheckName(k.Domain, k.Selector)
		if err != nil {
			n.wrong(key, "sign: its entry %d, %s/%s: %s", i+1, k.Domain, k.Selector, strip(err))
			continue
		}
		k.Domain, k.Selector = domain, selector
		if name := (dkim.Key{Domain: domain, Selector: selector}).Name(); seen[name] {
			n.wrong(key, "sign: %s occurs twice; a selector has one key, so give each its own selector", name)
		} else {
			seen[name] = true
		}
	}
}

// loadDKIM reads the keys.
func (c *Config) loadDKIM(n *notes) {
	for i, k := range c.DKIM.Sign {
		private, err := dkim.ReadKey(k.Key)
		if err != nil {
			n.wrong(fmt.Sprintf("dkim.sign[%d].key", i), "%s", strip(err))
			continue
		}
		c.loaded.dkim = append(c.loaded.dkim, dkim.Key{Domain: k.Domain, Selector: k.Selector, Private: private})
	}
}

// DKIMKeys are the keys of [dkim], in its order.
func (c *Config) DKIMKeys() []dkim.Key { return c.loaded.dkim }

// Submitters returns a function that reports whether somebody is known to submit mail here: who
// logged in, and whom a "net:" rule or the networks of [dkim] cover.
func (c *Config) Submitters() func(message.Submitter) bool {
	nets, _ := c.trusted() // Load has checked them
	more, _ := prefixes(c.DKIM.Networks)
	nets = append(nets, more...)
	return func(who message.Submitter) bool {
		return who.User != "" || who.TLSName != "" ||
			slices.ContainsFunc(nets, func(n netip.Prefix) bool { return n.Contains(who.Addr.Unmap()) })
	}
}
