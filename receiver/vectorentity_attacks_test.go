package receiver_test

import "strings"

// entityAttacks put a file that somebody signed into a message: it holds as well there, and readers
// take its first lines for a header.
func (c *cast) entityAttacks() []vector {
	t, alice := c.t, c.alice
	outer := header("alice@example.org")
	file := func(name, readme, content string) vector {
		content = crlf(content)
		return vector{name: "entity-" + name, readme: readme, eml: outer + clear(content, signedBy(content, alice, nil)), zone: c.everybody(), report: verdict("policy", "not-an-entity", "signatures", signature("covers", "message", "integrity", "good"))}
	}
	pass := func(name, readme, content string) vector {
		v := file(name, readme, content)
		v.name, v.report = "pass-"+v.name, verdict("pass", "")
		return v
	}
	typed := "Content-Type: text/plain; charset=utf-8\n"
	plainFile := crlf("Contract of Tuesday\n\nThe sum is 100 euros.\n")
	wrapped := outer + opaque(signedBy(plainFile, alice, func(sd *signedData) { sd.attached = []byte(plainFile) }))
	own := strings.ReplaceAll(outer, "\r\n", "\n")
	return append(
		attacks([]vector{
			file("text", "A text file: its first line is no header field.", "Contract of Tuesday\n\nThe sum is 100 euros.\n"),
			file("text-like-header", "A text file whose lines look like header fields.", "Seller: Alice\nSum: 100 euros\n\nDelivery on Tuesday.\n"),
			file("empty-line-first", "A text file that begins with an empty line: no Content-Type, as in a part of RFC 2046.", "\nThe sum is 100 euros.\n"),
			file("type-late", "A text file that has a Content-Type somewhere in its first lines.", "Notes:\nhow to write mail\n"+typed+"\nThe sum is 100 euros.\n"),
			file("type-without-subtype", "A Content-Type that names no type.", "Content-Type: text\n\nThe sum is 100 euros.\n"),
			file("type-unreadable", "A Content-Type that cannot be read.", "Content-Type: \"text/plain\"\n\nThe sum is 100 euros.\n"),
			file("message", "A message file of alice's to somebody else, signed as a file.", "From: alice@example.org\nTo: bob@example.org\nSubject: Offer\n"+typed+"\nThe sum is 100 euros.\n"),
			file("one-field", "One field that the message does not have.", typed+"Reply-To: alice@example.org\n\nThe sum is 100 euros.\n"),
			file("mbox", "A mailbox file.", "From alice@example.org Tue Nov 24 11:00:00 2026\n"+typed+"\nThe sum is 100 euros.\n"),
			file("no-body", "A file of one word.", "Yes"),
			{name: "entity-opaque", readme: "A text file in opaque signed-data.", eml: wrapped, zone: c.everybody(), report: verdict("policy", "not-an-entity")},
		}),
		pass("whole-header", "A program that signs the whole header without declaring it, as the message has it.", own+typed+"\nThe sum is 100 euros.\n"),
		pass("subject", "One that takes Subject along; another way of writing the same.", typed+"Subject: =?utf-8?q?The_plan?= for\n Tuesday\n\nThe sum is 100 euros.\n"),
		pass("private-fields", "MIME-Version, fields of Content- and X-.", "MIME-Version: 1.0\nX-Mailer: x\nContent-Language: en\n"+typed+"\nThe sum is 100 euros.\n"),
		pass("protected-headers", "Fields that the older form of header protection declares.", "Content-Type: text/plain; protected-headers=v1\nSubject: The plan for Tuesday\nX-Note: x\nKeywords: x\n\nThe sum is 100 euros.\n"),
		vector{
			name: "pass-entity-list-tag", readme: "A list put its name before the Subject that was signed along.", zone: c.everybody(), report: verdict("pass", ""),
			eml: replaceOnce(t, outer, "Subject: The plan", "Subject: [team] The plan") + clear(crlf(typed+"Subject: The plan for Tuesday\n\nhello\n"), signedBy(crlf(typed+"Subject: The plan for Tuesday\n\nhello\n"), alice, nil)),
		},
	)
}
