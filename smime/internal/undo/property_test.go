package undo

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// writer makes content to be signed.
type writer struct{ *rand.Rand }

func (w writer) pick(of ...string) string { return of[w.IntN(len(of))] }

func (w writer) words(n int) string {
	var out []string
	for range n {
		out = append(out, w.pick("order", "chair", "please", "the", "invoice", "week", "of", "Alice", "number", "paid", "we", "send", "list"))
	}
	return strings.Join(out, " ")
}

// text has lines that systems change: "From ", dots, links, long ones.
func (w writer) text() string {
	lines := []string{"Dear " + w.words(2) + ",", "", w.words(9)}
	lines = append(lines, "From "+w.words(3), "."+w.words(2))
	for range 3 + w.IntN(6) {
		lines = append(lines, w.pick(w.words(8), "From "+w.words(3), ">From "+w.words(2), "."+w.words(2), "..", "", w.words(5)+" https://shop.example.org/a?b=c&d="+w.words(1)))
	}
	return strings.Join(append(lines, "", w.words(1)), "\r\n") + "\r\n"
}

func (w writer) html() string {
	return "<html><head><title>t</title></head><body><p>" + w.words(7) + "</p>\r\n<div><a href=\"https://shop.example.org/a?b=" + w.words(1) + "\">" + w.words(2) + "</a></div>\r\n<p>" + w.words(3) + "</p></body></html>\r\n"
}

func header(fields ...string) string { return strings.Join(fields, "\r\n") + "\r\n\r\n" }

func multipart(fields []string, boundary, end string, parts ...string) string {
	out := header(fields...)
	for _, p := range parts {
		out += "--" + boundary + "\r\n" + p + "\r\n"
	}
	return out + "--" + boundary + "--" + end
}

// contents are one of each kind.
func (w writer) contents() map[string]string {
	qp := func(text string) string {
		return header("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable") + string(encodeOwnQP([]byte(text)))
	}
	bin := make([]byte, 300+w.IntN(600))
	for i := range bin {
		bin[i] = byte(w.IntN(256))
	}
	b64 := header("Content-Type: application/octet-stream; name=x.bin", "Content-Transfer-Encoding: base64") + string(wrapBase64(bin, 72))
	plain := header("Content-Type: text/plain; charset=us-ascii", "Content-Transfer-Encoding: 7bit") + w.text()
	eight := header("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit") + "Grüße, " + w.text()
	html := header("Content-Type: text/html; charset=us-ascii") + w.html()
	alternative := multipart([]string{"Content-Type: multipart/alternative; boundary=alt"}, "alt", "", plain, html)
	long := header("Content-Type: text/plain; charset=us-ascii") + w.words(700) + "\r\n" + w.words(300) + "\r\nFrom the end\r\n"
	return map[string]string{
		"plain": plain, "8bit": eight, "qp": qp("Grüße = " + w.words(40) + "\r\n" + strings.Repeat(w.text(), 2)), "html": html, "alternative": alternative, "long": long,
		"mixed":   multipart([]string{"Content-Type: multipart/mixed; boundary=mix"}, "mix", "\r\n", alternative, b64),
		"report":  multipart([]string{"Content-Type: multipart/mixed; boundary=mix"}, "mix", "", qp("Grüße "+w.text()), b64, alternative, header("Content-Type: message/rfc822")+"From: c@example.com\r\nSubject: x\r\n"+plain),
		"rebuilt": multipart([]string{"Content-Type: multipart/mixed; boundary=mix"}, "mix", "\r\n", multipart([]string{"Content-Type: multipart/alternative; boundary=alt"}, "alt", "", qp("Grüße = "+w.text()), html), b64),
		"eights":  multipart([]string{"Content-Type: multipart/mixed; boundary=mix", "Content-Transfer-Encoding: 8bit"}, "mix", "\r\n", eight, b64),
		"hp":      header("Content-Type: text/plain; charset=us-ascii; hp=clear", "From: alice@example.org", "To: bob@example.net", "Subject: "+w.words(4)) + w.text(),
	}
}

// way is what a system does, and the words for it; changes are in any order.
type way struct {
	name    string
	do      func(writer, string) string
	changes []Change
}

func everyLine(old, with string) func(writer, string) string {
	return func(_ writer, s string) string { return strings.ReplaceAll(s, "\n"+old, "\n"+with) }
}

// someLines changes lines that begin with old, each or not, at most eight.
func someLines(old, with string) func(writer, string) string {
	return func(w writer, s string) string {
		n := 0
		return regexp.MustCompile("\n"+regexp.QuoteMeta(old)).ReplaceAllStringFunc(s, func(m string) string {
			if n++; n > 8 || w.IntN(2) == 0 {
				return m
			}
			return "\n" + with
		})
	}
}

func substitute(pattern, with string) func(writer, string) string {
	return func(_ writer, s string) string { return regexp.MustCompile(pattern).ReplaceAllString(s, with) }
}

// broken breaks lines as Postfix and Sendmail do.
func broken(limit int, before string) func(writer, string) string {
	return func(_ writer, s string) string {
		lines := strings.Split(s, "\r\n")
		for i, l := range lines {
			out := ""
			for len(l) > limit {
				out += l[:limit-len(before)] + before + "\r\n"
				l = " " + l[limit-len(before):]
			}
			lines[i] = out + l
		}
		return strings.Join(lines, "\r\n")
	}
}

// bodies rewrites the bodies of the parts in an encoding.
func bodies(cte string, rewrite func(body, octets []byte) []byte) func(writer, string) string {
	return func(_ writer, s string) string {
		root, _ := entity.WalkEntity(context.Background(), strings.NewReader(s), int64(len(s)), "")
		x := &suspect{text: []byte(s), root: root}
		var splices []splice
		for _, p := range x.parts(func(p *entity.Part) bool { return p.Leaf() && p.CTE == cte }) {
			octets, _ := entity.DecodeBody(x.body(p), cte)
			splices = append(splices, bodySplice(p, rewrite(x.body(p), octets)))
		}
		return string(splicedText(x.text, splices))
	}
}

// linked rewrites links in the text of parts, and encodes quoted-printable again.
func linked(rewrite func(string) string) func(writer, string) string {
	return func(w writer, s string) string {
		replace := func(text []byte) []byte {
			return regexp.MustCompile(`https://shop[^\s"<]*`).ReplaceAllFunc(text, func(l []byte) []byte { return []byte(rewrite(string(l))) })
		}
		shop := []byte("https://shop")
		encoded := func(body, o []byte) []byte {
			if !bytes.Contains(o, shop) {
				return body
			}
			return encodeStandardQP(replace(o))
		}
		for _, cte := range []string{"", "7bit", "8bit"} {
			s = bodies(cte, func(b, _ []byte) []byte { return replace(b) })(w, s)
		}
		return bodies("quoted-printable", encoded)(w, s)
	}
}

var (
	safeLinks = linked(func(l string) string {
		return "https://eur01.safelinks.protection.outlook.com/?url=" + url.QueryEscape(l) + "&data=05%7C01&sdata=abc%3D&reserved=0"
	})
	proofpointLinks = linked(func(l string) string {
		return "https://urldefense.com/v3/__" + strings.Replace(l, "?", "*", 1) + "__;Pw!!ABC!xyz$"
	})
)

func then(steps ...func(writer, string) string) func(writer, string) string {
	return func(w writer, s string) string {
		original := s
		for _, do := range steps {
			changed := do(w, s)
			if changed == s {
				return original // not of this kind
			}
			s = changed
		}
		return s
	}
}

var (
	nestedEnds = substitute(`(?m)(--alt--)\r\n--mix`, "$1\r\n\r\n--mix")
	finalAdd   = func(_ writer, s string) string { return s + "\r\n" }
	base64At60 = bodies("base64", func(_, o []byte) []byte { return wrapBase64(o, 60) })
	minimalQP  = bodies("quoted-printable", func(_, o []byte) []byte { return breakSoft(escapeQP(o, qpGuards{}), 76, false, qpGuards{}) })
	textBanner = func(_ writer, s string) string {
		head, body, ok := strings.Cut(s, "Content-Type: text/plain")
		fields, body, _ := strings.Cut(body, "\r\n\r\n")
		if !ok || strings.Contains(fields, "quoted-printable") {
			return s
		}
		return head + "Content-Type: text/plain" + fields + "\r\n\r\nCAUTION: this came from outside.\r\nTake care.\r\n\r\n" + body
	}
	htmlBanner = substitute(`<body>`, `<body><div style="x"><b>CAUTION</b>: external<br></div>`)
	textFooter = func(w writer, s string) string {
		end := `\r\n(--alt\r\nContent-Type: text/html)`
		if !strings.Contains(s, "--alt") {
			end = `\r\n($)`
		}
		return substitute(end, "\r\n____________\r\nA list of example.com\r\n$1")(w, s)
	}
	htmlFooter = substitute(`</body>`, "<hr><p>Disclaimer: <i>x</i></p></body>")
	asPython   = func(_ writer, s string) string {
		head, rest, ok := strings.Cut(s, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
		if !ok {
			return s
		}
		body, tail, _ := strings.Cut(rest, "\r\n--mix")
		if tail != "" {
			tail = "\r\n--mix" + tail
		}
		return head + "Content-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + string(wrapBase64([]byte(strings.ReplaceAll(body, "\r\n", "\n")), 76)) + tail
	}
)

// unquotedOnly drops content in which lines are quoted already.
func unquotedOnly(_ writer, s string) string {
	if strings.Contains(s, "\n>") {
		return s
	}
	return s + "\r\n"
}

var ways = []way{
	{"mboxo", everyLine("From ", ">From "), []Change{ChangeFrom}},
	{"mboxrd", substitute("\n(>*From )", "\n>$1"), []Change{ChangeFrom}},
	{"some lines quoted", someLines("From ", ">From "), []Change{ChangeFrom}},
	{"some lines of quotes", someLines(">From ", ">>From "), []Change{ChangeFrom}},
	{"unquoted", everyLine(">From ", "From "), []Change{ChangeFrom}},
	{"dots doubled", everyLine(".", ".."), []Change{ChangeDots}},
	{"dot lost", func(_ writer, s string) string { return strings.Replace(s, "\n.", "\n", 1) }, []Change{ChangeDots}},
	{"CR CR LF", substitute("\r\n", "\r\r\n"), []Change{ChangeLineEnds}},
	{"CRs lost", substitute("\r\n", "\n"), []Change{ChangeLineEnds}},
	{"Postfix", broken(998, ""), []Change{ChangeLongLine}},
	{"broken at 512", broken(512, ""), []Change{ChangeLongLine}},
	{"Sendmail", broken(990, "!"), []Change{ChangeLongLine}},
	{"padded", substitute("([a-z])\r\n", "$1  \r\n"), []Change{ChangeTrailing}},
	{"final line added", finalAdd, []Change{ChangeFinalLine}},
	{"nested ends", nestedEnds, []Change{ChangeDelimiter}},
	{"Python", then(nestedEnds, finalAdd), nil},
	{"base64 at 76", bodies("base64", func(_, o []byte) []byte { return wrapBase64(o, 76) }), []Change{ChangeBase64Lines}},
	{"base64 in one line", bodies("base64", func(_, o []byte) []byte { return wrapBase64(o, 0) }), []Change{ChangeBase64Lines}},
	{"fewer escapes", minimalQP, []Change{ChangeQuotedPrintable}},
	{"soft breaks elsewhere", bodies("quoted-printable", func(b, _ []byte) []byte { return breakSoft(joinSoft(b), 65, false, qpGuards{}) }), []Change{ChangeSoftBreaks}},
	{"hex in small letters", bodies("quoted-printable", func(b, _ []byte) []byte { return mapEscapes(b, lowerHex) }), []Change{ChangeEscapes}},
	{"MIME::tools", then(base64At60, minimalQP, nestedEnds), nil},
	{"label only", substitute("Encoding: 8bit", "Encoding: 7bit"), []Change{ChangeLabel}},
	{"label removed", substitute("Content-Transfer-Encoding: 7bit\r\n", ""), []Change{ChangeLabel}},
	{"folded", substitute("; ", ";\r\n\t"), []Change{ChangeFolding}},
	{"quoted", substitute("charset=([a-z0-9-]+)", `charset="$1"`), []Change{ChangeQuoting}},
	{"no space after a colon", substitute("Content-Type: text/plain", "Content-Type:text/plain"), []Change{ChangeSpacing}},
	{"a tab after a colon", substitute("\nTo: ", "\nTo:\t"), []Change{ChangeSpacing}},
	{"text banner", textBanner, []Change{ChangeBanner}},
	{"HTML banner", htmlBanner, []Change{ChangeBanner}},
	{"both banners", then(textBanner, htmlBanner), []Change{ChangeBanner}},
	{"text footer", textFooter, []Change{ChangeFooter}},
	{"HTML footer", htmlFooter, []Change{ChangeFooter}},
	{"both footers", then(textFooter, htmlFooter), []Change{ChangeFooter}},
	{"Safe Links", safeLinks, []Change{ChangeLinks}},
	{"Proofpoint", proofpointLinks, []Change{ChangeLinks}},
	{"Safe Links and a banner", then(safeLinks, textBanner), nil},
	{"fields left out", substitute("From: a.*\r\nTo: .*\r\nSubject: .*\r\n", ""), []Change{ChangeFieldRemoved}},
	{"fields left out, line added", then(substitute("From: a.*\r\nTo: .*\r\nSubject: .*\r\n", ""), finalAdd), []Change{ChangeFieldRemoved, ChangeFinalLine}},
	{"as_string", asPython, []Change{ChangeReencoded}},
	{"as_string, quoted", then(everyLine("From ", ">From "), asPython, finalAdd), nil},
	{"quoted and dots", then(everyLine("From ", ">From "), everyLine(".", "..")), nil},
	{"quoted and broken", then(everyLine("From ", ">From "), broken(998, "")), nil},
	{"three things", then(unquotedOnly, everyLine("From ", ">From "), substitute("; ", ";\r\n ")), []Change{ChangeFrom, ChangeFolding, ChangeFinalLine}},
}

var rounds = flag.Uint64("rounds", 0, "run TestFindGenerated with so many contents of every kind")

// TestFindGenerated: what is done to generated content is found and named. Without -rounds each way
// is tried on two kinds of content.
func TestFindGenerated(t *testing.T) {
	t.Parallel()
	for seed := range max(1, *rounds) {
		contents := (writer{rand.New(rand.NewPCG(seed, 1))}).contents()
		for i, way := range ways {
			kinds, n := slices.Sorted(maps.Keys(contents)), 0
			for k := range kinds {
				kind := kinds[(i+k)%len(kinds)]
				signed := contents[kind]
				changed := way.do(writer{rand.New(rand.NewPCG(seed, 2))}, signed)
				if n == 2 && *rounds == 0 || changed == signed || kind == "report" && len(way.changes) != 1 || *rounds > 0 && way.name == "as_string, quoted" {
					continue // of so many parts not all is tried together
				}
				n++
				checkWay(t, fmt.Sprintf("%s, %s, seed %d", kind, way.name, seed), signed, changed, way.changes)
			}
			if n == 0 && seed == 0 {
				t.Errorf("%s: changes no content", way.name)
			}
		}
	}
}

func checkWay(t *testing.T, name, signed, changed string, want []Change) {
	t.Helper()
	outer, err := message.Read(strings.NewReader("From: alice@example.org\r\nTo: bob@example.net\r\n"+regexp.MustCompile(`Subject: .*\r\n|$`).FindString(signed)+"X-Spam: no\r\n\r\n"), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	digest := sha256.Sum256([]byte(signed))
	got, err := Find(t.Context(), Content{Text: []byte(changed), Hash: crypto.SHA256, Digest: digest[:], Outer: outer.Header()})
	if err != nil || string(got.Original) != signed {
		t.Errorf("%s: %q %s, %v, not found", name, got.Change, got.Sentence, err)
		return
	}
	found := slices.Compact(slices.Sorted(slices.Values(append([]Change{got.Change}, got.Also...))))
	if want = slices.Sorted(slices.Values(want)); len(want) > 0 && !slices.Equal(found, want) {
		t.Errorf("%s: %s: %s, want %s", name, found, got.Sentence, want)
	}
}
