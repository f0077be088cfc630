package evidence

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dnseal/lookup/dnssec"
	"dnseal/receiver"
)

// Extension is that of the names of files.
const Extension = ".evidence"

// Options are for reading.
type Options struct {
	// Anchors are the reader's own trust anchors; nil: the keys of the DNS root, each for the time
	// in which it was valid. Those of a period count in that.
	Anchors *dnssec.Anchors
	// At is the time as of which messages are judged; zero: when each was checked.
	At time.Time
	// Policy is the reader's own: it is compared with that of the file.
	Policy Policy
	// Witness, where it is not nil, finds out who proves the time of a seal, and when that was: a
	// time stamp, or the signature. content is what the seal is over. An error says why what is
	// there proves nothing.
	Witness func(seal *Seal, content io.Reader) (by string, at time.Time, err error)
}

// Archive is evidence that was opened. It is safe for concurrent use. Close it when done.
type Archive struct {
	opts    Options
	files   []*file
	closers []io.Closer
	lines   int // of all files
	// entries are what is kept about messages; first and next find those of a digest.
	entries []entry
	first   map[hash]int32 // index in entries, from 1
	answers answers
	lacking []string // why files are not among these
}

// entry is where something is kept about a message. It has no pointers, so that many of them cost
// the garbage collector nothing.
type entry struct {
	file int32
	line int32
	at   int64 // when it was checked, in seconds
	next int32 // the next entry with the same digest, from 1; 0: none
	// whole begins the digest of the whole message; answered: lookups were kept.
	whole    beginning
	answered bool
}

// Open returns an archive with a file of evidence, or with all *.evidence files of a folder. Files
// of a folder that cannot be read are left out: then the error names each, and the Archive holds
// the others. Errors: [ErrNoEvidence], [ErrVersion], [ErrEdited], [ErrForm] and [ErrLimit] with the
// names of file and line, and those of the file system. A folder without such files is
// fs.ErrNotExist.
func Open(path string, opts Options) (*Archive, error) {
	a := New(opts)
	return a, a.Open(path)
}

// Open adds a file, or those of a folder, as the function Open does. It must not be called together
// with other methods.
func (a *Archive) Open(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if !info.IsDir() {
		return a.open(path)
	}
	names, err := filepath.Glob(filepath.Join(escaped(path), "*"+Extension))
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("no *%s file in %s: %w", Extension, path, fs.ErrNotExist)
	}
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	var wrong []error
	for _, name := range names {
		wrong = append(wrong, a.open(name))
	}
	return errors.Join(wrong...)
}

// escaped is a folder's name as a pattern that stands for itself.
func escaped(path string) string {
	var out []rune
	for _, r := range path {
		if r == '*' || r == '?' || r == '[' || r == '\\' && os.PathSeparator != '\\' {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}

// New returns an archive without files.
func New(opts Options) *Archive {
	opts.Anchors = opts.Anchors.WithHistory()
	return &Archive{opts: opts, first: map[hash]int32{}, answers: newAnswers()}
}

// open adds a file.
func (a *Archive) open(name string) error {
	// Before it is opened: that of a named pipe waits for a writer.
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("evidence: %s is no file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if info, err = f.Stat(); err == nil {
		err = a.Add(name, f, info.Size())
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	a.closers = append(a.closers, f)
	return nil
}

// Add adds a file that src holds, which must stay open; name is for messages. It must not be called
// together with other methods. Errors are those of [Open]; then nothing was added.
func (a *Archive) Add(name string, src io.ReaderAt, size int64) error {
	number := int32(len(a.files))
	var found []keyed
	f, err := scan(name, src, size, maxLines-a.lines, func(m *Message, line int) error {
		keys, err := keysOf(m)
		for _, k := range keys {
			found = append(found, keyed{k, entry{file: number, line: int32(line), at: m.CheckedAt.Unix(), whole: begin(m.SHA256), answered: len(m.Lookups) > 0}})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("evidence: %s: %w", name, err)
	}
	for _, k := range found {
		k.next = a.first[k.hash]
		a.entries = append(a.entries, k.entry)
		a.first[k.hash] = int32(len(a.entries))
	}
	a.files, a.lines = append(a.files, f), a.lines+len(f.lines)
	return nil
}

type keyed struct {
	hash
	entry
}

// keysOf are the digests by which a message is found.
func keysOf(m *Message) ([]hash, error) {
	if len(m.Signatures) == 0 || len(m.Signatures) > maxObjects || len(m.Lookups) > maxLookups {
		return nil, ErrForm
	}
	var out []hash
	for _, text := range m.Signatures {
		h, ok := parseHash(text)
		if !ok {
			return nil, ErrForm
		}
		if !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out, nil
}

// Close closes the files.
func (a *Archive) Close() error {
	var errs []error
	for _, c := range a.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Summary is one file of an archive, for people.
type Summary struct {
	Name     string
	Lines    int
	Messages int
	// Sealed is when the file was sealed; nil: its writer is still at work, or was stopped.
	Sealed *time.Time
	// Cut says that its last line has no end.
	Cut bool
}

// Files describes the files.
func (a *Archive) Files() []Summary {
	var out []Summary
	for _, f := range a.files {
		s := Summary{Name: f.name, Lines: len(f.lines), Messages: f.messages, Cut: f.cut}
		if f.seal != nil {
			s.Sealed = &f.seal.Sealed
		}
		out = append(out, s)
	}
	return out
}

// beginning is what is held of a digest in memory: it only prefers one entry to another. Zero: of
// none.
type beginning [16]byte

func begin(digest string) (b beginning) {
	copy(b[:], digest)
	return b
}

// find returns the entry about a message: of several the one that was made closest to the time
// asked for, else that of the same message octet for octet, else the first that was made. What was
// kept about a changed copy, whose signature did not hold, has no lookup: it comes last, because
// anybody can send one earlier.
func (a *Archive) find(d receiver.Digests) (*file, int32, *Message, error) {
	var all []entry
	for _, text := range d.Objects {
		h, ok := parseHash(text)
		if !ok {
			continue
		}
		for i := a.first[h]; i != 0 && len(all) < maxEntries; i = a.entries[i-1].next {
			all = append(all, a.entries[i-1])
		}
	}
	if len(all) == 0 {
		return nil, 0, nil, nil
	}
	best := slices.MinFunc(all, a.order(begin(d.Message)))
	f := a.files[best.file]
	line, err := f.line(best.line)
	if err != nil {
		return nil, 0, nil, err
	}
	m, err := parseMessage(line)
	if err != nil {
		return nil, 0, nil, fmt.Errorf("evidence: %s: line %d %w", f.name, best.line, ErrEdited)
	}
	return f, best.line, m, nil
}

// order compares entries about the message whose digest begins with whole: the better comes first.
func (a *Archive) order(whole beginning) func(x, y entry) int {
	return func(x, y entry) int {
		known := whole != beginning{}
		xSame, ySame := known && x.whole == whole, known && y.whole == whole
		return cmp.Or(
			last(!xSame && !x.answered, !ySame && !y.answered),
			cmp.Compare(a.distance(x), a.distance(y)),
			last(!xSame, !ySame),
			cmp.Compare(x.at, y.at), cmp.Compare(x.file, y.file), cmp.Compare(x.line, y.line),
		)
	}
}

// last compares by a property that comes last.
func last(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
}

// maxEntries bounds the entries that are compared for one message.
const maxEntries = 10_000

func (a *Archive) distance(e entry) int64 {
	if a.opts.At.IsZero() {
		return 0
	}
	d := a.opts.At.Unix() - e.at
	return max(d, -d)
}
