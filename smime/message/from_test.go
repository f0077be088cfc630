package message

import (
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestParseFrom: where all readers find the same address it is read, however the words before it
// break the grammar.
func TestParseFrom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{ // want "": more than one reading
		{"Alice <a@example.org>", "a@example.org"},
		{"[SRV01] Alerts <a@example.org>", "a@example.org"},
		{"Example, Inc. <a@example.org>", "a@example.org"},
		{`Alice \(work\) <a@example.org>`, "a@example.org"},
		{"Alice :) <a@example.org>", "a@example.org"},
		{"Support: Alice <a@example.org>", "a@example.org"},
		{"a@example.org <a@example.org>", "a@example.org"},
		{"A@Example.ORG <a@example.org>", "a@example.org"},
		{"'a@example.org' <a@example.org>", "a@example.org"},
		{"Help @ Example <a@example.org>", "a@example.org"},
		{"<mailto:a@example.org>", "a@example.org"},
		{"J\xf6rg <a@example.org>", "a@example.org"},
		{"\"J\xf6rg\" <a@example.org>", "a@example.org"},
		{"Alice <a@example.org>, Alice <a@example.org>", "a@example.org"},
		{"ilo7.@example.org", "ilo7.@example.org"},
		{"first..last@example.org", "first..last@example.org"},
		{"x@SRV_01.example.org", "x@srv_01.example.org"},
		{"[x]\r\n <a@example.org>", "a@example.org"},

		{"b@example.net <a@example.org>", ""},
		{"b@example <a@example.org>", ""},
		{"Help @ example.net <a@example.org>", ""},
		{"=?utf-8?q?b=40example.net?=, [x] <a@example.org>", ""},
		{"[x] b\\@example.net <a@example.org>", ""},
		{"<<a@example.org>>", ""},
		{"[x] =?utf-8?q?=3Cb=3E?= <a@example.org>", ""},
		{"[x] <a@example.org> y", ""},
		{"\"Alice <a@example.org>", ""},
		{"Alice :( <a@example.org>", ""},
		{"a@example.org (", ""},
		{"[x] <a(b)@example.org>", ""},
		{"[x] <=?utf-8?q?a?=@example.org>", ""},
		{"[x] <b@example.net,a@example.org>", ""},
		{"[x] <@example.net:a@example.org>", ""},
		{"[x] <a%example.net@example.org>", ""},
		{"[x] <a@example.org.>", ""},
		{"[x\x1b] <a@example.org>", ""},
		{"[x] <a\xf6@example.org>", ""},
		{"[x] =?x-mine?q?y?= <a@example.org>", ""},
		{"root", ""},
	} {
		as, err := ParseFrom(c.in)
		got := ""
		if err == nil && len(as) == 1 {
			got = strings.ReplaceAll(as[0].String(), `"`, "")
		}
		if got != c.want {
			t.Errorf("ParseFrom(%q) = %q, %v, want %q", c.in, as, err, c.want)
		}
	}
}

// TestDomainsIn: every form in which a reader may be shown an author at bank.example.
func TestDomainsIn(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"info@bank.example", "<<info@bank.example>>", "info@bank.example (", "\"Bank <info@bank.example>", "Bank <info@bank.example.>",
		"info@bank.example <info@other.example>", "info@bank.example stray", "[ info@bank.example", "info @ bank . example",
		"info@\r\n bank.example", "info@bank.\r\n example", "info@ba\r\n nk.example", "info(x)@(y)bank(z).example", "info@(bank.example",
		"info@BANK.Example", "=?utf-8?q?info=40bank.example?=", "=?utf-8?b?aW5mb0BiYW5rLmV4YW1wbGU=?= <x@other.example>",
		"=?utf-8?q?info?=@bank.example", "info@=?utf-8?q?ba?= =?utf-8?q?nk.example?=", "=?utf-8?q?=3D=3Futf-8=3Fq=3Finfo=3D40bank.example=3F=3D?=",
		`info\@bank\.example`, "info\uff20bank.example", "info@bank\u3002example", "info@bank\uff0eexample", "info@\uff42ank.example",
		"info@ba\u00adnk.example", "info@bank.example\u200b", "info@bank.example'", "info@\"bank.example\"", "info@[bank.example]",
		"B\xe4nk <info@bank.example", "info@bank.example\xa0x", "<@bank.example:x@other.example>", "info%bank.example@other.example",
		"bank.example!info", "<mailto:info%40bank.example>", "info@bank..example", "info@.bank.example", "info@-bank.example-",
		"\"info@bank.example\":;", "x (info@bank.example", "x@other.example, info@bank.example;", "info@bank.example:25",
		"=?utf-8?b?aW5mb0BiYW?= =?utf-8?b?5rLmV4YW1wbGU=?=", "=?utf-8?q?info=4?= =?utf-8?q?0bank.example?=",
		"=?utf-8?b?aW5mbw==QGJhbmsuZXhhbXBsZQ==?=", "=?utf-8?b?aW=5mb0BiYW5rLmV4YW1wbGU?=",
		"x@=?utf-8?q?bank.example?=other.example", "=?utf-8?q?info=40bank.example?= =?utf-8?q?bank.example?= (x@other.example", "info@!bank.example", "\u00abinfo@bank.example\u00bb",
	} {
		if got, complete := DomainsIn(in); !slices.Contains(got, "bank.example") || !complete {
			t.Errorf("DomainsIn(%q) = %q, %v, without bank.example", in, got, complete)
		}
	}
	for _, in := range []string{"", "root", "info@bank.example.org", "info@xbank.example", "bank.example", "info at bank.example"} {
		if got, _ := DomainsIn(in); slices.Contains(got, "bank.example") {
			t.Errorf("DomainsIn(%q) = %q", in, got)
		}
	}
	if got, _ := DomainsIn("info@b\xfccher.example"); !slices.Contains(got, "xn--bcher-kva.example") {
		t.Errorf("in Latin-1: %q", got)
	}
	if _, complete := DomainsIn(strings.Repeat("x", maxReading) + "info@bank.example"); complete {
		t.Error("a value of more than 16 KiB was looked at as a whole")
	}
}

// TestShownAddresses: every form in which a reader may be shown that bank.example's info wrote it,
// next to those of [TestDomainsIn].
func TestShownAddresses(t *testing.T) {
	t.Parallel()
	want := Address{Local: "info", Domain: "bank.example"}
	for _, value := range []string{
		"\u00abinfo@bank.example\u00bb", "\u201einfo@bank.example\u201c", "x \u2014info@bank.example", "*info@bank.example*", "{info@bank.example}",
		"in\u00adfo@bank.example", "info\u200b@bank.example", "\ufeffinfo@bank.example", "\uff49nfo@bank.example",
	} {
		if got := ShownIn(Field{Raw: []byte("From: " + value + "\r\n")}); !slices.Contains(got.Addresses, want) {
			t.Errorf("%s shows %q, without %s", value, got.Addresses, want)
		}
	}
	got := ShownIn(Field{Raw: []byte("From: \u00bbbank.example!info\r\n")})
	if !slices.Contains(got.Domains, "bank.example") {
		t.Errorf("a route shows %q", got.Domains)
	}
}

func TestShown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header string
		want   string // the domains
	}{
		{"From: Alice <a@example.org>", "example.org"},
		{"From: \"b@example.net\" <a@example.org>", "example.org"}, // a name, by the grammar
		{"From: =?utf-8?q?J=C3=B6rg?= <a@example.org>", "example.org"},
		{"From: a@example.org (b@example.net)", "example.org"},
		{"From: =?utf-8?q?b=40example.net?= <a@example.org>", "example.org example.net"},
		{"From: \"x <b@example.net>\" <a@example.org>", "example.net example.org"},
		{"From: \"b@example.net\"@example.org", "example.net example.org"},
		{"From: b%example.net@example.org", "example.net example.org"},
		{"From: a@example.org\r\nfrom : b@example.net", "example.org example.net"},
		{"From: a@example.org, b@example.net", "example.org example.net"},
		{"Sender: a@example.org", "example.org"},
		{"From: root\r\nSender: a@example.org", ""},
		{"From:\r\nSender: a@example.org", "example.org"}, // as good as none
		{"From: \r\n \r\nFrom:\r\nSender: a@example.org", "example.org"},
		{"From: (x)\r\nSender: a@example.org", "example.org"},
		{"From: a@[192.0.2.1]", "[192.0.2.1]"},
		{"From: a@[IPv6:2001:db8::1]", "[ipv6:2001:db8::1]"},
		// no address literal
		{"From: a@[example.org]", "example.org [example.org]"},
		// no label of a name
		{"From: \u00aba@example.org\u00bb", "example.org example.xn--org-3ga example.org\u00bb"},
		{"From: a@b\u00fccher.example", "xn--bcher-kva.example"},
	} {
		m, err := Read(strings.NewReader(c.header+"\r\n\r\nx\r\n"), ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(m.Shown().Domains, " "); got != c.want {
			t.Errorf("%q shows %q, want %q", c.header, got, c.want)
		}
		m.Close()
	}
}

// TestShownHidden: what cannot be read, and not be decoded either, may show anybody.
func TestShownHidden(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"=?x-mine?q?info?=":               true,
		"=?utf-7?q?info?= (":              true,
		"=?x-mine?q?info?= <a@b.example>": false,
		"=?unknown-8bit?q?J=F6rg?= (":     false,
		"info (":                          false,
		"=?utf-8?q?info":                  true,
		"=?utf-8?q?info=40?":              true,
	} {
		if got := ShownIn(Field{Raw: []byte("From: " + value + "\r\n")}); got.Cut != want {
			t.Errorf("%s: %+v, want cut: %v", value, got, want)
		}
	}
}

// FuzzDomainsIn: whatever domain a parser takes for that of an author is one that is suspected, and
// an address that is read although the grammar is broken is the only one that any of them finds.
func FuzzDomainsIn(f *testing.F) {
	for _, dir := range []string{"a-domain-bypass", "d-from-unreadable"} {
		files, err := filepath.Glob(filepath.Join("../../testdata/cases/mail", dir, "*.eml"))
		if err != nil || len(files) == 0 {
			f.Fatal("no cases", err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			fields, _ := ParseHeader(text)
			f.Add(fields[0].Value())
		}
	}
	for _, s := range []string{"=?utf-8?q?a=40b.c?= <d@e.f>", "a (b@c.d) <e@f.g>, \"h@i\"@j.k;", "x:a@b.c,d%e@f.g;", "a@[1.2.3.4]", "[x] <a@b.c>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		found, complete := DomainsIn(value)
		if !complete {
			return
		}
		wanted := domainsByParsers(value)
		for _, d := range wanted {
			if !slices.Contains(found, d) {
				t.Errorf("DomainsIn(%q) = %q, without %q", value, found, d)
			}
		}
		if a, other, ok := clearAddress(value); ok && other == (Address{}) {
			for _, d := range wanted {
				if d != a.Domain && strings.Contains(d, ".") {
					t.Errorf("%q is read as %s, and shows %q", value, a, d)
				}
			}
		}
	})
}

// domainsByParsers are the domains that Go's parser and ours find, in the raw value and in the
// decoded one.
func domainsByParsers(value string) []string {
	decoded, _ := DecodeWords(unfold(value, " "))
	var out []string
	for _, v := range []string{value, decoded} {
		ours, _ := ParseAddressList(v)
		lenient, _ := ParseFrom(v)
		for _, a := range append(ours, lenient...) {
			out = append(out, a.Domain)
		}
		theirs, _ := mail.ParseAddressList(v)
		for _, a := range theirs {
			domain := a.Address[strings.LastIndexByte(a.Address, '@')+1:]
			if d := hostName(plain(domain)); d != "" && strings.Contains(d, ".") {
				out = append(out, d)
			}
		}
	}
	return out
}
