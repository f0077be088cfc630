package config

import (
	"fmt"
	"strings"
)

// place is a key of the file, such as "relay[1].listen", and its line.
type place struct {
	key  string
	bare string // without indices: "relay.listen"
	line int
	text string // of the line
}

// places finds every key and table of a TOML text that the decoder has accepted. It reads only
// as much of TOML as it needs to skip values: strings, comments and brackets. Keys inside inline
// tables have the place of the whole value.
func places(text string) []place {
	var out []place
	arrays := map[string]int{} // how often [[x]] was seen
	table := ""
	var v value
	n := 0
	for line := range strings.Lines(text) {
		n++
		if v.open() {
			v.skip(line)
			continue
		}
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#':
			continue
		case strings.HasPrefix(trimmed, "[["):
			parts, _ := splitKey(trimmed[2:])
			arrays[strings.Join(parts, ".")]++
			table = indexed(parts, arrays)
			out = append(out, newPlace(table, n, trimmed))
		case trimmed[0] == '[':
			parts, _ := splitKey(trimmed[1:])
			table = indexed(parts, arrays)
			out = append(out, newPlace(table, n, trimmed))
		default:
			parts, rest := splitKey(trimmed)
			key := strings.Join(parts, ".")
			if table != "" {
				key = table + "." + key
			}
			out = append(out, newPlace(key, n, trimmed))
			v.skip(strings.TrimPrefix(rest, "="))
		}
	}
	return out
}

func newPlace(key string, line int, text string) place {
	bare := key
	for {
		start := strings.IndexByte(bare, '[')
		end := strings.IndexByte(bare, ']')
		if start < 0 || end < start {
			return place{key, bare, line, text}
		}
		bare = bare[:start] + bare[end+1:]
	}
}

// indexed writes a table's name with the index of every array of tables in it, counted from 0.
func indexed(parts []string, arrays map[string]int) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(p)
		if n := arrays[strings.Join(parts[:i+1], ".")]; n > 0 {
			fmt.Fprintf(&b, "[%d]", n-1)
		}
	}
	return b.String()
}

// splitKey reads a dotted key, also with quoted parts, and returns what follows it.
func splitKey(s string) (parts []string, rest string) {
	for {
		s = strings.TrimLeft(s, " \t")
		var part string
		if s != "" && (s[0] == '"' || s[0] == '\'') {
			end := strings.IndexByte(s[1:], s[0])
			if end < 0 {
				return append(parts, s[1:]), ""
			}
			part, s = s[1:1+end], s[2+end:]
		} else {
			end := strings.IndexAny(s, ".=] \t\r\n")
			if end < 0 {
				end = len(s)
			}
			part, s = s[:end], s[end:]
		}
		parts = append(parts, part)
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] != '.' {
			return parts, s
		}
		s = s[1:]
	}
}

// value is how far a value that may have several lines has been read. Its zero value is closed.
type value struct {
	depth int    // of brackets
	quote string // the quotes that end the current string
}

func (v *value) open() bool { return v.depth > 0 || v.quote != "" }

// skip reads one line, or the rest of one.
func (v *value) skip(s string) {
	for s != "" {
		switch {
		case v.quote != "":
			if v.quote[0] == '"' && s[0] == '\\' && len(s) > 1 {
				s = s[2:]
				continue
			}
			if rest, ok := strings.CutPrefix(s, v.quote); ok {
				if len(v.quote) == 3 { // quotes before the closing three belong to the string
					rest = strings.TrimLeft(rest, v.quote[:1])
				}
				s, v.quote = rest, ""
				continue
			}
		case s[0] == '#':
			return
		case s[0] == '"' || s[0] == '\'':
			v.quote = s[:1]
			if three := strings.Repeat(s[:1], 3); strings.HasPrefix(s, three) {
				v.quote = three
			}
			s = s[len(v.quote):]
			continue
		case s[0] == '[' || s[0] == '{':
			v.depth++
		case s[0] == ']' || s[0] == '}':
			v.depth--
		}
		s = s[1:]
	}
}
