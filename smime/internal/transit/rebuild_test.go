package transit

import (
	"slices"
	"strings"
	"testing"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

const multipartB = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--"

// What is signed has the form that Python's email package, Courier and part fetchers write.
func TestRebuilt(t *testing.T) {
	t.Parallel()
	const headless = "Content-Type: text/plain"
	const receipt = "Content-Type: message/disposition-notification\r\n\r\nDisposition: x; displayed"
	const status = "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a\r\n\r\nAction: failed"
	const utf8 = "\r\n\r\nFrom: j\xc3\xb6rg@example.org\r\n\r\nx"
	const global = "Content-Transfer-Encoding: base64\r\n\r\n\r\nRnJvbTogasO2cmdAZXhhbXBsZS5vcmcNCg0KeA=="
	for _, c := range []struct{ name, part, want string }{
		{"multipart inside", multipartB, multipartB + "\r\n"},
		{"multipart inside with its line end", multipartB + "\r\n", multipartB + "\r\n"},
		{"multipart in an attached message", "Content-Type: message/rfc822\r\n\r\n" + multipartB, "Content-Type: message/rfc822\r\n\r\n" + multipartB + "\r\n"},
		{"header without an empty line", headless, headless + "\r\n\r\n"},
		{"nothing", "", "\r\n"},
		{"attached header without an empty line", "Content-Type: message/rfc822\r\n\r\nSubject: x", "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n"},
		{"attached nothing", "Content-Type: message/rfc822\r\n\r\n", "Content-Type: message/rfc822\r\n\r\n\r\n"},
		{"attached odd header", "Content-Type: message/rfc822\r\n\r\nSubject:x\r\nCc: \r\nTo:\r\n a@example.org\r\n\r\nx", "Content-Type: message/rfc822\r\n\r\nSubject: x\r\nTo: a@example.org\r\n\r\nx"},
		{"receipt", receipt, receipt + "\r\n\r\n"},
		{"receipt with a line end", receipt + "\r\n", receipt + "\r\n\r\n"},
		{"receipt with an empty line", receipt + "\r\n\r\n", receipt + "\r\n\r\n"},
		{"delivery status", status, status + "\r\n"},
		{"delivery status with a line end", status + "\r\n", status + "\r\n"},
		{"attached in base64", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nQTogYg==\r\n", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\nQTogYg==\r\n"},
		{"attached address in UTF-8", "Content-Type: message/rfc822; name=a.eml" + utf8, "Content-Type: message/global; name=\"a.eml\"\r\n" + global + "\r\n"},
		{"attached address in UTF-8, signed by DKIM", "Content-Type: message/global\r\n\r\nDKIM-Signature: v=1" + utf8[2:], "Content-Type: message/global\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\n" +
			"REtJTS1TaWduYXR1cmU6IHY9MQ0KRnJvbTogasO2cmdAZXhhbXBsZS5vcmcNCg0KeA==\r\n"},
		{"one line end for two delimiters", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n\r\nx\r\n--b--\r\n", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"},
		{"attached in wide base64", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("QTog", 25) + "\r\n", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\n" +
			strings.Repeat("QTog", 19) + "\r\n" + strings.Repeat("QTog", 6) + "\r\n"},
		{"attached in wide base64 after an empty line", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\n" + strings.Repeat("QTog", 25) + "\r\n", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\n" +
			strings.Repeat("QTog", 19) + "\r\n" + strings.Repeat("QTog", 6) + "\r\n"},
		{"leading dot", "\r\n.profile", "Content-Transfer-Encoding: quoted-printable\r\n\r\n=2Eprofile"},
		{"signed by another", signedBy("x"), signedBy("x") + "\r\n"},
		{"attached, signed by another", "Content-Type: message/rfc822\r\n\r\nCc: \r\nSubject:x\r\n" + signedBy("x"), "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n" + signedBy("x") + "\r\n"},
		{"attached, signed by DKIM", "Content-Type: message/rfc822\r\n\r\nDKIM-Signature: v=1\r\n" + multipartB, "Content-Type: message/rfc822\r\n\r\nDKIM-Signature: v=1\r\n" + multipartB + "\r\n"},
	} {
		root, pl, _ := planned(t, mixed(c.part))
		if len(pl.Fragile) > 0 || pl.Blocked != nil {
			t.Errorf("%s: %v, %v", c.name, pl.Fragile, pl.Blocked)
		}
		got := body(prepared(t, mixed(c.part)))
		if want := "--m\r\n" + c.want + "\r\n--m--\r\n"; got != want {
			t.Errorf("%s: %q, want %q, root %v", c.name, got, want, root.Type)
		}
		if again := body(prepared(t, mixed(strings.TrimSuffix(strings.TrimPrefix(got, "--m\r\n"), "\r\n--m--\r\n")))); again != got {
			t.Errorf("%s: %q became %q when prepared again", c.name, got, again)
		}
	}
}

// signedBy is a multipart that somebody else signed; part is what is signed.
func signedBy(part string) string {
	return "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=s\r\n\r\n--s\r\n\r\n" + part +
		"\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--s--"
}

// An attached header that is neither ASCII nor UTF-8 as a whole, with an address that has no form
// in ASCII, goes in no clear form.
func TestAttachedCharsets(t *testing.T) {
	t.Parallel()
	for header, blocked := range map[string]bool{
		"Subject: \xfc\r\nTo: j\xc3\xb6rg@example.org\r\n": true,
		"Subject: \xfc\r\nTo: a@example.org\r\n":           false,
		"In-Reply-To: <\xc3\xbc@example.org>\r\n":          false,
		"In-Reply-To: <\xfc@example.org>\r\n":              true,
	} {
		_, pl, _ := planned(t, mixed("Content-Type: message/rfc822\r\n\r\n"+header+"\r\nx"))
		if (pl.Blocked != nil) != blocked {
			t.Errorf("%q: %v", header, pl.Blocked)
		}
	}
}

// Some systems break lines of 990 octets: no field is folded to longer ones.
func TestLongestField(t *testing.T) {
	t.Parallel()
	for n, unprotected := range map[int]int{984: 0, 985: 1} {
		root, pl, _ := planned(t, "From: a@example.org\r\nX-A: "+strings.Repeat("x", n)+"\r\n\r\nx")
		if pl.EntityHeader(root, "us-ascii", ProtectClear); len(pl.Unprotected) != unprotected {
			t.Errorf("a field of %d octets: %q", n+5, pl.Unprotected)
		}
	}
}

// The type of what is signed says hp="clear" in a form that is read so, whatever stands before it,
// and with no control at which some systems break lines.
func TestRootType(t *testing.T) {
	t.Parallel()
	for value, blocked := range map[string]bool{
		"text/plain": false, "text/plain; charset=utf-8;": false, "text/plain (x": false, "text/plain; a=\"b": false,
		"text/plain; hp=cipher": false, "text/plain; a=\"b\\": false, "text/plain; a=\"b\fc\"": true,
	} {
		root, pl, _ := planned(t, "From: a@example.org\r\nContent-Type: "+value+"\r\n\r\nx")
		fields, _ := message.ParseHeader(pl.EntityHeader(root, "us-ascii", ProtectClear))
		typ, n := entity.Field(fields, "Content-Type")
		if got := entity.ParseMediaType(typ); n != 1 || got.Name != "text/plain" || got.Get(entity.HP) != "clear" || (pl.Blocked != nil) != blocked {
			t.Errorf("%q became %q, %v", value, typ, pl.Blocked)
		}
	}
}

// Parts of another form that may not be changed stay, and are named.
func TestFragile(t *testing.T) {
	t.Parallel()
	const dkim = "Content-Type: message/rfc822\r\n\r\nDKIM-Signature: v=1\r\n"
	for _, part := range []string{
		strings.Replace(signedBy(multipartB), "--s\r\n\r\n", "--s\r\n", 1),
		strings.Replace(signedBy("x"), "--s\r\n\r\n", "--s\r\nContent-Type:text/plain\r\n\r\n", 1),
		strings.Replace(signedBy("x"), "--s\r\n\r\nx", "--s\r\nX-A: x", 1),
		strings.Replace(signedBy("x"), "--s\r\n\r\n", "--s\r\nX-A: x\fy\r\n\r\n", 1),
		dkim + "Subject:x\r\n\r\nx",
		dkim + "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n" + multipartB + "\r\n--c--",
		dkim + "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx",
		dkim + "Content-Type: message/x\r\n\r\nA: b",
		"Content-Type: text/plain\r\nno field\r\n\r\nx",
		"Content-Type: multipart/mixed\r\n\r\nx",
		"Content-Type: multipart/mixed; boundary=none\r\n\r\nx",
		"Content-Type: message/x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nx",
		"Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\nQTogYg==\r\n",
		"Content-Type: message/disposition-notification\r\n\r\nA:b\r\n\r\n",
		"Content-Type: message/disposition-notification\r\n\r\n continued\r\n\r\n",
	} {
		_, pl, _ := planned(t, mixed(part))
		if len(pl.Fragile) != 1 || pl.Blocked != nil {
			t.Errorf("%q: %v, %v", part, pl.Fragile, pl.Blocked)
		}
		if got := body(prepared(t, mixed(part))); !strings.Contains(got, part) {
			t.Errorf("%q became %q", part, got)
		}
	}
	if _, pl, _ := planned(t, mixed(slices.Repeat([]string{"Content-Type: multipart/mixed\r\n\r\nx"}, 20)...)); len(pl.Fragile) != maxFragile {
		t.Errorf("%d parts are named, want %d", len(pl.Fragile), maxFragile)
	}
}
