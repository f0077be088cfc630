package smime

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// What real programs did is found, and named.
func TestExplainCases(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		changes []Change
		word    string
	}{
		"hops/01-courier-nested-end.eml":                    {[]Change{ChangeFinalLine}, "at the end"},
		"hops/01b-inner-nested-python.eml":                  {[]Change{ChangeDelimiter}, "closing delimiter"},
		"hops/02-courierimap-mime-part-header.eml":          {[]Change{ChangeFieldRemoved}, "left out"},
		"hops/03-from-quoting-some-lines.eml":               {[]Change{ChangeFrom}, `">" was inserted`},
		"hops/04-maildrop-mboxrd.mbox":                      {[]Change{ChangeFrom}, "mboxrd"},
		"hops/05-mailsplit-fewer-escapes.eml":               {[]Change{ChangeQuotedPrintable}, "other characters escaped"},
		"hops/11-mimetools-rebuild.eml":                     {[]Change{ChangeBase64Lines, ChangeSoftBreaks, ChangeFinalLine}, "another length"},
		"hops/16-getmail6-colon-space.eml":                  {[]Change{ChangeSpacing}, "after the colon"},
		"hops/18-offlineimap-after-last-hop.eml":            {[]Change{ChangeFinalLine}, "at the end"},
		"mail/i-explain/banner-prepended-html.eml":          {[]Change{ChangeBanner}, "start of"},
		"mail/i-explain/banner-prepended-text.eml":          {[]Change{ChangeBanner}, "start of"},
		"mail/i-explain/crcrlf.eml":                         {[]Change{ChangeLineEnds}, "A CR was added to line ends"},
		"mail/i-explain/cte-8bit-to-7bit-label.eml":         {[]Change{ChangeLabel}, "8bit to 7bit"},
		"mail/i-explain/dot-removed.eml":                    {[]Change{ChangeDots}, "lost"},
		"mail/i-explain/footer-html-in-body.eml":            {[]Change{ChangeFooter}, "appended"},
		"mail/i-explain/long-990-bang.eml":                  {[]Change{ChangeLongLine}, "Sendmail"},
		"mail/i-explain/long-line-2500-through-postfix.eml": {[]Change{ChangeLongLine}, "too long for SMTP"},
		"mail/i-explain/mp-preamble-removed.eml":            {[]Change{ChangePreamble}, "preamble"},
		"mail/i-explain/qp-72-to-76-and-softbreak.eml":      {[]Change{ChangeSoftBreaks}, "last one"},
	} {
		raw, err := os.ReadFile("../testdata/cases/" + name)
		if err != nil {
			t.Fatal(err)
		}
		msg := string(raw)
		if strings.HasSuffix(name, ".mbox") {
			_, msg, _ = strings.Cut(msg, "\n")
		}
		got, err := Explain(t.Context(), mustRead(t, msg))
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		found := append([]Change{got[0].Change}, got[0].Also...)
		slices.Sort(found)
		slices.Sort(want.changes)
		if !slices.Equal(found, want.changes) || !strings.Contains(got[0].Sentence, want.word) {
			t.Errorf("%s: %s: %s, want %s and %q", name, found, got[0].Sentence, want.changes, want.word)
		}
	}
}
