package authres

import (
	"strings"
	"testing"
)

// TestField: an identifier is written unchanged or not at all; serial and issuer come together (RFC
// 7281, Section 3.2.3).
func TestField(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		result Result
		want   string
	}{
		{Result{Verdict: "none"}, " mx.example.net; smime=none"},
		{Result{Verdict: "pass", Identifier: "a@example.org", Part: "2"}, " mx.example.net; smime=pass body.smime-identifier=a@example.org body.smime-part=2"},
		{Result{Verdict: "pass", Identifier: `"a b"@example.org`}, ` mx.example.net; smime=pass body.smime-identifier="a b"@example.org`},
		{Result{Verdict: "pass", Identifier: `"a"@example.org`}, " mx.example.net; smime=pass"},
		{Result{Verdict: "pass", Identifier: "a@EXAMPLE.org "}, " mx.example.net; smime=pass"},
		{Result{Verdict: "pass", Identifier: "a;b@example.org"}, " mx.example.net; smime=pass"},
		{Result{Verdict: "pass", Serial: "1f"}, ` mx.example.net; smime=pass body.smime-serial=1f body.smime-issuer=""`},
		{Result{Verdict: "pass", Issuer: "CN=x"}, ` mx.example.net; smime=pass body.smime-serial="" body.smime-issuer="CN:x"`},
		{Result{Verdict: "fail", Comment: `a) smime=pass (\`}, " mx.example.net; smime=fail (a] smime:pass [/)"},
	} {
		change := Field("mx.example.net", tt.result)
		if got := strings.ReplaceAll(change.Value, "\r\n", ""); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.result, got, tt.want)
		}
	}
	if got := Field("mx", Result{Verdict: "pass"}, Result{Verdict: "fail"}).Value; got != " mx; smime=pass; smime=fail" {
		t.Errorf("two results: %q", got)
	}
}
