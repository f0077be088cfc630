package receiver_test

import (
	"strings"
)

// headerAttacks play with the protected header (RFC 9788).
func (c *cast) headerAttacks() []vector {
	t, alice := c.t, c.alice
	with := func(outer, content string, p person) string {
		return header(outer) + clear(content, signedBy(content, p, nil))
	}
	wrapped := "Content-Type: message/rfc822\r\n\r\n" + mail("bob@example.org")
	twoFroms := strings.Replace(protected("alice@example.org"), "From: alice@example.org\r\n", "From: alice@example.org\r\nFrom: bob@example.org\r\n", 1)
	noFrom := strings.Replace(protected("alice@example.org"), "From: alice@example.org\r\n", "", 1)
	lies := strings.Replace(protected("bob@example.org"), "From: bob@example.org\r\n", "From: bob@example.org\r\nHP-Outer: From: alice@example.org\r\n", 1)
	bareKey := func(content string) string {
		return header("alice@example.org") + clear(content, signedBy(content, alice, func(sd *signedData) { sd.certs, sd.signers[0].bySKI = nil, true }))
	}
	rawKey := "; zone example.org.\n" + alice.record(t, "3 1 0")
	out := attacks([]vector{
		{
			name: "hp-inner-from-differs", readme: "alice signed as bob, From says alice: a reader that follows RFC 9788 shows bob.",
			eml: with("alice@example.org", protected("bob@example.org"), alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch", "protected_from", "bob@example.org"),
		},
		{
			name: "hp-from-rewritten", readme: "alice's message under mallory's From: what she protected says so.",
			eml: with("mallory@mallory.example", protected("alice@example.org"), alice), zone: c.everybody(), report: verdict("policy", "from-rewritten", "protected_from", "alice@example.org"),
		},
		{
			name: "hp-outer-lies", readme: "HP-Outer claims that the outer From was alice's, the protected one is bob's.",
			eml: with("alice@example.org", lies, alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch"),
		},
		{name: "hp-two-inner-from", readme: "Two protected From fields.", eml: with("alice@example.org", twoFroms, alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch")},
		{name: "hp-no-inner-from", readme: "A protected header that does not say who wrote the message.", eml: with("alice@example.org", noFrom, alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch")},
		{name: "hp-unreadable-inner-from", readme: "A protected From that cannot be read.", eml: with("alice@example.org", protected("alice@example.org <"), alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch")},
		{
			name: "hp-legacy-wrapped", readme: "Header protection of RFC 8551: the wrapped message is bob's.",
			eml: with("alice@example.org", wrapped, alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch", "signatures", signature("header_protection", "legacy")),
		},
		{
			name: "hp-unknown-value", readme: "hp with a value that RFC 9788 does not know is no reason to believe the outer From.",
			eml: with("alice@example.org", strings.Replace(protected("bob@example.org"), `hp="clear"`, `hp="maybe"`, 1), alice), zone: c.everybody(), report: verdict("policy", "inner-from-mismatch"),
		},
	})
	unbound := func(name, readme, content string) vector {
		return vector{name: name, readme: readme, eml: bareKey(content), zone: rawKey, report: verdict("pass", "", "signatures", signature("integrity", "good", "name_bound", false))}
	}
	out = append(
		out,
		unbound("hp-raw-key-unprotected", "No certificate and no protected From: the owner of From vouches for the key, and nothing binds the name to the signature.", bare),
		unbound("hp-raw-key-nested", "No certificate, and the From is protected in a part inside only, which binds nothing.", nested),
	)
	return append(out, attacks([]vector{
		{
			name: "hp-raw-key-replayed", readme: "bob takes alice's message without certificate for his own.",
			eml: strings.Replace(bareKey(protected("alice@example.org")), "From: alice@example.org", "From: bob@example.org", 1), zone: rawKey, report: verdict("policy", "from-rewritten"),
		},
	})...)
}
