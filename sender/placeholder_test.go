package sender

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnseal/smime/message"
)

var placeRules = []Rule{
	{Who: []string{"user:*"}, From: []string{"{user}@example.org", "{user}@shop.example.org"}},
	{Who: []string{"user:*@hosted.example", "user:*@*.hosted.example"}, From: []string{"{user}"}, Identity: "{user}"},
	{Who: []string{"tls:*._device.example.net"}, From: []string{"{label}@alerts.example.net", "alarm@{tls}"}, Identity: "{tls}"},
	{Who: []string{"user:*"}, From: []string{"info@example.net"}, Identity: "{user}@example.org"},
	{Who: []string{"user:x.*"}, From: []string{"list-{user}@example.net"}, Identity: "robots@example.org"},
	{Who: []string{"tls:*._device.example.net"}, From: []string{"status@example.net"}, Identity: "{label}._Device.Example.com"},
}

func decideFor(t *testing.T, rules []*rule, who, header string) decision {
	t.Helper()
	m := read(t, header+"\r\nTo: x@example.com\r\n\r\nhello\r\n")
	return decide(rules, originators(m, &message.Envelope{MailFrom: "x@elsewhere.example", Submitter: submitter(t, who)}))
}

// TestPlaceholders is the table of who may sign as whom by rules with placeholders.
func TestPlaceholders(t *testing.T) {
	t.Parallel()
	rules := parseRules(t, placeRules)
	for _, c := range []struct {
		who, from string
		class     Class  // "" signs
		code      string // or the identity that signs
	}{
		{"user:alice", "alice@example.org", "", "alice@example.org"},
		{"user:alice", "Alice Smith <alice@EXAMPLE.org>", "", "alice@example.org"},
		{"user:alice", "alice@shop.example.org", "", "alice@shop.example.org"},
		{"user:Alice", "Alice@example.org", "", "Alice@example.org"},
		{"user:o'brien", "o'brien@example.org", "", "o'brien@example.org"},
		{"user:a.b+c", "a.b+c@example.org", "", "a.b+c@example.org"},
		{"user:b\u00fccher", "b\u00fccher@example.org", "", "b\u00fccher@example.org"},
		{"user:b\u00fccher", "bu\u0308cher@example.org", "", "b\u00fccher@example.org"},
		{"user:alice@hosted.example", "alice@hosted.example", "", "alice@hosted.example"},
		{"user:alice@a.hosted.example", "alice@A.Hosted.example", "", "alice@a.hosted.example"},
		{"user:alice@A.hosted.example", "alice@a.hosted.example", "", "alice@a.hosted.example"},
		{"user:alice@b\u00fccher.hosted.example", "alice@xn--bcher-kva.hosted.example", "", "alice@xn--bcher-kva.hosted.example"},
		{"user:alice@xn--bcher-kva.hosted.example", "alice@b\u00fccher.hosted.example", "", "alice@xn--bcher-kva.hosted.example"},
		{"tls:sensor7._device.example.net", "sensor7@alerts.example.net", "", "sensor7._device.example.net"},
		{"tls:sensor7._device.example.net", "alarm@sensor7._device.example.net", "", "sensor7._device.example.net"},
		{"user:alice", "info@example.net", "", "alice@example.org"},
		{"user:x.y", "list-x.y@example.net", "", "robots@example.org"},
		{"tls:sensor7._device.example.net", "status@example.net", "", "sensor7._device.example.com"},

		{"user:alice", "bob@example.org", ClassNotAllowed, "from-not-allowed"},
		{"user:alice", "Alice@example.org", ClassNotAllowed, "local-part-case"},
		{"user:Alice", "alice@example.org", ClassNotAllowed, "local-part-case"},
		{"user:alice", "alice@elsewhere.example", ClassNotAllowed, "submitter-not-allowed"},
		{"user:alice@hosted.example", "Alice@hosted.example", ClassNotAllowed, "local-part-case"},
		{"user:alice@hosted.example", "alice@a.hosted.example", ClassNotAllowed, "from-not-allowed"},
		{"user:alice@hosted.example", "alice@example.org", ClassNotAllowed, "from-not-allowed"},
		{"user:alice@elsewhere.example", "alice@elsewhere.example", ClassNotAllowed, "submitter-not-allowed"},
		{"user:alice", "list-alice@example.net", ClassNotAllowed, "submitter-not-allowed"},
		{"user:alice", "list-x.y@example.net", ClassNotAllowed, "from-not-allowed"},
		{"user:alice@elsewhere.example", "info@example.net", ClassNotAllowed, "from-not-allowed"},
		{"tls:sensor7.x._device.example.net", "status@example.net", ClassNotAllowed, "from-not-allowed"},
		{"user:x.@y", "list-@example.net", ClassNotAllowed, "submitter-not-allowed"},
		{"tls:sensor7._device.example.net", "sensor8@alerts.example.net", ClassNotAllowed, "from-not-allowed"},
		{"tls:sensor7.x._device.example.net", "sensor7@alerts.example.net", ClassNotAllowed, "from-not-allowed"},
		{"tls:sensor7.x._device.example.net", "alarm@sensor7.x._device.example.net", "", "sensor7.x._device.example.net"},
		{"tls:sensor7._device.example.net", "alarm@sensor8._device.example.net", ClassNotAllowed, "from-not-allowed"},
		{"user:sensor7", "sensor7@alerts.example.net", ClassNotAllowed, "from-not-allowed"},

		{"", "alice@example.org", ClassNotAllowed, "from-not-allowed"},
		{"net:192.0.2.1", "Nobody.Yet@example.org", ClassNotAllowed, "from-not-allowed"},
		{"", "x@hosted.example", ClassNotAllowed, "from-not-allowed"},
		{"", "x@a.b.hosted.example", ClassNotAllowed, "from-not-allowed"},
		{"", "Sensor7@alerts.example.net", ClassNotAllowed, "from-not-allowed"},
		{"", "alarm@sensor7._device.example.net", ClassNotAllowed, "from-not-allowed"},
		{"", `"alice@example.org" <x@elsewhere.example>`, ClassNotAllowed, "bad-from"},
		{"", "x@elsewhere.example", ClassNoRule, "no-rule"},
		{"", "list-y@example.net", ClassNoRule, "no-rule"},
	} {
		d := decideFor(t, rules, c.who, "From: "+c.from)
		got := d.code
		if d.class == "" {
			got = d.identity
		}
		if d.class != c.class || got != c.code {
			t.Errorf("%s From %s: class %q, %q (%s); want %q, %q", c.who, c.from, d.class, got, d.reason, c.class, c.code)
		}
	}
}

// TestPlaceholderAttacks has user names that try to be a pattern, a list, another user, or another
// domain. None signs as an address that is not letter by letter its own.
func TestPlaceholderAttacks(t *testing.T) {
	t.Parallel()
	rules := parseRules(t, placeRules)
	names := []string{
		"*", "a*", "*lice", "**", "?", "[a-z]*", "alice\x00", "\x00", "alice\r\n", " alice", "alice ", "al ice", "\talice", "",
		"alice@example.org", "a@b", "alice@example.org,bob@example.org", "alice@example.org@evil.example", "@example.org", "alice@", "@",
		"{from}", "{user}", "{tls}", "{label}", "{", "}", "%u", "$1", `alice"`, `"alice"`, `"alice"@hosted.example`, `a\lice`, "(x)alice", "alice(x)", "alice (x)@hosted.example",
		"<alice>", "alice,bob", "alice;bob", "alice:bob", "alice%example.org", "example.org!alice", "..", "alice..bob", ".alice", "alice.", "../alice", "a/b",
		"ALICE", "Alice", "al\u0131ce", "\u212alice", "A\u030angstrom", "\u212bngstrom", "alice\u200b", "al\u00adice", "\u202ealice", "\uff41lice", "\xff", "alice\xc3",
		strings.Repeat("a", 257), strings.Repeat("a", 1000), "*@hosted.example", "alice@*.hosted.example", "alice@hosted.example.", "alice@.hosted.example",
		"alice@\uff58.hosted.example", "alice@x\u3002hosted.example", "alice@\u212a.hosted.example", "alice@[192.0.2.1].hosted.example", "alice@hosted.example\x00.hosted.example",
		"alice@evil.example/.hosted.example", "alice@-.hosted.example", "alice@xn--.hosted.example",
	}
	froms := []string{
		"alice@example.org", "bob@example.org", "a@example.org", "x@shop.example.org", "alice@hosted.example", "bob@a.hosted.example", "alice@x.hosted.example", "alice@k.hosted.example",
		"klice@example.org", "Klice@example.org", "\u00c5ngstrom@example.org", "sensor7@alerts.example.net", "alarm@sensor7._device.example.net", "alice@evil.example",
		`"alice@example.org"@example.org`, `"al ice"@example.org`, `"alice "@example.org`, "list-alice@example.net", "list-x.y@example.net",
	}
	for _, name := range names {
		for _, from := range append(froms, name+"@example.org", name, name+"@hosted.example") {
			for _, who := range []message.Submitter{{User: name}, {TLSName: name}} {
				a, err := message.ParseAddress(from)
				if err != nil {
					continue
				}
				req := &request{who: who, from: []message.Address{a}, fields: 1}
				d := decide(rules, req)
				if d.class != "" {
					continue
				}
				own := a.Local == name && (a.Domain == "example.org" || a.Domain == "shop.example.org")
				whole := a.Local+"@"+a.Domain == name && strings.HasSuffix(a.Domain, "hosted.example")
				if who.TLSName != "" || !own && !whole || d.identity != a.String() {
					t.Errorf("%q signs From %q as %q", name, from, d.identity)
				}
			}
		}
	}
}

// TestPlaceholderModel compares decide with a model that knows only which characters a name has,
// and wants every address that anybody can use to be refused to everybody else.
func TestPlaceholderModel(t *testing.T) {
	t.Parallel()
	rules := parseRules(t, []Rule{
		{Who: []string{"user:*"}, From: []string{"{user}@example.org"}},
		{Who: []string{"tls:*._device.example.net"}, From: []string{"x-{label}@example.net"}, Identity: "{label}._device.example.com"},
	})
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-cA-C*{}\-@" ]{1,4}`)
		one, other := name.Draw(t, "one"), name.Draw(t, "other")
		a := message.Address{Local: name.Draw(t, "local"), Domain: rapid.SampledFrom([]string{"example.org", "example.net"}).Draw(t, "domain")}
		if rapid.Bool().Draw(t, "own") {
			a.Local = one
		}
		plain := !strings.ContainsAny(one, `@" `)
		want := plain && a.Domain == "example.org" && a.Local == one
		d := decide(rules, &request{who: message.Submitter{User: one}, from: []message.Address{a}, fields: 1})
		if (d.class == "") != want || want && d.identity != a.String() {
			t.Fatalf("user %q, From %q: class %q, identity %q, want signed: %v", one, a, d.class, d.identity, want)
		}
		for _, who := range []message.Submitter{{}, {User: other}, {TLSName: one}} {
			d = decide(rules, &request{who: who, from: []message.Address{a}, fields: 1})
			if want && other != one && d.class != ClassNotAllowed {
				t.Fatalf("%+v may use %s of user %q: class %q, identity %q", who, a, one, d.class, d.identity)
			}
		}
		label := rapid.StringMatching(`[a-c\-]{1,3}`).Draw(t, "label")
		parent := rapid.SampledFrom([]string{"_device.example.net", "b._device.example.net", "_device.example.com"}).Draw(t, "parent")
		from := message.Address{Local: "x-" + label, Domain: "example.net"}
		d = decide(rules, &request{who: message.Submitter{TLSName: label + "." + parent}, from: []message.Address{from}, fields: 1})
		if want := parent == "_device.example.net"; (d.class == "") != want || want && d.identity != label+"._device.example.com" {
			t.Fatalf("%s below %s: class %q, identity %q", label, parent, d.class, d.identity)
		}
	})
}

// TestUserAsAddress: a user name is a local part or an address only as it stands.
func TestUserAsAddress(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]string{
		"alice": "alice", "b\u00fccher": "b\u00fccher",
		"": "", "bu\u0308cher": "", `"alice"`: "", `a."b"`: "", "a b": "", "a(x)": "", "a@b": "", `"a@b"`: "",
	} {
		if got := localOf(user); got != want {
			t.Errorf("localOf(%q) = %q, want %q", user, got, want)
		}
	}
	for user, want := range map[string]string{
		"alice@example.org": "alice@example.org", "alice@Example.org": "alice@example.org", "alice@b\u00fccher.example": "alice@xn--bcher-kva.example",
		"alice@B\u00dcCHER.example": "", "alice@\uff58.example": "", "alice@example.org.": "", "alice@example.org ": "", "alice@example.org (x)": "",
		`"alice"@example.org`: "", `a."b"@example.org`: "", "alice@": "", "alice": "", "bu\u0308cher@example.org": "", "a@b@example.org": "",
	} {
		a, ok := addressOf(user)
		if ok != (want != "") || ok && a.String() != want {
			t.Errorf("addressOf(%q) = %q, %v, want %q", user, a, ok, want)
		}
	}
}

// TestPlaceholderDomainCase: domains in rules are compared without case (RFC 4343).
func TestPlaceholderDomainCase(t *testing.T) {
	t.Parallel()
	rules := parseRules(t, []Rule{{Who: []string{"tls:*._device.example.net"}, From: []string{"alarm@{label}.Mail.Example.NET"}}})
	if d := decideFor(t, rules, "tls:s7._device.example.net", "From: alarm@s7.mail.example.net"); d.class != "" {
		t.Error(d.class, d.reason)
	}
}

// TestPlaceholderNormalized: local parts in rules are normalized (RFC 6532, Section 3.1).
func TestPlaceholderNormalized(t *testing.T) {
	t.Parallel()
	rules := parseRules(t, []Rule{{Who: []string{"user:*"}, From: []string{"bu\u0308ro-{user}@example.net"}}})
	if d := decideFor(t, rules, "user:x", "From: b\u00fcro-x@example.net"); d.class != "" {
		t.Error(d.class, d.reason)
	}
}

func TestPlaceholdersRefused(t *testing.T) {
	t.Parallel()
	all := []string{"user:*"}
	devices := []string{"tls:*._device.example.net"}
	for _, c := range []struct {
		who            []string
		from, identity string
		want           string
	}{
		{all, "{usr}@example.org", "", "did you mean {user}?"},
		{all, "{User}@example.org", "", "did you mean {user}?"},
		{all, "{mail}@example.org", "", "there are {user}, {tls} and {label}"},
		{all, "{}@example.org", "", "unknown placeholder {}"},
		{all, "{user@example.org", "", "braces stand around"},
		{all, "user}@example.org", "", "braces stand around"},
		{all, "a}{user}@example.org", "", "braces stand around"},
		{all, "{user}*@example.org", "", "would reach the addresses of others"},
		{all, "*{user}@example.org", "", "would reach the addresses of others"},
		{all, "{user}{user}@example.org", "", "at most one placeholder"},
		{all, `"{user}"@example.org`, "", "no quotation marks"},
		{all, "!{user}@example.org", "", "no negation"},
		{all, "{from}", "", "in identity"},
		{all, "{user}", "", "any address of any domain"},
		{[]string{"user:*@*"}, "{user}", "", "any address of any domain"},
		{[]string{"user:al*"}, "{user}", "", "any address of any domain"},
		{[]string{"user:alice"}, "{user}", "", "can be no address for anybody"},
		{[]string{"user:alice", "user:bob@example.org"}, "{user}", "", "user:alice can use no From"},
		{[]string{"user:*@example.org"}, "{user}@example.org", "", "can be no address for anybody"},
		{[]string{"user:al ice"}, "{user}@example.org", "", "can be no address for anybody"},
		{all, "info@{user}.example.org", "", "{user} is a local part"},
		{all, "{user}@", "", "both sides"},
		{all, "@example.org{user}", "", "{user} is a local part"},
		{all, "{user}@ex ample.org", "", "no address can be like it"},
		{all, "{user}@-x.example", "", "no address can be like it"},
		{all, "{tls}@example.org", "", "no tls: in who"},
		{all, "{label}@example.org", "", "no tls: in who"},
		{devices, "{user}@example.org", "", "no user: in who"},
		{devices, "{tls}", "", "is no mail address"},
		{devices, "{label}", "", "is no mail address"},
		{devices, "x@{tls}.b\u00fccher.example", "", "A-labels"},
		{devices, "x@{label}*.example.net", "", "would reach"},
		{append(all, devices...), "{user}@{tls}", "", "has proven both"},
		{append(all, devices...), "{label}@example.net", "", "user:* can use no From"},
		{append([]string{"net:192.0.2.0/24"}, all...), "{user}@example.org", "", "net:192.0.2.0/24 can use no From"},
		{[]string{"tls:*._device.example.net", "tls:*._device.example.com"}, "{label}@example.net", "", "write a rule for each"},
		{[]string{"tls:*"}, "{label}@example.net", "", "without stars"},
		{[]string{"tls:*._device.*.net"}, "{label}@example.net", "", "without stars"},
		{append(all, devices...), "a@example.org", "{tls}", "who not only tls: entries"},
		{append(all, devices...), "a@example.org", "{user}@example.org", "who not only user: entries"},
		{append([]string{"net:192.0.2.1"}, all...), "a@example.org", "{user}@example.org", "who not only user: entries"},
		{append([]string{"net:192.0.2.1"}, devices...), "a@example.org", "{label}._device.example.net", "who not only tls: entries"},
		{devices, "a@example.org", "{user}.example.org", "{user} is a whole address"},
		{all, "a@example.org", "{user}", "any address of any domain"},
		{[]string{"user:bob", "user:a@b.example"}, "a@example.org", "{user}@example.org", "can be no address for user:a@b.example"},
		{all, "a@example.org", "*@{tls}", "a star names no identity"},
		{devices, "a@example.org", "{label}", "can be no name"},
		{devices, "a@example.org", "{TLS}", "did you mean {tls}?"},
		{devices, "a@example.org", "{label} x.example.net", "can be no name"},
		{devices, "a@example.org", "{label}._device.b\u00fccher.example", "can be no name"},
		{[]string{"user:{user}"}, "a@example.org", "", "placeholders stand in from and identity"},
		{[]string{"!user:a"}, "a@example.org", "", "no negation"},
	} {
		if _, err := parseRule(Rule{Who: c.who, From: []string{c.from}, Identity: c.identity}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("who %q, from %q, identity %q: %v, want an error with %q", c.who, c.from, c.identity, err, c.want)
		}
	}
	if _, err := parseRule(Rule{Who: all, From: []string{"a@example.org"}, MailFrom: []string{"{user}@example.org"}}); err == nil {
		t.Error("a placeholder in mail-from is taken")
	}
}

// FuzzPlaceholders: no user name signs as an address that is not, letter by letter, its own.
func FuzzPlaceholders(f *testing.F) {
	f.Add("alice", "alice@example.org")
	f.Add("alice@hosted.example", "alice@hosted.example")
	f.Add("alice@b\u00fccher.hosted.example", "alice@xn--bcher-kva.hosted.example")
	f.Add("*", "alice@example.org")
	f.Add("{user}", "{user}@example.org")
	f.Add(`"alice"`, `"alice"@example.org`)
	f.Add("\u212alice", "Klice@example.org")
	var rules []*rule
	for _, r := range placeRules {
		p, err := parseRule(r)
		if err != nil {
			f.Fatal(err)
		}
		rules = append(rules, p)
	}
	f.Fuzz(func(t *testing.T, user, from string) {
		a, err := message.ParseAddress(from)
		if err != nil {
			return
		}
		for _, who := range []message.Submitter{{User: user}, {TLSName: user}, {}} {
			req := &request{who: who, from: []message.Address{a}, fields: 1}
			d := decide(rules, req)
			if d.class != "" {
				continue
			}
			local, domain, whole := strings.Cut(user, "@")
			switch {
			case who.User == "" && who.TLSName == "":
				t.Fatalf("a stranger signs From %q", from)
			case who.TLSName != "" && d.identity != user:
				t.Fatalf("device %q signs From %q as %q", user, from, d.identity)
			case who.User == "":
			case a.Domain == "example.net":
				if d.identity != "robots@example.org" && d.identity != (message.Address{Local: user, Domain: "example.org"}).String() {
					t.Fatalf("%q signs From %q as %q", user, from, d.identity)
				}
			case d.identity != a.String() || a.Local != local || !whole && a.Domain != "example.org" && a.Domain != "shop.example.org":
				t.Fatalf("%q signs From %q as %q", user, from, d.identity)
			case whole && isASCII(domain) && !strings.EqualFold(domain, a.Domain):
				t.Fatalf("%q signs From %q", user, from)
			}
			if stranger := decide(rules, &request{from: req.from, fields: 1}); stranger.class != ClassNotAllowed {
				t.Fatalf("From %q of user %q is not protected: %q", from, user, stranger.class)
			}
		}
	})
}
