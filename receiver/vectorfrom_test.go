package receiver_test

import (
	"strings"

	"dnseal/smime"
)

// fromForms are From fields that hide another author, and those that break the grammar and in which
// all readers find the same one.
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
		name: "hp-quoted-pair", readme: "The protected From hides alice's address by a quoted pair.",
		eml: header("mallory@mallory.example") + clear(inside, signedBy(inside, c.mallory, nil)), zone: c.everybody(), report: verdict("policy", "display-name"),
	}
	return attacks([]vector{
		shown("shown-quoted-pair", "alice's address with a quoted pair in it.", `"alice\@example.org"`+mallory),
		shown("shown-quoted-pair-comment", "The same in a comment.", `mallory@mallory.example (alice\@example.org)`),
		shown("shown-quoted-pair-group", "The same as the name of a group.", `"alice\@example.org": mallory@mallory.example;`),
		shown("shown-encoded-backslash", "The backslash is part of an encoded word.", `=?utf-8?q?alice=5C=40example.org?=`+mallory),
		shown("shown-no-dot", "An address without a dot.", `"admin@localhost"`+mallory),
		shown("shown-no-dot-comment", "The same in a comment before the address.", `(alice@bank) mallory@mallory.example`),
		shown("shown-no-dot-group", "The same as the name of a group.", `"alice@bank": mallory@mallory.example;`),
		shown("shown-comment-in-address", "A comment in the address that the display name shows.", `"alice(her)@(at)example.org"`+mallory),
		shown("shown-comment-in-comment", "The same in a comment.", `mallory@mallory.example (alice(her)@bank)`),
		shown("shown-comment-inside", "A comment between the parts of the address.", `mallory@(alice@bank)mallory.example`),
		shown("shown-domain-only", "The display name is an @ and a domain.", `"@example.org"`+mallory),
		shown("shown-spaced-at", "White space around the @.", `"alice @ example.org"`+mallory),
		shown("shown-word-in-word", "An encoded word that appears when another is decoded.", `=?utf-8?b?PT91dGYtOD9xP2FsaWNlPTQwYmFuaz89?=`+mallory),
		shown("shown-word-cut", "Two encoded words cut one character in two.", `=?utf-16be?b?AGEA?= =?utf-16be?b?QABiAGEAbgBr?=`+mallory),
		shown("shown-small-at", "The small form of the @, and no dot.", "\"alice\ufe6bbank\""+mallory),
		shown("shown-percent", "An @ as URIs write it.", `"alice%40example.org"`+mallory),
		hidden,
		shown("shown-unquoted-other", "An unquoted address of alice before mallory's.", `[x] alice@example.org`+mallory),
		shown("shown-unquoted-encoded", "The same as an encoded word.", `=?utf-8?q?alice=40example.org?=, [x]`+mallory),
		unread("shown-unquoted-bracket", "An angle bracket in an encoded word.", `[x] =?utf-8?q?=3Cx=3E?=`+mallory),
	})
}

// fromControls break the grammar, and mislead no reader.
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
