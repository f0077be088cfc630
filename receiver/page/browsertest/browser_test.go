//go:build unix

package browsertest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dnseal/receiver/page/browsertest"
)

const hostile = `<!DOCTYPE html><html lang="en"><head><title>A page</title><meta name="viewport" content="width=device-width"></head><body>
<h1 onclick="x()">Heading</h1><a href="javascript:alert(1)">link</a><a href="other.html">other</a>
<img src="http://tracker.example/p.png"><svg><title>drawing</title><a xlink:href="x"><text>t</text></a></svg>
<details><summary>more</summary>inside</details></body></html>`

func TestForeign(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(hostile), 0o600); err != nil {
		t.Fatal(err)
	}
	tab := browsertest.Start(t).Open(t, "file://"+file)
	got := tab.Foreign(browsertest.Vocabulary{
		Elements: map[string][]string{"html": {"lang"}, "head": nil, "title": nil, "meta": {"name", "content"}, "body": nil, "h1": nil, "a": {"href"}, "svg:svg": nil, "svg:title": nil, "svg:text": nil, "details": nil, "summary": nil},
		Links:    func(a string) bool { return a == "other.html" },
	})
	want := []string{`<h1 onclick="x()">`, `<a> to "javascript:alert(1)"`, `<img>`, `<svg:a>`}
	if !slices.Equal(got, want) {
		t.Errorf("foreign: %q\nwant %q", got, want)
	}
	if requests := tab.Requests(); !slices.Contains(requests, "http://tracker.example/p.png") || len(requests) != 2 {
		t.Errorf("requests: %q", requests)
	}
	if problems := strings.Join(tab.Problems(), "\n"); !strings.Contains(problems, "tracker.example") {
		t.Errorf("problems: %q", problems)
	}
	if !slices.Contains(tab.Accessible(), browsertest.Accessible{Role: "heading", Name: "Heading"}) {
		t.Errorf("accessible: %q", tab.Accessible())
	}
	tab.View(390, 844, true)
	for range 4 {
		tab.Press("Tab")
	}
	tab.Press("Enter")
	var open, dark bool
	tab.Eval(`document.querySelector("details").open`, &open)
	tab.Eval(`matchMedia("(prefers-color-scheme: dark)").matches && innerWidth === 390`, &dark)
	if !open || !dark {
		t.Errorf("opened by the keyboard: %v, dark and narrow: %v", open, dark)
	}
	if !bytes.HasPrefix(tab.Picture(), []byte("\x89PNG")) || !bytes.HasPrefix(tab.PDF(), []byte("%PDF")) {
		t.Error("no picture, or no PDF")
	}
	tab.Close()
}
