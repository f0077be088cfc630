package sender

import (
	"net/netip"
	"strings"
	"testing"

	"dnseal/smime/message"
)

func read(tb testing.TB, text string) *message.Message {
	tb.Helper()
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { m.Close() })
	return m
}

// submitter reads "user:x", "tls:x", "net:address", "" for a stranger.
func submitter(tb testing.TB, s string) message.Submitter {
	tb.Helper()
	kind, value, _ := strings.Cut(s, ":")
	switch kind {
	case "user":
		return message.Submitter{User: value}
	case "tls":
		return message.Submitter{TLSName: value}
	case "net":
		return message.Submitter{Addr: netip.MustParseAddr(value)}
	}
	return message.Submitter{}
}

var testRules = []Rule{
	{Who: []string{"user:billing", "tls:sensor7._device.example.net"}, From: []string{"billing@example.org", "*@shop.example.org"}},
	{Who: []string{"user:alice", "net:192.0.2.0/24", "net:2001:db8::1"}, From: []string{"alice@example.org"}, Identity: "{from}"},
	{Who: []string{"user:bot"}, From: []string{"noreply@example.org"}, MailFrom: []string{"bounce@example.org", "<>"}, Identity: "robots@example.org", Form: "opaque"},
	{Who: []string{"tls:*._device.example.net"}, From: []string{"alerts@example.net"}, Identity: "sensor7._device.example.net"},
}

func parseRules(tb testing.TB, rules []Rule) []*rule {
	tb.Helper()
	var out []*rule
	for _, r := range rules {
		p, err := parseRule(r)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// TestDecide is the table of who may sign as whom (RFC 6409, Section 6.1).
func TestDecide(t *testing.T) {
	rules := parseRules(t, testRules)
	for _, c := range []struct {
		name     string
		who      string
		mailFrom string
		header   string
		class    Class  // "" signs
		code     string // or the identity that signs
	}{
		{"by user", "user:billing", "x@example.org", "From: billing@example.org", "", "billing@example.org"},
		{"by star", "user:billing", "x@example.org", "From: Shop <a@shop.example.org>", "", "a@shop.example.org"},
		{"by device", "tls:sensor7._device.example.net", "", "From: billing@example.org", "", "billing@example.org"},
		{"by network", "net:192.0.2.7", "", "From: alice@example.org", "", "alice@example.org"},
		{"by mapped address", "net:::ffff:192.0.2.7", "", "From: alice@example.org", "", "alice@example.org"},
		{"by one address", "net:2001:db8::1", "", "From: alice@EXAMPLE.org", "", "alice@example.org"},
		{"by a named identity", "user:bot", "", "From: noreply@example.org", "", "robots@example.org"},
		{"by device pattern", "tls:cam._device.example.net", "", "From: alerts@example.net", "", "sensor7._device.example.net"},
		{"a group with one address", "user:alice", "", "From: us: alice@example.org;", "", "alice@example.org"},

		{"a user name is no network", "user:192.0.2.7", "", "From: alice@example.org", ClassNotAllowed, "from-not-allowed"},
		{"a stranger", "", "alice@example.org", "From: alice@example.org", ClassNotAllowed, "from-not-allowed"},
		{"another network", "net:192.0.3.7", "", "From: alice@example.org", ClassNotAllowed, "from-not-allowed"},
		{"another user", "user:billing", "", "From: alice@example.org", ClassNotAllowed, "from-not-allowed"},
		{"the local part's case guards", "user:billing", "", "From: ALICE@example.org", ClassNotAllowed, "from-not-allowed"},
		{"and does not permit", "user:alice", "", "From: Alice@example.org", ClassNotAllowed, "local-part-case"},
		{"a named submitter, no rule for this From", "user:billing", "", "From: x@elsewhere.example", ClassNotAllowed, "submitter-not-allowed"},
		{"an envelope sender that is not in the rule", "user:bot", "x@example.org", "From: noreply@example.org", ClassNotAllowed, "from-not-allowed"},
		{"nobody named", "user:carol", "", "From: carol@elsewhere.example", ClassNoRule, "no-rule"},
		{"a network is not a named submitter", "net:192.0.2.7", "", "From: carol@elsewhere.example", ClassNoRule, "no-rule"},
		{"a subdomain of the star", "user:billing", "", "From: a@x.shop.example.org", ClassNotAllowed, "submitter-not-allowed"},

		{"two From addresses", "user:alice", "", "From: alice@example.org, billing@example.org", ClassNotAllowed, "several-from"},
		{"two From fields", "user:alice", "", "From: alice@example.org\r\nFrom: alice@example.org", ClassNotAllowed, "several-from"},
		{"the same in another spelling", "user:alice", "", "From: alice@example.org\r\nfrom : billing@example.org", ClassNotAllowed, "several-from"},
		{"an unreadable From", "user:alice", "", "From: alice@example.org <x", ClassNotAllowed, "bad-from"},
		{"an address as display name", "user:alice", "", "From: billing@example.org <alice@example.org>", ClassNotAllowed, "bad-from"},
		{"a quoted address as display name", "user:alice", "", `From: "billing@example.org" <alice@example.org>`, ClassNotAllowed, "bad-from"},
		{"an encoded one", "user:alice", "", `From: =?utf-8?q?=22billing=40example.org=22?= <alice@example.org>`, ClassNotAllowed, "bad-from"},
		{"one in a comment", "user:alice", "", `From: alice@example.org (Billing@example.org)`, ClassNotAllowed, "bad-from"},
		{"one of nobody", "user:alice", "", `From: "x@elsewhere.example" <alice@example.org>`, "", "alice@example.org"},
		{"an @ in a name", "user:alice", "", `From: "Shop @ example.org" <alice@example.org>`, "", "alice@example.org"},
		{"one the submitter may use", "user:billing", "", `From: "a@shop.example.org" <billing@example.org>`, "", "billing@example.org"},
		{"one in the name of a stranger", "", "", `From: "billing@example.org" <x@elsewhere.example>`, ClassNotAllowed, "bad-from"},
		{"characters that are not seen", "", "", "From: bil\u00adling@example.org", ClassNotAllowed, "bad-from"},
		{"signs around it", "", "", "From: *billing@example.org*", ClassNotAllowed, "bad-from"},
		{"quotation marks of a language", "", "", "From: \u201ebilling@example.org\u201c", ClassNotAllowed, "bad-from"},
		{"no From, named submitter", "user:alice", "", "Subject: x", ClassNotAllowed, "submitter-not-allowed"},
		{"no From, stranger", "", "", "Subject: x", ClassNoRule, "no-from"},
		{"an empty From", "user:alice", "", "From: ", ClassNotAllowed, "submitter-not-allowed"},

		{"own address as Sender", "user:alice", "", "From: alice@example.org\r\nSender: alice@example.org", "", "alice@example.org"},
		{"a free address as Sender", "user:alice", "", "From: alice@example.org\r\nSender: x@elsewhere.example", "", "alice@example.org"},
		{"a protected address as Sender", "user:alice", "", "From: alice@example.org\r\nSender: billing@example.org", ClassNotAllowed, "sender-not-allowed"},
		{"a protected address as Sender of a stranger", "", "", "From: x@elsewhere.example\r\nSender: billing@example.org", ClassNotAllowed, "sender-not-allowed"},
		{"a protected address as Resent-From", "user:alice", "", "From: alice@example.org\r\nResent-From: billing@example.org", ClassNotAllowed, "sender-not-allowed"},
		{"a protected address as Resent-Sender", "user:alice", "", "From: alice@example.org\r\nResent-Sender: Billing@example.org", ClassNotAllowed, "sender-not-allowed"},
		{"an unreadable Sender", "user:alice", "", "From: alice@example.org\r\nSender: <<", "", "alice@example.org"},
		{"a Sender without domain", "user:alice", "", "From: alice@example.org\r\nSender: pi", "", "alice@example.org"},
		{"a Sender with an underscore", "user:alice", "", "From: alice@example.org\r\nSender: pi@raspberry_pi", "", "alice@example.org"},
		{"a protected address in an unreadable Sender", "user:alice", "", "From: alice@example.org\r\nSender: <<billing@example.org>", ClassNotAllowed, "sender-not-allowed"},

		{"words of any kind before the address", "user:alice", "", "From: [SRV01] Alerts, Inc. <alice@example.org>", "", "alice@example.org"},
		{"an unquoted name with a comma", "user:billing", "", "From: Example, Inc. <billing@example.org>", "", "billing@example.org"},
		{"the address as its own name", "user:alice", "", "From: alice@example.org <alice@example.org>", "", "alice@example.org"},
		{"the same author twice", "user:alice", "", "From: A <alice@example.org>, A <alice@example.org>", "", "alice@example.org"},
		{"such words, of a stranger", "", "", "From: [x] <alice@example.org>", ClassNotAllowed, "from-not-allowed"},
		{"an encoded name that is an address to some", "user:alice", "", "From: =?utf-8?q?billing=40example.org?= <alice@example.org>", ClassNotAllowed, "bad-from"},
		{"a quoted name that is an address to some", "user:alice", "", `From: "x <billing@example.org>" <alice@example.org>`, ClassNotAllowed, "bad-from"},
		{"unreadable, of nobody", "", "", "From: x@elsewhere.example (", ClassNoRule, "bad-from"},
		{"unreadable, of a named submitter", "user:alice", "", "From: x@elsewhere.example (", ClassNotAllowed, "bad-from"},
		{"unreadable, with a protected address", "", "", "From: billing@example.org (", ClassNotAllowed, "bad-from"},
		{"the same in parts", "", "", `From: bil(x)ling @ example . org (`, ClassNotAllowed, "bad-from"},
		{"the same quoted", "", "", `From: "billing"@example.org x`, ClassNotAllowed, "bad-from"},
		{"the same encoded", "", "", `From: =?utf-8?q?billing=40example.org?=`, ClassNotAllowed, "bad-from"},
		{"unreadable, of another author there", "", "", "From: carol@example.org (", ClassNoRule, "bad-from"},
		{"no domain, and the rule names all of one", "", "", "From: root", ClassNotAllowed, "bad-from"},
		{"two authors of nobody", "", "", "From: a@elsewhere.example, b@elsewhere.example", ClassNoRule, "several-from"},
		{"a second field that is empty", "user:alice", "", "From: (x)\r\nFrom: alice@example.org", ClassNotAllowed, "several-from"},
		{"dots at the end", "", "", "From: ilo7.@example.org", ClassNoRule, "no-rule"},
		{"too long to be looked at", "", "", "From: " + strings.Repeat("x", 20_000) + " (", ClassNotAllowed, "bad-from"},
	} {
		m := read(t, c.header+"\r\nTo: x@example.com\r\n\r\nhello\r\n")
		d := decide(rules, originators(m, &message.Envelope{MailFrom: c.mailFrom, Submitter: submitter(t, c.who)}))
		got := d.code
		if d.class == "" {
			got = d.identity
		}
		if d.class != c.class || got != c.code {
			t.Errorf("%s: class %q, %q (%s); want %q, %q", c.name, d.class, got, d.reason, c.class, c.code)
		}
	}
}

// TestDecideWithoutDomain: MTAs write their own domain to a From that has none.
func TestDecideWithoutDomain(t *testing.T) {
	rules := parseRules(t, []Rule{{Who: []string{"user:billing"}, From: []string{"billing@example.org"}}})
	for from, class := range map[string]Class{"root": ClassNoRule, "Charlie Root <root>": ClassNoRule, "Billing": ClassNotAllowed, "x <billing>": ClassNotAllowed} {
		m := read(t, "From: "+from+"\r\n\r\nhello\r\n")
		if d := decide(rules, originators(m, &message.Envelope{})); d.class != class || d.code != "bad-from" {
			t.Errorf("%s: %s, %s; want %s", from, d.class, d.code, class)
		}
	}
}

// TestOracle: no combination of header fields makes the sender sign for a submitter that no rule
// lets use the From.
func TestOracle(t *testing.T) {
	rules := parseRules(t, testRules)
	froms := []string{"alice@example.org", "billing@example.org", "a@shop.example.org", "noreply@example.org", "alerts@example.net"}
	whos := []string{"", "user:mallory", "user:alice ", "user:Alice", "tls:example.net", "tls:_device.example.net", "net:198.51.100.1", "tls:user:alice"}
	for _, who := range whos {
		for _, from := range froms {
			for _, header := range []string{
				"From: " + from, "From: x@mallory.example\r\nSender: " + from, "Sender: " + from,
				"From: \"" + from + "\" <" + from + ">", "From: us: " + from + ";", "FROM : " + from, "From: " + strings.ToUpper(from),
				"From: x@mallory.example, " + from, "From:\r\n " + from,
			} {
				m := read(t, header+"\r\n\r\nx\r\n")
				for _, mailFrom := range []string{"", from, "x@mallory.example"} {
					d := decide(rules, originators(m, &message.Envelope{MailFrom: mailFrom, Submitter: submitter(t, who)}))
					if d.class == "" {
						t.Errorf("%q signs %q as %s", who, header, d.identity)
					}
					if d.class != ClassNotAllowed && header != "From: x@mallory.example" {
						t.Errorf("%q: %q is class %q: a protected address is passed on unsigned", who, header, d.class)
					}
				}
			}
			// Postfix makes the envelope sender the author of a message that names none.
			m := read(t, "Subject: x\r\n\r\nx\r\n")
			if d := decide(rules, originators(m, &message.Envelope{MailFrom: from, Submitter: submitter(t, who)})); d.class != ClassNotAllowed {
				t.Errorf("%q: mail of %s without From is class %q", who, from, d.class)
			}
		}
	}
}

func TestParseRuleRefuses(t *testing.T) {
	for _, c := range []struct {
		rule Rule
		want string
	}{
		{Rule{}, "who and from"},
		{Rule{Who: []string{"user:a"}}, "who and from"},
		{Rule{Who: []string{"alice"}, From: []string{"a@x.example"}}, "write user:NAME"},
		{Rule{Who: []string{"sasl:a"}, From: []string{"a@x.example"}}, "missing at its start"},
		{Rule{Who: []string{"net:192.0.2.1/24"}, From: []string{"a@x.example"}}, "192.0.2.0/24"},
		{Rule{Who: []string{"net:x"}, From: []string{"a@x.example"}}, "net:x"},
		{Rule{Who: []string{"user:a"}, From: []string{"x.example"}}, "no mail address"},
		{Rule{Who: []string{"user:a"}, From: []string{"a@"}}, "both sides"},
		{Rule{Who: []string{"user:a"}, From: []string{"a@x.example"}, MailFrom: []string{"x"}}, "no mail address"},
		{Rule{Who: []string{"user:a"}, From: []string{"a@x.example"}, Form: "no"}, "unknown form"},
		{Rule{Who: []string{"user:a"}, From: []string{"a@x.example"}, Identity: "not a name"}, "neither a mail address"},
	} {
		if _, err := parseRule(c.rule); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("parseRule(%+v) = %v, want an error with %q", c.rule, err, c.want)
		}
	}
}
