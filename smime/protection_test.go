package smime

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeaderProtectionRead(t *testing.T) {
	t.Parallel()
	const outer = "From: alice@example.org\r\nTo: bob@example.net\r\nSubject: Hi\r\nMIME-Version: 1.0\r\n"
	const inner = "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: Hi\r\n"
	const same = "From: alice@example.org\r\nTo: bob@example.net\r\nSubject: Hi\r\n"
	for _, c := range []struct {
		name, outer, entity string
		kind, from          string
		differ              string
	}{
		{"none", outer, "Content-Type: text/plain\r\n\r\nx", "none", "", ""},
		{"unmarked", outer, "Content-Type: text/plain\r\nFrom: eve@example.org\r\n\r\nx", "none", "", ""},
		{"clear", outer, "Content-Type: text/plain; hp=\"clear\"\r\n" + same + "\r\nx", "clear", "alice@example.org", ""},
		{"clear, other display name", outer, "Content-Type: text/plain; hp=clear\r\n" + inner + "\r\nx", "clear", "alice@example.org", "From"},
		{"clear, other From", outer, "Content-Type: text/plain; hp=\"clear\"\r\nFrom: eve@example.org\r\nTo: bob@example.net\r\nSubject: Hi\r\n\r\nx", "clear", "eve@example.org", "From"},
		{"clear, two From", outer, "Content-Type: text/plain; hp=\"clear\"\r\nFrom: eve@example.org\r\n" + same + "\r\nx", "clear", "eve@example.org alice@example.org", "From"},
		{"clear, no From", outer, "Content-Type: text/plain; hp=\"clear\"\r\nTo: bob@example.net\r\nSubject: Hi\r\n\r\nx", "clear", "", "From"},
		{"cipher", outer, "Content-Type: text/plain; hp=\"cipher\"\r\nHP-Outer: Subject: [...]\r\n" + same + "\r\nx", "cipher", "alice@example.org", ""},
		{"subject changed", strings.Replace(outer, "Hi", "[list] Hi", 1), "Content-Type: text/plain; hp=\"clear\"\r\n" + same + "\r\nx", "clear", "alice@example.org", "Subject"},
		{"subject removed", strings.Replace(outer, "Subject: Hi\r\n", "", 1), "Content-Type: text/plain; hp=\"clear\"\r\n" + same + "\r\nx", "clear", "alice@example.org", "Subject"},
		{"reply-to added", "Reply-To: eve@example.org\r\n" + outer, "Content-Type: text/plain; hp=\"clear\"\r\n" + same + "\r\nx", "clear", "alice@example.org", "Reply-To"},
		{"trace added", "Received: x\r\nList-Id: y\r\n" + outer, "Content-Type: text/plain; hp=\"clear\"\r\n" + same + "\r\nx", "clear", "alice@example.org", ""},
		{"refolded and encoded", strings.Replace(outer, "Hi", "Grüße   von\r\n hier", 1), "Content-Type: text/plain; hp=\"clear\"\r\nFrom: alice@example.org\r\nTo: bob@example.net\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= von hier\r\n\r\nx", "clear", "alice@example.org", ""},
		{"second subject outside", outer + "Subject: Evil\r\n", "Content-Type: text/plain; hp=\"clear\"\r\n" + same + "\r\nx", "clear", "alice@example.org", "Subject"},
		{"protected-headers", outer, "Content-Type: text/plain; protected-headers=\"v1\"\r\nSubject: Hi\r\n\r\nx", "legacy", "", ""},
		{"protected-headers, other subject", outer, "Content-Type: multipart/mixed; boundary=x; protected-headers=v1\r\nSubject: Ho\r\n\r\n--x--", "legacy", "", "Subject"},
		{"wrapped", outer, "Content-Type: message/rfc822; forwarded=no\r\n\r\n" + same + "\r\nx", "legacy", "alice@example.org", ""},
		{"wrapped, other From", outer, "Content-Type: message/rfc822\r\n\r\n" + strings.Replace(same, "alice", "eve", 1) + "\r\nx", "legacy", "eve@example.org", "From"},
		{"forwarded", outer, "Content-Type: message/rfc822; forwarded=yes\r\n\r\n" + strings.Replace(same, "alice", "eve", 1) + "\r\nx", "none", "", ""},
		{"of a part below", outer, "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; hp=clear\r\nFrom: eve@example.org\r\n\r\nx\r\n--x--", "none", "", ""},
		{"Bcc is not compared", outer, "Content-Type: text/plain; hp=\"clear\"\r\nBcc: x@example.org\r\n" + same + "\r\nx", "clear", "alice@example.org", ""},
	} {
		for _, msg := range []string{
			c.outer + clearPart(c.entity, p7s+detached(t, c.entity, alice())),
			c.outer + p7m + "\r\n" + attached(t, c.entity, alice()),
		} {
			s := holds(t, msg).Signatures[0]
			var from []string
			for _, a := range s.ProtectedFrom {
				from = append(from, a.String())
			}
			got := []string{string(s.HeaderProtection), strings.Join(from, " "), strings.Join(s.Differences, " ")}
			if diff := cmp.Diff([]string{c.kind, c.from, c.differ}, got); diff != "" {
				t.Errorf("%s: kind, From, differences (-want +got):\n%s", c.name, diff)
			}
		}
	}
}

func TestHeaderProtectionUnreadableFrom(t *testing.T) {
	t.Parallel()
	entity := "Content-Type: text/plain; hp=\"clear\"\r\nFrom: broken\r\n\r\nx"
	s := holds(t, head+clearPart(entity, p7s+detached(t, entity, alice()))).Signatures[0]
	if s.ProtectedFromErr == nil || len(s.ProtectedFrom) != 0 {
		t.Errorf("ProtectedFrom = %v, %v, want an error", s.ProtectedFrom, s.ProtectedFromErr)
	}
}

// What Sign protects, and what it must not repeat.
func TestHeaderProtectionWritten(t *testing.T) {
	t.Parallel()
	msg := `Received: from a by b
Return-Path: <alice@example.org>
DKIM-Signature: v=1; d=example.org
Authentication-Results: mx.example.net; none
ARC-Seal: i=1
X-Dnseal-Sign: clear
Resent-From: eve@example.org
Bcc: secret@example.net
bcc: another@example.net
HP-Outer: Subject: x
From: "Jürgen, Müller" <alice@example.org>
To: bob@example.net,
	"Ann" <ann@example.net>
Subject: Straße zum Glück, die so lang ist dass man sie falten muss, und noch länger als das
References: <1@example.org> <2@example.org> <3@example.org> <4@example.org> <5@example.org>
Date: Tue, 24 Nov 2026 10:00:00 +0000
X-Mailer: dnseal ` + `
Content-Language: de
Content-Length: 12
MIME-Version: 1.0
Content-Type: text/plain; hp="cipher"; protected-headers="v1"

x
`
	entity := entityOf(t, sign(t, crlf(msg), SignOptions{}))
	want := crlf(`Content-Language: de
Content-Type: text/plain; hp="clear"
From: =?utf-8?q?J=C3=BCrgen=2C_M=C3=BCller?= <alice@example.org>
To: bob@example.net, "Ann" <ann@example.net>
Subject: =?utf-8?q?Stra=C3=9Fe_zum_Gl=C3=BCck=2C_die_so_lan?=
 =?utf-8?q?g_ist_dass_man_sie_falten_muss=2C_und_no?=
 =?utf-8?q?ch_l=C3=A4nger_als_das?=
References: <1@example.org> <2@example.org> <3@example.org> <4@example.org>
 <5@example.org>
Date: Tue, 24 Nov 2026 10:00:00 +0000
X-Mailer: dnseal

x
`)
	if diff := cmp.Diff(want, entity); diff != "" {
		t.Errorf("signed entity (-want +got):\n%s", diff)
	}
	s := holds(t, sign(t, crlf(msg), SignOptions{})).Signatures[0]
	if len(s.Differences) != 0 {
		t.Errorf("Differences = %q of what was not changed", s.Differences)
	}
	plain := entityOf(t, sign(t, crlf(msg), SignOptions{NoHeaderProtection: true}))
	if !strings.HasPrefix(plain, "Content-Language: de\r\nContent-Type: text/plain\r\n\r\n") {
		t.Errorf("without header protection:\n%s", plain)
	}
}

func TestSignWithoutContentType(t *testing.T) {
	t.Parallel()
	for body, charset := range map[string]string{"x": "us-ascii", "\xc3\xbc in a longer text": "utf-8", "\xfc in a longer text": "unknown-8bit"} {
		entity := entityOf(t, sign(t, "From: a@example.org\r\n\r\n"+body, SignOptions{}))
		if want := "Content-Type: text/plain; charset=\"" + charset + "\"; hp=\"clear\"\r\n"; !strings.HasPrefix(entity, want) {
			t.Errorf("%q: %q, want %q", body, entity, want)
		}
	}
}
