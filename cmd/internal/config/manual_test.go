package config

import (
	"reflect"
	"strings"
	"testing"
)

// TestManual: every key is documented, with its default where it is not mandatory.
func TestManual(t *testing.T) {
	t.Parallel()
	sections, err := Manual()
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, s := range sections {
		table := strings.Trim(s.Name, "[]")
		if len(s.Keys) == 0 { // described as a whole
			documented[table] = strings.Contains(s.Text, "Default:")
		}
		if table != "" {
			table += "."
		}
		for _, k := range s.Keys {
			documented[table+k.Name] = true
			if !strings.Contains(k.Text, "Default:") && !strings.Contains(k.Text, "andatory") {
				t.Errorf("%s%s: neither a default nor mandatory", table, k.Name)
			}
		}
	}
	for _, key := range knownKeys() {
		if !documented[key] && !isTable(key) && !strings.HasPrefix(key, "domain.on.") {
			t.Errorf("%s is not documented", key)
		}
	}
}

// isTable reports whether the key is one of the tables, which the manual has as sections.
func isTable(key string) bool {
	for _, k := range knownKeys() {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
}

// TestEveryFieldIsAKey: a field without a tag would be a key that nobody documented.
func TestEveryFieldIsAKey(t *testing.T) {
	t.Parallel()
	for _, typ := range []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[Relay](), reflect.TypeFor[Milter](), reflect.TypeFor[Sign](), reflect.TypeFor[Verify](), reflect.TypeFor[On]()} {
		for f := range typ.Fields() {
			if f.IsExported() && f.Tag.Get("toml") == "" {
				t.Errorf("%s.%s has no key", typ, f.Name)
			}
		}
	}
}
