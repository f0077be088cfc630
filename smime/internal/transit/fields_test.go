package transit

import (
	"bytes"
	"strings"
	"testing"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// FuzzFields wants a field that survives transit to be one field of the same name, and safe when it
// is looked at again.
func FuzzFields(f *testing.F) {
	f.Add("From: A <a@example.org>\r\nSubject: x\r\n")
	f.Add("Subject: \xc3\xbc \xfc\r\nTo: \"M\xfcller, J.\" <a@example.org> (B\xfcro)\r\nDate: x\xff\r\n")
	f.Add("X-Note: a\x00b\nContent-Disposition: attachment; filename=\"\xc3\xbc\"\n")
	f.Fuzz(func(t *testing.T, header string) {
		fields, _ := message.ParseHeader([]byte(header))
		for _, field := range fields {
			checkCopy(t, field)
		}
	})
}

func checkCopy(t *testing.T, f message.Field) {
	t.Helper()
	raw, err := CopyOfField(f)
	if err != nil || f.Name() == "" {
		return
	}
	if WithoutValue(f) {
		if len(raw) > 0 {
			t.Fatalf("%q became %q", f.Raw, raw)
		}
		return
	}
	if rest, ok := bytes.CutPrefix(raw, []byte(f.Name()+": ")); !ok || isSpace(rest[0]) || rewritten(raw) {
		t.Fatalf("%q became %q", f.Raw, raw)
	}
	again, _ := message.ParseHeader(raw)
	if len(again) != 1 || !again[0].Is(f.Name()) {
		t.Fatalf("%q became %q", f.Raw, raw)
	}
	if h := fieldHazards(raw) & entity.Breaking &^ entity.Has8bit; h != 0 {
		t.Fatalf("%q became %q: %s", f.Raw, raw, h)
	}
}

// Systems that take a message apart write one space after each colon, and end a line at some
// controls. What is written has that form already, and its value stays.
func TestSafeField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"In-Reply-To:<a@example.org>\r\n", "In-Reply-To: <a@example.org>\r\n"},
		{"X-A:  v  w\r\n", "X-A: v  w\r\n"},
		{"X-A:\tv\r\n", "X-A: v\r\n"},
		{"X-A: \tv\r\n", "X-A: v\r\n"},
		{"X-A : v\r\n", "X-A: v\r\n"},
		{"X-A:v\n", "X-A: v\r\n"},
		{"X-A:\r\n v\r\n", "X-A: v\r\n"},
		{"X-A:\r\n\tv\r\n w\r\n", "X-A: v\r\n w\r\n"},
		{"X-A: \r\n v\r\n", "X-A: v\r\n"},
		{"X-A: v\r\n \r\n w\r\n", "X-A: v  w\r\n"},
		{"From : v\r\n", "From: v\r\n"},
		{"X-A: v\x0cw\r\n", "X-A: =?utf-8?q?v=0Cw?=\r\n"},
		{"X-A: v\r\n\tw\r\n", "X-A: v\r\n\tw\r\n"},
		{"x-a: v\r\n", "x-a: v\r\n"},
		{"X-A:\r\n", ""},
		{"X-A: \r\n", ""},
		{"X-A:\t\r\n \r\n", ""},
	} {
		fields, _ := message.ParseHeader([]byte(c.in))
		if got, err := SafeField(fields[0]); err != nil || string(got) != c.want {
			t.Errorf("%q became %q, %v, want %q", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{"To: a\x0bb <a@example.org>\r\n", "Content-Type: text/plain; name=\"\x1c\"\r\n"} {
		fields, _ := message.ParseHeader([]byte(in))
		if got, err := SafeField(fields[0]); err == nil {
			t.Errorf("%q became %q", in, got)
		}
	}
}

// Fields of one name of which some have a value and some have none: the signed form would lose the
// latter, or not survive.
func TestPartlyEmpty(t *testing.T) {
	t.Parallel()
	const from = "From: a@example.org\r\n"
	root, pl, _ := planned(t, from+"X-A: \r\nx-a: v\r\nX-B:\r\nX-C: v\r\n\r\nx\r\n")
	if h := string(pl.EntityHeader(root, "us-ascii", ProtectClear)); pl.Blocked != nil || len(pl.Unprotected) != 2 || strings.Contains(strings.ToLower(h), "x-a") || strings.Contains(h, "X-B") || !strings.Contains(h, "X-C: v") {
		t.Errorf("%v %q\n%s", pl.Blocked, pl.Unprotected, h)
	}
	root, pl, _ = planned(t, from+"To:\r\nTo: b@example.org\r\n\r\nx\r\n")
	if pl.EntityHeader(root, "us-ascii", ProtectClear); pl.Blocked == nil || pl.Blocked.Place != "To" {
		t.Error(pl.Blocked)
	}
}
