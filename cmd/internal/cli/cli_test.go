package cli

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPackages: every package of the module whose name begins an error is known, so that no error
// text shows it.
func TestPackages(t *testing.T) {
	t.Parallel()
	names, begins := map[string]bool{}, map[string]string{}
	root := filepath.Join("..", "..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return fs.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		names[file.Name.Name] = true
		ast.Inspect(file, func(n ast.Node) bool {
			if text := errorText(n); text != "" {
				first, _, _ := strings.Cut(text, ": ")
				begins[first] = path
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for first, path := range begins {
		if names[first] && !slices.Contains(packages, first) {
			t.Errorf("errors of %s begin with %q, which Plain does not cut off", path, first)
		}
	}
	for _, p := range packages {
		if !names[p] || begins[p] == "" {
			t.Errorf("no error begins with %q", p)
		}
	}
	if got := Plain(errors.New("sender: message: x: y")); got != "x: y" {
		t.Errorf("Plain = %q", got)
	}
}

// errorText is the text that an error is made of by fmt.Errorf or errors.New, else empty.
func errorText(n ast.Node) string {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return ""
	}
	fun, ok := call.Fun.(*ast.SelectorExpr)
	text, isText := call.Args[0].(*ast.BasicLit)
	if !ok || !isText || fun.Sel.Name != "Errorf" && fun.Sel.Name != "New" {
		return ""
	}
	s, _ := strconv.Unquote(text.Value)
	return s
}
