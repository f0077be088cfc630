package message

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestStray ends the header at the first line that is no header field, and loses nothing of it.
func TestStray(t *testing.T) {
	t.Parallel()
	for _, stray := range []string{
		"The job is done.", "No field: by the spaces in its name", ": no name", " : no name", "From alice@example.org Sat Nov 28 20:00:00 2026",
		">From alice@example.org", "boundary=\"B1\"", "Préface: 8-bit", "Subject", "a\tb", "Sub ject: x", "--B1",
	} {
		if stray[0] == ' ' {
			continue // after a field that is its continuation
		}
		m := mustRead(t, "A: 1\r\n b\r\n"+stray+"\r\nFrom: x@example.org\r\n\r\nb")
		if stray != m.Stray() || len(m.Header()) != 1 || m.BodyOffset() != 10 || text(t, m.Body()) != stray+"\r\nFrom: x@example.org\r\n\r\nb" {
			t.Errorf("%q: %d fields, stray %q, body at %d", stray, len(m.Header()), m.Stray(), m.BodyOffset())
		}
	}
	for _, stray := range []string{" first", "\tfirst", "x", ": x", "two words"} {
		m := mustRead(t, stray+"\r\nFrom: x@example.org\r\n\r\nb")
		if m.Stray() != stray || len(m.Header()) != 0 || m.BodyOffset() != 0 {
			t.Errorf("%q: %d fields, stray %q, body at %d", stray, len(m.Header()), m.Stray(), m.BodyOffset())
		}
	}
	for _, field := range []string{"A:", "A : 1", "A1_!#$%&'*+-/=?^`{|}~: 1", "--a: 1", "A:\x011", "A: b\x7f", "A: 8-bit \xff"} {
		m := mustRead(t, field+"\r\n\r\nb")
		if m.Stray() != "" || len(m.Header()) != 1 || text(t, m.Body()) != "b" {
			t.Errorf("%q: %d fields, stray %q", field, len(m.Header()), m.Stray())
		}
	}
}

// TestControlOctets refuses what readers take for one field, another one or none.
func TestControlOctets(t *testing.T) {
	t.Parallel()
	refused := func(what, in string, c byte) {
		t.Helper()
		_, err := Read(strings.NewReader(in), ReadOptions{})
		header, ok := errors.AsType[*HeaderError](err)
		if !ok || !errors.Is(err, ErrMalformed) || header.Octet != c {
			t.Errorf("%s %q: %v", what, in, err)
		}
		for _, r := range err.Error() {
			if r < ' ' || r > '~' {
				t.Errorf("%s: error %q", what, err)
			}
		}
	}
	for c := range 128 {
		if !isControl(byte(c)) || c == '\n' {
			continue
		}
		o := string(rune(c))
		first := strings.ReplaceAll("#From: x\r\n\r\nb", "#", o)
		for _, line := range []string{"Fr#om: x", "From#: x", "From#x: y", "From # x: y", "X#", "From#", "From #"} {
			in := "A: 1\r\n" + strings.ReplaceAll(line, "#", o) + "\r\nB: 2\r\n\r\nb"
			if c == '\t' && !strings.Contains(line, ":") {
				mustRead(t, in) // text
				continue
			}
			refused("in a name", in, byte(c))
		}
		refused("first", first, byte(c))
		if c != '\t' {
			refused("begins a line", "A: 1\r\n"+first, byte(c))
		}
		for _, value := range []string{"A: x#y", "A: x\r\n y#", "A: 1\r\n #", "A:#"} {
			in := strings.ReplaceAll(value, "#", o) + "\r\n\r\nb"
			if c == 0 {
				refused("in a value", in, 0)
			} else if m := mustRead(t, in); len(m.Header()) != 1 || m.Stray() != "" {
				t.Errorf("%q: %d fields, stray %q", in, len(m.Header()), m.Stray())
			}
		}
		// Of the text nothing is asked.
		if m := mustRead(t, "A: 1\r\nno field\r\n"+o+"From: x\r\n\r\n"+o); len(m.Header()) != 1 {
			t.Errorf("%#02x in the text: %d fields", c, len(m.Header()))
		}
	}
	refused("in an mbox line", "From x\x00\r\nA: 1\r\n\r\n", 0)
	refused("in a long header", strings.Repeat("A: 1\r\n", 20000)+"B\x01: 2\r\n\r\n", 1)
}

// TestControlOctetsInAddresses: whom a field with them names cannot be told.
func TestControlOctetsInAddresses(t *testing.T) {
	t.Parallel()
	for c := range 128 {
		for _, from := range []string{"#a@example.org", "a#@example.org", "a@example.org#", "a@exa#mple.org", "A# <a@example.org>", `"A#" <a@example.org>`, `"A\#" <a@example.org>`, "a@example.org (#)", `a@example.org (\#)`, "<#a@example.org>"} {
			value := " " + strings.ReplaceAll(from, "#", string(rune(c)))
			_, list := ParseAddressList(value)
			_, from := ParseFrom(value)
			if (list == nil || from == nil) && isControl(byte(c)) && c != '\t' && c != '\n' {
				t.Errorf("%q is read as an address", value)
			}
		}
	}
	if _, err := ParseAddressList("\tA\r\n\t<a@example.org>\t(\tb\t)"); err != nil {
		t.Error(err)
	}
}

var (
	fieldForm   = regexp.MustCompile(`^[!-9;-~]+[ \t]*:`)
	controlName = regexp.MustCompile(`^[^:]*[\x00-\x1f\x7f][^:]*:`)
	controlText = regexp.MustCompile(`^[^:]*[\x00-\x08\x0b-\x1f\x7f][^:]*$`)
)

// expectedEnd is where the header of b ends, by patterns; or an error.
func expectedEnd(b string) (end, body int, err error) {
	at := 0
	for line := range strings.SplitAfterSeq(b, "\n") {
		bare := strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		continues := at > 0 && strings.Trim(line[:min(1, len(line))], " \t") == ""
		mailbox := at == 0 && strings.HasPrefix(strings.TrimLeft(line, ">"), "From ") && !fieldForm.MatchString(line)
		switch {
		case line == "":
		case line == "\r\n" || line == "\n":
			return at, at + len(line), nil
		case line == "\r":
			return at, at, nil
		case strings.Contains(bare, "\x00"), !continues && !mailbox && (controlName.MatchString(bare) || controlText.MatchString(bare)):
			return 0, 0, fmt.Errorf("%q", line)
		case !continues && !mailbox && !fieldForm.MatchString(line):
			return at, at, nil
		}
		at += len(line)
	}
	return at, at, nil
}

// FuzzHeader: the header ends where it should, no octet is lost between it and the body, whatever
// is refused is refused for a control octet, and once an edit was written all who read the message
// agree.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{
		"From: a\r\n b\r\nno field\r\nTo: c\r\n\r\nbody\r\n", "From a\r\nFrom: a\r\n\r\n", "From : a\r\n\r\n", "A\x01: b\r\n\r\n", "A:\x00\r\n\r\n", "A\t: b\r\n\r\n",
		" x\r\n", "a\r\r\n\r\n", "\xff: x\r\n\r\n", "A: b\r\n \r\n\tc\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		end, body, wantErr := expectedEnd(string(b))
		l, found, err := findEnd(b, true)
		switch {
		case !found && err == nil:
			t.Fatal("no end")
		case (err == nil) != (wantErr == nil):
			t.Fatalf("%v, want %v", err, wantErr)
		case err != nil:
			return
		case l.end != end || l.body != body || (l.stray != "") != (end == body && end < len(b) && string(b[end:]) != "\r"):
			t.Fatalf("%+v, want %d, %d", l, end, body)
		}
		for n := range min(len(b), 100) {
			if part, found, err := findEnd(b[:n], false); found && (part != l && part.stray == "" || err != nil) {
				t.Fatalf("%d octets give %+v, all %+v", n, part, l)
			}
		}
		var fields []byte
		for _, field := range splitFields(b[:l.end]) {
			fields = append(fields, field.Raw...)
		}
		if !bytes.Equal(fields, b[:l.end]) {
			t.Fatalf("fields %q of %q", fields, b[:l.end])
		}
	})
}
