package receiver_test

import (
	"strings"

	"dnseal/smime"
)

// fromForms are From fields that hide another author, and those that break the grammar and in which all readers find the same one.
func (c *cast) fromForms() []vector { return append(c.fromAttacks(), c.fromControls()...) }

// fromAttacks: mallory's signature and record are right, so that nothing but From can be wrong.
func (c *cast) fromAttacks() []vector {
	own := func(name, readme, from, verdictWord, code string) vector {
		return vector{
			name: name, readme: readme, eml: header(from) + clear(bare, signedBy(bare, c.mallory, nil)),
			zone: c.everybody(), report: verdict(verdictWord, code),
		}
	}
	shown := func(name, readme, from string) vector { return own(name, readme, from, "policy", "display-name") }
	unread := func(name, readme, from string) vector { return own(name, readme, from, "permerror", "bad-from") }
	const mallory = " <mallory@mallory.example>"
	inside := strings.Replace(protected("mallory@mallory.example"), "From: mallory@mallory.example", `From: "alice\@example.org"`+mallory, 1)
	hidden := vector{
		name: "hp-quoted-pair", readme: "I2: the protected From hides alice's address by a quoted pair.",
		eml: header("mallory@mallory.example") + clear(inside, signedBy(inside, c.mallory, nil)), zone: c.everybody(), report: verdict("policy", "display-name"),
	}
	return attacks([]vector{
		shown("i2-quoted-pair", "I2: alice's address with a quoted pair in it.", `"alice\@example.org"`+mallory),
		shown("i2-quoted-pair-comment", "I2: the same in a comment.", `mallory@mallory.example (alice\@example.org)`),
		shown("i2-quoted-pair-group", "I2: the same as the name of a group.", `"alice\@example.org": mallory@mallory.example;`),
		shown("i2-encoded-backslash", "I2: the backslash is part of an encoded word.", `=?utf-8?q?alice=5C=40example.org?=`+mallory),
		shown("i2-no-dot", "I2: an address without a dot.", `"admin@localhost"`+mallory),
		shown("i2-no-dot-comment", "I2: the same in a comment before the address.", `(alice@bank) mallory@mallory.example`),
		shown("i2-no-dot-group", "I2: the same as the name of a group.", `"alice@bank": mallory@mallory.example;`),
		shown("i2-comment-in-address", "I2: a comment in the address that the display name shows.", `"alice(her)@(at)example.org"`+mallory),
		shown("i2-comment-in-comment", "I2: the same in a comment.", `mallory@mallory.example (alice(her)@bank)`),
		shown("i2-comment-inside", "I2: a comment between the parts of the address.", `mallory@(alice@bank)mallory.example`),
		shown("i2-domain-only", "I2: the display name is an @ and a domain.", `"@example.org"`+mallory),
		shown("i2-spaced-at", "I2: white space around the @.", `"alice @ example.org"`+mallory),
		shown("i2-word-in-word", "I2: an encoded word that appears when another is decoded.", `=?utf-8?b?PT91dGYtOD9xP2FsaWNlPTQwYmFuaz89?=`+mallory),
		shown("i2-word-cut", "I2: two encoded words cut one character in two.", `=?utf-16be?b?AGEA?= =?utf-16be?b?QABiAGEAbgBr?=`+mallory),
		shown("i2-small-at", "I2: the small form of the @, and no dot.", "\"alice\ufe6bbank\""+mallory),
		shown("i2-percent", "I2: an @ as URIs write it.", `"alice%40example.org"`+mallory),
		hidden,
		unread("i2-unquoted-other", "I2: an unquoted address of alice before mallory's.", `[x] alice@example.org`+mallory),
		unread("i2-unquoted-encoded", "I2: the same as an encoded word.", `=?utf-8?q?alice=40example.org?=, [x]`+mallory),
		unread("i2-unquoted-bracket", "I2: an angle bracket in an encoded word.", `[x] =?utf-8?q?=3Cx=3E?=`+mallory),
	})
}

// fromControls break the grammar, and mislead nobody.
func (c *cast) fromControls() []vector {
	t := c.t
	dots := newPerson(t, `"first..last"@example.org`, "bob", person{}, nil)
	pass := func(name, readme, from string, p person) vector {
		return vector{name: name, readme: readme, eml: signed(t, mail(from), smime.SignOptions{}, p), zone: c.zoneOf(p), report: verdict("pass", "")}
	}
	return []vector{
		pass("pass-unquoted-words", "Brackets and a comma in a name without quotation marks.", "[SRV01] Example, Inc. <alice@example.org>", c.alice),
		pass("pass-unquoted-address", "The address as its own name, without quotation marks.", "alice@example.org <alice@example.org>", c.alice),
		pass("pass-same-author-twice", "The same author twice.", "Alice <alice@example.org>, Alice <alice@example.org>", c.alice),
		pass("pass-escaped-parentheses", "Quoted pairs without quotation marks.", `Alice \(work\) <alice@example.org>`, c.alice),
		pass("pass-mailto", "The scheme of a URI before the address.", "<mailto:alice@example.org>", c.alice),
		pass("pass-latin1-name", "A name in raw Latin-1.", "J\xf6rg <alice@example.org>", c.alice),
		pass("pass-dots", "Doubled dots in the local part.", "first..last@example.org", dots),
	}
}
