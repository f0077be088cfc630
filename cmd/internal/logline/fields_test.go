package logline

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// source is what the program's code logs.
type source struct {
	fields, events map[string]string // with a place
}

// read looks through all files of the module that log.
func read(t *testing.T) *source {
	t.Helper()
	s := &source{map[string]string{}, map[string]string{}}
	root := filepath.Join("..", "..", "..")
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && name != root):
			return filepath.SkipDir
		case d.IsDir(), !strings.HasSuffix(name, ".go"), strings.HasSuffix(name, "_test.go"), filepath.Base(filepath.Dir(name)) == "logline":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil || !bytes.Contains(text, []byte(`"log/slog"`)) && !bytes.Contains(text, []byte(`.Log.`)) {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				s.call(t, set, call)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// kinds are the functions of slog that make a field.
var kinds = map[string]bool{"String": true, "Int": true, "Int64": true, "Uint64": true, "Bool": true, "Duration": true, "Any": true, "Time": true, "Float64": true, "Group": true}

// call records what a call logs.
func (s *source) call(t *testing.T, set *token.FileSet, call *ast.CallExpr) {
	t.Helper()
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 {
		return
	}
	place := set.Position(call.Pos()).String()
	if x, ok := f.X.(*ast.Ident); ok && x.Name == "slog" && kinds[f.Sel.Name] {
		switch arg := call.Args[0].(type) {
		case *ast.SelectorExpr: // a name of this package
			s.fields[strings.ToLower(arg.Sel.Name)] = place
		default:
			key, whole := literal(arg)
			if !whole {
				t.Errorf("%s: the field's name is no constant", place)
			}
			s.fields[key] = place
		}
		return
	}
	arg := 0
	switch {
	case f.Sel.Name == "LogAttrs" && len(call.Args) > 2:
		arg = 2
	case f.Sel.Name == "Info", f.Sel.Name == "Warn", f.Sel.Name == "Error" && len(call.Args) > 1, f.Sel.Name == "Debug":
	default:
		return
	}
	if msg, _ := literal(call.Args[arg]); msg != "" {
		s.events[msg] = place
	}
}

// literal is the text of an expression, or its beginning.
func literal(e ast.Expr) (text string, whole bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		left, all := literal(e.X)
		if !all {
			return left, false
		}
		right, all := literal(e.Y)
		return left + right, all
	case *ast.CallExpr: // fmt.Sprintf("text: "+format)
		if len(e.Args) > 0 {
			text, _ := literal(e.Args[0])
			return text, false
		}
	}
	return "", false
}

// TestFields: every field and every kind of line that the code writes is in the tables, and every
// one of the tables is written somewhere. slog itself writes the first three.
func TestFields(t *testing.T) {
	t.Parallel()
	code := read(t)
	table := map[string]bool{}
	for _, s := range Sections {
		for _, f := range s.Fields {
			if table[f.Name] {
				t.Errorf("%s is there twice", f.Name)
			}
			table[f.Name] = true
			if strings.Trim(f.Name, "abcdefghijklmnopqrstuvwxyz_") != "" || f.Meaning == "" || !strings.HasSuffix(f.Meaning, ".") {
				t.Errorf("%s: %q", f.Name, f.Meaning)
			}
			switch f.Name {
			case "time", "level", "msg", Door: // of slog and of New
			default:
				if code.fields[f.Name] == "" {
					t.Errorf("nothing writes %s", f.Name)
				}
			}
		}
	}
	for name, place := range code.fields {
		if !table[name] {
			t.Errorf("%s: %q is not in the table", place, name)
		}
	}
	for msg, place := range code.events {
		known := false
		for _, e := range Events {
			known = known || msg == e.Msg || strings.HasSuffix(e.Msg, " ") && strings.HasPrefix(msg, e.Msg)
		}
		if !known {
			t.Errorf("%s: %q is not in the table", place, msg)
		}
	}
	for _, e := range Events {
		if code.events[e.Msg] == "" && !strings.HasSuffix(e.Msg, " ") {
			t.Errorf("nothing writes %q", e.Msg)
		}
	}
}
