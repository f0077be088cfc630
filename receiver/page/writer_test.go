package page

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// TestMarkup: only constants become markup, and what goes past that is in the files that escape.
func TestMarkup(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			name, _ := call.Fun.(*ast.Ident)
			if name == nil {
				return true
			}
			if _, constant := call.Args[0].(*ast.BasicLit); name.Name == "markup" && !constant {
				t.Errorf("%s: a conversion to markup", set.Position(call.Pos()))
			}
			if to, ok := call.Args[0].(*ast.SelectorExpr); ok && name.Name == "append" && to.Sel.Name == "buf" &&
				f.Name() != "writer.go" && f.Name() != "hidden.go" && f.Name() != "frame.go" {
				t.Errorf("%s: a page is written past its writer", set.Position(call.Pos()))
			}
			return true
		})
	}
	if seen < 10 {
		t.Errorf("%d files", seen)
	}
}

// TestShown has what stands in the place of characters that do not show.
func TestShown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a<b>&\"c'":           "a&lt;b&gt;&amp;&#34;c&#39;",
		"\x1b[31m":            `<span class="ctl">ESC</span>[31m`,
		"a\u202eb":            `a<span class="ctl">RLO</span>b`,
		"\x00\x00\x00":        `<span class="ctl">NUL×3</span>`,
		"\xff\xff\xfe":        `<span class="ctl">0xFF×2</span><span class="ctl">0xFE</span>`,
		"one\r\ntwo\rthree\n": "one\ntwo<span class=\"ctl\">CR</span>three\n",
		"\u0085\u009b":        `<span class="ctl">NEL</span><span class="ctl">CSI</span>`,
		"\U000e0041\ue000":    `<span class="ctl">U+E0041</span><span class="ctl">U+E000</span>`,
		"äöü שלום 日本 👩‍🚀":     "äöü שלום 日本 👩‍🚀",
	} {
		p := &writer{}
		if p.text(text); string(p.buf) != want {
			t.Errorf("%q: %s, want %s", text, p.buf, want)
		}
	}
	p := &writer{}
	if left := p.cut(strings.Repeat("<", 100), 40); left != 90 || len(p.buf) != 40 {
		t.Errorf("cut left %d, and wrote %s", left, p.buf)
	}
	if got := visible("a\u202eb\r\nc\xffd", 5); got != "a\uFFFDb  …" {
		t.Errorf("visible: %q", got)
	}
}

// TestFold: lines end between words, else behind a label of a domain name, else anywhere.
func TestFold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"one two three":            "one two|three",
		"mail.example.org SMIMEA":  "mail.|example.|org SMI…",
		"abcdefghijklmnopqrstu":    "abcdefghijk|lmnopqrstu",
		"<<<<<<<<<<<<":             "<<<<<<<|<<<<<",
		"x " + "a.bcdefghijklmnop": "x a.bcdefgh|ijklmnop",
		"a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3": "a b c d e f|g h i j k l|m n o p q …",
		"日本日本日本": "日本日本日|本",
	} {
		if got := strings.Join(fold(text, 10, 3), "|"); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
