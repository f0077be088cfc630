package manual

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dnseal/receiver"
)

// TestVerdictsPage: dnseal-verdicts(7) has every verdict, every code of receiver, lookup, dnssec
// and sender, and every class.
func TestVerdictsPage(t *testing.T) {
	t.Parallel()
	page := verdictsPage()
	words := map[string]bool{}
	for line := range strings.SplitSeq(page, "\n") {
		if word, ok := strings.CutPrefix(line, ".B "); ok {
			words[word] = true
		} else if head, ok := strings.CutPrefix(line, ".BR "); ok {
			words[strings.Fields(head)[0]] = true
		}
	}
	for _, folder := range []string{"receiver", "lookup", "lookup/dnssec", "sender"} {
		for _, code := range codesIn(t, filepath.Join("..", "..", "..", folder)) {
			if !words[roff(code)] && !strings.HasPrefix(code, "limit:") && !strings.HasPrefix(code, "budget:") {
				t.Errorf("no entry for %q of package %s", code, folder)
			}
		}
	}
	for class := range receiver.DefaultActions() {
		if class != receiver.ClassNoSignature && !strings.Contains(page, ", "+roff(string(class))+"]") {
			t.Errorf("no code of class %q", class)
		}
	}
}

// codesIn are the values of the constants of a package whose name begins with "Code" or "code".
func codesIn(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	var codes []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !strings.HasPrefix(strings.ToLower(spec.Names[0].Name), "code") {
				return true
			}
			if value, ok := spec.Values[0].(*ast.BasicLit); ok && value.Kind == token.STRING {
				code, _ := strconv.Unquote(value.Value)
				codes = append(codes, code)
			}
			return true
		})
	}
	return codes
}
