package mailbox

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
	"unicode"
)

// maxDirectory is the largest list of files of an archive that is read into memory.
const maxDirectory = 32 << 20

// zip walks the mail in an archive. Nothing is written by the names in it.
func (w *walker) zip(s source, at section) error {
	if err := checkDirectory(at); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if s.file != nil {
		// It remains open as long as a message refers to it.
		f, err := os.Open(s.file.Name())
		if err != nil {
			return err
		}
		at = io.NewSectionReader(f, 0, at.Size())
	}
	archive, err := zip.NewReader(at, at.Size())
	if errors.Is(err, zip.ErrFormat) {
		return hinted{fmt.Errorf("%s: the zip archive is cut off or damaged: the list of its files, at the end, cannot be read", s.name), "copy the archive again"}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if s.depth == 0 {
		s.work.in.Add(at.Size())
	}
	var found listing
	for _, f := range archive.File {
		if !found.wants(f.Name, f.Mode().IsRegular() && !strings.HasPrefix(f.Name, "__MACOSX/")) {
			continue
		}
		entry := source{name: s.name + "#" + found.apart(w.entryName(f.Name)), depth: s.depth + 1, work: s.work}
		entry.open = func() (io.ReadCloser, error) { return s.work.file(f, entry.name) }
		if err := w.goOn(entry.name, w.source(entry)); err != nil {
			return err
		}
	}
	return found.end(w, s.name)
}

// entryName is what a file is called: its name, or the number of its first message where that does
// not do.
func (w *walker) entryName(name string) string {
	_, err := strconv.Atoi(name)
	if err == nil || len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool { return r == '#' || r == unicode.ReplacementChar || !unicode.IsPrint(r) }) {
		return strconv.Itoa(w.emitted + 1)
	}
	return name
}

// file opens a file of an archive.
func (b *budget) file(f *zip.File, name string) (io.ReadCloser, error) {
	const encrypted = 1
	if f.Flags&encrypted != 0 {
		return nil, fmt.Errorf("%s is encrypted: unpack the archive with its password first", name)
	}
	in, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &expanded{in, io.NopCloser(nil), b}, nil
}

// checkDirectory checks the size of the list of files before it is read. It stands in the last
// record of the archive, and before that in a 64-bit form.
func checkDirectory(at section) error {
	size := at.Size()
	tail := make([]byte, min(size, 66<<10))
	if _, err := at.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if bytes.Contains(tail, []byte("PK\x06\x07")) && !bytes.Contains(tail, []byte("PK\x06\x06")) {
		return errors.New("its 64-bit list of files is not where archivers write it")
	}
	for _, record := range []struct {
		mark   string
		at, to int // where it has the size of the list
	}{{"PK\x05\x06", 12, 16}, {"PK\x06\x06", 40, 48}} {
		for rest := tail; ; {
			i := bytes.Index(rest, []byte(record.mark))
			if i < 0 || len(rest) < i+record.to {
				break
			}
			rest = rest[i:]
			number := make([]byte, 8)
			copy(number, rest[record.at:record.to])
			if n := binary.LittleEndian.Uint64(number); n > maxDirectory && (n != math.MaxUint32 || record.to-record.at == 8) {
				return fmt.Errorf("a list of files of %d octets, at most %d are read", n, maxDirectory)
			}
			rest = rest[len(record.mark):]
		}
	}
	return nil
}

// listing is what a folder or an archive holds.
type listing struct {
	wanted, others int
	names          map[string]int // of an archive: how many files have it
}

// apart is a name that no file before has: an archive may hold several of one name, of which the
// second is called "NAME (2)".
func (l *listing) apart(name string) string {
	if l.names == nil {
		l.names = map[string]int{}
	}
	unique := name
	for l.names[unique] > 0 {
		l.names[name]++
		unique = fmt.Sprintf("%s (%d)", name, l.names[name])
	}
	l.names[unique]++
	return unique
}

// wants reports whether a file may hold mail, by its name, and counts those that do not.
func (l *listing) wants(name string, regular bool) bool {
	switch {
	case !regular:
		return false
	case !mailName(path.Base(name)):
		l.others++
		return false
	}
	l.wanted++
	return true
}

// end says what was left out.
func (l *listing) end(w *walker, name string) error {
	switch {
	case l.wanted == 0:
		return fmt.Errorf("%w: %s", ErrNoMail, name)
	case l.others == 1:
		return w.notice(name, "1 other file in it is not read: its name is not one of saved mail")
	case l.others > 0:
		return w.notice(name, fmt.Sprintf("%d other files in it are not read: their names are not those of saved mail", l.others))
	}
	return nil
}
