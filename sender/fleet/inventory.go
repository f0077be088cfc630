package fleet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"dnseal/sender/identity"
)

// DefaultInventory is the name of the inventory in the directory of the identities.
const DefaultInventory = "fleet.jsonl"

// maxLine is the most octets of a line: all columns of a row, escaped, have room.
const maxLine = 8 * maxRecord

// Inventory is a file of events, one a line, that is only ever appended to. What a line says is on
// disk before anything rests on it. It is not safe for concurrent use.
type Inventory struct {
	// Note says what was mended when it was opened, or what does not count; empty: nothing.
	Note string
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Dir is the directory of the identities: where one has a folder, the key in it counts, and
	// whether the folder says that it is revoked. Empty: the inventory alone knows the keys.
	Dir string
	// Failed is told of each folder that cannot be read while a zone file is made; nil: nobody is.
	Failed func(*Failure)

	path   string
	file   *os.File
	size   int64
	unlock func()
}

// OpenInventory opens an inventory for a command that changes it, and makes it where it is missing.
// Another command is kept out until Close. A last line that is not whole (the system went down
// while it was written) is cut off, and Note says so. Errors: [identity.ErrBusy] with a hint; what
// the file system returned.
func OpenInventory(path string) (*Inventory, error) {
	unlock, err := identity.LockFile(path+".lock", path)
	if err != nil {
		return nil, err
	}
	inv := &Inventory{path: path, unlock: unlock}
	if inv.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err == nil { //nolint:gosec // G703: the caller names it
		err = inv.mendTail()
	}
	if err == nil {
		err = identity.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("fleet: inventory: %w", err), inv.Close())
	}
	return inv, nil
}

// ReadInventory opens an inventory for reading: others can change it meanwhile, and a last line
// that is not whole does not count. Errors: what the file system returned, with a hint where there
// is none.
func ReadInventory(path string) (*Inventory, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, identity.WithHint(fmt.Errorf("fleet: inventory: %w", err), "dnseal fleet enroll makes it; name it with --inventory FILE, or its directory with --identities DIR")
	}
	if err != nil {
		return nil, fmt.Errorf("fleet: inventory: %w", err)
	}
	inv := &Inventory{path: path, file: file}
	var tail []byte
	if inv.size, tail, err = wholeSize(file); err != nil {
		return nil, errors.Join(fmt.Errorf("fleet: inventory: %w", err), inv.Close())
	}
	if isWhole(tail) {
		inv.size += int64(len(tail))
	} else if len(tail) > 0 {
		inv.Note = path + ": the last line is not whole, and does not count: another command writes it now, or a crash has cut it"
	}
	return inv, nil
}

// Close lets others change the inventory.
func (inv *Inventory) Close() (err error) {
	if inv.file != nil {
		err = inv.file.Close()
	}
	if inv.unlock != nil {
		inv.unlock()
		inv.unlock = nil
	}
	return err
}

// Path is that of the file.
func (inv *Inventory) Path() string { return inv.path }

func (inv *Inventory) now() time.Time {
	if inv.Now != nil {
		return inv.Now().UTC().Truncate(time.Second)
	}
	return time.Now().UTC().Truncate(time.Second)
}

// wholeSize is where the last whole line ends, and what stands after it.
func wholeSize(f *os.File) (size int64, tail []byte, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, nil, err
	}
	if !info.Mode().IsRegular() {
		return 0, nil, errors.New("it is no regular file")
	}
	for end := info.Size(); end > 0; {
		part := make([]byte, min(end, maxLine))
		if _, err = f.ReadAt(part, end-int64(len(part))); err != nil {
			return 0, nil, err
		}
		at := bytes.LastIndexByte(part, '\n') + 1
		end -= int64(len(part) - at)
		if tail = append(part[at:], tail...); at > 0 || len(tail) > maxLine {
			return end, tail, nil
		}
	}
	return 0, tail, nil
}

// mendTail removes a last line that is not whole, and ends one that is: its end was lost.
func (inv *Inventory) mendTail() error {
	whole, tail, err := wholeSize(inv.file)
	if err != nil {
		return err
	}
	inv.size = whole
	switch {
	case len(tail) == 0:
		return nil
	case isWhole(tail):
		inv.size += int64(len(tail))
		inv.Note = inv.path + ": the last line had no end; it is whole, and counts"
		return inv.append([]byte("\n"))
	}
	info, err := inv.file.Stat()
	if err == nil {
		inv.Note = fmt.Sprintf("%s: the last line was not whole, as a crash leaves it: %s are cut off", inv.path, plural(int(info.Size()-whole), "octet"))
		err = inv.file.Truncate(whole)
	}
	return err
}

// append adds whole lines and returns when they are on disk. Where that fails none of them is
// there.
func (inv *Inventory) append(lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	_, err := inv.file.WriteAt(lines, inv.size)
	if err == nil {
		err = inv.file.Sync()
	}
	if err != nil {
		_ = inv.file.Truncate(inv.size) // else the next opening cuts it off
		return fmt.Errorf("fleet: inventory: %w", err)
	}
	inv.size += int64(len(lines))
	return nil
}

// note appends one event, of now.
func (inv *Inventory) note(e Event) error {
	e.Time = inv.now()
	line, err := e.appendSealed(nil)
	if err != nil {
		return fmt.Errorf("fleet: inventory: %w", err)
	}
	return inv.append(line)
}

// DamagedError says that a line of an inventory cannot be read.
type DamagedError struct {
	File string
	Line int
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("fleet: %s: line %d is damaged: %v", e.File, e.Line, e.Err)
}

// Hint says what to do.
func (e *DamagedError) Hint() string {
	return "nothing was changed; restore the file from a copy, or mend the line by hand, without its sum: an identity whose line is missing counts as never enrolled"
}

// Unwrap is the cause.
func (e *DamagedError) Unwrap() error { return e.Err }

// scan calls f for each event, in order. What is appended meanwhile is not read. Errors: a
// [*DamagedError], that of f, what the file system returned.
func (inv *Inventory) scan(f func(*Event) error) error {
	return inv.scanAt(func(_ int64, e *Event) error { return f(e) })
}

// scanAt is scan with the octet at which each line begins, for eventAt.
func (inv *Inventory) scanAt(f func(at int64, e *Event) error) error {
	at := int64(0)
	return inv.scanLines(func(number int, line []byte) error {
		e, err := parseEvent(line)
		if err != nil {
			return &DamagedError{inv.path, number, err}
		}
		begin := at
		at += int64(len(line))
		return f(begin, &e)
	})
}

// eventAt reads one line again.
func (inv *Inventory) eventAt(at int64) (Event, error) {
	line, err := bufio.NewReader(io.NewSectionReader(inv.file, at, maxLine)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return Event{}, fmt.Errorf("fleet: inventory: %w", err)
	}
	return parseEvent(line)
}

// scanLines calls f for each line, with its end.
func (inv *Inventory) scanLines(f func(number int, line []byte) error) error {
	in := bufio.NewReaderSize(io.NewSectionReader(inv.file, 0, inv.size), 64<<10)
	var long []byte
	for number := 1; ; number++ {
		line, err := in.ReadSlice('\n')
		for long = long[:0]; errors.Is(err, bufio.ErrBufferFull); line, err = in.ReadSlice('\n') {
			if long = append(long, line...); len(long) > maxLine {
				return &DamagedError{inv.path, number, fmt.Errorf("it is longer than %d octets", maxLine)}
			}
		}
		if len(long) > 0 {
			long = append(long, line...)
			line = long
		}
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("fleet: inventory: %w", err)
		}
		if err = f(number, line); err != nil {
			return err
		}
	}
}

// enrolled is how many identities there are about: no text of a row looks like an event, because
// JSON escapes its quotation marks.
func (inv *Inventory) enrolled() (n int, err error) {
	word := []byte(`"event":"` + string(Enrolled) + `"`)
	part := make([]byte, 256<<10)
	for at := int64(0); at < inv.size; {
		have, err := inv.file.ReadAt(part[:min(int64(len(part)), inv.size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) || have == 0 {
			return 0, fmt.Errorf("fleet: inventory: %w", err)
		}
		n += bytes.Count(part[:have], word)
		at += int64(have)
	}
	return n + 1, nil // one can be cut by the ends of parts
}

// byName reads an index of all names; f, which can be nil, sees each event and its place, after it
// was noted.
func (inv *Inventory) byName(f func(e *Event, at int, x *index) error) (*index, error) {
	room, err := inv.enrolled()
	if err != nil {
		return nil, err
	}
	x := newIndex(room)
	number := 0
	err = inv.scan(func(e *Event) error {
		number++
		at := -1
		switch e.What {
		case Written:
			x.written()
		case Served, KeysIn, ZoneIn, MadeBy, Ran:
		case Enrolled, Published, Retire, Vouched, Withdrawn:
			at = x.add(digestOf(e.Name))
			if wrong := x.follows(at, e); wrong != nil {
				return &DamagedError{inv.path, number, wrong}
			}
			x.apply(at, e.What)
		}
		if f == nil {
			return nil
		}
		return f(e, at, x)
	})
	return x, err
}
