package config

import (
	"embed"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
)

// sources are the files with the structs. The manual is made of their comments, so that the two
// always agree.
//
//go:embed config.go sign.go route.go actions.go listeners.go limits.go
//go:embed evidence.go publish.go dkim.go replytext.go
var sources embed.FS

// Section is a table of the file, for the manual.
type Section struct {
	Name string // "[dns]", "[[relay]]"; empty for the top of the file
	Text string
	Keys []Key
}

// Key is a key of a table. Text goes on after its name: "is the directory of …".
type Key struct{ Name, Text string }

// Manual returns all tables with all keys of the structs. Its error is one of the parser: the
// embedded files are not Go.
func Manual() ([]Section, error) {
	structs := map[string]*ast.GenDecl{}
	err := fs.WalkDir(sources, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := sources.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if g, ok := decl.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				structs[g.Specs[0].(*ast.TypeSpec).Name.Name] = g
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []Section
	for _, t := range []struct{ table, name string }{
		{"", "Config"},
		{"[dns]", "DNS"},
		{"[dns.limits]", "Limits"},
		{"[sign]", "Sign"},
		{"[[sign.rule]]", "Rule"},
		{"[[route]]", "Route"},
		{"[verify]", "Verify"},
		{"[dkim]", "DKIM"},
		{"[[dkim.sign]]", "DKIMKey"},
		{"[publish]", "Publish"},
		{"[evidence]", "Evidence"},
		{"[on]", "On"},
		{"[reply-text]", "ReplyText"},
		{"[[domain]]", "Domain"},
		{"[[relay]]", "Relay"},
		{"[relay.timeouts]", "Timeouts"},
		{"[[milter]]", "Milter"},
		{"[metrics]", "Metrics"},
		{"[service]", "Service"},
		{"[log]", "Log"},
	} {
		out = append(out, section(t.table, structs[t.name]))
	}
	return out, nil
}

func section(table string, decl *ast.GenDecl) Section {
	spec := decl.Specs[0].(*ast.TypeSpec)
	s := Section{Name: table}
	if table != "" {
		text := strings.Replace(decl.Doc.Text(), " ("+table+")", "", 1) // the heading says it
		s.Text = "This table" + strings.TrimPrefix(text, spec.Name.Name)
	}
	fields, ok := spec.Type.(*ast.StructType)
	if !ok {
		return s // a table whose keys are described with it
	}
	for _, f := range fields.Fields.List {
		if f.Tag == nil || len(f.Names) == 0 {
			continue
		}
		key := strings.TrimSuffix(strings.TrimPrefix(f.Tag.Value, "`toml:\""), "\"`")
		text := f.Doc.Text()
		if text == "" {
			continue // a table, or described with the key before
		}
		text = strings.TrimPrefix(strings.TrimPrefix(text, f.Names[0].Name), ":")
		s.Keys = append(s.Keys, Key{key, strings.TrimSpace(text)})
	}
	return s
}
