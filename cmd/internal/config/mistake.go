package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Mistake is something wrong in a configuration file.
type Mistake struct {
	File string
	Line int // 0: the file as a whole
	// Text says what is wrong, and after a semicolon what to do.
	Text string
}

// Error is "FILE:LINE: text".
func (m *Mistake) Error() string {
	if m.Line == 0 {
		return m.File + ": " + m.Text
	}
	return fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.Text)
}

// Mistakes are all mistakes of a file, in its order.
type Mistakes []*Mistake

// Each returns the mistakes of an error that lists them, and else the error itself.
func Each(err error) []error {
	var ms Mistakes
	if !errors.As(err, &ms) {
		return []error{err}
	}
	return ms.Each()
}

// Each returns the mistakes one by one.
func (ms Mistakes) Each() []error {
	out := make([]error, len(ms))
	for i, m := range ms {
		out[i] = m
	}
	return out
}

// Error has a line for each.
func (ms Mistakes) Error() string {
	lines := make([]string, len(ms))
	for i, m := range ms {
		lines[i] = m.Error()
	}
	return strings.Join(lines, "\n")
}

// notes collects mistakes by key.
type notes struct {
	file   string
	places []place
	// defined reports whether a key is in the file; nil: none is.
	defined func(key ...string) bool
	found   Mistakes
}

// has reports whether a key is in the file, also when its value is zero.
func (n *notes) has(key ...string) bool { return n.defined != nil && n.defined(key...) }

// wrong notes a mistake at a key such as "relay[0].listen"; without such a key in the file, at its
// table.
func (n *notes) wrong(key, format string, args ...any) {
	n.found = append(n.found, &Mistake{n.file, n.line(key), fmt.Sprintf(format, args...)})
}

func (n *notes) line(key string) int {
	for {
		for _, p := range n.places {
			if p.key == key {
				return p.line
			}
		}
		end := strings.LastIndexAny(key, ".[") // an array of inline tables has one line for all
		if end < 0 {
			return 0
		}
		key = key[:end]
	}
}

// err returns what was found, in the order of the file.
func (n *notes) err() error {
	if len(n.found) == 0 {
		return nil
	}
	slices.SortStableFunc(n.found, func(a, b *Mistake) int { return a.Line - b.Line })
	return n.found
}

// unknown notes the keys that the decoder did not use.
func (n *notes) unknown(keys []toml.Key) {
	known := knownKeys()
	at := map[string]int{} // where to search on for a key seen before
	for _, k := range keys {
		bare := strings.Join(k, ".")
		if insideUnknown(bare, keys) {
			continue
		}
		line := n.line(bare)
		for i := at[bare]; i < len(n.places); i++ {
			p := n.places[i]
			inline := strings.HasPrefix(bare, p.bare+".") && strings.Contains(p.text, k[len(k)-1]) && strings.Contains(p.text, "{")
			if p.bare == bare || inline {
				line, at[bare] = p.line, i+1
				break
			}
		}
		text := fmt.Sprintf("unknown key %q", bare)
		if near := nearest(bare, known); near != "" {
			text += fmt.Sprintf("; did you mean %q?", near)
		} else {
			text += "; dnseal.toml(5) lists them all"
		}
		n.found = append(n.found, &Mistake{n.file, line, text})
	}
}

// insideUnknown reports whether a table around the key is unknown itself: one line is enough.
func insideUnknown(bare string, keys []toml.Key) bool {
	for _, k := range keys {
		if table := strings.Join(k, "."); strings.HasPrefix(bare, table+".") {
			return true
		}
	}
	return false
}

// nearest returns the known key that the fewest changes lead to, if they are few. A key that
// differs only in its table is near too: people write keys into the wrong table.
func nearest(key string, known []string) string {
	best, least := "", 1+len(key)/3
	for _, k := range known {
		if d := distance(key, k); d < least && !strings.HasPrefix(key, k+".") {
			best, least = k, d
		}
	}
	if best != "" {
		return best
	}
	last := key[strings.LastIndexByte(key, '.')+1:]
	for _, k := range known {
		if k[strings.LastIndexByte(k, '.')+1:] == last {
			return k
		}
	}
	return ""
}

// distance counts the insertions, deletions and replacements from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
