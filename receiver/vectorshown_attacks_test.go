package receiver_test

import (
	"crypto/x509"
	"strings"

	"dnseal/smime"
)

// shownAttacks are From fields of which a person is shown another author than the address that is
// bound.
func (c *cast) shownAttacks() []vector {
	t := c.t
	// own is mallory's message with a signature and a record that are right, so that nothing but
	// From can be wrong.
	own := func(name, readme, from, verdictWord, code string) vector {
		eml := header(from) + clear(bare, signedBy(bare, c.mallory, nil))
		return vector{name: name, readme: readme, eml: eml, zone: c.everybody(), report: verdict(verdictWord, code)}
	}
	shown := func(name, readme, display string) vector {
		return own(name, readme, display+" <mallory@mallory.example>", "policy", "display-name")
	}
	inner := func(display string) string {
		return strings.Replace(protected("mallory@mallory.example"), "From: ", "From: "+display, 1)
	}
	wrapped := strings.Replace(inner(`"alice@example.org" <`), "mallory.example\r\n", "mallory.example>\r\n", 1)
	odd := newPerson(t, "\"alice@example.org \"@mallory.example", "mallory", person{}, nil)
	nul := newPerson(t, "", "mallory", person{}, func(x *x509.Certificate) { x.EmailAddresses = []string{"alice@example.org\x00.mallory.example"} })
	dot := newPerson(t, "", "mallory", person{}, func(x *x509.Certificate) { x.EmailAddresses = []string{"alice@example.org."} })
	return attacks([]vector{
		shown("i2-charset", "I2: alice's address as an encoded word in a charset of its own.", "=?windows-1252?q?alice=40example.org?="),
		shown("i2-charset-wide", "I2: the same in UTF-16.", "=?utf-16be?b?AGEAbABpAGMAZQBAAGUAeABhAG0AcABsAGUALgBvAHIAZw==?="),
		shown("i2-charset-unknown", "I2: the same in UTF-7, which is not read here: the name may say anything.", "=?utf-7?q?alice+AEA-example.org?="),
		shown("i2-charset-full-width", "I2: the full-width sign of a Chinese charset.", "=?gbk?q?alice=A3=C0example.org?="),
		shown("i2-word-language", "I2: an encoded word with a language (RFC 2231, Section 5).", "=?utf-8*en?q?alice=40example.org?="),
		shown("i2-word-padding", "I2: an encoded word whose padding is missing.", "=?utf-8?b?YWxpY2VAZXhhbXBsZS5vcmc?="),
		shown("i2-words-split", "I2: the address in two encoded words.", "=?utf-8?q?alice=40exam?=\r\n\t=?utf-8?q?ple.org?="),
		shown("i2-word-in-quotes", "I2: an encoded word in a quoted string, which readers decode all the same.", `"=?utf-8?q?alice=40example.org?="`),
		shown("i2-invisible", "I2: characters that nobody sees in the address.", "\"ali\u200bce@exam\u00adple.org\u200e\""),
		shown("i2-full-width", "I2: every character of the domain full-width.", "\"alice\uff20\uff45xample\uff0eorg\""),
		shown("i2-punctuation", "I2: punctuation directly behind the address.", `"alice@example.org!"`),
		own("i2-group-name", "I2: alice's address as the name of a group.", `"alice@example.org": mallory@mallory.example;`, "policy", "display-name"),
		own("i2-second-field-empty", "I2: two From fields, one of them a comment.", "(alice)\r\nFrom: mallory@mallory.example", "policy", "several-from"),
		own("i2-route", "I2: a source route through alice's address (RFC 5322, Section 4.4).", "<@example.org,@mallory.example:mallory@mallory.example>", "permerror", "bad-from"),
		own("i2-nul", "I2: a NUL in the address.", "alice@example.org\x00@mallory.example", "permerror", "malformed"),
		own("i2-final-dot", "I2: a domain with its final dot is none that mail has.", "mallory@mallory.example.", "permerror", "bad-from"),
		own("i2-encoded-address", "I2: an encoded word in place of the address.", "=?utf-8?q?alice=40example.org?=", "permerror", "bad-from"),
		{name: "i2-local-part-shows-address", readme: "I2: the quoted local part of mallory's address is alice's address.", eml: header("\"alice@example.org \"@mallory.example") + clear(bare, signedBy(bare, odd, nil)), zone: c.zoneOf(c.alice, odd), report: verdict("policy", "display-name")},
		{name: "hp-display-name", readme: "I2: the protected From, which readers of RFC 9788 show, has alice's address as its display name.", eml: header("mallory@mallory.example") + clear(wrapped, signedBy(wrapped, c.mallory, nil)), zone: c.everybody(), report: verdict("policy", "display-name")},
		{name: "hp-second-from-empty", readme: "Two protected From fields, one of them a comment.", eml: header("mallory@mallory.example") + clear(inner("(alice)\r\nFrom: "), signedBy(inner("(alice)\r\nFrom: "), c.mallory, nil)), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch")},
		{name: "i-certificate-nul", readme: "mallory's certificate states alice's address and a NUL: that is no name, so that From is judged, whose record is of another key.", eml: header("alice@example.org") + clear(bare, signedBy(bare, nul, nil)), zone: c.everybody(), report: verdict("fail", "key-mismatch")},
		{name: "i-certificate-final-dot", readme: "mallory's certificate states alice's address with a final dot.", eml: header("alice@example.org") + clear(bare, signedBy(bare, dot, nil)), zone: c.everybody(), report: verdict("fail", "key-mismatch")},
	})
}

// shownControls mislead nobody.
func (c *cast) shownControls() []vector {
	t := c.t
	brien := newPerson(t, "o'brien@example.org", "bob", person{}, nil)
	upper := newPerson(t, "alice@EXAMPLE.org", "alice", person{}, nil)
	label := newPerson(t, "alice@xn--bcher-kva.example", "alice", person{}, nil)
	pass := func(name, readme, from string, p person) vector {
		return vector{name: name, readme: readme, eml: signed(t, mail(from), smime.SignOptions{}, p), zone: c.zoneOf(p), report: verdict("pass", "")}
	}
	return []vector{
		pass("pass-apostrophe", "An apostrophe in the local part.", "\"Miles O'Brien\" <o'brien@example.org>", brien),
		pass("pass-own-address-quoted", "The own address in single quotes as the display name, as Outlook writes it.", "\"'alice@example.org'\" <alice@example.org>", c.alice),
		pass("pass-at-sign", "A commercial at between two words of the display name, and no address.", "\"Team @ Work\" <alice@example.org>", c.alice),
		pass("pass-japanese-name", "A display name in ISO-2022-JP.", "=?iso-2022-jp?b?GyRCOzNFRBsoQg==?= <alice@example.org>", c.alice),
		pass("pass-domain-case", "The domain of the certificate's address in capital letters.", "alice@example.org", upper),
		pass("pass-u-label", "From has a U-label, the certificate its A-label.", "alice@bücher.example", label),
		pass("pass-comments-in-address", "Comments and white space in the address (RFC 5322, Section 4.4).", "Alice < alice (her) @ (at) example.org >", c.alice),
	}
}
