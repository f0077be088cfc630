package publish

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

// Text is a TXT record for a [Change] of that type, as the key of a DKIM selector has one (RFC
// 6376, Section 3.6.2.2). A [Seen] of it has any text; one that is published may hold printable
// ASCII alone.
func Text(text string) dane.Record { return dane.Record{Data: []byte(text)} }

// isText reports whether r is one that Text makes, and that can be published.
func isText(r dane.Record) bool {
	printable := func(b byte) bool { return b >= ' ' && b <= '~' }
	return len(r.Data) > 0 && r.Usage == 0 && r.Selector == 0 && r.MatchingType == 0 &&
		!slices.ContainsFunc(r.Data, func(b byte) bool { return !printable(b) })
}

// characterStrings are those of a record, of at most 255 octets each (RFC 1035, Section 3.3), with
// the escapes of the library.
func characterStrings(text []byte) (out []string) {
	const most = 255
	for piece := range slices.Chunk(text, most) {
		out = append(out, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(piece)))
	}
	return out
}

// joined is the text of a record; ok: it is one that Text makes.
func joined(rr *dns.TXT) (r dane.Record, ok bool) {
	text := strings.Join(rr.Txt, "")
	if strings.Contains(text, `\`) {
		text = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(text)
	}
	r = Text(text)
	return r, isText(r)
}
