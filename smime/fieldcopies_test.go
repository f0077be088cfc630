package smime

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnseal/smime/cms"
	"dnseal/smime/internal/header"
)

// fieldValue generates values as devices and scripts write them.
func fieldValue() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{
			"J\xfcrgen", "J\xc3\xbcrgen", "Alice", "\"M\xfcller, J.\"", "\"a \\\" b\"", "(B\xfcro)", "(\xc3\xbc (x) y)", "<a@example.org>", "<\xc3\xbc@example.org>", "<\xfc@example.org>",
			"b@example.org", ",", ", ", ";", "Team:", " ", "  ", "\t", "\r\n ", "\r\n\t", "=?utf-8?q?J=C3=BCrgen?=", "=?iso-8859-1?q?J=FCrgen?=", "=?utf-8?q?x", "=3D", "\\", "(", "\"", "<",
		}),
		rapid.StringMatching(`[ -~]{0,20}`),
		rapid.Custom(func(t *rapid.T) string { return strings.Repeat("x", rapid.IntRange(60, 1100).Draw(t, "long")) }),
	)
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces"), rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
	})
}

// Whatever stands in a header, the copies that Sign makes of it say the same to Verify: nothing
// counts as changed by signing it.
func TestCopiesSayTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var head strings.Builder
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(append([]string{"X-Note", "Message-ID", "Comments"}, header.Shown[1:]...)), 1, 4).Draw(t, "names") {
			head.WriteString(name + ": " + fieldValue().Draw(t, name) + "\r\n")
		}
		signed := rapidSign(t, "From: a@example.org\r\n"+head.String()+"MIME-Version: 1.0\r\n\r\nHello\r\n", SignOptions{Signers: []cms.Signer{dave()}, Time: signedAt})
		r := rapidVerify(t, signed)
		if why := broken(r); why != "" {
			t.Fatalf("%s of\n%q", why, head.String())
		}
		if s := r.Signatures[0]; s.HeaderState != HeaderProtected {
			t.Fatalf("%s: %q of\n%q in\n%s", s.HeaderState, s.Differences, head.String(), signed)
		}
	})
}
