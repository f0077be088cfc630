// Package submitfile reads the configuration file of dnseal submit. It is TOML of which only lines
// "key = value" are accepted, with a string, a whole number, true or false as the value. The reader
// is not that of dnseal.toml: the TOML library and the reflection that it needs would be a twelfth
// of the program for devices.
//
// Standard: TOML 1.0.0.
package submitfile

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Setting is a line of the file.
type Setting struct {
	Key, Value string
	Line       int
}

// maxFile is the most octets of a file.
const maxFile = 64 << 10

// Read returns the settings of a file, in its order. Errors name the line: what is none of the
// above, a key that stands twice, a file of more than 64 KiB.
func Read(r io.Reader) (settings []Setting, err error) {
	n := 0
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("the file is larger than %d bytes", maxFile)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		n++
		if whole, ok := strings.CutSuffix(line, "\n"); ok {
			line = strings.TrimSuffix(whole, "\r")
		}
		s, err := parse(line)
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", n, err)
		case s.Key == "":
			continue
		case seen[s.Key]:
			return nil, fmt.Errorf("line %d: %s stands twice", n, s.Key)
		}
		seen[s.Key], s.Line = true, n
		settings = append(settings, s)
	}
	return settings, nil
}

var errForm = errors.New(`want key = "text", key = 1, key = true or key = false`)

// parse reads a line; without a key it is empty, or a comment.
func parse(line string) (Setting, error) {
	if !utf8.ValidString(line) {
		return Setting{}, errors.New("it is not UTF-8")
	}
	line = strings.Trim(line, " \t")
	if strings.HasPrefix(line, "#") {
		return Setting{}, comment(line)
	}
	if line == "" {
		return Setting{}, nil
	}
	key, value, ok := strings.Cut(line, "=")
	key, value = strings.Trim(key, " \t"), strings.Trim(value, " \t")
	if !ok || !isKey(key) || value == "" {
		return Setting{}, errForm
	}
	text, rest, err := scan(value)
	if err != nil {
		return Setting{}, err
	}
	rest = strings.Trim(rest, " \t")
	if rest != "" && !strings.HasPrefix(rest, "#") {
		return Setting{}, errForm
	}
	return Setting{Key: key, Value: text}, comment(rest)
}

// comment refuses control characters, as TOML does.
func comment(text string) error {
	if strings.ContainsFunc(text, isControl) {
		return errors.New("a control character in a comment")
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

func isKey(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && r != '-' })
}

// scan reads a value at the start of s.
func scan(s string) (value, rest string, err error) {
	switch s[0] {
	case '\'':
		text, rest, ok := strings.Cut(s[1:], "'")
		if !ok || strings.ContainsFunc(text, isControl) || strings.HasPrefix(rest, "'") {
			return "", "", errForm
		}
		return text, rest, nil
	case '"':
		return quoted(s[1:])
	}
	end := strings.IndexAny(s, " \t#")
	if end < 0 {
		end = len(s)
	}
	word := s[:end]
	if word != "true" && word != "false" && !isNumber(word) {
		return "", "", errForm
	}
	return strings.ReplaceAll(word, "_", ""), s[end:], nil
}

// isNumber: a whole number that is not negative, with underscores between its digits.
func isNumber(s string) bool {
	digits := strings.ReplaceAll(s, "_", "")
	n, err := strconv.ParseInt(digits, 10, 64)
	return err == nil && strconv.FormatInt(n, 10) == digits && n >= 0 &&
		!strings.HasPrefix(s, "_") && !strings.HasSuffix(s, "_") && !strings.Contains(s, "__")
}

var escapes = map[byte]string{'b': "\b", 't': "\t", 'n': "\n", 'f': "\f", 'r': "\r", '"': `"`, '\\': `\`}

// quoted reads a basic string after its first quotation mark. Characters by their number are not
// read.
func quoted(s string) (value, rest string, err error) {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			if out.Len() == 0 && strings.HasPrefix(s[i+1:], `"`) {
				return "", "", errForm // a string of several lines
			}
			return out.String(), s[i+1:], nil
		case isControl(rune(c)):
			return "", "", errForm
		case c != '\\':
			out.WriteByte(c)
		case i+1 < len(s) && escapes[s[i+1]] != "":
			i++
			out.WriteString(escapes[s[i]])
		default:
			return "", "", errors.New(`after \ want one of b t n f r " \`)
		}
	}
	return "", "", errors.New("the quotation mark at the end is missing")
}
