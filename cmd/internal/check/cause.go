package check

import (
	"fmt"
	"strings"
)

// sharedCause is one cause of trouble that several objects share, such as a zone that is not
// signed: it is reported for the first of them, and the others are counted.
type sharedCause struct {
	key     string
	word    string // "WRONG" or "?"
	at      string
	objects []string
}

// again reports whether the cause was reported before, and then notes another object that it
// concerns.
func (l *checklist) again(key, word, at, object string) bool {
	for _, c := range l.causes {
		if c.key == key && c.word == word {
			c.objects = append(c.objects, object)
			return true
		}
	}
	l.causes = append(l.causes, &sharedCause{key: key, word: word, at: at})
	return false
}

// wrongFor is wrong for an object that shares its cause, named by key, with others.
func (l *checklist) wrongFor(object, key, at, format string, args ...any) {
	if l.again(key, "WRONG", at, object) {
		l.mistakes++
		return
	}
	l.wrong(at, format, args...)
}

// unsureFor is unsure for an object that shares its cause, named by key, with others.
func (l *checklist) unsureFor(object, key, at, format string, args ...any) {
	if l.again(key, "?", at, object) {
		l.doubt++
		return
	}
	l.unsure(at, format, args...)
}

// namesOfCause is how many of the objects of a cause are named.
const namesOfCause = 5

// repeated prints how many more objects each cause concerns, and forgets the causes.
func (l *checklist) repeated() {
	for _, c := range l.causes {
		n := len(c.objects)
		if n == 0 {
			continue
		}
		names := strings.Join(c.objects[:min(n, namesOfCause)], ", ")
		if n > namesOfCause {
			names += fmt.Sprintf(" and %d more", n-namesOfCause)
		}
		l.line(c.word, "%s: for the same cause (%s): %d more: %s", c.at, c.key, n, names)
	}
	l.causes = nil
}
