package publish

import (
	"fmt"
	"strings"
)

// maxOutput is how much of what a command says is kept.
const maxOutput = 64 << 10

// beginning keeps the beginning of what is written to it. It implements io.Writer.
type beginning struct {
	kept []byte
	cut  bool
}

// Write implements io.Writer. It never fails, so that the command goes on.
func (b *beginning) Write(p []byte) (int, error) {
	n := min(len(p), maxOutput-len(b.kept))
	b.kept, b.cut = append(b.kept, p[:n]...), b.cut || n < len(p)
	return len(p), nil
}

// firstLine is the first line, bounded and printable; "" where nothing was said.
func (b *beginning) firstLine() string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b.kept)), "\n")
	const most = 200
	if len(line) > most {
		line = line[:most] + "…"
	}
	cut := ""
	if b.cut {
		cut = fmt.Sprintf(", the beginning of more than %d KiB", maxOutput>>10)
	}
	if line == "" && cut == "" {
		return ""
	}
	return fmt.Sprintf(" (%q%s)", line, cut)
}
