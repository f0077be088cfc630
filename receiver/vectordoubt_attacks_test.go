package receiver_test

import (
	"strings"
	"testing"

	"dnseal/smime"
)

// doubtAttacks are messages that readers take apart in different ways: a header that ends in
// different places, a boundary that is written in a form only some understand, lines that end where
// only some see an end.
func (c *cast) doubtAttacks() []vector {
	t, alice := c.t, c.alice
	h := header("alice@example.org")
	whole := h + clear(bare, signedBy(bare, alice, nil))
	inside := opaque(signedBy(bare, alice, func(sd *signedData) { sd.attached = []byte(bare) }))
	malformed := func(name, readme, eml string) vector {
		return vector{name: name, readme: readme, eml: eml, zone: c.everybody(), report: verdict("permerror", "malformed")}
	}
	// boundary is alice's message with the parameter written in another way, and a preamble that
	// some then take for parts.
	boundary := func(name, readme, parameter, decoy string) vector {
		eml := replaceOnce(t, whole, `boundary="sig"`, parameter)
		return malformed(name, readme, preambled(t, eml, "sig", decoy))
	}
	decoy := func(b string) string {
		return "--" + b + "\r\n" + evil + "--" + b + "--\r\n"
	}
	renamed := strings.NewReplacer("--sig\r\n", "--SIG\r\n", "--sig--", "--SIG--").Replace(whole)
	spelled := func(name, readme, parameter, real, other string) vector {
		eml := strings.NewReplacer(`boundary="sig"`, parameter, "--SIG", "--"+real).Replace(renamed)
		return malformed(name, readme, preambled(t, eml, real, decoy(other)))
	}
	typed := func(name, readme, from, to string) vector {
		eml := replaceOnce(t, whole, from, to)
		return malformed(name, readme, preambled(t, eml, "sig", "Pay 900 euros.\r\n"))
	}
	const p7s = "Content-Type: application/pkcs7-signature"
	outside := func(content string) string {
		return h + opaque(signedBy(content, c.mallory, func(sd *signedData) { sd.attached = []byte(content) }))
	}
	return attacks([]vector{
		malformed("m-line-in-header", "A line without a colon in the header: for some the text begins there.", strings.Replace(whole, "MIME-Version", "Pay 900 euros.\r\nMIME-Version", 1)),
		malformed("m-line-in-header-opaque", "The same before opaque signed data.", strings.Replace(h+inside, "MIME-Version", "Pay 900 euros.\r\nMIME-Version", 1)),
		malformed("m-line-in-header-of-layer", "The same in the header of alice's signed message, which mallory signed once more.", outside("Pay 900 euros.\r\n"+clear(bare, signedBy(bare, alice, nil)))),
		malformed("m-line-in-header-first", "A header that begins with white space.", " Pay 900 euros.\r\n"+whole),
		malformed("m-line-in-signature-header", "A line without a colon in the header of the signature part: for some that part is a text.", strings.Replace(whole, p7s, "Pay 900 euros.\r\n"+p7s, 1)),
		malformed("m-cr-in-header", "A CR alone in a header field: for some the header ends there.", strings.Replace(whole, "MIME-Version", "X-Note: a\r\rPay 900 euros.\r\nMIME-Version", 1)),
		malformed("m-nul-in-header", "A NUL in a header field: for some the message ends there.", strings.Replace(whole, "MIME-Version", "X-Note: a\x00b\r\nMIME-Version", 1)),
		malformed("m-cr-cr-lf-in-header", "CR CR LF: for some an empty line.", strings.Replace(whole, "MIME-Version", "\r\r\nPay: 900 euros.\r\nMIME-Version", 1)),
		malformed("m-cr-in-signature-header", "A CR alone in the header of the signature part hides a part.", strings.Replace(whole, p7s, "X-Note: a\r--sig\rContent-Type: text/plain\r\rPay 900 euros.\r\r--sig\r\n"+p7s, 1)),
		malformed("m-cr-boundary-in-preamble", "A boundary between CRs in the preamble.", preambled(t, whole, "sig", "x\r--sig\rContent-Type: text/plain\r\rPay 900 euros.\r\n")),
		malformed("m-cr-boundary-in-epilogue", "The same in the epilogue.", whole+"x\r--sig\rContent-Type: text/plain\r\rPay 900 euros.\r\n"),
		malformed("m-boundary-in-epilogue", "A boundary behind the last one.", whole+"--sig\r\n"+evil),
		malformed("m-long-boundary-line", "A boundary with more white space behind it than fits into anybody's buffer.", preambled(t, whole, "sig", "--sig"+strings.Repeat(" ", 70<<10)+"\r\n"+evil)),
		typed("m-type-space-colon", "White space before the colon of Content-Type (RFC 5322, Section 4.5.1): for some that is no Content-Type.", "Content-Type: multipart/signed", "Content-Type : multipart/signed"),
		typed("m-type-comment", "A comment before the type (RFC 2045, Section 5.1).", "Content-Type: multipart/signed", "Content-Type: (text/plain) multipart/signed"),
		typed("m-type-space-slash", "White space in the type.", "Content-Type: multipart/signed", "Content-Type: multipart/ signed"),
		typed("m-boundary-control", "A NUL in the boundary.", `boundary="sig"`, "boundary=\"sig\x00evil\""),
		typed("m-boundary-not-closed", "A quoted boundary without its end.", `boundary="sig"`, `boundary="sig`),
		typed("m-encoding-comment", "A transfer encoding behind a comment, which some do not see.", "MIME-Version: 1.0\r\n", "MIME-Version: 1.0\r\nContent-Transfer-Encoding: (7bit) base64\r\n"),
		boundary("m-boundary-backslash", `The boundary s\ig is sig without the backslash (RFC 2045, Section 5.1), which some keep.`, `boundary="s\ig"`, decoy(`s\ig`)),
		boundary("m-boundary-continued", "The boundary in two pieces (RFC 2231), which some do not put together.", `boundary*0="si"; boundary*1="g"`, decoy("si")),
		boundary("m-boundary-extended", "The boundary percent-encoded (RFC 2231).", `boundary*=utf-8''s%69g`, decoy("s%69g")),
		boundary("m-boundary-both-forms", "The boundary in both forms, once in pieces.", `boundary="sig"; boundary*0="evil"`, decoy("evil")),
		boundary("m-boundary-twice-in-case", "The parameter twice, in other letters.", `BOUNDARY="evil"; boundary="sig"`, decoy("evil")),
		boundary("m-boundary-final-space", "A boundary that ends with a space, which some take away.", `boundary="sig "`, decoy("sig x")),
		spelled("m-boundary-comment", "A comment behind a boundary without quotes, which some take for a part of it.", `boundary=sig(x)`, "sig(x)", "sig"),
		spelled("m-boundary-angles", "Angle brackets around the boundary, which some take away.", `boundary="<sig>"`, "<sig>", "sig"),
		spelled("m-boundary-single-quotes", "Single quotes around the boundary, which some take away.", `boundary='sig'`, "'sig'", "sig"),
		spelled("m-boundary-encoded-word", "A boundary that some decode as an encoded word (RFC 2047).", `boundary="=?utf-8?q?sig?="`, "=?utf-8?q?sig?=", "sig"),
		spelled("m-boundary-semicolon", "A semicolon in the boundary, at which some split.", `boundary="sig;x"`, "sig;x", "sig"),
		spelled("m-boundary-too-long", "A boundary of more than 70 characters (RFC 2046, Section 5.1.1), which some cut off.", `boundary="`+strings.Repeat("s", 71)+`"`, strings.Repeat("s", 71), strings.Repeat("s", 70)),
		{name: "m-comma-types", readme: "Two types in one field: for us a text, and unsigned.", eml: replaceOnce(t, whole, "Content-Type: multipart/signed", "Content-Type: text/plain, multipart/signed"), zone: c.everybody(), report: verdict("none", "")},
		{name: "m-type-in-nameless-line", readme: "Content-Type without its colon: nobody signed, for whoever reads on.", eml: replaceOnce(t, whole, "Content-Type: multipart/signed", "Content-Type multipart/signed"), zone: c.everybody(), report: verdict("none", "")},
		{name: "m-single-part-wrapped", readme: "The signed part alone in a multipart/mixed: a part is what it is, whatever stands beside it.", eml: h + mixed("mixed", clear(bare, signedBy(bare, alice, nil))), zone: c.everybody(), report: verdict("policy", "partial")},
		{name: "m-related-start", readme: "multipart/related whose start parameter points past the signed part.", eml: h + strings.Replace(mixed("related", clear(bare, signedBy(bare, alice, nil)), "Content-ID: <evil>\r\n"+evil), `boundary="out"`, `boundary="out"; start="<evil>"`, 1), zone: c.everybody(), report: verdict("policy", "partial")},
		{name: "m-two-signature-parts", readme: "alice's signature and mallory's, as two signature parts.", eml: replaceOnce(t, whole, "--sig--\r\n", "--sig\r\n"+crlf(signaturePart(signedBy(bare, c.mallory, nil)))+"--sig--\r\n"), zone: c.everybody(), report: verdict("permerror", "malformed")},
		{name: "m-stranger-inside-bound", readme: "alice signed once more what mallory had signed: her signature is on the whole, his is only listed.", eml: h + clearWithin("around", strings.TrimSuffix(clear(bare, signedBy(bare, c.mallory, nil)), "\r\n"), signedBy(strings.TrimSuffix(clear(bare, signedBy(bare, c.mallory, nil)), "\r\n"), alice, func(sd *signedData) { sd.signers[0].flip = true })), zone: c.everybody(), report: verdict("fail", "bad-signature")},
		{name: "m-header-in-layer", readme: "mallory's layer around alice's message protects a header of his own: only the innermost content speaks for the header.", eml: outside(strings.Replace(clear(protected("alice@example.org"), signedBy(protected("alice@example.org"), alice, nil)), "boundary=\"sig\"", "boundary=\"sig\"; hp=\"clear\"\r\nFrom: mallory@mallory.example\r\nSubject: Pay 900 euros", 1))[len(h):], zone: c.everybody(), report: verdict("policy", "no-from")},
		malformed("m-layer-boundary", "The boundary of alice's message inside mallory's layer, in the form of RFC 2231.", outside(strings.Replace(clear(bare, signedBy(bare, alice, nil)), `boundary="sig"`, `boundary*=utf-8''sig`, 1))),
	})
}

// preambled puts text before the first boundary line.
func preambled(tb testing.TB, eml, boundary, text string) string {
	tb.Helper()
	before, after, ok := strings.Cut(eml, "\r\n\r\n--"+boundary+"\r\n")
	if !ok {
		tb.Fatalf("no boundary line of %q in the message", boundary)
	}
	return before + "\r\n\r\n" + text + "--" + boundary + "\r\n" + after
}

// doubtControls look like the above and are in order.
func (c *cast) doubtControls() []vector {
	t, alice := c.t, c.alice
	mine := signed(t, mail("alice@example.org"), smime.SignOptions{}, alice)
	whole := header("alice@example.org") + clear(bare, signedBy(bare, alice, nil))
	pass := func(name, readme, eml string) vector {
		return vector{name: name, readme: readme, eml: eml, zone: c.everybody(), report: verdict("pass", "")}
	}
	return []vector{
		pass("pass-mbox-line", "The first line is that of a mailbox in mbox form.", "From alice@example.org Tue Nov 24 11:00:00 2026\r\n"+mine),
		pass("pass-obsolete-fields", "White space before the colon of other fields, and a line of white space inside one (RFC 5322, Section 4).", strings.Replace(mine, "To: team@example.com\r\n", "To : team@example.com\r\nX-Note: a\r\n \r\n b\r\n", 1)),
		pass("pass-boundary-characters", "Every character that a boundary may have (RFC 2046, Section 5.1.1).", strings.NewReplacer(`boundary="sig"`, `boundary="()+_',-./:=? s"`, "--sig", "--()+_',-./:=? s").Replace(whole)),
		pass("pass-boundary-token", "A boundary without quotes, and white space behind the boundary lines.", strings.NewReplacer(`boundary="sig"`, `boundary=sig`, "--sig\r\n", "--sig \t\r\n").Replace(whole)),
		{
			name: "boundary-in-text", readme: "The boundary stands in a line of preamble and epilogue, not at its start: a text that is not signed.", attack: true, zone: c.everybody(), report: verdict("policy", "partial"),
			eml: preambled(t, whole, "sig", "This is a message with --sig between its parts.\r\n") + "about --sig\r\n",
		},
		pass("pass-folded-type", "Content-Type folded in every place.", strings.Replace(whole, "Content-Type: multipart/signed; protocol", "Content-Type:\r\n\tmultipart/signed\r\n ;\r\n protocol", 1)),
	}
}
