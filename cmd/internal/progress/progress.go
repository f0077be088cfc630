// Package progress shows how far long work has come, on a terminal and nowhere
// else.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// interval is how often the line is drawn again at most.
const interval = 100 * time.Millisecond

// Bar is one progress line. A nil Bar shows nothing, so callers need not check.
type Bar struct {
	mu    sync.Mutex
	w     io.Writer
	what  string
	width int
	done  int
	total int
	drawn time.Time
	shown bool
}

// New returns a bar on w, or nil when w is no terminal. what names the things counted, e.g.
// "messages".
func New(w io.Writer, what string) *Bar {
	if !IsTerminal(w) {
		return nil
	}
	f := w.(*os.File)
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		width = 80
	}
	return &Bar{w: w, what: what, width: width}
}

// IsTerminal reports whether somebody looks at w.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Expect adds n things to the expected number.
func (b *Bar) Expect(n int) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total += n
}

// Done adds n things to the finished number.
func (b *Bar) Done(n int) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done += n
	if now := time.Now(); now.Sub(b.drawn) >= interval {
		b.drawn, b.shown = now, true
		b.print("\r" + b.line() + "\x1b[K")
	}
}

// Clear removes the line, before other output is written.
func (b *Bar) Clear() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown {
		b.print("\r\x1b[K")
		b.shown = false
	}
}

// print shows text. Errors are ignored: without a terminal there is no place to report them.
func (b *Bar) print(text string) { _, _ = io.WriteString(b.w, text) }

// line draws "[=====     ] 120 of 300 messages".
func (b *Bar) line() string {
	text := fmt.Sprintf(" %d of %d %s", b.done, b.total, b.what)
	room := min(40, b.width-len(text)-3)
	if room < 10 || b.total == 0 {
		return text[1:]
	}
	full := room * min(b.done, b.total) / b.total
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", room-full) + "]" + text
}
