package mailbox

import (
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestSeparators(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line                string
		afterText, afterGap bool
	}{
		{"From alice@example.org Sat Nov 28 20:00:00 2026", true, true},
		{"From alice@example.org  Sat Nov  7 20:00:00 2026", true, true},
		{"From alice@example.org Sat Nov 28 20:00 2026", true, true},
		{"From alice@example.org Sat Nov 28 20:00:00 CET 2026", true, true},
		{"From alice@example.org Sat Nov 28 20:00:00 2026 +0100", true, true},
		// Gmail Takeout
		{"From 1850000000000000001@xxx Sat Nov 28 20:00:00 +0000 2026", true, true},
		{"From alice@example.org Sat, 28 Nov 2026 20:00:00 +0100 (CET)", true, true},
		{"From alice@example.org 2026-11-28T20:00:00Z", true, true},
		{"From alice@example.org 2026-11-28 20:00:00", true, true},
		{"From alice at example.org  Sat Nov 28 20:00:00 2026", true, true}, // Mailman's archives
		{`From "a b"@example.org Sat Nov 28 20:00:00 2026`, true, true},
		{"From Alice Example <alice@example.org> Sat Nov 28 20:00:00 2026", true, true},
		{"From - Sat Nov 28 20:00:00 2026", true, true},
		{"From MAILER-DAEMON Sat Nov 28 20:00:00 2026", true, true},
		{"From ???@??? Sat Nov 28 20:00:00 2026", true, true}, // Eudora
		{"From root Sat Nov 28 20:00:00 2026", true, true},
		{"From uucp Sat Nov 28 20:00:00 2026 remote from host", true, true},
		{"From  Sat Nov 28 20:00:00 2026", false, true},
		{"From ", false, true},
		{"From -", false, true},
		{"From now on please use the new account.", false, false},
		{"From the office", false, false},
		{"From alice@example.org", false, false},
		{"From Alice on Sat Nov 28 20:00:00 2026", false, false},
		{"From monday, 28 Nov 2026 20:00 on", false, false},
		{"From alice@example.org Sat Nov 28 20:00:00 2026 and so on", false, false},
		{"From alice@example.org Sat Nov 28 20.00 2026", false, false},
		{"From alice@example.org Sat Nov 28 20:00:00 2026 CET MET EST", false, false},
		{"From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001", false, false},
	} {
		for _, gap := range []string{"", "\n"} {
			text := "From - Sat Nov 28 20:00:00 2026\nS: 1\n\ntext\n" + gap + tt.line + "\nSubject: 2\n\ntwo\n"
			want := 1
			if gap == "" && tt.afterText || gap != "" && tt.afterGap {
				want = 2
			}
			if got := len(messages(t, text)); got != want {
				t.Errorf("%q after %q: %d messages, want %d", tt.line, gap, got, want)
			}
			if got := len(messages(t, strings.ReplaceAll(text, "\n", "\r\n"))); got != want {
				t.Errorf("%q with CRLF after %q: %d messages, want %d", tt.line, gap, got, want)
			}
			if got := len(messages(t, strings.Replace(text, "Subject: 2", "no field", 1))); got != 1 {
				t.Errorf("%q, and no field after it: %d messages", tt.line, got)
			}
		}
	}
}

func messages(t *testing.T, text string) (out []string) {
	t.Helper()
	err := WalkReader(strings.NewReader(text), "-", func(m Message) error {
		one, err := readAll(m)
		out = append(out, one)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestMboxForms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const from = "From a@b Sat Nov 28 20:00:00 2026\n"
	for _, tt := range []struct{ name, text, want string }{
		{"a tab on the empty line", from + "S: 1\n\none\n\t\n" + from + "S: 2\n\ntwo\n", "box#1: S: 1||one|\t|\nbox#2: S: 2||two|\n"},
		{"empty lines first", "\n\n" + from + "S: 1\n\none\n", "box#1: S: 1||one|\n"},
		{"no text", from + "S: 1\n\n" + from + "S: 2\n\n\n" + from + "S: 3\n" + from + "S: 4\n\n", "box#1: S: 1||\nbox#2: S: 2||\nbox#3: S: 3|\nbox#4: S: 4||\n"},
		{"UUCP's second line", from + ">From b@c Sat Nov 28 20:00:00 2026 remote from x\nS: 1\n\none\n", "box#1: >From b@c Sat Nov 28 20:00:00 2026 remote from x|S: 1||one|\n"},
		{"a writer of its own", "From a@b Mo 28.11.\nS: 1\n\none\n\nFrom c@d Di 29.11.\nS: 2\n\nFrom c@d on\nx: y\n", "box#1: S: 1||one|\nbox#2: S: 2||From c@d on|x: y|\n"},
		{"patches", "From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\nS: 1\n\none\n\nFrom 1123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\nS: 2\n\n", "box#1: S: 1||one|\nbox#2: S: 2||\n"},
		{"Content-Length", from + "S: 1\nContent-Length: 83\n\none\n\n" + from + "S: 2\n\nThis one is attached, and not quoted.\n\n" + from + "S: 3\n\n", "box#1: S: 1|Content-Length: 83||one||" + from[:33] + "|S: 2||This one is attached, and not quoted.|\nbox#2: S: 3||\n"},
		{"to the end", from + "S: 1\nContent-Length: 44\n\none\n\n" + from + "S: 2\n", "box#1: S: 1|Content-Length: 44||one||" + from[:33] + "|S: 2|\n"},
		{"the last Content-Length", from + "Content-Length: 44\nContent-Length: 4\n\none\n\n" + from + "S: 2\n\n", "box#1: Content-Length: 44|Content-Length: 4||one|\nbox#2: S: 2||\n"},
		{"a wrong one", from + "S: 1\nContent-Length: 5000\n\none\n\n" + from + "S: 2\nContent-Length: 4\n\ntwo\n\n", "box#1: S: 1|Content-Length: 5000||one| (the file ends in the middle of this message, or its Content-Length is wrong: of the 5000 octets that its Content-Length names, 68 are there)\nbox#2: S: 2|Content-Length: 4||two|\n"},
		{"no number", from + "Content-Length: 45\nContent-Length: x\n\none\n\n" + from + "S: 2\n\n", "box#1: Content-Length: 45|Content-Length: x||one|\nbox#2: S: 2||\n"},
		{"one too long at the end", from + "S: 1\nContent-Length: 45\n\none\n", "box#1: S: 1|Content-Length: 45||one| (the file ends in the middle of this message: of the 45 octets that its Content-Length names, 4 are there)\n"},
		{"cut in the header", from + "S: 1\n\none\n\n" + from + "S: 2", "box#1: S: 1||one|\nbox#2: S: 2 (the file ends in the middle of this message: its header has no end)\n"},
		{"cut in a separator", from + "S: 1\n\none\n\n" + from, "box#1: S: 1||one|\nbox#2:  (the file ends in the middle of this message: nothing of it is there)\n"},
		{"cut in a multipart", from + "Content-Type: multipart/mixed;\n boundary=\"b b\"\n\n--b b\n\none\n--b b", "box#1: Content-Type: multipart/mixed;| boundary=\"b b\"||--b b||one|--b b (the file ends in the middle of this message: its last boundary is missing)\n"},
		{"not cut", from + "Content-Type: multipart/mixed;\n boundary=\"b b\"\n\n--b b\n\none\n--b b--", "box#1: Content-Type: multipart/mixed;| boundary=\"b b\"||--b b||one|--b b--\n"},
		{"the folder's data", from + "From: Mail System Internal Data <M@x>\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAPbase: 1 2\n\nx\n\n" + from + "S: 2\n\n", "box#1: data of the mail folder itself, written by its server or reader: not mail, and not judged\nbox#2: S: 2||\n"},
		{"mail about the folder's data", from + "From: a@b\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1\n\n" + from + "S: 2\n\n", "box#1: From: a@b|Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA|X-IMAP: 1||\nbox#2: S: 2||\n"},
		{"mail from the system", from + "From: Mail System Internal Data <M@x>\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n\n", "box#1: From: Mail System Internal Data <M@x>|Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA||\n"},
		{"MMDF without its last line end", "\x01\x01\x01\x01\nS: 1\n\none\n\x01\x01\x01\x01", "box#1: S: 1||one|\n"},
		{"MMDF", "\x01\x01\x01\x01\nS: 1\n\none\n\x01\x01\x01\x01 no\n\x01\x01\x01\x01\n\x01\x01\x01\x01\nFrom x\nS: 2\n\n\x01\x01\x01\x01\n", "box#1: S: 1||one|\x01\x01\x01\x01 no|\nbox#2: S: 2||\n"},
		{"MMDF, cut", "\x01\x01\x01\x01\nS: 1\n\none\n", "box#1: S: 1||one| (the file ends in the middle of this message: the line that ends it is missing)\n"},
	} {
		if got := listed(t, write(t, filepath.Join(dir, tt.name, "box"), tt.text)); got != tt.want {
			t.Errorf("%s: got\n%swant\n%s", tt.name, got, tt.want)
		}
	}
}

// TestSameOctets: a message is the same octets whatever form of file it stands in, first, in the
// middle or last.
func TestSameOctets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const from = "From a@b Sat Nov 28 20:00:00 2026\n"
	for name, one := range map[string]string{
		"text":                    "From: a@b\nSubject: 1\n\none\n",
		"empty lines at its end":  "From: a@b\nSubject: 1\n\none\n\n\n",
		"no text":                 "From: a@b\nSubject: 1\n\n",
		"nothing but empty lines": "From: a@b\nSubject: 1\n\n\n\n",
	} {
		length := "Content-Length: " + strconv.Itoa(len(one)-strings.Index(one, "\n\n")-2) + "\n"
		for form, file := range map[string]struct {
			text, want string
			n          int
		}{
			"a.eml":            {one, one, 1},
			"cur/a:2,S":        {one, one, 1},
			"mbox":             {strings.Repeat(from+one+"\n", 3), one, 3},
			"one":              {from + one + "\n", one, 1},
			"mbox of CRLF":     {strings.ReplaceAll(strings.Repeat(from+one+"\n", 3), "\n", "\r\n"), strings.ReplaceAll(one, "\n", "\r\n"), 3},
			"mboxcl2":          {strings.Repeat(from+length+one+"\n", 3), length + one, 3},
			"public-inbox":     {strings.Repeat("From mboxrd@z Thu Jan  1 00:00:00 1970\n"+one+"\n", 3), one, 3},
			"MMDF":             {strings.Repeat(mmdfLine+"\n"+one+mmdfLine+"\n", 3), one, 3},
			"mbox, compressed": {strings.Repeat(from+one+"\n", 3), one, 3},
		} {
			path := filepath.Join(dir, name, form)
			if write(t, path, file.text); strings.HasSuffix(form, "compressed") {
				compress(t, path, "gzip", file.text)
			}
			n := 0
			if err := Walk(path, func(m Message) error {
				n++
				if got, err := readAll(m); err != nil || got != file.want {
					t.Errorf("%s: %s: %q, %v, want %q", name, m.Name, got, err, file.want)
				}
				return nil
			}); err != nil || n != file.n {
				t.Errorf("%s: %s: %d messages, %v", name, form, n, err)
			}
		}
	}
}

func TestUnquote(t *testing.T) {
	t.Parallel()
	const text = "S: 1\n>From the header\n\nFrom 0\n>From 1\n>>From 2\n>from\n> From\n>From"
	for quoting, want := range map[Quoting]string{
		QuotingMboxrd: "S: 1\n>From the header\n\nFrom 0\nFrom 1\n>From 2\n>from\n> From\n>From",
		QuotingMboxo:  "S: 1\n>From the header\n\nFrom 0\nFrom 1\n>>From 2\n>from\n> From\n>From",
	} {
		u := Unquote(strings.NewReader(text), quoting)
		got, err := io.ReadAll(u)
		if err != nil || string(got) != want || u.Deeper() != 1 {
			t.Errorf("%d: %q, %v, %d deeper", quoting, got, err, u.Deeper())
		}
	}
	long := "S: 1\n\n" + strings.Repeat("x", 64<<10) + ">From here\n>From there\n"
	got, err := io.ReadAll(Unquote(strings.NewReader(long), QuotingMboxrd))
	if err != nil || string(got) != strings.Replace(long, "\n>From there", "\nFrom there", 1) {
		t.Errorf("a long line: %d bytes, %v", len(got), err)
	}
}
