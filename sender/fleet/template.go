package fleet

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dnseal/sender/identity"
)

// Template makes a text of the columns of a row.
//
//	{serial}              the value of the column
//	{serial[0:4]}         its characters from the first number on, before the second
//	{hash(serial)}        26 characters that only who has the name key can make of the value:
//	                      HMAC-SHA-256 (RFC 2104), of it 130 bits in base32 (RFC 4648)
//	{hash(serial)[0:2]}   a part of them
//	{enum(number)}        digits, the last first, with a dot between (RFC 6116, Section 3.2)
//	{random}              26 random characters, 130 bits
//
// Everything else stands for itself. A template that is one column and nothing else, such as
// "{name}", makes its values the names as they are, as a hand-over has them.
type Template struct {
	text  string
	parts []part
	uri   bool
}

// maker is what a part does with the value of its column.
type maker string

const (
	literal maker = ""
	value   maker = "value"
	hash    maker = "hash"
	enum    maker = "enum"
	random  maker = "random"
)

type part struct {
	make     maker
	text     string // of a literal
	word     string
	column   int
	from, to int // to 0: all of it
}

// nameWord is the word for the name of the identity, in the template of a URI.
const nameWord = "name"

const nameColumn = -1

// maxTemplate is the most octets of a template, and of what it makes.
const maxTemplate = 2048

// minRandom is how many random characters a name has at least: by 80 bits no two of a million are
// the same, because nothing else tells that they are.
const minRandom = 16

// pseudonymLength is how many characters hash and random make: 26 of 5 bits.
const pseudonymLength = 26

const templateAdvice = "write {serial}, {hash(serial)}, {hash(serial)[0:2]}, {enum(number)} or {random}; the words are the columns of the table"

// ParseTemplate reads a template of names, whose words are among columns. Errors have a hint.
func ParseTemplate(text string, columns []string) (*Template, error) {
	return parseTemplate(text, columns, false)
}

// ParseURITemplate reads a template of the URIs of keys on tokens (RFC 7512): values are escaped
// there (RFC 3986, Section 2.1), and the word "name" is the name of the identity. Errors have a
// hint.
func ParseURITemplate(text string, columns []string) (*Template, error) {
	return parseTemplate(text, columns, true)
}

func parseTemplate(text string, columns []string, uri bool) (*Template, error) {
	t := &Template{text: text, uri: uri}
	if text == "" || len(text) > maxTemplate {
		return nil, identity.WithHint(fmt.Errorf("fleet: a template has 1 to %d octets", maxTemplate), templateAdvice)
	}
	for rest := text; rest != ""; {
		before, after, braced := strings.Cut(rest, "{")
		if before != "" {
			t.parts = append(t.parts, part{text: before})
		}
		if !braced {
			break
		}
		inside, more, closed := strings.Cut(after, "}")
		if !closed {
			return nil, t.wrong(errors.New("a brace is not closed"))
		}
		p, err := parsePart(inside)
		if err == nil {
			err = p.bind(columns, uri)
		}
		if err != nil {
			return nil, t.wrong(err)
		}
		t.parts, rest = append(t.parts, p), more
	}
	if n := t.randomness(); t.IsRandom() && n < minRandom {
		return nil, t.wrong(fmt.Errorf("%d random characters are too few to make each name another; at least %d are", n, minRandom))
	}
	if strings.Contains(t.literals(), "}") {
		return nil, t.wrong(errors.New("a brace is closed that was not opened"))
	}
	return t, nil
}

func (t *Template) wrong(cause error) error {
	return identity.WithHint(fmt.Errorf("fleet: template %q: %w", clip(t.text), cause), templateAdvice)
}

// randomness is how many characters of the random ones are in the name.
func (t *Template) randomness() (n int) {
	var used [pseudonymLength]bool
	for _, p := range t.parts {
		if p.make != random {
			continue
		}
		from, to := p.from, p.to
		if to == 0 {
			from, to = 0, pseudonymLength
		}
		for i := from; i < to; i++ {
			used[i] = true
		}
	}
	for _, u := range used {
		if u {
			n++
		}
	}
	return n
}

func (t *Template) literals() (text string) {
	for _, p := range t.parts {
		text += p.text
	}
	return text
}

// parsePart reads what stands between braces.
func parsePart(text string) (p part, err error) {
	p.make, p.word = value, text
	if word, slice, ok := strings.Cut(text, "["); ok {
		if p.from, p.to, err = parseSlice(slice); err != nil {
			return p, err
		}
		p.word = word
	}
	if f, word, ok := strings.Cut(p.word, "("); ok {
		p.make = maker(f)
		if p.word, ok = strings.CutSuffix(word, ")"); !ok || p.make != hash && p.make != enum {
			return p, fmt.Errorf("{%s} is no part of a template", clip(text))
		}
	}
	if p.word == string(random) && p.make == value {
		p.make, p.word = random, ""
	}
	switch {
	case (p.make == hash || p.make == random) && p.to > pseudonymLength:
		return p, fmt.Errorf("{%s}: there are %d characters", clip(text), pseudonymLength)
	case p.make == enum && p.to != 0:
		return p, fmt.Errorf("{%s}: a part of digits with dots is no name", clip(text))
	}
	return p, nil
}

// parseSlice reads "0:2]".
func parseSlice(text string) (from, to int, err error) {
	first, rest, ok := strings.Cut(text, ":")
	second, closed := strings.CutSuffix(rest, "]")
	a, errA := strconv.ParseUint(first, 10, 10)
	b, errB := strconv.ParseUint(second, 10, 10)
	if !ok || !closed || errA != nil || errB != nil || a >= b {
		return 0, 0, fmt.Errorf("[%s is no part of a value, such as [0:2]", clip(text))
	}
	return int(a), int(b), nil
}

// bind finds the column of the part.
func (p *part) bind(columns []string, uri bool) error {
	if p.make == random && uri {
		return errors.New("{random} is made for names alone; write {name}")
	}
	if p.make == random {
		if slices.Contains(columns, string(random)) {
			return errors.New("{random} is made here, and the table has a column of this name")
		}
		return nil
	}
	if uri && p.make == value && p.word == nameWord {
		p.column = nameColumn
		return nil
	}
	if p.column = slices.Index(columns, strings.ToLower(p.word)); p.column < 0 {
		return fmt.Errorf("the table has no column %q; it has: %s", clip(p.word), clip(strings.Join(columns, ", ")))
	}
	return nil
}

// IsRandom reports whether a part is random: the same row makes another name each time.
func (t *Template) IsRandom() bool { return t.has(random) }

// NeedsKey reports whether a part needs the name key.
func (t *Template) NeedsKey() bool { return t.has(hash) }

func (t *Template) has(m maker) bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.make == m })
}

// columns are those whose values the text is made of, in order, each once.
func (t *Template) columns() (list []int) {
	for _, p := range t.parts {
		if p.word != "" && p.column >= 0 && !slices.Contains(list, p.column) {
			list = append(list, p.column)
		}
	}
	slices.Sort(list)
	return list
}

// isName reports whether the values of one column are the names.
func (t *Template) isName() bool {
	p := &t.parts[0]
	return !t.uri && len(t.parts) == 1 && p.make == value && p.to == 0
}

// expand makes the text. The values of columns are letters, digits, hyphens and underscores, which
// become lower case; what is hashed can be anything. Errors say which column is wrong.
func (t *Template) expand(values []string, name string, key []byte, pseudonym string) (string, error) {
	if t.isName() && values[t.parts[0].column] != "" {
		return values[t.parts[0].column], nil
	}
	var b strings.Builder
	for i := range t.parts {
		p := &t.parts[i]
		text := p.text
		if p.make != literal {
			var err error
			if text, err = p.expand(t.uri, values, name, key, pseudonym); err != nil {
				return "", err
			}
		}
		if b.WriteString(text); b.Len() > maxTemplate {
			return "", fmt.Errorf("it makes more than %d octets", maxTemplate)
		}
	}
	return b.String(), nil
}

func (p *part) expand(uri bool, values []string, name string, key []byte, pseudonym string) (string, error) {
	text := pseudonym
	switch {
	case p.make == random:
	case p.column == nameColumn:
		text = name
	case values[p.column] == "":
		return "", fmt.Errorf("the column %s is empty", p.word)
	default:
		var err error
		if text, err = p.of(uri, values[p.column], key); err != nil {
			return "", err
		}
	}
	if p.to > len(text) {
		return "", fmt.Errorf("the column %s has %s, and the template wants %d", p.word, plural(len(text), "character"), p.to)
	}
	if p.to > 0 {
		text = text[p.from:p.to]
	}
	if uri {
		return url.PathEscape(text), nil
	}
	return text, nil
}

// of is what the maker makes of a value.
func (p *part) of(uri bool, text string, key []byte) (string, error) {
	switch {
	case p.make == hash:
		return Pseudonym(key, text), nil
	case p.make == enum:
		return enumOf(p.word, text)
	case uri:
		return text, nil
	}
	return labelOf(p.word, text)
}

// maxLabel is the most octets of a label (RFC 1035, Section 2.3.4).
const maxLabel = 63

// labelOf is a value as a part of one label: no dot, so that no value adds a level to the tree.
func labelOf(word, text string) (string, error) {
	for i := range len(text) {
		c := text[i]
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			continue
		}
		return "", fmt.Errorf("the column %s has %q: letters, digits, hyphens and underscores make a label", word, clip(text))
	}
	if len(text) > maxLabel {
		return "", fmt.Errorf("the column %s has %d characters, and a label at most %d", word, len(text), maxLabel)
	}
	return strings.ToLower(text), nil
}

// maxDigits is as many as a name has room for.
const maxDigits = 120

// enumOf writes the digits of a number in the other order, with dots (RFC 6116, Section 3.2).
func enumOf(word, text string) (string, error) {
	digits := strings.TrimPrefix(text, "+")
	if digits == "" || len(digits) > maxDigits || strings.Trim(digits, "0123456789") != "" {
		return "", fmt.Errorf("the column %s has %q, which is no number of 1 to %d digits", word, clip(text), maxDigits)
	}
	out := make([]byte, 0, 2*len(digits))
	for i := len(digits) - 1; i >= 0; i-- {
		out = append(out, digits[i], '.')
	}
	return string(out[:len(out)-1]), nil
}

// lowerBase32 is base32 (RFC 4648, Section 6) in lower case, as DNS names are written.
var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Pseudonym is what {hash(…)} makes of a value: the first 26 characters of the base32 of
// HMAC-SHA-256 (RFC 2104) of the value in lower case, under the name key.
func Pseudonym(key []byte, value string) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(strings.ToLower(value))) // it never fails
	return lowerBase32.EncodeToString(mac.Sum(nil))[:pseudonymLength]
}
