package entity

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
	root  *Part
	open  []*Part // from the root to the part the line belongs to
	// header holds the lines of the header being read; nil while a body is read.
	header  []byte
	reading bool // a header is being read
	parts   int
	headers int
	eol     int // length of the line end before the line
	prefix  string
	measure bool
	// repairs says that careless headers are replaced with what all readers understand by them.
	repairs bool
	// shallow asks only for the parts of the root, and does not look into the first one.
	shallow bool
	meter   Meter
}

// Walk finds the parts of the entity whose body is [body, end) of src; fields is its header.
// measure asks for the hazards of every part, and for what careless headers mean. Errors:
// *LimitError, else what src or ctx returned.
func Walk(ctx context.Context, src io.ReaderAt, fields []message.Field, body, end int64, measure bool) (*Part, error) {
	w := &walker{root: &Part{Fields: fields, Body: body}, measure: measure, repairs: measure, parts: 1}
	w.open = append(make([]*Part, 0, 8), w.root)
	if err := w.begin(w.root); err != nil {
		return nil, err
	}
	return w.run(ctx, src, body, end)
}

// WalkShallow finds the parts of the root only, the first of them without its header.
func WalkShallow(ctx context.Context, src io.ReaderAt, fields []message.Field, body, end int64) (*Part, error) {
	w := &walker{root: &Part{Fields: fields, Body: body}, shallow: true, parts: 1}
	w.open = append(make([]*Part, 0, 2), w.root)
	w.root.Describe()
	return w.run(ctx, src, body, end)
}

// WalkEntity is Walk for an entity with its header, which is all of src, size octets, and the
// content of the part with the number prefix.
func WalkEntity(ctx context.Context, src io.ReaderAt, size int64, prefix string) (*Part, error) {
	w := &walker{root: &Part{Body: size}, reading: true, parts: 1, prefix: prefix}
	w.open = append(make([]*Part, 0, 8), w.root)
	return w.run(ctx, src, 0, size)
}

// run reads the message and returns its root.
func (w *walker) run(ctx context.Context, src io.ReaderAt, off, end int64) (*Part, error) {
	w.lines = NewLineReader(ctx, src, off, end)
	defer w.lines.Close()
	for !w.leafOnly() {
		w.skip()
		l, err := w.lines.Next()
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

// leafOnly reports that nothing more can be found: the root has no parts, and its body is not
// measured.
func (w *walker) leafOnly() bool {
	return len(w.open) == 1 && w.root.Delimiter == nil && !w.reading && !w.measure
}

// skip passes over lines that can be no delimiters, where nothing else is asked of them.
func (w *walker) skip() {
	if w.measure || w.reading || w.cur().Delimiter != nil {
		return
	}
	if eol := w.lines.skip(delimiterStart); eol > 0 {
		w.eol = eol
	}
}

var delimiterStart = []byte("\n--")

func (w *walker) cur() *Part { return w.open[len(w.open)-1] }

func (w *walker) line(l Line) error {
	if l.First && l.Last && len(l.Data) > 2 && l.Data[0] == '-' && l.Data[1] == '-' {
		if i, closing := w.boundary(l.Data); i >= 0 {
			w.around(i, l.Data)
			err := w.delimit(i, closing, l)
			w.eol = l.Eol
			return err
		}
	}
	w.eol = l.Eol
	if w.reading {
		return w.headerLine(l)
	}
	w.bodyLine(l)
	return nil
}

// boundary returns which open multipart the line is a delimiter of, or -1.
//
// RFC 2046, Section 5.1.2: an outer boundary ends the parts inside as well. Section 5.1.1: the line
// is the delimiter with nothing but white space after it; a boundary that begins with another one
// is a different boundary.
func (w *walker) boundary(data []byte) (index int, closing bool) {
	data = bytes.TrimRight(data, " \t")
	for i, p := range slices.Backward(w.open) {
		if p.Delimiter == nil || p.Closed >= 0 || !bytes.HasPrefix(data, p.Delimiter) {
			continue
		}
		rest := data[len(p.Delimiter):]
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
		if p.Delimiter == nil || p.Closed >= 0 || !bytes.HasPrefix(data, p.Delimiter) {
			continue
		}
		p.Longer++
		rest := data[len(p.Delimiter):]
		p.Repeated = p.Repeated || len(rest) == 0 || string(rest) == "--"
	}
}

// delimit ends everything inside the i-th open part and begins its next part, or its epilogue.
//
// RFC 2046, Section 5.1.1: the line end before the delimiter belongs to it, not to the part.
func (w *walker) delimit(i int, closing bool, l Line) error {
	end := l.off - int64(w.eol)
	if err := w.headersDone(end); err != nil {
		return err
	}
	w.leave(i+1, end)
	p := w.open[i]
	if len(w.open) == i+1 {
		w.addHazards() // the preamble
	}
	if p.First < 0 {
		p.First = l.off
	}
	p.Frame |= w.delimiterHazards(l)
	next := l.off + int64(len(l.Data)+l.Eol)
	if closing {
		p.Closed, p.Unended = next, l.Eol == 0
		return nil
	}
	return w.enter(&Part{Parent: p, Start: next, Body: next})
}

// delimiterHazards looks at a delimiter line and at the line end before it, which belongs to it.
func (w *walker) delimiterHazards(l Line) Hazard {
	var m Meter
	m.Add(l)
	if w.eol == 1 {
		m.Hazards |= HasBareLF
	}
	return m.Hazards
}

// enter begins a part whose header comes next.
func (w *walker) enter(k *Part) error {
	if w.parts++; w.parts > maxParts {
		return &LimitError{"parts", maxParts}
	}
	if len(w.open) >= maxDepth {
		return &LimitError{"depth", maxDepth}
	}
	k.Parent.Kids = append(k.Parent.Kids, k)
	w.open = append(w.open, k)
	w.reading, w.header = !w.shallow || len(k.Parent.Kids) > 1, nil
	w.meter = Meter{}
	return nil
}

// leave ends the open parts from the i-th on.
func (w *walker) leave(i int, end int64) {
	if len(w.open) > i {
		w.addHazards()
	}
	for _, p := range w.open[i:] {
		p.End = end
		p.Unended = p.Unended || p.Closed > end
		p.Headless = p.Headless || p.Body > end
		if p.Start > end {
			p.Start, p.Body, p.Shared = end, end, true
		}
	}
	w.open = w.open[:i]
}

// addHazards adds the hazards of the body read so far to its part.
func (w *walker) addHazards() {
	if p := w.cur(); w.measure {
		p.Content |= w.meter.Hazards
		p.High += w.meter.high
	}
	w.meter = Meter{}
}

func (w *walker) headerLine(l Line) error {
	if w.measure {
		w.meter.Add(l)
	}
	if l.First && l.Last && len(l.Data) == 0 && l.Eol > 0 {
		// RFC 5322, Section 2.1: the empty line ends the header.
		return w.headerDone(l.off + int64(l.Eol))
	}
	n := len(l.Data) + l.Eol
	if w.headers += n; w.headers > maxPartHeaders || len(w.header)+n > maxPartHeader {
		return &LimitError{"header", maxPartHeader}
	}
	if w.header == nil {
		w.header = make([]byte, 0, 256)
	}
	w.header = append(w.header, l.Data...)
	w.header = append(w.header, "\r\n"[2-l.Eol:]...)
	return nil
}

// headerDone ends the header of the current part; its body begins at body.
func (w *walker) headerDone(body int64) error {
	p := w.cur()
	w.reading = false
	p.Fields, _ = message.ParseHeader(w.header)
	p.Header, p.Body = w.meter.Hazards, max(p.Start, body)
	w.header, w.meter = nil, Meter{}
	return w.begin(p)
}

// headersDone ends the header of the current part where its container ends, and that of the empty
// message it may hold (RFC 5322, Section 2.1: the body is optional).
func (w *walker) headersDone(at int64) error {
	for w.reading {
		w.cur().Headless = true
		if err := w.headerDone(at); err != nil {
			return err
		}
	}
	return nil
}

// begin looks at a part whose header is known, and enters the message it may hold.
func (w *walker) begin(p *Part) error {
	p.Describe()
	if w.repairs {
		p.repair()
	}
	for _, outer := range w.open {
		if p.Delimiter != nil && outer != p && bytes.Equal(outer.Delimiter, p.Delimiter) {
			outer.Repeated = true
		}
	}
	if w.shallow {
		p.Delimiter = nil
	} else if p.HoldsMessage() {
		return w.enter(&Part{Parent: p, Embedded: true, Start: p.Body, Body: p.Body})
	}
	return nil
}

func (w *walker) bodyLine(l Line) {
	if w.measure {
		w.meter.Add(l)
	}
	switch p := w.cur(); {
	case p.Delimiter == nil:
	case p.Closed >= 0:
		p.Epilogue.Add(l)
	default:
		p.Preamble.Add(l)
	}
}
