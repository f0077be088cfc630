package smime

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"dnseal/smime/message"
)

// walker finds the parts of a message in one pass over its lines.
type walker struct {
	lines *lineReader
	root  *part
	open  []*part // from the root to the part the line belongs to
	// header holds the lines of the header being read; nil while a body is read.
	header  []byte
	reading bool // a header is being read
	parts   int
	headers int
	eol     int // length of the line end before the line
	prefix  string
	measure bool
	// settles says that careless headers are taken for what all readers take them for.
	settles bool
	// shallow asks only for the parts of the root, and does not look into the first one.
	shallow bool
	meter   meter
}

// walk finds the parts of the entity whose body is [body, end) of src; fields is its header.
// measure asks for the hazards of every part, and for what careless headers mean. Errors:
// *LimitError, else what src or ctx returned.
func walk(ctx context.Context, src io.ReaderAt, fields []message.Field, body, end int64, measure bool) (*part, error) {
	w := &walker{root: &part{fields: fields, body: body}, measure: measure, settles: measure, parts: 1}
	w.open = append(make([]*part, 0, 8), w.root)
	if err := w.begin(w.root); err != nil {
		return nil, err
	}
	return w.run(ctx, src, body, end)
}

// walkShallow finds the parts of the root only, the first of them without its header.
func walkShallow(ctx context.Context, src io.ReaderAt, fields []message.Field, body, end int64) (*part, error) {
	w := &walker{root: &part{fields: fields, body: body}, shallow: true, parts: 1}
	w.open = append(make([]*part, 0, 2), w.root)
	w.root.describe()
	return w.run(ctx, src, body, end)
}

// walkEntity is walk for an entity with its header, which is all of src, size octets, and the
// content of the part with the number prefix.
func walkEntity(ctx context.Context, src io.ReaderAt, size int64, prefix string) (*part, error) {
	w := &walker{root: &part{body: size}, reading: true, parts: 1, prefix: prefix}
	w.open = append(make([]*part, 0, 8), w.root)
	return w.run(ctx, src, 0, size)
}

func (w *walker) run(ctx context.Context, src io.ReaderAt, off, end int64) (*part, error) {
	w.lines = newLineReader(ctx, src, off, end)
	defer w.lines.close()
	for !w.leafOnly() {
		w.skip()
		l, err := w.lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := w.line(l); err != nil {
			return nil, err
		}
	}
	if err := w.headersDone(end); err != nil {
		return nil, err
	}
	w.leave(0, end)
	assignNumbers(w.root, w.prefix)
	return w.root, nil
}

// leafOnly reports that nothing more can be found: the root has no parts, and nobody asks what its
// body is like.
func (w *walker) leafOnly() bool {
	return len(w.open) == 1 && w.root.delimiter == nil && !w.reading && !w.measure
}

// skip passes over lines that can be no delimiters, where nothing else is asked of them.
func (w *walker) skip() {
	if w.measure || w.reading || w.cur().delimiter != nil {
		return
	}
	if eol := w.lines.skip(delimiterStart); eol > 0 {
		w.eol = eol
	}
}

var delimiterStart = []byte("\n--")

func (w *walker) cur() *part { return w.open[len(w.open)-1] }

func (w *walker) line(l line) error {
	if l.first && l.last && len(l.data) > 2 && l.data[0] == '-' && l.data[1] == '-' {
		if i, closing := w.boundary(l.data); i >= 0 {
			w.around(i, l.data)
			err := w.delimit(i, closing, l)
			w.eol = l.eol
			return err
		}
	}
	w.eol = l.eol
	if w.reading {
		return w.headerLine(l)
	}
	w.bodyLine(l)
	return nil
}

// boundary returns which open multipart the line is a delimiter of, or -1. RFC 2046, 5.1.1: an
// outer boundary ends the parts inside as well. The line has to be the delimiter and nothing but
// white space behind it: a boundary that begins with another one is a different boundary.
func (w *walker) boundary(data []byte) (index int, closing bool) {
	data = bytes.TrimRight(data, " \t")
	for i, p := range slices.Backward(w.open) {
		if p.delimiter == nil || p.closed >= 0 || !bytes.HasPrefix(data, p.delimiter) {
			continue
		}
		rest := data[len(p.delimiter):]
		if closing = string(rest) == "--"; closing || len(rest) == 0 {
			return i, closing
		}
	}
	return -1, false
}

// around notes that a delimiter of the i-th open part is like one of those around it. RFC 2046,
// Section 5.1.1: it is sufficient that a line begins with the delimiter, so that there are readers
// who look no further.
func (w *walker) around(i int, data []byte) {
	data = bytes.TrimRight(data, " \t")
	for _, p := range w.open[:i] {
		if p.delimiter == nil || p.closed >= 0 || !bytes.HasPrefix(data, p.delimiter) {
			continue
		}
		p.longer++
		rest := data[len(p.delimiter):]
		p.repeated = p.repeated || len(rest) == 0 || string(rest) == "--"
	}
}

// delimit ends everything inside the i-th open part and begins its next part, or its epilogue.
func (w *walker) delimit(i int, closing bool, l line) error {
	end := l.off - int64(w.eol)
	if err := w.headersDone(end); err != nil {
		return err
	}
	w.leave(i+1, end)
	p := w.open[i]
	if len(w.open) == i+1 {
		w.settle() // the preamble
	}
	if p.first < 0 {
		p.first = l.off
	}
	p.frame |= w.delimiterHazards(l)
	next := l.off + int64(len(l.data)+l.eol)
	if closing {
		p.closed, p.unended = next, l.eol == 0
		return nil
	}
	return w.enter(&part{parent: p, start: next, body: next})
}

// delimiterHazards looks at a delimiter line and at the line end before it, which belongs to it.
func (w *walker) delimiterHazards(l line) hazard {
	var m meter
	m.add(l)
	if w.eol == 1 {
		m.hazards |= hasBareLF
	}
	return m.hazards
}

// enter begins a part whose header comes next.
func (w *walker) enter(k *part) error {
	if w.parts++; w.parts > maxParts {
		return &LimitError{"parts", maxParts}
	}
	if len(w.open) >= maxDepth {
		return &LimitError{"depth", maxDepth}
	}
	k.parent.kids = append(k.parent.kids, k)
	w.open = append(w.open, k)
	w.reading, w.header = !w.shallow || len(k.parent.kids) > 1, nil
	w.meter = meter{}
	return nil
}

// leave ends the open parts from the i-th on.
func (w *walker) leave(i int, end int64) {
	if len(w.open) > i {
		w.settle()
	}
	for _, p := range w.open[i:] {
		p.end = end
		p.unended = p.unended || p.closed > end
		if p.start > end {
			p.start, p.body = end, end // one line end served as those of two delimiters
		}
	}
	w.open = w.open[:i]
}

// settle hands the hazards of the body read so far to its part.
func (w *walker) settle() {
	if p := w.cur(); w.measure {
		p.content |= w.meter.hazards
		p.high += w.meter.high
	}
	w.meter = meter{}
}

func (w *walker) headerLine(l line) error {
	if w.measure {
		w.meter.add(l)
	}
	if l.first && l.last && len(l.data) == 0 && l.eol > 0 {
		return w.headerDone(l.off + int64(l.eol))
	}
	n := len(l.data) + l.eol
	if w.headers += n; w.headers > maxPartHeaders || len(w.header)+n > maxPartHeader {
		return &LimitError{"header", maxPartHeader}
	}
	if w.header == nil {
		w.header = make([]byte, 0, 256)
	}
	w.header = append(w.header, l.data...)
	w.header = append(w.header, "\r\n"[2-l.eol:]...)
	return nil
}

// headerDone ends the header of the current part; its body begins at body.
func (w *walker) headerDone(body int64) error {
	p := w.cur()
	w.reading = false
	p.fields, _ = message.ParseHeader(w.header)
	p.header, p.body = w.meter.hazards, max(p.start, body)
	w.header, w.meter = nil, meter{}
	return w.begin(p)
}

// headersDone ends the header of the current part where its container ends, and that of the empty
// message it may hold.
func (w *walker) headersDone(at int64) error {
	for w.reading {
		if err := w.headerDone(at); err != nil {
			return err
		}
	}
	return nil
}

// begin looks at a part whose header is known, and enters the message it may hold.
func (w *walker) begin(p *part) error {
	p.describe()
	if w.settles {
		p.settle()
	}
	for _, outer := range w.open {
		if p.delimiter != nil && outer != p && bytes.Equal(outer.delimiter, p.delimiter) {
			outer.repeated = true
		}
	}
	if w.shallow {
		p.delimiter = nil
	} else if p.holdsMessage() {
		return w.enter(&part{parent: p, embedded: true, start: p.body, body: p.body})
	}
	return nil
}

func (w *walker) bodyLine(l line) {
	if w.measure {
		w.meter.add(l)
	}
	switch p := w.cur(); {
	case p.delimiter == nil:
	case p.closed >= 0:
		p.epilogue.add(l)
	default:
		p.preamble.add(l)
	}
}
