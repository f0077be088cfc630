package receiver_test

import (
	"strings"

	"dnseal/smime"
)

// fieldAttacks have lines in a signed message's header that readers take for a field, for another
// one, or for text.
func (c *cast) fieldAttacks() []vector {
	t, alice := c.t, c.alice
	whole := signed(t, mail("alice@example.org"), smime.SignOptions{}, alice)
	with := func(line string) string { return replaceOnce(t, whole, "MIME-Version: ", line+"\r\nMIME-Version: ") }
	vectors := []vector{}
	for _, v := range []struct{ name, readme, line string }{
		{"f-control-in-name", "A control octet in the name of a field.", "X-No\x01te: a"},
		{"f-control-before-colon", "A control octet before the colon.", "X-Note\x1f: a"},
		{"f-control-first", "A control octet where a field begins.", "\x0bX-Note: a"},
		{"f-delete-in-name", "DEL in the name of a field.", "X-No\x7fte: a"},
		{"f-tab-before-colon", "A tab before the colon.", "X-Note\t: a"},
		{"f-cr-in-name", "A CR in the name of a field.", "X-No\rte: a"},
		{"f-nul-in-value", "A NUL in the value of a folded field.", "X-Note: a\r\n \x00b"},
		{"f-control-and-space", "A name with a space and a control octet.", "X Note\x02: a"},
		{"f-control-without-colon", "A control octet in a line without a colon.", "X-Note\x03"},
		{"f-8-bit-name", "8-bit octets in the name of a field: MTAs end the header there.", "X-N\xf6te: a"},
		{"f-space-in-name", "A name with a space.", "X Device Name: UPS"},
		{"f-no-name", "A field without a name.", ": a"},
		{"f-mailbox-line-inside", "The first line of a mailbox in the middle of a header.", "From alice@example.org Tue Nov 24 11:00:00 2026"},
	} {
		vectors = append(vectors, vector{name: v.name, readme: v.readme, eml: with(v.line), zone: c.everybody(), report: verdict("permerror", "malformed")})
	}
	return append(attacks(vectors),
		vector{
			name: "f-control-in-from", readme: "A control octet in From: whom readers show as the author cannot be told.", attack: true, zone: c.everybody(),
			eml: strings.Replace(whole, "From: alice@example.org", "From: alice@example.org\x0b", 1), report: verdict("permerror", "bad-from"),
		},
		vector{
			name: "f-control-in-comment", readme: "A control octet after a backslash in a comment of From.", attack: true, zone: c.everybody(),
			eml: strings.Replace(whole, "From: alice@example.org", "From: alice@example.org (\\\x01)", 1), report: verdict("permerror", "bad-from"),
		},
		vector{
			name: "f-pass-control-in-value", readme: "Control octets in the value of another field are kept, and harm nobody.", zone: c.everybody(),
			eml: with("X-Note: a\x01\x0b\x7f\tb"), report: verdict("pass", ""),
		},
		vector{
			name: "f-unsigned-text-in-header", readme: "An unsigned message whose empty line is missing: MTAs end its header at the first line of text.", attack: true, zone: c.everybody(),
			eml: replaceOnce(t, mail("alice@example.org"), "charset=utf-8\r\n\r\n", "charset=utf-8\r\n"), report: verdict("none", ""),
		},
	)
}
