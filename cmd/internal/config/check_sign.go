package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/lookup"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

func (c *Config) checkSign(n *notes) {
	n.oneOf("sign.form", c.Sign.Form, "clear", "opaque")
	n.oneOf("sign.self-check", c.Sign.SelfCheck, "digest", "full")
	n.notNegative("sign.max-bytes", int64(c.Sign.MaxBytes))
	none := func(string) (*identity.Identity, error) { return nil, fmt.Errorf("none") }
	try := func(key string, o sender.Options) bool {
		o.Identities = none
		_, err := sender.New(o)
		if err != nil {
			n.wrong(key, "%s%s", strip(err), advice(err))
		}
		return err == nil
	}
	try("sign.opaque-for", sender.Options{OpaqueFor: c.Sign.OpaqueFor})
	try("sign.plain-for", sender.Options{PlainFor: c.Sign.PlainFor})
	try("sign.control", sender.Options{Control: c.Sign.Control})
	for i, r := range c.Sign.Rules {
		key := fmt.Sprintf("sign.rule[%d]", i)
		if len(r.Who) == 0 || len(r.From) == 0 {
			n.wrong(key, "the rule needs who and from; write who = [\"user:NAME\"] and from = [\"NAME@example.org\"]")
			continue
		}
		if r.Form != "" {
			n.oneOf(key+".form", string(r.Form), "clear", "opaque")
		}
		who, known := r.Who, try(key+".who", sender.Options{Rules: []sender.Rule{{Who: r.Who, From: []string{"*@*"}}}})
		if !known {
			who = []string{"user:x"}
		}
		// What a placeholder can stand for depends on who.
		check := func(s string) bool { return known || !strings.Contains(s, "{") }
		if check(strings.Join(r.From, "")) {
			try(key+".from", sender.Options{Rules: []sender.Rule{{Who: who, From: r.From}}})
		}
		try(key+".mail-from", sender.Options{Rules: []sender.Rule{{Who: []string{"user:x"}, From: []string{"*@*"}, MailFrom: r.MailFrom}}})
		if check(r.Identity) {
			try(key+".identity", sender.Options{Rules: []sender.Rule{{Who: who, From: []string{"*@*"}, Identity: r.Identity}}})
		}
	}
}

// strip removes the package and the number of the rule from an error: the line of the file says it.
func strip(err error) string {
	text := cli.Plain(err)
	for _, prefix := range []string{"rule 1: ", "domain 1: ", "route 1: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return cli.Plain(errors.New(text))
}

// advice is the hint of an error, after a semicolon.
func advice(err error) string {
	if h := identity.Hint(err); h != "" {
		return "; " + h
	}
	return ""
}

// actions checks the words of an [on] table. noQuarantine names the listener that cannot hold mail,
// or is empty.
func (n *notes) actions(table string, on On, noQuarantine string) {
	for class, word := range on.set() {
		key := table + "." + class
		switch {
		case slices.Contains(signingClasses, class):
			n.oneOf(key, word, "accept", "reject", "defer")
		case word == "quarantine" && noQuarantine != "":
			n.wrong(key, "%s is \"quarantine\", but %s cannot hold mail; write quarantine-as = \"reject\", \"mark\" or \"defer\" there", class, noQuarantine)
		default:
			n.oneOf(key, word, "accept", "mark", "quarantine", "reject", "defer")
		}
	}
}

// quarantineTo names a listener that cannot quarantine, and does not say what it does instead.
func (c *Config) quarantineTo() string {
	for _, r := range c.Relays {
		if r.Role == RoleInbound && r.QuarantineAs == "" {
			return "the inbound relay on " + r.Listen
		}
	}
	return ""
}

func (c *Config) checkDomain(n *notes, key string, d *Domain) {
	if len(d.Names) == 0 {
		n.wrong(key, "the domain has no names; write names = [\"bank.example\"]")
	}
	before := len(n.found)
	for _, name := range d.Names {
		n.pattern(key+".names", name, false)
	}
	n.oneOf(key+".require", d.Require, "nothing", "signature", "protected")
	for device, addresses := range d.Devices {
		n.pattern(key+".devices", device, false)
		for _, a := range addresses {
			n.pattern(key+".devices", a, true)
		}
	}
	if len(d.Names) > 0 && len(n.found) == before {
		n.receiver(key+".devices", receiver.Options{Domains: []receiver.Domain{{Names: d.Names, Devices: d.Devices}}})
	}
	c.checkStricter(n, key+".on", d.On)
	n.actions(key+".on", d.On, c.quarantineTo())
	n.domainReplyText(key+".reply-text", d.ReplyText)
}

// receiver notes an error of the receiver about its options.
func (n *notes) receiver(key string, o receiver.Options) {
	o.Lookup = struct{ lookup.Resolver }{} // never used
	if _, err := receiver.New(o); err != nil {
		n.wrong(key, "%s", strip(err))
	}
}

// checkStricter requires that the actions of a domain are about verifying, and no laxer than the
// actions for all mail.
func (c *Config) checkStricter(n *notes, key string, on On) {
	general := receiver.DefaultActions()
	maps.Copy(general, c.On.verifying())
	for class, word := range on.set() {
		action, known := actions[word]
		switch {
		case slices.Contains(signingClasses, class):
			n.wrong(key, "on: %s is about signing; write it into [on]", class)
		case known && receiver.Laxer(action, general[receiver.Class(class)]):
			n.wrong(key, "on: %s is %q here, laxer than %q for all other mail; a forger chooses From, so a domain can only be stricter", class, word, general[receiver.Class(class)])
		}
	}
}

// pattern requires a pattern of addresses or of names.
func (n *notes) pattern(key, s string, address bool) {
	p, err := message.ParsePattern(s)
	last := key[strings.LastIndexByte(key, '.')+1:]
	switch {
	case err != nil:
		n.wrong(key, "%s: %s", last, strip(err))
	case address && !p.IsAddress():
		n.wrong(key, "%s: %q is no address; write \"local@domain\", stars allowed", last, s)
	case !address && p.IsAddress():
		n.wrong(key, "%s: %q is an address; write a name such as \"example.org\" or \"*.example.org\"", last, s)
	}
}
