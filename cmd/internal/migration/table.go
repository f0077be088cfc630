package migration

import (
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"dnseal/cmd/internal/cli"
)

// maxFile is the most octets of a file that is read.
const maxFile = 64 << 20

// place is a line of a file.
type place struct {
	file string
	line int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// row is a line with a key and a value; the value can be empty.
type row struct {
	place
	key, value string
}

// readRows reads a file of lines "KEY VALUE", with comments behind #, as OpenDKIM and cdb's text
// form have them. Errors: those of [cli.ReadFile]; a line that holds control characters or is not
// UTF-8, with its number.
func readRows(file string) ([]row, error) {
	text, err := cli.ReadFile(file, maxFile)
	if err != nil {
		return nil, err
	}
	return parseRows(file, string(text))
}

func parseRows(file, text string) (rows []row, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		at := place{file, n}
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if !utf8.ValidString(line) || strings.ContainsFunc(line, unprintable) {
			return nil, fmt.Errorf("migration: %s: this is no line of text; where FILE is a compiled table (cdb, db), name the text that it was made from", at)
		}
		if line == "" {
			continue
		}
		key, value := line, ""
		if i := strings.IndexFunc(line, unicode.IsSpace); i >= 0 {
			key, value = line[:i], strings.TrimSpace(line[i:])
		}
		rows = append(rows, row{at, key, value})
	}
	return rows, nil
}

func unprintable(r rune) bool { return r != '\t' && !unicode.IsPrint(r) }

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
