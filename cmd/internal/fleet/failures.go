package fleet

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/fleet"
	"dnseal/sender/identity"
)

// Failures tells what nothing became of: the first few of each cause to a person, all to a file.
type Failures struct {
	stderr io.Writer
	clear  func() // of a progress bar, before a line
	file   *os.File
	out    *csv.Writer
	counts map[fleet.Code]int
}

// firstFew is how many of one cause are told in full.
const firstFew = 5

// failuresHead is the first line of a file of failures.
const failuresHead = "line,name,code,cause\n"

// checkFailures returns an error where a file is there that is no file of failures.
func checkFailures(file string) error {
	info, err := os.Stat(file) // before it is opened: a pipe waits for who writes
	if errors.Is(err, fs.ErrNotExist) || file == "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("--failures: %w", err)
	}
	if !info.Mode().IsRegular() { // a pipe, /dev/stderr
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("--failures: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	head := make([]byte, len(failuresHead))
	if n, _ := io.ReadFull(f, head); n > 0 && string(head[:n]) != failuresHead {
		return cli.Hint(fmt.Errorf("--failures: %s is there, and is no file of failures; it stays as it is", file), "name another file")
	}
	return nil
}

// NewFailures writes all failures into a file, in CSV, where one is named.
func NewFailures(stderr io.Writer, file string) (*Failures, error) {
	f := &Failures{stderr: stderr, clear: func() {}, counts: map[fleet.Code]int{}}
	if file == "" {
		return f, nil
	}
	err := checkFailures(file)
	if err != nil {
		return nil, err
	}
	if f.file, err = os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return nil, fmt.Errorf("--failures: %w", err)
	}
	f.out = csv.NewWriter(f.file)
	return f, f.out.Write([]string{"line", "name", "code", "cause"})
}

// Tell tells of one.
func (f *Failures) Tell(failure *fleet.Failure) {
	f.counts[failure.Code]++
	text := cli.Plain(failure.Err)
	if f.out != nil {
		line := ""
		if failure.Line > 0 {
			line = strconv.Itoa(failure.Line)
		}
		// Close returns the error.
		_ = f.out.Write([]string{line, plain(failure.Name), string(failure.Code), plain(text)})
	}
	if f.counts[failure.Code] > firstFew {
		return
	}
	f.clear()
	if failure.Line > 0 {
		text = fmt.Sprintf("line %d: %s", failure.Line, text)
	}
	if hint := identity.Hint(failure.Err); hint != "" && f.counts[failure.Code] == 1 {
		text += "; " + hint
	}
	cli.Print(f.stderr, "dnseal: %s", text)
}

// plain makes a value one that no spreadsheet takes for a formula (OWASP, CSV Injection): such
// begin with one of these, and stand after an apostrophe then.
func plain(value string) string {
	if value != "" && strings.ContainsRune("=+-@\t\r\n", rune(value[0])) {
		return "'" + value
	}
	return value
}

// Close says how many more there were, and returns whether all is well with the file.
func (f *Failures) Close() error {
	codes := make([]fleet.Code, 0, len(f.counts))
	for code := range f.counts {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		if more := f.counts[code] - firstFew; more > 0 {
			where := "; --failures FILE has all"
			if f.file != nil {
				where = "; all are in " + f.file.Name()
			}
			cli.Print(f.stderr, "dnseal: and %d more of the kind %q%s", more, code, where)
		}
	}
	if f.file == nil {
		return nil
	}
	f.out.Flush()
	err := f.out.Error()
	if e := f.file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("--failures: %w", err)
	}
	return nil
}
