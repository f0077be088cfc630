package certificate

import (
	"encoding/asn1"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"pgregory.net/rapid"

	"dnseal/smime/message"
)

// gn is the DER of a GeneralName: "email:", "dns:", "uri:", "utf8:", "ip:", "dn:" and "other:"
// before its value.
func gn(text string) []byte {
	kind, value, _ := strings.Cut(text, ":")
	var b cryptobyte.Builder
	simple := map[string]cbasn1.Tag{"email": 1, "dns": 2, "uri": 6, "ip": 7}
	switch kind {
	case "dn":
		b.AddASN1(implicit(4).Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(dn(value)) })
	case "utf8", "other":
		b.AddASN1(constructed0, func(b *cryptobyte.Builder) {
			id := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 7}
			if kind == "utf8" {
				id = oidSMTPUTF8Mailbox
			}
			b.AddASN1ObjectIdentifier(id)
			b.AddASN1(constructed0, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(value)) })
			})
		})
	default:
		b.AddASN1(implicit(simple[kind]), func(b *cryptobyte.Builder) { b.AddBytes([]byte(value)) })
	}
	return b.BytesOrPanic()
}

// dn is the DER of a Name of organizationName values, "a/b", the first highest; with "E=" an
// emailAddress.
func dn(text string) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for part := range strings.SplitSeq(text, "/") {
			if part == "" {
				continue
			}
			id, tag := asn1.ObjectIdentifier{2, 5, 4, 10}, cbasn1.UTF8String
			if address, ok := strings.CutPrefix(part, "E="); ok {
				id, tag, part = oidEmailAddress, cbasn1.IA5String, address
			}
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(id)
					b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(part)) })
				})
			})
		}
	})
	return b.BytesOrPanic()
}

// nameConstraints is the DER of the extension.
func nameConstraints(permitted, excluded []string) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for tag, list := range [][]string{permitted, excluded} {
			if list == nil {
				continue
			}
			b.AddASN1(implicit(cbasn1.Tag(tag)).Constructed(), func(b *cryptobyte.Builder) {
				for _, entry := range list {
					text, maximum := strings.CutSuffix(entry, " maximum 1")
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddBytes(gn(text))
						if maximum {
							b.AddASN1(implicit(1), func(b *cryptobyte.Builder) { b.AddBytes([]byte{1}) })
						}
					})
				}
			})
		}
	})
	return b.BytesOrPanic()
}

// altNames is the DER of a subjectAltName.
func altNames(names ...string) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, n := range names {
			b.AddBytes(gn(n))
		}
	})
	return b.BytesOrPanic()
}

// TestConstraints has a line for each rule of RFC 5280, Section 4.2.1.10, and RFC 9598, Section 6.
func TestConstraints(t *testing.T) {
	t.Parallel()
	const ip, net, ip6 = "ip:\xc0\x00\x02\x01", "ip:\xc0\x00\x02\x00\xff\xff\xff\x00", "ip:\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
	for _, tt := range []struct {
		constraint, name string
		// whether it is allowed where the constraint is permitted, or excluded
		permitted, excluded bool
	}{
		{"email:example.org", "email:alice@example.org", true, false},
		{"email:example.org", "email:alice@EXAMPLE.org", true, false},
		{"email:EXAMPLE.org", "email:alice@example.org", true, false},
		{"email:example.org", "email:alice@sub.example.org", false, true},
		{"email:example.org", "email:alice@badexample.org", false, true},
		{"email:.example.org", "email:alice@sub.example.org", true, false},
		{"email:.example.org", "email:alice@a.sub.example.org", true, false},
		{"email:.example.org", "email:alice@example.org", false, true},
		{"email:.example.org", "email:alice@badexample.org", false, true},
		{"email:alice@example.org", "email:alice@example.org", true, false},
		{"email:alice@example.org", `email:"alice"@example.org`, true, false},
		{"email:alice@example.org", "email:Alice@example.org", false, true},
		{"email:alice@example.org", "email:bob@example.org", false, true},
		{"email:example.org", "utf8:älice@example.org", true, false},
		{"email:example.org", "utf8:älice@example.net", false, true},
		{"email:.example.org", "utf8:älice@sub.example.org", true, false},
		{"email:alice@example.org", "utf8:älice@example.org", false, false},
		{"email:xn--bcher-kva.example", "utf8:älice@bücher.example", true, false},
		{"email:xn--bcher-kva.example", "utf8:älice@xn--bcher-kva.example", true, false},
		{"email:", "email:alice@example.org", false, false},
		{"email:example.org", "email:alice@example.org (x)", false, false},
		{"email:example.org", "email:no address", false, false},
		{"email:example..org", "email:alice@example.org", false, false},
		{"email:example.org", "email:alice@[192.0.2.1]", false, true},
		{"email:example.org", "dns:example.net", true, true},
		{"email:example.org", ip, true, true},
		{"dns:example.org", "email:alice@example.net", true, true},
		{"dns:example.org", "dns:example.org", true, false},
		{"dns:example.org", "dns:a.b.example.org.", true, false},
		{"dns:example.org", "dns:_dev.example.org", true, false},
		{"dns:example.org", "dns:badexample.org", false, true},
		{"dns:.example.org", "dns:example.org", false, true},
		{"dns:.example.org", "dns:a.example.org", true, false},
		{"dns:", "dns:a.example.org", true, false},
		{"dns:bad.example.org", "dns:*.example.org", false, false},
		{"dns:example.org", "dns:*.example.org", true, false},
		{"dns:example.org", "dns:", false, false},
		{net, ip, true, false},
		{net, "ip:\xc0\x00\x03\x01", false, true},
		{net, ip6, false, true},
		{"ip:\xc0\x00\x02", ip, false, false},
		{"uri:host.example.org", "uri:https://host.example.org/x", true, false},
		{"uri:host.example.org", "uri:https://x@host.example.org:8443/x", true, false},
		{"uri:host.example.org", "uri:https://a.host.example.org/", false, true},
		{"uri:.example.org", "uri:https://host.example.org/", true, false},
		{"uri:.example.org", "uri:mailto:alice@example.org", false, false},
		{"dn:Example/Mail", "dn:Example/Mail/Alice", true, false},
		{"dn:Example/Mail", "dn:EXAMPLE/ mail", true, false},
		{"dn:Example/Mail", "dn:Example", false, true},
		{"dn:Example/Mail", "dn:Mail/Example", false, true},
		{"dn:", "dn:Example", true, false},
		{"other:x", "other:x", false, false},
		{"other:x", "utf8:älice@example.org", true, true},
		{"utf8:example.org", "utf8:älice@example.org", false, false},
		{"email:example.org maximum 1", "email:alice@example.org", false, false},
	} {
		names, ok := readGeneralNames(altNames(tt.name))
		if !ok || len(names) != 1 {
			t.Fatalf("%q cannot be read", tt.name)
		}
		if err := readConstraints(nameConstraints([]string{tt.constraint}, nil)).allow(names[0], &Work{}); (err == nil) != tt.permitted {
			t.Errorf("%q with %q permitted: %v", tt.name, tt.constraint, err)
		}
		if err := readConstraints(nameConstraints(nil, []string{tt.constraint})).allow(names[0], &Work{}); (err == nil) != tt.excluded {
			t.Errorf("%q with %q excluded: %v", tt.name, tt.constraint, err)
		}
	}
}

// TestConstraintsTogether: one of the permitted subtrees of a form will do, and none of the
// excluded ones.
func TestConstraintsTogether(t *testing.T) {
	t.Parallel()
	c := readConstraints(nameConstraints([]string{"email:example.org", "email:.example.org", "dns:example.net"}, []string{"email:bad.example.org"}))
	for name, want := range map[string]bool{
		"email:a@example.org": true, "email:a@x.example.org": true, "email:a@bad.example.org": false, "email:a@example.net": false,
		"dns:x.example.net": true, "dns:example.org": false, "uri:https://example.com/": true,
	} {
		names, _ := readGeneralNames(altNames(name))
		if err := c.allow(names[0], &Work{}); (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestConstraintsUnreadable allow nothing.
func TestConstraintsUnreadable(t *testing.T) {
	t.Parallel()
	whole := nameConstraints([]string{"email:example.org"}, []string{"dns:example.org"})
	for cut := range whole {
		if c := readConstraints(whole[:cut]); c.allow(generalName{formURI, []byte("https://example.org/")}, &Work{}) == nil {
			t.Errorf("constraints cut at octet %d allow a name", cut)
		}
	}
}

// TestMailboxIsAddress: an address that is compared with constraints is the one that other packages
// read.
func TestMailboxIsAddress(t *testing.T) {
	t.Parallel()
	const letters = `ab.@"\ ()<>,;:[]-_*ÄäßKK。xn--bcher-kva` + "\t\u00a0\u200b\u212a"
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.RuneFrom([]rune(letters)), 1, 12, -1).Draw(t, "local") +
			"@" + rapid.StringOfN(rapid.RuneFrom([]rune(letters)), 1, 16, -1).Draw(t, "domain")
		m, ok := parseMailbox(s)
		a, err := message.ParseAddress(s)
		if !ok || err != nil {
			return
		}
		if m.domain != a.Domain || m.local != a.Local && isASCII(m.local) {
			t.Fatalf("%q is %q here and %q there", s, m, a)
		}
	})
}

// FuzzConstraints reads any extension and any names: whatever is both permitted and excluded is
// never allowed, and an empty extension constrains nothing.
func FuzzConstraints(f *testing.F) {
	f.Add(nameConstraints([]string{"email:example.org", "dns:.example.org"}, []string{"ip:\x00\x00\x00\x00\xff\x00\x00\x00"}), altNames("email:a@example.org", "ip:\x00\x01\x02\x03"))
	f.Add(nameConstraints([]string{"dn:a/b", "uri:.example.org"}, []string{"email:a@example.org maximum 1"}), altNames("dn:A/B/c", "uri:https://example.org/"))
	f.Add(nameConstraints([]string{"utf8:x"}, []string{"other:y"}), altNames("utf8:ä@example.org", "other:y"))
	f.Fuzz(func(t *testing.T, extension, san []byte) {
		c := readConstraints(extension)
		names, _ := readGeneralNames(san)
		both := constraints{permitted: c.permitted, excluded: c.permitted, unreadable: c.unreadable}
		for _, n := range names {
			covered := false
			for _, p := range c.permitted {
				covered = covered || p.covers(n.form)
			}
			if covered && both.allow(n, &Work{}) == nil {
				t.Fatalf("%s %q is permitted and excluded by %+v, and allowed", n.form, n.value, c.permitted)
			}
			if c.allow(n, &Work{}) == nil && c.unreadable {
				t.Fatal("constraints that cannot be read allow a name")
			}
		}
	})
}

// FuzzNames reads any subject and subjectAltName.
func FuzzNames(f *testing.F) {
	f.Add(altNames("email:a@example.org", "dn:a", "utf8:ä@example.org"), dn("a/E=a@example.org"))
	f.Fuzz(func(t *testing.T, san, subject []byte) {
		if names, ok := readGeneralNames(san); ok && len(names) == 0 && len(san) > 2 {
			t.Fatalf("%x: no names, and all read", san)
		}
		n, _ := readDirectoryName(subject)
		n.addresses()
		if !SameName(subject, subject) {
			t.Fatal("a name is not itself")
		}
	})
}
