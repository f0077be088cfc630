package mailbox

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Quoting is how the writer of an mbox marked the lines of a text that look like separators.
type Quoting int

// Quotings: ">" before "From " after any number of ">", and before "From " only. No mbox but that
// of public-inbox says which it is.
const (
	QuotingMboxrd Quoting = iota
	QuotingMboxo
)

// Unquoted reads a message without the ">" that the writer of an mbox put before "From ". Its
// header stays as it is.
type Unquoted struct {
	r       *bufio.Reader
	quoting Quoting
	keep    uint64 // QuotingMboxo: the lines that stay as they are, by their bits
	rest    []byte // of the line that is being returned
	inBody  bool
	middle  bool // of a line longer than the buffer
	lines   int
	single  int
	deeper  int
	size    int64
	err     error
}

// Unquote returns a reader of r without the quoting. Errors of Read: those of r.
func Unquote(r io.Reader, quoting Quoting) *Unquoted {
	return &Unquoted{r: bufio.NewReaderSize(r, 64<<10), quoting: quoting}
}

// UnquoteSome is Unquote in the form of mboxo, whose writers leave a line as it is that has a ">"
// already: bit n of keep says that this is so of the n-th line with one.
func UnquoteSome(r io.Reader, keep uint64) *Unquoted {
	u := Unquote(r, QuotingMboxo)
	u.keep = keep
	return u
}

// Lines is in how many lines a ">" was removed so far.
func (u *Unquoted) Lines() int { return u.lines }

// Single is how many lines had exactly one.
func (u *Unquoted) Single() int { return u.single }

// Size is how many octets were read.
func (u *Unquoted) Size() int64 { return u.size }

// Deeper is how many lines had more than one: with none of them the quotings are the same.
func (u *Unquoted) Deeper() int { return u.deeper }

func (u *Unquoted) Read(p []byte) (int, error) {
	for len(u.rest) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.line()
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	u.size += int64(n)
	return n, nil
}

func (u *Unquoted) line() {
	line, err := u.r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		u.err = err
	}
	u.rest = line
	first := !u.middle
	u.middle = errors.Is(err, bufio.ErrBufferFull)
	switch {
	case !first:
	case !u.inBody:
		u.inBody = emptyLine(line) > 0
	case len(line) > 0 && line[0] == '>':
		u.quoted(line)
	}
}

// quoted removes one ">" where the writer put one.
func (u *Unquoted) quoted(line []byte) {
	text := bytes.TrimLeft(line, ">")
	if !bytes.HasPrefix(text, []byte(fromLine)) {
		return
	}
	var kept bool
	if depth := len(line) - len(text); depth == 1 {
		kept = u.keep>>u.single&1 == 1
		u.single++
	} else {
		kept = u.quoting == QuotingMboxo
		u.deeper++
	}
	if !kept {
		u.lines++
		u.rest = line[1:]
	}
}
