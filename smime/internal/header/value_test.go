package header

import (
	"strings"
	"testing"

	"dnseal/smime/message"
)

// valueCase is a signed field, what stands outside, and whether that is a change.
type valueCase struct {
	signed, outer string
	changed       bool
}

func fieldOf(line string) message.Field {
	return message.Field{Raw: []byte(strings.ReplaceAll(line, "\n", "\r\n") + "\r\n")}
}

// testValue: what hops and lists do to a field without changing what it says, and what changes it.
func testValue(t *testing.T, cases []valueCase) {
	t.Helper()
	for _, c := range cases {
		compare := &Comparer{Words: MaxWords}
		signed, outer := fieldOf(c.signed), fieldOf(c.outer)
		same := compare.Value(signed, outer) || signed.Is("Subject") && compare.Subject(signed, outer)
		if same == c.changed {
			t.Errorf("signed %q, outer %q: changed %v, want %v", c.signed, c.outer, !same, c.changed)
		}
		if !compare.Value(signed, signed) {
			t.Errorf("%q is unlike itself", c.signed)
		}
	}
}

// TestSubject: white space, folds, encoded words and charsets.
func TestSubject(t *testing.T) {
	t.Parallel()
	testValue(t, []valueCase{
		{"Subject: Hi", "Subject: Hi", false},
		{"Subject: Hi there", "Subject:\tHi\n   there ", false},
		{"Subject: Hi there", "Subject: Hithere", false},
		{"Subject: Hi there", "Subject: Hi, there", true},
		{"Subject: Hi", "Subject: hi", true},
		{"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Subject: =?UTF-8?B?R3LDvMOfZQ==?=", false},
		{"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Subject: =?utf-8?q?Gr=C3=BC?=\n =?iso-8859-1*de?q?=DFe?=", false},
		{"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Subject: Gr\xc3\xbc\xc3\x9fe", false},
		{"Subject: =?iso-8859-1?q?Gr=FC=DFe?=", "Subject: Gr\xfc\xdfe", false},
		{"Subject: =?iso-8859-1?q?Gr=FC=DFe?=", "Subject: Gr\xc3\xbc\xc3\x9fe", false},
		{"Subject: =?unknown-8bit?q?Gr=FC=DFe?=", "Subject: Gr\xfc\xdfe", false},
		{"Subject: =?unknown-8bit?q?Gr=FC=DFe?=", "Subject: Gr\xfc\xdfer", true},
		{"Subject: =?iso-8859-1?q?Gr=FC=DFe?=", "Subject: Gr\xdf\xfce", true},
		{"Subject: =?iso-2022-jp?b?GyRCOzNFRBsoQg==?=", "Subject: =?utf-8?b?5bGx55Sw?=", false},
		// broken by an MTA at 998 octets
		{"Subject: a =?utf-8?q?long_word?=", "Subject: a =?utf-8?q?long\n _word?=", false},
		// a reader shows another text
		{"Subject: x+AEA-y", "Subject: =?utf-7?q?x+AEA-y?=", true},
		// base64 in which readers see different things
		{"Subject: AB", "Subject: =?utf-8?b?QQ=QUJ?=", true},
		// octets that the charset does not have
		{"Subject: =?us-ascii?q?Gr=E4?=", "Subject: =?us-ascii?q?Gr=F6?=", true},
		{"Subject: =?utf-8?b?4oI=?= =?utf-8?b?rA==?=", "Subject: =?utf-8?b?4oM=?= =?utf-8?b?rA==?=", true},
		// a charset known only to be refused
		{"Subject: =?iso-2022-kr?q?=41?=", "Subject: =?iso-2022-kr?q?another?=", true},
		{"Subject: =?hz-gb-2312?q?one?= =?hz-gb-2312?q?more?=", "Subject: =?hz-gb-2312?q?two?= =?hz-gb-2312?q?more?=", true},
		// readers differ on the order of octets
		{"Subject: AB", "Subject: =?utf-16?b?QQBCAA==?=", true},
		{"Subject: AB", "Subject: =?x-user-defined?q?AB?=", true},
		{"Subject: =?x-user-defined?q?AB?=", "Subject: =?x-user-defined?q?AB?=", false},
		{"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Subject: =?utf-8?q?Gr=C3=BC=C3_=9Fe?=", true},
		// each word with half a character
		{"Subject: =?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3=9Fe?=", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", false},
		// a line end that was no fold
		{"Subject: Hi there", "Subject: Hi=?utf-8?q?=0D=0A?=there", true},
		{"Subject: Hi there", "Subject: Hi" + strings.Repeat(" ", usualGap) + "there", false},
		{"Subject: Hi there", "Subject: Hi\n\t\tthere", false},
		{"Subject: Hi there", "Subject: Hi\t\t\tthere", true},
		{"Subject: Hi there", "Subject: Hi" + strings.Repeat(" ", usualGap+1) + "there", true},
		{"Subject: Hi there", "Subject: Hi =?utf-8?q?" + strings.Repeat("_", usualGap+1) + "?= there", true},
		{"Subject: Hi there", "Subject: [list] Hi" + strings.Repeat(" ", usualGap+1) + "there", true},
		{"Subject: Hi" + strings.Repeat(" ", 40) + "there", "Subject: Hi\n" + strings.Repeat(" ", 40) + "there", false},
		{"Subject: Hi" + strings.Repeat(" ", 40) + "there", "Subject: Hi there", false},
	})
}

// TestSubjectTags: the names that lists put into Subject.
func TestSubjectTags(t *testing.T) {
	t.Parallel()
	testValue(t, []valueCase{
		{"Subject: Hi", "Subject: [list] Hi", false},
		{"Subject: Hi", "Subject: [list 42] Hi", false},
		{"Subject: Hi", "Subject: [one] [two]Hi", false},
		{"Subject: Hi", "Subject: [Dovecot users] Hi", false},
		{"Subject: Re: Hi", "Subject: [list] Re: Hi", false},
		{"Subject: Re: Hi", "Subject: Re: [list] Hi", false},
		{"Subject: Re: [list] Hi", "Subject: [list] Re: Hi", false},
		{"Subject: [list 1] Hi", "Subject: [list 2] Hi", true},
		{"Subject: Re: [order 1] Hi", "Subject: Re: [order 2] Hi", true},
		{"Subject: [list 1] Re: Hi", "Subject: [list 2] Re: Hi", false},
		{"Subject: [list 1] Hi", "Subject: [other] [list 1] Hi", false},
		{"Subject: Hi", "Subject: [Users of some list 42] Hi", true},
		{"Subject: Hi", "Subject: [Users of lists 42] Hi", false},
		{"Subject: Hi", "Subject: =?utf-8?q?=5Blist?= =?utf-8?q?_of_all=5D?= Hi", false},
		{"Subject: Hi", "Subject: [do not come this time] Hi", true},
		{"Subject: Re: [list 1] Hi", "Subject: [list 2] Re: Hi", false},
		{"Subject: [list] Hi", "Subject: [list] [list] Hi", false},
		{"Subject: AW: Re: Hi", "Subject: [list] Re: Hi", false},
		{"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Subject: =?utf-8?q?=5Blist=5D_Gr=C3=BC=C3=9Fe?=", false},
		{"Subject: Hi", "Subject: [list] Re: Hi", true},
		{"Subject: Re: Hi", "Subject: [list] Hi", true},
		{"Subject: AW: Hi", "Subject: Re: Hi", true},
		{"Subject: [list] Hi", "Subject: Hi", true},
		{"Subject: [draft] Hi", "Subject: [final] Hi", true},
		{"Subject: Hi", "Subject: Hi [list]", true},
		{"Subject: Hi", "Subject: [a][b][c][d][e] Hi", true},
		{"Subject: Hi", "Subject: [ring us at once, by night too] Hi", true},
		{"Subject: Hi", "Subject: [see https://example.net/pay] Hi", true},
		{"Subject: Hi", "Subject: [very very very long name of a mailing list] Hi", true},
		{"Subject: Hi", "Subject: [] Hi", true},
		{"Subject: Hi", "Subject: [" + strings.Repeat("x", maxTag) + "] Hi", false},
		{"Subject: Hi", "Subject: [" + strings.Repeat("x", maxTag+1) + "] Hi", true},
		{"Subject: [list] [list] Hi", "Subject: [list] Hi", true},
		{"Subject: Hi", "Subject: ***SPAM*** Hi", true},
	})
}

// TestMailboxes: display names, comments, groups and white space in addresses.
func TestMailboxes(t *testing.T) {
	t.Parallel()
	testValue(t, []valueCase{
		{"From: Alice <alice@example.org>", "From: \"Alice\" <alice@EXAMPLE.org>", false},
		{"From: Alice <alice@example.org>", "From: alice@example.org (Alice)", false},
		{"From: Alice <alice@example.org>", "From: =?utf-8?q?Alice?= < alice @ example.org >", false},
		{"From: \"A \\\"B\\\" C\" <alice@example.org>", "From: =?utf-8?q?A_=22B=22_C?= <alice@example.org>", false},
		{"From: =?utf-8?q?M=C3=BCller=2C_J?= <a@example.org>", "From: \"M\xc3\xbcller, J\" <a@example.org>", false},
		{"From: =?iso-8859-1?q?M=FCller?= <a@example.org>", "From: M\xfcller <a@example.org>", false},
		{"From: alice@example.org", "From: <alice@example.org>", false},
		{"From: alice@example.org", "From: \"alice@example.org\" <alice@example.org>", false},
		{"From: alice@example.org", "From: \"Alice@Example.ORG\" <alice@example.org>", false},
		{"From: a@b\xc3\xbccher.example", "From: a@xn--bcher-kva.example", false},
		{"From: Alice <alice@example.org>", "From: alice@example.org", true},
		{"From: alice@example.org", "From: The director <alice@example.org>", true},
		{"From: Alice <alice@example.org>", "From: Alicia <alice@example.org>", true},
		{"From: Alice <alice@example.org>", "From: Alice (director) <alice@example.org>", true},
		{"From: Alice <alice@example.org>", "From: \"Alice <alice@example.org>", true},
		{"From: Alice <alice@example.org>", "From: Alice <alice@example.org", true},
		{"From: Alice <alice@example.org>", "From: Alice <alice@example.org> x", true},
		{"From: Alice <alice@example.org>", "From: Alice <alice@example.org>, \"\" <>", true},
		{"From: alice@example.org", "From: Alice@example.org", true},
		{"To: a@example.org, b@example.org", "To: a@example.org,\n\tb@example.org,", false},
		{"To: a@example.org, b@example.org", "To: a@example.org", true},
		{"To: a@example.org, b@example.org", "To: b@example.org, a@example.org", true},
		{"To: Friends: a@example.org, b@example.org;", "To: Friends:a@example.org,b@example.org ;", false},
		{"To: Friends: a@example.org, b@example.org;", "To: a@example.org, b@example.org", true},
		{"To: Friends: a@example.org;", "To: Enemies: a@example.org;", true},
		{"To: \"a b\"@example.org", "To: <\"a b\"@example.org>", false},
		// white space in quotes is part of the address
		{"To: \"a b\"@example.org", "To: \"ab\"@example.org", true},
		{"Reply-To: ab@example.org", "Reply-To: \"a b\"@example.org", true},
		{"To: \"ab\"@example.org", "To: ab@example.org", false},
		// for some the address ends there
		{"Reply-To: a@example.com", "Reply-To: a@example.co m", true},
		{"Reply-To: a@example.com", "Reply-To: <a@example.co\n m>", true},
		{"Reply-To: a@example.com", "Reply-To: a@example.co()m", true},
		{"Reply-To: A <a@example.com>", "Reply-To: A <a@example.co()m>", true},
		{"Reply-To: A <a@example.com>", "Reply-To: A <a()@example().com()>", false},
		{"To: lisa@example.com", "To: l isa@example.com", true},
		{"To: the whole team", "To: the\n whole\tteam", false},
		{"From: Alice <alice@example.org>", "From: Alice" + strings.Repeat(" ", 40) + "<alice@example.org>", true},
		{"To: a@[IPv6:2001:db8::1]", "To: <a@[IPv6:2001:db8::1]>", false},
	})
}

// TestValueOthers: Date, the message identifiers, and fields that do not count.
func TestValueOthers(t *testing.T) {
	t.Parallel()
	testValue(t, []valueCase{
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue,  24 Nov 2026\n 11:00:00 +0000", false},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue, 24 Nov 2026 12:00:00 +0000", true},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue,24 Nov 2026 11:00:00  +0000", false},
		// readers see other dates
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue, 2 4 Nov 2026 11:00:00 +0000", true},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue, 24 Nov 2026 11:00\n :00 +0000", true},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue, 24 Nov 20\n 26 11:00:00 +0000", true},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000", "Date: Tue, 24 Nov =?utf-8?b??=2026 11:00:00 +0000", true},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000 (UTC)", "Date: Tue, 24 Nov 2026 11:00:00 +0000 (=?utf-8?q?UTC?=)", false},
		{"Date: Tue, 24 Nov 2026 11:00:00 +0000 (UTC)", "Date: Tue, 24 Nov 2026 11:00:00 +0000", true},
		{"In-Reply-To: <1@example.org>", "In-Reply-To: <2@example.org>", true},
		{"References: <1@example.org> <2@example.org>", "References: <1@example.org>\n <2@example.org>", false},
		{"References: <1@example.org> <2@example.org>", "References: <2@example.org>", true},
		{"Sender: a@example.org", "Sender: b@example.org", true},
	})
}

// FuzzMailboxes: whatever stands in an address list, it can be taken apart, and is like itself.
func FuzzMailboxes(f *testing.F) {
	f.Add(`"a, b" <a@example.org>, c@example.org (C), g: d@example.org;`)
	f.Add(`"a <(b`)
	f.Fuzz(func(t *testing.T, v string) {
		c := &Comparer{Words: MaxWords}
		if !c.mailboxes(v, v, "") || !c.mailboxes(v, " "+v, "") {
			t.Fatalf("%q is unlike itself", v)
		}
		if len(mailboxes(v)) > 2*len(v)+1 {
			t.Fatalf("%q has %d elements", v, len(mailboxes(v)))
		}
		if s := parseSubject(c.decoded(v, "iso-8859-1")); !sameButTags(s, s) {
			t.Fatalf("%q is unlike itself", v)
		}
	})
}
