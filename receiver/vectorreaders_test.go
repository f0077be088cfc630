package receiver_test

import (
	"crypto/x509"
	"strings"
)

// readerAttacks are messages that some readers show otherwise than their author wrote them, under a
// signature that holds.
func (c *cast) readerAttacks() []vector {
	const plan, team = "Subject: The plan for Tuesday", "To: team@example.com"
	// hs has one protected field as it was signed, and as it stands outside.
	hs := func(name, readme, field, signed, outer string) vector {
		content := replaceOnce(c.t, protected("alice@example.org"), field, signed)
		return vector{
			name: name, readme: readme, attack: true, zone: c.everybody(),
			eml:    replaceOnce(c.t, header("alice@example.org"), field, outer) + clear(content, signedBy(content, c.alice, nil)),
			report: verdict("policy", "header-changed", "header_state", "changed"),
		}
	}
	// bounded has a text of alice's in which a line begins like the boundary that somebody
	// chose afterwards.
	bounded := func(name, readme, boundary, more string) vector {
		content := protected("alice@example.org") + more
		return vector{
			name: name, readme: readme, attack: true, zone: c.everybody(),
			eml:    header("alice@example.org") + clearWithin(boundary, content, signedBy(content, c.alice, nil)),
			report: verdict("policy", "partial", "signatures", signature("integrity", "good", "covers", "message")),
		}
	}
	content := protected("alice@example.org")
	whole := opaque(signedBy(content, c.alice, func(sd *signedData) { sd.attached = []byte(content) }))
	named := func(name, readme, old, new string) vector {
		return vector{
			name: name, readme: readme, attack: true, zone: c.everybody(), eml: header("alice@example.org") + replaceOnce(c.t, whole, old, new),
			report: verdict("permerror", "malformed"),
		}
	}
	nested := crlf("Content-Type: multipart/mixed; boundary=B; hp=clear\nFrom: alice@example.org\nTo: team@example.com\nSubject: The plan for Tuesday\n" +
		"Date: Tue, 24 Nov 2026 11:00:00 +0000\nMessage-ID: <plan@example.org>\n\n--B\nContent-Type: text/plain\n\none\n--B\nContent-Type: text/plain\n\ntwo\n--B--\n")
	// A stranger to carol has this certificate from the CA that vouches for the users of her
	// domain.
	guest := newPerson(c.t, "carol@example.com", "mallory", c.userCA, func(x *x509.Certificate) { x.EmailAddresses = []string{"carol(guest)@example.com"} })
	carols := protected("carol@example.com")
	const disposition = "Content-Disposition: attachment; filename="
	return []vector{
		hs("hs-octets-not-in-charset", "Another octet that the charset does not have stands in Subject: most readers show some letter for each.", plan,
			"Subject: =?us-ascii?q?Gr=E4fe?=", "Subject: =?us-ascii?q?Gr=F6fe?="),
		hs("hs-refused-charset", "Another text in a charset that is known here only to be refused; others read it.", plan,
			"Subject: =?iso-2022-kr?q?The_plan?=", "Subject: =?iso-2022-kr?q?No_plan?="),
		hs("hs-octet-order", "Subject in a charset on whose order of octets readers differ.", plan, "Subject: Plan", "Subject: =?utf-16?b?UABsAGEAbgA=?="),
		hs("hs-gap", "Much white space moves the end of Subject out of sight.", plan, "Subject: I agree, not to all", "Subject: I agree,"+strings.Repeat(" ", 300)+"not to all"),
		hs("hs-encoded-gap", "The same in an encoded word.", plan, "Subject: I agree, not to all", "Subject: I agree, =?utf-8?q?"+strings.Repeat("_", 50)+"?= not to all"),
		hs("hs-line-end-in-word", "A line end in an encoded word.", plan, "Subject: The plan for Tuesday", "Subject: The plan=?utf-8?q?=0D=0A?=for Tuesday"),
		hs("hs-sentence-of-words", "A sentence in the square brackets before Subject, of letters only.", plan, plan, "Subject: [do not come this time] The plan for Tuesday"),
		hs("hs-number", "The number in square brackets is the author's, and no list counted it on.", plan, "Subject: [order 100] Approved", "Subject: [order 90000] Approved"),
		hs("hs-number-of-reply", "The same in a reply.", plan, "Subject: Re: [order 100] Approved", "Subject: Re: [order 90000] Approved"),
		hs("hs-quoted-local-part", "White space in a quoted local part was taken away: another mailbox.", team, `To: "team leads"@example.com`, `To: "teamleads"@example.com`),
		bounded("m-text-like-boundary", "A line of the signed text begins with the boundary: for some readers the signed part ends there (RFC 2046, Section 5.1.1).",
			"---Original", "-----Original Message-----\r\nDo not do that.\r\n"),
		bounded("m-text-like-last-boundary", "The same with dashes at the end of the line.", "---Original Message-", "-----Original Message-----\r\nDo not do that.\r\n"),
		bounded("m-text-like-boundary-cr", "A CR that ends no line stands before what is the boundary to those for whom it does.", "sig", "one\r--sig\rtwo\r\n"),
		{
			name: "m-boundary-of-inside", readme: "The boundary was chosen so that it is the last one of the signed multipart.", attack: true, zone: c.everybody(),
			eml: header("alice@example.org") + clearWithin("B--", nested, signedBy(nested, c.alice, nil)), report: verdict("permerror", "malformed"),
		},
		named("opaque-name", "The signed object has the name of a document.", "name=smime.p7m", "name=invoice.pdf"),
		named("opaque-disposition-name", "The same in the other field.", "Content-Transfer", disposition+"invoice.html\r\nContent-Transfer"),
		named("opaque-disposition-twice", "Two such fields, of which the first is right.", "Content-Transfer", disposition+"smime.p7m\r\n"+disposition+"invoice.html\r\nContent-Transfer"),
		hs("hs-address-split", "White space stands within the domain of To: some readers answer to what stands before it.", team, team, "To: team@example.co m"),
		hs("hs-address-split-in-front", "The same in the local part: some take what stands behind it.", team, team, "To: te am@example.com"),
		hs("hs-address-comment", "An empty comment stands within the domain of To.", team, team, "To: team@example.co()m"),
		hs("hs-date-split", "White space stands within the year: some readers see another date.", "Date: Tue, 24 Nov 2026", "Date: Tue, 24 Nov 2026", "Date: Tue, 24 Nov 20 26"),
		hs("hs-date-word", "An empty encoded word stands in Date.", "Date: Tue, 24 Nov 2026", "Date: Tue, 24 Nov 2026", "Date: Tue, 24 Nov =?utf-8?b??=2026"),
		hs("hs-gap-in-character", "A space stands between the octets of one character in an encoded word.", plan, "Subject: =?utf-8?q?Gr=C3=BCn?=", "Subject: =?utf-8?q?Gr=C3_=BCn?="),
		{
			name: "certificate-name-comment", readme: "The name in the certificate is carol's address only for who leaves a comment out of it: a Mailbox holds none (RFC 5280, Section 4.2.1.6).",
			attack: true, eml: header("carol@example.com") + clear(carols, signedBy(carols, guest, nil)),
			zone: "; zone example.com.\n_user.example.com. 300 IN TLSA " + record(2, 0, 1, c.userCA.cert.Raw) + "\n", report: verdict("fail", "key-mismatch"),
		},
	}
}
