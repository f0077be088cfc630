package fleet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"dnseal/sender/identity"
)

// ZoneFile is a zone file, or one that a zone file has by $INCLUDE, with the records of all
// identities that are enrolled and neither retired nor revoked (RFC 1035, Section 5.1). It is
// written beside the old one and takes its place when it is whole.
type ZoneFile struct {
	inv     *Inventory
	path    string
	known   zoneKnown
	there   bool // the old one
	file    *os.File
	out     *bufio.Writer
	serial  uint32
	count   int
	leftOut int // identities that the old one may have, and the new one has not
}

// serialWord, in a head, is where the serial of the SOA stands.
const serialWord = "{serial}"

// MaxZoneHead is the most octets of what stands before the records.
const MaxZoneHead = 1 << 20

// BeginZoneFile begins the file with a line that says which inventory writes it, and a head, in
// which "{serial}" becomes the serial of the SOA: the seconds since 1970, and always more than that
// of the file before (RFC 1982). Without a head it is for $INCLUDE. Then come the records of what
// the inventory has. Errors, with a hint: another file is there, which this inventory did not
// write; a [*DamagedError]; what the file system returned, such as a folder that may not be read:
// nothing has changed then. Of another folder that cannot be read [Inventory.Failed] is told: its
// record is the one that the inventory has, unless the folder says that this key is revoked.
func (inv *Inventory) BeginZoneFile(path string, head []byte) (*ZoneFile, error) {
	path, err := target(path)
	if err != nil {
		return nil, zoneError(path, err)
	}
	z := &ZoneFile{inv: inv, path: path}
	if z.known, z.there, err = inv.mayWrite(path); err != nil {
		return nil, err
	}
	if err = z.mark(); err != nil {
		return nil, err
	}
	if z.file, err = z.create(); err != nil {
		return nil, zoneError(path, err)
	}
	z.out = bufio.NewWriterSize(z.file, 256<<10)
	if err = z.begin(head); err != nil {
		z.Abort()
		return nil, err
	}
	return z, nil
}

// target is the absolute path of a file, or of that which a symbolic link leads to.
func target(path string) (string, error) {
	const most = 40
	path, err := filepath.Abs(path)
	for range most {
		to, e := os.Readlink(path)
		if err != nil || e != nil { // it is no link, or there is nothing
			return path, err
		}
		if !filepath.IsAbs(to) {
			var dir string
			dir, err = filepath.EvalSymlinks(filepath.Dir(path))
			to = filepath.Join(dir, to)
		}
		path = to
	}
	return path, errors.New("too many symbolic links lead to it")
}

// zoneError names the file that somebody asked for, and not the new one beside it.
func zoneError(path string, err error) error {
	var cause error
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		cause = e.Err
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		cause = e.Err
	}
	if cause != nil {
		err = &fs.PathError{Op: "write", Path: path, Err: cause}
	}
	return fmt.Errorf("fleet: zone file: %w", err)
}

// create makes the new file as the old one is.
func (z *ZoneFile) create() (*os.File, error) {
	const flags = os.O_RDWR | os.O_CREATE | os.O_EXCL
	if !z.there {
		return os.OpenFile(z.temp(), flags, 0o644) //nolint:gosec // a name server reads it
	}
	old, err := os.Stat(z.path)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(z.temp(), flags, 0o600)
	if err != nil {
		return nil, err
	}
	keepOwner(f, old)
	if err = f.Chmod(old.Mode().Perm()); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(z.temp()))
	}
	return f, nil
}

// temp is where the new file is written: no other inventory has the mark, and this one is locked.
func (z *ZoneFile) temp() string { return z.path + ".new-" + z.known.mark }

// mark notes whose file it is before there is one.
func (z *ZoneFile) mark() error {
	if z.known.mark == "" {
		z.known.mark = newMark()
	}
	if !z.known.marked {
		if err := z.inv.note(Event{What: ZoneIn, File: z.path, Mark: z.known.mark}); err != nil {
			return err
		}
	}
	err := os.Remove(z.temp()) // of a run that was killed
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return zoneError(z.path, err)
	}
	return nil
}

func (z *ZoneFile) begin(head []byte) error {
	number := uint64(0)
	x, err := z.inv.byName(func(e *Event, at int, x *index) error {
		number++
		switch {
		case e.What == Enrolled:
			x.rows[at] = number
		case e.isOut():
			z.leftOut++
		case e.What == Written && e.File == z.path:
			z.leftOut = 0
		}
		return nil
	})
	if err != nil {
		return err
	}
	z.serial = uint32(z.inv.now().Unix())
	if last := z.known.serial; int32(z.serial-last) <= 0 && last != 0 {
		z.serial = last + 1
	}
	head = bytes.ReplaceAll(head, []byte(serialWord), strconv.AppendUint(nil, uint64(z.serial), 10))
	if len(head) > 0 && head[len(head)-1] != '\n' {
		head = append(head, '\n')
	}
	if len(head) > 0 {
		head = append(head, zoneBegin...)
	}
	if err = z.add(append([]byte(zoneHead(z.known.mark)), head...), 0); err != nil {
		return err
	}
	number = 0
	return z.inv.scan(func(e *Event) error {
		if number++; e.What != Enrolled {
			return nil
		}
		at, _ := x.find(digestOf(e.Name))
		if x.rows[at] != number {
			return nil // the line is there twice
		}
		if x.states[at]&isRetired != 0 {
			return nil
		}
		revoked, err := z.inv.present(e)
		switch {
		case err != nil && (isOfDisk(err) || errors.Is(err, fs.ErrPermission)):
			return err
		case err != nil && z.inv.Failed != nil: // others have to leave the zone all the same
			z.inv.Failed(&Failure{Line: e.Line, Name: e.Name, Code: Folder, Err: unreadable(e, err, revoked)})
		}
		if revoked {
			z.leftOut++
			return nil
		}
		line, err := e.appendZoneLine(nil)
		if err != nil {
			return err
		}
		return z.add(line, 1)
	})
}

// add appends records.
func (z *ZoneFile) add(lines []byte, n int) error {
	z.count += n
	if _, err := z.out.Write(lines); err != nil {
		return zoneError(z.path, err)
	}
	return nil
}

// Commit puts the file in its place, and notes it. It returns how many records it has. Errors:
// another file has appeared there meanwhile; the old one has records of identities that the
// inventory does not know, as an old copy of an inventory does not; what the file system returned.
// The old file is there then.
func (z *ZoneFile) Commit() (int, error) {
	err := z.out.Flush()
	if err == nil {
		err = z.file.Sync()
	}
	if e := z.file.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = z.shrinks()
	}
	if err == nil {
		err = z.place()
	}
	if err == nil {
		err = identity.SyncDir(filepath.Dir(z.path))
	}
	if err != nil {
		_ = os.Remove(z.temp()) // half a file
		return 0, zoneError(z.path, err)
	}
	return z.count, z.inv.note(Event{What: Written, File: z.path, Serial: z.serial, Count: z.count})
}

// shrinks returns an error where the new file lacks records of the old one, and no retired identity
// is the reason.
func (z *ZoneFile) shrinks() error {
	before, err := countRecords(z.path)
	if err != nil {
		return err
	}
	now, err := countRecords(z.temp())
	if err != nil {
		return err
	}
	if lost := before - now - z.leftOut; lost > 0 {
		return identity.WithHint(fmt.Errorf("%s has at least %s of identities that %s does not know; it stays as it is", z.path, plural(lost, "record"), z.inv.path),
			"the inventory is an old copy, or was cut: restore it; to have the smaller zone all the same, move the zone file away")
	}
	return nil
}

// place gives the file its name. Where none was there before, none that has appeared is replaced.
func (z *ZoneFile) place() error {
	there, err := z.known.check(z.path)
	if err != nil {
		return err
	}
	if !z.there && !there {
		if err = os.Link(z.temp(), z.path); err == nil {
			return os.Remove(z.temp())
		}
		if errors.Is(err, fs.ErrExist) {
			return err
		} // else a file system without links
	}
	return os.Rename(z.temp(), z.path)
}

// Abort removes what there is of the new file. The old one stays.
func (z *ZoneFile) Abort() { _ = errors.Join(z.file.Close(), os.Remove(z.temp())) }
