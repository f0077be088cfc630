package smime_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// TestInteropDebian13Table holds the table in README.md to testdata/interop/debian13.txt, and that
// to what TestInteropDebian13 tries.
func TestInteropDebian13Table(t *testing.T) {
	t.Parallel()
	found := readResults(t)
	cells := 0
	for _, c := range allCells() {
		cells++
		if found[c.String()] == "" {
			t.Errorf("%s has no line for %s", resultsFile, c)
		}
	}
	if len(found) != cells {
		t.Errorf("%s has %d lines, want %d", resultsFile, len(found), cells)
	}
	holdTable(t, "interop debian 13", found.table())
}

// readme is held while a test reads and writes README.md.
var readme sync.Mutex

// holdTable holds a table in README.md, between comments with its name, to what it has to be. With
// -update it is written.
func holdTable(t *testing.T, name, want string) {
	t.Helper()
	readme.Lock()
	defer readme.Unlock()
	const file = "../README.md"
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	text, err := os.ReadFile(file)
	must(t, err)
	head, rest, ok := strings.Cut(string(text), begin)
	table, tail, ok2 := strings.Cut(rest, end)
	switch {
	case !ok || !ok2:
		t.Fatalf("%s has no %s%s", file, begin, end)
	case table == want:
	case *update:
		must(t, os.WriteFile(file, []byte(head+begin+want+end+tail), 0o644))
	default:
		t.Fatalf("the table of %s in %s is stale; go test ./smime -run Interop -update writes it", name, file)
	}
}

// allCells are what TestInteropDebian13 tries.
func allCells() (out []cell) {
	for _, p := range programs {
		for _, direction := range []string{"→", "←"} {
			for _, r := range mailRows() {
				for _, certs := range certificates {
					for _, form := range forms {
						out = append(out, cell{p.name, direction, r.name, certs.name, form.name})
					}
				}
			}
		}
	}
	return out
}

// table has a line for each program, a column for each way to sign, and notes.
func (want results) table() string {
	var out, list strings.Builder
	numbers := make(map[string]int)
	note := func(why string) string {
		if numbers[why] == 0 {
			numbers[why] = len(numbers) + 1
			fmt.Fprintf(&list, "%d. %s\n", numbers[why], why)
		}
		return fmt.Sprintf("(%d)", numbers[why])
	}
	out.WriteString("| program |")
	for _, r := range mailRows() {
		fmt.Fprintf(&out, " %s |", r.name)
	}
	out.WriteString("\n|---|" + strings.Repeat("---|", len(mailRows())) + "\n")
	for _, p := range programs {
		fmt.Fprintf(&out, "| %s |", p.name)
		for _, r := range mailRows() {
			for _, direction := range []string{"→", "←"} {
				mark, why := want.mark(p.name, direction, r.name)
				if why != "" {
					mark = strings.TrimSpace(mark + " " + note(why))
				}
				out.WriteString(" " + mark)
			}
			out.WriteString(" |")
		}
		out.WriteString("\n")
	}
	return out.String() + "\n" + list.String()
}

// mark is the arrow of a direction where at least one combination of certificate and form is
// accepted, and why others are not.
func (want results) mark(program, direction, row string) (mark, why string) {
	refused := make(map[string][]string) // reason: where
	var reasons []string
	for _, certs := range certificates {
		for _, form := range forms {
			c := cell{program, direction, row, certs.name, form.name}
			got := want[c.String()]
			if got == accepts {
				mark = direction
				continue
			}
			if refused[got] == nil {
				reasons = append(reasons, got)
			}
			refused[got] = append(refused[got], certs.name+", "+form.name)
		}
	}
	for i, reason := range reasons {
		if i > 0 {
			why += "; "
		}
		why += where(refused[reason]) + reason
	}
	return mark, why
}

// where says in which of the four combinations something is so.
func where(combinations []string) string {
	if len(combinations) == len(certificates)*len(forms) {
		return ""
	}
	for _, word := range []string{certificates[0].name, certificates[1].name, forms[0].name, forms[1].name} {
		in := 0
		for _, c := range combinations {
			if strings.Contains(c, word) {
				in++
			}
		}
		if in == 2 && len(combinations) == 2 {
			return word + ": "
		}
	}
	return strings.Join(combinations, " and ") + ": "
}
