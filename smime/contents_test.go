package smime_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"dnseal/smime"
	"dnseal/smime/message"
)

// treeOf writes the parts of a vector with what covers each.
func treeOf(t *testing.T, vector string) string {
	t.Helper()
	file, err := os.Open("../testdata/vectors/" + vector + ".eml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := message.Read(file, message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r, err := smime.Verify(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Contents(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var b strings.Builder
	write(t, &b, c.Root, "")
	return b.String()
}

func write(t *testing.T, b *strings.Builder, p *smime.Part, indent string) {
	t.Helper()
	if p == nil {
		b.WriteString("nothing\n")
		return
	}
	body, err := io.ReadAll(p.Body())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(b, "%s%q %s %s", indent, p.Number, p.Type, p.Role)
	for _, s := range p.Signatures {
		fmt.Fprintf(b, " <%s", s.Part)
	}
	if text := strings.TrimSpace(string(body)); p.Role == "" && !p.Multipart() && len(text) < 50 {
		fmt.Fprintf(b, " %q", text)
	}
	before, after := p.Around()
	for _, text := range []*io.SectionReader{before, after} {
		if body, err = io.ReadAll(text); err != nil {
			t.Fatal(err)
		} else if len(body) > 0 {
			fmt.Fprintf(b, " around: %q", strings.TrimSpace(string(body)))
		}
	}
	b.WriteString("\n")
	for _, k := range p.Parts {
		write(t, b, k, indent+"  ")
	}
}

func TestContents(t *testing.T) {
	t.Parallel()
	for vector, want := range map[string]string{
		"001-pass": `
"" multipart/signed signed
  "1" text/plain  <2 "We meet at noon. The sum is 100 euros."
  "2" application/pkcs7-signature signature
`,
		"002-pass-opaque": `
"1" application/pkcs7-mime signed
  "1.1" text/plain  <1 "We meet at noon. The sum is 100 euros."
`,
		"022-none-unsigned": `
"1"  
`,
		"016-list-footer": `
"" multipart/signed signed around: "-- \r\nA list of example.com"
  "1" text/plain  <2 "We meet at noon. The sum is 100 euros."
  "2" application/pkcs7-signature signature
`,
		"061-m-opaque-inside": `
"" multipart/mixed 
  "1" text/plain 
  "2" application/pkcs7-mime signed
    "2.1" text/plain  <2 "We meet at noon. The sum is 100 euros."
`,
		"164-pass-signed-again": `
"" multipart/signed signed
  "1" multipart/signed signed <2
    "1.1" text/plain  <2 <1.2 "We meet at noon. The sum is 100 euros."
    "1.2" application/pkcs7-signature signature <2
  "2" application/pkcs7-signature signature
`,
		"552-pass-encrypted-part": `
"" multipart/signed signed
  "1" multipart/mixed  <2
    "1.1" text/plain  <2 "We meet at noon. The sum is 100 euros."
    "1.2" application/pkcs7-mime encrypted <2
  "2" application/pkcs7-signature signature
`,
	} {
		t.Run(vector, func(t *testing.T) {
			t.Parallel()
			if got := treeOf(t, vector); got != strings.TrimPrefix(want, "\n") {
				t.Errorf("got:\n%s\nwant:%s", got, want)
			}
		})
	}
}
