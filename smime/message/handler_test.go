package message

import (
	"strings"
	"testing"
)

// TestCheckReplyText: a reply of one line holds it, whatever an administrator writes.
func TestCheckReplyText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Send as your own address (100%), or call 4711": "",
		strings.Repeat("a", MaxReplyText):               "",
		strings.Repeat("a", MaxReplyText+1):             "has 501 octets, at most 500",
		"":                                              "is empty",
		"  ":                                            "is empty",
		"one\nother":                                    "more than one line",
		"one\r\n250 2.0.0 Ok":                           "more than one line",
		"tab\there":                                     "'\\t'",
		"nul\x00":                                       "'\\x00'",
		"\u00fcber":                                     "'\\u00fc'",
		"\xff":                                          "'\\ufffd'",
	} {
		err := CheckReplyText(text)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
}
