package receiver_test

import (
	"strings"

	"dnseal/smime"
)

// replacedKeys are saved messages whose name publishes another key now.
func (c *cast) replacedKeys() []vector {
	next := newPerson(c.t, "alice@example.org", "rsa2048", person{}, nil)
	forged := newPerson(c.t, "alice@example.org", "mallory", person{}, nil)
	nameless := newPerson(c.t, "", "alice", person{}, nil)
	saved := func(name, readme, code string, opts options, p person) vector {
		content := protected("alice@example.org")
		return vector{
			name: name, readme: readme, attack: true, options: opts, eml: header("alice@example.org") + clear(content, signedBy(content, p, nil)), zone: c.zoneOf(next),
			report: verdict("fail", code, "signatures", signature("integrity", "good", "header_state", "protected", "dns", map[string]any{"status": "secure", "presence": "present"})),
		}
	}
	return []vector{
		saved("saved-key-replaced", "alice's saved message of the year before, and only her new key is published: evidence of then could tell.", "key-not-published-now", options{Saved: true}, c.alice),
		saved("saved-key-of-another", "The same by mallory's key in a certificate with alice's name: without evidence it looks the same.", "key-not-published-now", options{Saved: true}, forged),
		saved("saved-key-nameless", "The certificate names nobody, so that nothing says it was alice's key.", "key-mismatch", options{Saved: true}, nameless),
		saved("door-key-replaced", "A door takes the message now: the key must be published now.", "key-mismatch", options{}, c.alice),
	}
}

// headerStates are messages of alice's whose header was changed on the way under a signature that
// holds, and others of which only the writing was changed.
func (c *cast) headerStates() []vector {
	t := c.t
	threaded := strings.Replace(mail("Alice <alice@example.org>"), "Subject:", crlf("Cc: bob@example.org\nIn-Reply-To: <1@example.org>\nReferences: <0@example.org> <1@example.org>\nSubject:"), 1)
	original := signed(t, threaded, smime.SignOptions{}, c.alice)
	opaqueOriginal := signed(t, threaded, smime.SignOptions{Opaque: true}, c.alice)
	latin1 := signed(t, strings.Replace(threaded, "The plan", "=?iso-8859-1?q?Pl=E4ne?=", 1), smime.SignOptions{}, c.alice)
	// onWay replaces what stands in the outer header alone: the signed copy stands below.
	onWay := func(text, from, to string) string {
		t.Helper()
		head, body, _ := strings.Cut(text, "\r\n\r\n")
		return replaceOnce(t, head, from, crlf(to)) + "\r\n\r\n" + body
	}
	changed := func(name, readme, from, to, field string) vector {
		return vector{name: name, readme: readme, attack: true, zone: c.everybody(), eml: onWay(original, from, to), report: verdict("policy", "header-changed",
			"header_state", "changed", "signatures", signature("integrity", "good", "header_state", "changed", "header_protection", "clear", "differences", []any{field}))}
	}
	added := func(field, value string) vector {
		return changed("hs-"+strings.ToLower(field)+"-added", field+" stands outside only, and the payload says hp=.", "MIME-Version:", field+": "+value+"\nMIME-Version:", field)
	}
	kept := func(name, readme, text string, more ...any) vector {
		return vector{name: name, readme: readme, zone: c.everybody(), eml: text, report: verdict("pass", "", append([]any{"header_state", "protected"}, more...)...)}
	}
	unchanged := func(name, readme, from, to string, more ...any) vector {
		return kept(name, readme, onWay(original, from, to), more...)
	}
	legacySubject := "Content-Type: text/plain; charset=utf-8; protected-headers=\"v1\"\r\nSubject: The plan for Tuesday\r\n\r\n" + text
	older := header("alice@example.org", "Reply-To: bob@example.org\n") + clear(legacySubject, signedBy(legacySubject, c.alice, nil))
	const subject = "Subject: The plan for Tuesday"
	return []vector{
		changed("hs-subject", "Subject was changed on the way.", subject, "Subject: The plan for Wednesday", "Subject"),
		changed("hs-subject-removed", "Subject was removed.", subject+"\r\n", "", "Subject"),
		changed("hs-subject-twice", "Subject occurs twice, once as it was signed: readers differ in which they show.", subject, subject+"\nSubject: The plan for Wednesday", "Subject"),
		changed("hs-subject-sentence", "What stands in the square brackets before Subject is no name of a list.", subject, "Subject: [put off to Wednesday, see https://example.net] The plan for Tuesday", "Subject"),
		changed("hs-subject-reply", "Subject says that it is a reply.", subject, "Subject: Re: The plan for Tuesday", "Subject"),
		changed("hs-display-name", "Another display name in front of the author's address.", "From: Alice <", "From: Alice (treasurer) <", "From"),
		changed("hs-to", "Another recipient in To.", "team@example.com", "team@example.com, press@example.com", "To"),
		changed("hs-cc-removed", "Cc was removed.", "Cc: bob@example.org\r\n", "", "Cc"),
		changed("hs-date", "Another Date.", "11:00:00", "12:00:00", "Date"),
		changed("hs-in-reply-to", "In-Reply-To was changed: the message answers another.", "In-Reply-To: <1@", "In-Reply-To: <2@", "In-Reply-To"),
		changed("hs-references", "References was cut.", "<0@example.org> ", "", "References"),
		added("Sender", "mallory@mallory.example"),
		added("Reply-To", "mallory@mallory.example"),
		added("Mail-Followup-To", "mallory@mallory.example"),
		added("Disposition-Notification-To", "mallory@mallory.example"),
		{
			name: "hs-opaque", readme: "Subject was changed outside an opaque message.", attack: true, zone: c.everybody(),
			eml: onWay(opaqueOriginal, subject, "Subject: The plan for Wednesday"), report: verdict("policy", "header-changed", "header_state", "changed"),
		},
		{
			name: "hs-older", readme: "Subject was changed under the older form of protection, which repeats it.", attack: true, zone: c.everybody(),
			eml: onWay(older, subject, "Subject: The plan for Wednesday"), report: verdict("policy", "header-changed", "signatures", signature("header_protection", "legacy")),
		},
		kept("hs-pass-older", "The older form of protection repeats Subject alone: no other field is compared.", older),
		unchanged("hs-pass-list", "A list put its name before Subject.", subject, "Subject: [team] The plan for Tuesday"),
		unchanged("hs-pass-lists", "Two lists did.", subject, "Subject: [all] [team 42] The plan for Tuesday"),
		kept("hs-pass-list-reply", "A list moved its name from after \"Re:\" to the front, and counted it on.",
			onWay(signed(t, strings.Replace(threaded, "The plan", "Re: [team 41] The plan", 1), smime.SignOptions{}, c.alice), "Re: [team 41]", "[team 42] Re:")),
		unchanged("hs-pass-folded", "Subject was folded and encoded.", subject, "Subject:\n =?utf-8?b?VGhlIHBsYW4gZm9y?=\n Tuesday"),
		unchanged("hs-pass-list-of-addresses", "The addresses are written in another way.", "From: Alice <alice@example.org>", "From: \"Alice\" <alice@EXAMPLE.org>"),
		kept("hs-pass-raw", "Subject was decoded to the octets of its charset.", onWay(latin1, "=?iso-8859-1?q?Pl=E4ne?=", "Pl\xe4ne")),
		unchanged("hs-pass-resent", "bob sent the message on: he is named, and the state stays.", "From: Alice", "Resent-From: Bob <bob@example.org>\nResent-To: c@example.com\nFrom: Alice", "resent_by", []any{"bob@example.org"}),
		{
			name: "hs-pass-unprotected", readme: "The header is not protected, and that is said.", zone: c.everybody(),
			eml:    onWay(signed(t, threaded, smime.SignOptions{NoHeaderProtection: true}, c.alice), subject, "Subject: The plan for Wednesday"),
			report: verdict("pass", "", "header_state", "unprotected"),
		},
	}
}
