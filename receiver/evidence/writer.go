package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	gohash "hash"
	"io"
	"maps"
	"sync"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/evidence"
	"dnseal/receiver"
)

// Writer writes the lines of one file. It is safe for concurrent use.
type Writer struct {
	mu       sync.Mutex
	out      io.Writer
	sum      string      // checksum of the last line
	all      gohash.Hash // over all that was written
	size     int64
	messages int
	// known are the lines that others can refer to, by what is in them.
	known map[string]hash
}

// NewWriter writes the header of a file. writer names the program.
func NewWriter(out io.Writer, writer string, created time.Time) (*Writer, error) {
	w := &Writer{out: out, all: sha256.New(), known: map[string]hash{}}
	b := &batch{w: w}
	if err := b.line(&Header{Version: Version, Writer: writer, Created: created.UTC().Truncate(time.Second)}); err != nil {
		return nil, err
	}
	return w, b.write()
}

// Size is that of what was written whole.
func (w *Writer) Size() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.size
}

// Messages is the number of messages that were added.
func (w *Writer) Messages() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.messages
}

// Add adds a message with everything that its report rests on. A report without signatures, or
// without [receiver.Report.Digests], is left out: there is nothing to keep. After an error that the
// file returned, Size is where it is whole.
func (w *Writer) Add(r *receiver.Report, by Judged) error {
	k, ok := keptOf(r, by)
	if !ok {
		return nil
	}
	return w.add(k)
}

// add adds messages with one write: all of them, or none after an error.
func (w *Writer) add(all ...kept) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := &batch{w: w}
	for _, k := range all {
		if err := b.message(k); err != nil {
			return err
		}
	}
	err := b.write()
	if err == nil {
		w.messages += len(all)
	}
	return err
}

// batch is lines that are written together or not at all.
type batch struct {
	w     *Writer
	text  bytes.Buffer
	sum   string
	last  []byte // line
	added map[string]hash
}

// message adds what is kept of a message, and before that the lines that it needs.
func (b *batch) message(k kept) error {
	m := *k.message // that stays as it is, for another try
	h, err := b.shared(k.by.keys[0], func() (*record, error) { return &record{Anchors: k.by.anchors}, nil })
	if err != nil {
		return err
	}
	m.Anchors = h.String()
	if h, err = b.shared(k.by.keys[1], func() (*record, error) { return &record{Policy: &k.by.policy}, nil }); err != nil {
		return err
	}
	m.Policy = h.String()
	if m.Lookups, err = b.lookups(k.lookups); err != nil {
		return err
	}
	return b.line(&record{Message: &m})
}

// line adds a line.
func (b *batch) line(v any) error {
	before := b.sum
	if b.text.Len() == 0 {
		before = b.w.sum
	}
	line, sum, err := encode(v, before)
	if err != nil {
		return err
	}
	if len(line) > maxLine {
		return fmt.Errorf("evidence: a line of %d octets, at most %d: %w", len(line), maxLine, ErrLimit)
	}
	b.text.Write(line)
	b.text.WriteByte('\n')
	b.sum, b.last = sum, line
	return nil
}

// shared returns the hash of the line that has what key names, which is added where it is not
// there.
func (b *batch) shared(key string, make func() (*record, error)) (hash, error) {
	key = short(key)
	if h, ok := b.w.known[key]; ok {
		return h, nil
	}
	if h, ok := b.added[key]; ok {
		return h, nil
	}
	r, err := make()
	if err != nil {
		return hash{}, err
	}
	if err := b.line(r); err != nil {
		return hash{}, err
	}
	h := hashOf(b.last)
	if b.added == nil {
		b.added = map[string]hash{}
	}
	b.added[key] = h
	return h, nil
}

func (b *batch) lookups(results []*lookup.Result) ([]string, error) {
	out := []string{}
	for _, r := range results[:min(len(results), maxLookups)] {
		key := fmt.Sprintf("lookup %s %s %d %s", r.Name, r.Type, r.At.UnixNano(), r.Code)
		h, err := b.shared(key, func() (*record, error) { return b.lookup(r) })
		if err != nil {
			return nil, err
		}
		out = append(out, h.String())
	}
	return out, nil
}

// lookup is the record of one answer, after its sets. What was not found out has none, and so has
// what was believed.
func (b *batch) lookup(r *lookup.Result) (*record, error) {
	l := &Lookup{Name: r.Name, Type: r.Type.String(), At: r.At.UTC(), Status: r.Status.String(), Code: string(r.Code), Sets: []string{}}
	e, err := evidence.Of(r)
	if err != nil {
		return &record{Lookup: l}, nil //nolint:nilerr // there is nothing to keep
	}
	l.Rcode = e.Rcode
	for _, s := range e.Sets {
		key := "set " + s.Name + " " + s.Type + " " + string(s.Wire)
		h, err := b.shared(key, func() (*record, error) { return &record{Set: &Set{Name: s.Name, Type: s.Type, Wire: s.Wire}}, nil })
		if err != nil {
			return nil, err
		}
		l.Sets = append(l.Sets, h.String())
	}
	return &record{Lookup: l}, nil
}

// write writes the lines with one call, and remembers them where that succeeds.
func (b *batch) write() error {
	w := b.w
	if b.text.Len() == 0 {
		return nil
	}
	if _, err := w.out.Write(b.text.Bytes()); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	w.all.Write(b.text.Bytes())
	w.size += int64(b.text.Len())
	w.sum = b.sum
	maps.Copy(w.known, b.added)
	return nil
}

// short keeps the keys of what is known short.
func short(key string) string {
	if len(key) <= sha256.Size {
		return key
	}
	h := sha256.Sum256([]byte(key))
	return string(h[:])
}

// Seal ends the file. seal holds the token and the signature over [Writer.Digest], where there are
// any.
func (w *Writer) Seal(seal Seal) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	seal.SHA256, seal.Messages, seal.Sealed = hex.EncodeToString(w.all.Sum(nil)), w.messages, seal.Sealed.UTC().Truncate(time.Second)
	b := &batch{w: w}
	if err := b.line(&record{Seal: &seal}); err != nil {
		return err
	}
	return b.write()
}

// addLookup adds the answer to a lookup that no message needs, and returns the hash of its line.
func (w *Writer) addLookup(r *lookup.Result) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := &batch{w: w}
	refs, err := b.lookups([]*lookup.Result{r})
	if err == nil {
		err = b.write()
	}
	if err != nil {
		return "", err
	}
	return refs[0], nil
}

// Digest is the SHA-256 of all that was written: what a seal is over.
func (w *Writer) Digest() [sha256.Size]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return [sha256.Size]byte(w.all.Sum(nil))
}
