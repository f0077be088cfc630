package mailbox

import (
	"strings"
	"testing"
)

func TestNotMail(t *testing.T) {
	t.Parallel()
	const crlf = "From: a@example.org\r\nSubject: x\r\n\r\ntext\r\n"
	for name, tt := range map[string]struct{ start, kind string }{
		"a message":             {crlf, ""},
		"LF":                    {strings.ReplaceAll(crlf, "\r", ""), ""},
		"NUL in a field":        {"Subject: a\x00b\r\n" + crlf, ""},
		"CR CR LF in the text":  {"Subject: x\r\n\r\na\r\r\nb\r\r\n", ""},
		"CR CR LF":              {strings.ReplaceAll(crlf, "\r", "\r\r"), "text whose lines end in CR CR LF"},
		"CR":                    {strings.ReplaceAll(crlf, "\n", ""), "text whose lines end in CR alone"},
		"UTF-32, little-endian": {"\xff\xfe\x00\x00F\x00\x00\x00", "text in UTF-32"},
		"UTF-32, big-endian":    {"\x00\x00\xfe\xff\x00\x00\x00F", "text in UTF-32"},
		"UTF-16":                {"\xff\xfeF\x00r\x00", "text in UTF-16"},
		"zeros":                 {strings.Repeat("\x00", 600), "binary data"},
		"zlib":                  {"x\x9c\x8dT[s\xa2H\x14~:\n", "binary data"},
		"a note in ISO-2022-JP": {"\x1b$B;d\x1b(B\r\n\r\n", ""},
	} {
		if kind, advice := NotMail([]byte(tt.start)); kind != tt.kind || (advice == "") != (kind == "") {
			t.Errorf("%s: %q, %q; want %q", name, kind, advice, tt.kind)
		}
	}
}
