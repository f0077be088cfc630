package smime

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExplainStructure explains signatures that are not where S/MIME has them.
func TestExplainStructure(t *testing.T) {
	t.Parallel()
	whole := head + clearPart(content, p7s+detached(t, content, alice()))
	replace := func(old, new string) string {
		t.Helper()
		if !strings.Contains(whole, old) {
			t.Fatalf("no %q in\n%s", old, whole)
		}
		return strings.Replace(whole, old, new, 1)
	}
	i := strings.LastIndex(whole, "\r\n--S\r\n")
	_, signature, _ := strings.Cut(whole[i:], "\r\n\r\n")
	beforeText, text, _ := strings.Cut(whole, "\r\n\r\n")
	relabelled := replace("multipart/signed", "multipart/mixed")
	footer := "\r\n--S\r\nContent-Type: text/plain\r\n\r\n-- \r\nlist\r\n--S--"
	for name, c := range map[string]struct {
		msg, word string
		want      []Change
	}{
		"taken out":              {whole[:i] + "\r\n--S--\r\n", "taken out", []Change{ChangeSignatureRemoved}},
		"taken out, no end":      {whole[:i] + "\r\n--S\r\n", "taken out", []Change{ChangeSignatureRemoved}},
		"taken out and said":     {"X-Content-Filtered-By: Mailman/MimeDel 3.3.8\r\n" + whole[:i] + "\r\n--S--\r\n", "Mailman/MimeDel", []Change{ChangeSignatureRemoved}},
		"cut in the content":     {whole[:i-4], "ends early", []Change{ChangeCut}},
		"cut in the signature":   {whole[:len(whole)-200], "ends early", []Change{ChangeCut}},
		"a notice in its place":  {whole[:i] + "\r\n--S\r\nContent-Type: text/plain\r\n\r\nsmime.p7s was removed.\r\n--S--\r\n", "\"text/plain\" is in its place", []Change{ChangeSignatureRemoved}},
		"a notice in it":         {whole[:i] + "\r\n--S\r\n" + p7s + "\r\nIt was removed.\r\n--S--\r\n", "not CMS but text: \"It was removed.\"", []Change{""}},
		"emptied":                {whole[:i] + "\r\n--S\r\n" + p7s + "\r\n--S--\r\n", "object is empty", []Change{""}},
		"of type text":           {replace("Content-Type: application/pkcs7-signature", "Content-Type: text/plain"), "as it was signed", []Change{ChangeSignatureRenamed}},
		"CR CR LF":               {beforeText + "\r\n\r\n" + strings.ReplaceAll(text, "\r\n", "\r\r\n"), "those of the boundaries too", []Change{ChangeLineEnds}},
		"another boundary":       {strings.ReplaceAll(whole, "\r\n--S", "\r\n--T"), "the boundary that the header names", []Change{""}},
		"renamed":                {replace("smime.p7s", "ATT00001.txt"), "as it was signed", []Change{ChangeSignatureRenamed}},
		"another type":           {replace("Content-Type: application/pkcs7-signature", "Content-Type: application/octet-stream"), "as it was signed", []Change{ChangeSignatureRenamed}},
		"a part more":            {strings.Replace(whole, "\r\n--S--", footer, 1), "put into", []Change{ChangePartAdded}},
		"relabelled":             {relabelled, "multipart/mixed", []Change{ChangeRelabelled}},
		"relabelled, footer":     {strings.Replace(relabelled, "\r\n--S--", footer, 1), "multipart/mixed", []Change{ChangeRelabelled}},
		"relabelled and changed": {strings.Replace(relabelled, "Hello", "Hello ", 1), "White space", []Change{ChangeRelabelled, ChangeTrailing}},
		"rebuilt":                {strings.Replace(relabelled, "Hello", "Good day to all of you", 1), "rebuilt", []Change{ChangeRebuilt}},
		"signature alone":        {head + "Content-Type: multipart/mixed; boundary=S\r\n\r\n--S\r\n" + p7s + "\r\n" + signature, "rebuilt", []Change{ChangeRebuilt}},
		"object attached": {
			head + "Content-Type: multipart/mixed; boundary=S\r\n\r\n--S\r\nContent-Type: application/octet-stream; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
				attached(t, content, alice()) + "\r\n--S--\r\n", "signed object", []Change{ChangeRelabelled},
		},
		"nothing":                {strings.Replace(relabelled, "application/pkcs7-signature; name=smime.p7s", "application/pdf", 1), "", nil},
		"nothing that is signed": {head + "Content-Type: multipart/signed; boundary=S\r\n\r\n--S\r\n\r\nx\r\n--S\r\n\r\ny\r\n--S\r\n\r\nz\r\n--S--\r\n", "cannot be read", []Change{""}},
	} {
		found, err := Explain(t.Context(), mustRead(t, c.msg))
		checkExplained(t, name, found, err, c.word, c.want)
	}
}

// TestExplainHeader explains a header that was changed around a signature that holds.
func TestExplainHeader(t *testing.T) {
	t.Parallel()
	signed := sign(t, "From: =?utf-8?Q?Example=2C_Alice?= <alice@example.org>\r\nTo: bob@example.net\r\nSubject: Chairs\r\nMIME-Version: 1.0\r\n\r\nThree\r\n", SignOptions{})
	for name, c := range map[string]struct {
		old, new, word string
		want           []Change
	}{
		"nothing":                    {"Subject: Chairs", "Subject: Chairs", "", nil},
		"a tag":                      {"Subject: Chairs", "Subject: [list] Chairs", "", nil},
		"a change":                   {"Subject: Chairs", "Subject: No chairs", "since: Subject. ", []Change{ChangeHeader}},
		"an addition":                {"To: bob@example.net", "To: bob@example.net\r\nReply-To: x@example.net", "since: Reply-To. ", []Change{ChangeHeader}},
		"a list as author":           {"From: =?utf-8?Q?Example=2C_Alice?= <alice@example.org>", "From: List <list@example.net>", "names one author, alice@example.org.", []Change{ChangeHeader}},
		"words decoded, and more":    {"From: =?utf-8?Q?Example=2C_Alice?= <alice@example.org>\r\nTo: bob@", "From: Example, Alice <alice@example.org>\r\nTo: eve@", "since: From, To. ", []Change{ChangeHeader}},
		"words decoded":              {"From: =?utf-8?Q?Example=2C_Alice?= <", "From: Example, Alice <", "Those hold encoded words", []Change{ChangeWordsDecoded}},
		"words decoded by fetchmail": {"From: =?utf-8?Q?Example=2C_Alice?= <", "From: Example@127.0.0.1, Alice <", "names one author, alice@example.org. Those hold encoded words", []Change{ChangeWordsDecoded}},
	} {
		found, err := Explain(t.Context(), mustRead(t, strings.Replace(signed, c.old, c.new, 1)))
		checkExplained(t, name, found, err, c.word, c.want)
	}
}

func checkExplained(t *testing.T, name string, found []Explanation, err error, word string, want []Change) {
	t.Helper()
	var got []Change
	var text string
	for _, e := range found {
		got, text = append(append(got, e.Change), e.Also...), text+e.Sentence
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || !strings.Contains(text, word) {
		t.Errorf("%s: %v %s without %q\n%s", name, err, text, word, diff)
	}
}

// TestCasesStructure explains what real systems made of signed messages.
func TestCasesStructure(t *testing.T) {
	t.Parallel()
	for file, c := range map[string]struct {
		word string
		want []Change
	}{
		"hops/06-amavis-altermime-removeall.eml":       {"X-Amavis-Modified", []Change{ChangeSignatureRemoved}},
		"hops/17-mailparser-orphan-signature.eml":      {"multipart/signed became \"multipart/mixed\"", []Change{ChangeRebuilt}},
		"mail/g-not-recognised/mixed-p7s.eml":          {"multipart/signed became \"multipart/mixed\". The content before it is as it was signed.", []Change{ChangeRelabelled}},
		"hops/18-offlineimap-after-last-hop.eml":       {"leaves no trace", nil},
		"hops/08-fetchmail-mimedecode-latin1-from.eml": {"decoded", nil},
	} {
		raw, err := os.ReadFile(filepath.Join("../testdata/cases", file))
		if err != nil {
			t.Fatal(err)
		}
		found, err := Explain(t.Context(), mustRead(t, string(raw)))
		if c.want == nil && len(found) > 0 {
			c.want = append([]Change{found[0].Change}, found[0].Also...)
		}
		checkExplained(t, file, found, err, c.word, c.want)
	}
}
