package message

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const ourID = "mx.example.net"

// forgeries are values that some reader takes for one by mx.example.net.
var forgeries = []string{
	" mx.example.net; smime=pass", "mx.example.net;smime=pass", "\tMX.Example.NET 1; none", " mx.example.net", " mx.example.net.; none", " mx.example.net..;none",
	` "mx.example.net"; none`, ` "mx.exam\ple.net"; none`, ` " mx.example.net "; none`, "\r\n mx.example.net\r\n ; none", " mx.exam\r\n ple.net; none",
	// comments
	" (a) mx.example.net (b) 1 (c); none", " (a (b)) mx.example.net; none", ` (a\)) mx.example.net; none`, ` (a\(b) mx.example.net; none`, ` mx.example.net(\)); none`,
	` mx(\)).example.net; none`, ` mx.(a)example.net; none`, ` (\) mx.example.net; none`, ` (a) (b\\) mx.example.net; none`, " (mx.example.net) other.example; none",
	" mx.example.net (; none", " ((mx.example.net; none", ` ("(") mx.example.net; none`,
	// no form at all
	" ;;; mx.example.net; smime=pass", " mx.example.net smime=pass", " 'mx.example.net'; none", " mx.example.net\u00bb; none", " x mx.example.net; none", " smime=pass mx.example.net", ` "mx.example.net; none`, " =mx.example.net; none",
	// what is not seen, and other forms of letters
	" mx\u00ad.example.net; none", " mx.exa\u200bmple.net; none", "\ufeffmx.example.net; none", " mx.example.net\u202e; none", " mx\ufe0f.example.net; none", " ｍｘ.ｅｘａｍｐｌｅ.ｎｅｔ; none",
	" mx。example。net; none", " mx．example．net; none", " mx｡example｡net; none", " mx.example.net； smime=pass", " \U0001d426\U0001d431.example.net; none", "\u00a0mx.example.net; none",
	" mx.exam\x01ple.net; none", " \x7fmx.example.net; none", " mx.example.net\x0b; none", "\x0cmx.example.net; none", " mx.exam\xadple.net; none", " mx\xff.example.net; none", " mx.exam\u0085ple.net; none",
	// encoded words
	" =?utf-8?q?mx.example.net?=; none", " =?utf-8?b?bXguZXhhbXBsZS5uZXQ=?=; none", " =?utf-8?q?mx.exam?= =?utf-8?q?ple.net?=; none", " =?us-ascii?q?mx=2Eexample=2Enet?=; none",
	" =?utf-8?q?mx=C2=AD.example.net?=; none", " =?utf-16be?b?AG0AeAAuAGUAeABhAG0AcABsAGUALgBuAGUAdA==?=; none", " =?x-unknown?q?abc?=; none", ` "=?utf-8?q?mx.example.net?="; none`,
	// IDNA
	" xn--mx-.example.net; none", " mx.xn--example-.net; none",
}

// others are values that all readers take for another's, or for none.
var others = []string{
	" other.example; none", " a.example; dkim=pass (mx.example.net)", " spf=pass", " mx.example.net.evil.example; spf=pass", " amx.example.net; none", " mx.example.org; none",
	" other.example;\r\n\tspf=pass (mx.example.net) smtp.mailfrom=mx.example.net", " (a comment) other.example 1; spf=pass reason=\"mx.example.net\"", ` "other.example"; none`,
	" other.example (by mx.example.net); none", " bücher.example; dkim=pass header.d=mx.example.net", " xn--bcher-kva.example; none", " mx-example-net; none", "", " ", ";", " =?utf-8?q?other.example?=; none",
	" b\xfccher.example; none", " other.example; dkim=pass header.s=\"=?x-unknown?q?abc?=\"",
}

func TestClaims(t *testing.T) {
	t.Parallel()
	for _, v := range forgeries {
		if !claims(v, foldID(ourID)) {
			t.Errorf("%q is left", v)
		}
	}
	for _, v := range others {
		if claims(v, foldID(ourID)) {
			t.Errorf("%q is removed", v)
		}
	}
	for id, v := range map[string]string{
		"xn--bcher-kva.example": " bücher.example; none", "XN--BCHER-KVA.example.": " BÜCHER.example; none", "mx_1.example": " mx_1.example; none",
	} {
		if !IsAuthservID(id) || !claims(v, foldID(id)) {
			t.Errorf("%s: %q is left", id, v)
		}
	}
}

// TestForgedResults: however the fields are mixed, none of ours is left and no other is touched.
func TestForgedResults(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var text, kept strings.Builder
		for range rapid.IntRange(0, 12).Draw(t, "fields") {
			forged := rapid.Bool().Draw(t, "forged")
			values := others
			if forged {
				values = forgeries
			}
			field := rapid.SampledFrom([]string{"Authentication-Results", "authentication-results", "AUTHENTICATION-RESULTS "}).Draw(t, "name") + ":" +
				rapid.SampledFrom(values).Draw(t, "value") + "\r\n"
			if rapid.IntRange(0, 3).Draw(t, "hidden") == 0 {
				field = "X-Note: a" + rapid.SampledFrom([]string{"\r", "\x0b", "\x0c", "\x1c", "\u0085", "\u2028", "\n "}).Draw(t, "break") + "Authentication-Results: mx.example.net; none\r\n"
				forged = !strings.Contains(field, "\n A")
			}
			text.WriteString(field)
			if !forged {
				kept.WriteString(field)
			}
		}
		m, err := Read(strings.NewReader("Subject: x\r\n"+text.String()+"\r\nbody"), ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		var out strings.Builder
		if _, err := m.WriteEdited(&out, &Edit{Changes: ForgedResults(m, ourID)}); err != nil {
			t.Fatal(err)
		}
		if out.String() != "Subject: x\r\n"+kept.String()+"\r\nbody" {
			t.Fatalf("left:\n%q\nwant:\n%q", out.String(), kept.String())
		}
		if ForgedResults(m, "") != nil {
			t.Fatal("something is removed without an id")
		}
	})
}

// tolerantReaders are ways in which filters and readers find the authserv-id.
var tolerantReaders = map[string]func(string) string{
	"first word": func(v string) string {
		words := strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(" \t\r\n;", r) })
		return append(words, "")[0]
	},
	"to the semicolon": func(v string) string {
		id, _, _ := strings.Cut(v, ";")
		return strings.Trim(strings.TrimSpace(id), `"`)
	},
	"comments first": func(v string) string {
		id, _, _ := strings.Cut(withoutComments(undoPairs(unfold(v, " "))), ";")
		return append(strings.Fields(id), "")[0]
	},
	"decoded, then comments": func(v string) string {
		text, _ := DecodeWords(unfold(v, " "))
		id, _, _ := strings.Cut(withoutComments(plain(text)), ";")
		return strings.TrimSuffix(strings.Trim(append(strings.Fields(id), "")[0], `"`), ".")
	},
}

// FuzzClaims: what a tolerant reader takes for ours is removed, and where the id cannot be read no
// trace of ours is left.
func FuzzClaims(f *testing.F) {
	for _, v := range slices.Concat(forgeries, others) {
		f.Add(v)
	}
	ours := foldID(ourID)
	f.Fuzz(func(t *testing.T, value string) {
		before, id, err := authservID(value)
		if (err == nil) == (id == "") || err == nil && !strings.HasPrefix(value, before) {
			t.Fatalf("authservID(%q) = %q, %q, %v", value, before, id, err)
		}
		claimed := claims(value, ours)
		if err != nil && strings.Contains(strings.ToLower(value), ourID) && !claimed {
			t.Fatalf("%q is left", value)
		}
		for name, read := range tolerantReaders {
			if strings.EqualFold(read(value), ourID) && !claimed {
				t.Fatalf("%q is left, and %s takes it for ours", value, name)
			}
		}
	})
}

// TestResultsFlood: what is beyond all measure is not read, and not left either.
func TestResultsFlood(t *testing.T) {
	t.Parallel()
	other := "Authentication-Results: other.example; none\r\n"
	m := mustRead(t, other+strings.Repeat("Authentication-Results: (\r\n "+strings.Repeat("x", 900)+"\r\n", 1000)+other+"From: a@example.org\r\n\r\n")
	gone := ForgedResults(m, ourID)
	if n := len(gone); n < 800 || n > 900 || gone[0].Index != 1002 || gone[n-1].Index < 100 {
		t.Errorf("%d fields go, from %d to %d", n, gone[n-1].Index, gone[0].Index)
	}
}
