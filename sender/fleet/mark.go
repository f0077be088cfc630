package fleet

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"dnseal/sender/identity"
)

// zoneMark begins the first line of a zone file that is written here; the mark of the inventory
// follows it.
const zoneMark = "; dnseal fleet: written whole by the inventory "

// zoneBegin stands between the header and the records.
const zoneBegin = "; records of the fleet\n"

// zoneHead is the first line.
func zoneHead(mark string) string { return zoneMark + mark + "; do not edit\n" }

// zoneKnown is what an inventory says of a zone file.
type zoneKnown struct {
	mark    string // of the inventory; empty: it has none yet
	marked  bool   // the file has its mark
	written bool
	serial  uint32   // of the file that was written last
	others  []string // files that were written, but for this one
}

// zoneFile finds what the inventory says of a file. Only the lines about zone files are read.
func (inv *Inventory) zoneFile(path string) (k zoneKnown, err error) {
	words := [][]byte{[]byte(`"` + string(ZoneIn) + `"`), []byte(`"` + string(Written) + `"`)}
	return k, inv.scanLines(func(number int, line []byte) error {
		if !bytes.Contains(line, words[0]) && !bytes.Contains(line, words[1]) {
			return nil
		}
		e, err := parseEvent(line)
		switch {
		case err != nil:
			return &DamagedError{inv.path, number, err}
		case e.What == ZoneIn:
			k.mark = e.Mark
			k.marked = k.marked || e.File == path
		case e.What == Written && e.File == path:
			k.written, k.serial = true, e.Serial
		case e.What == Written && !slices.Contains(k.others, e.File):
			k.others = append(k.others, e.File)
		}
		return nil
	})
}

// newMark tells inventories apart.
func newMark() string {
	var bits [8]byte
	_, _ = rand.Read(bits[:]) // crypto/rand never fails
	return hex.EncodeToString(bits[:])
}

// mayWrite finds what the inventory says of a file, and whether one is there, and returns an error
// where none may be written: see [Inventory.BeginZoneFile].
func (inv *Inventory) mayWrite(path string) (k zoneKnown, there bool, err error) {
	if k, err = inv.zoneFile(path); err != nil {
		return k, false, err
	}
	if there, err = k.check(path); err != nil {
		return k, there, zoneError(path, err)
	}
	return k, there, k.checkOthers(path)
}

// checkOthers returns an error where a file is written for the first time, and another one has the
// records of the inventory: what is retired now would stay in that one.
func (k *zoneKnown) checkOthers(path string) error {
	if k.written {
		return nil
	}
	for _, other := range k.others {
		if n, err := k.recordsIn(other, path); err != nil {
			return zoneError(other, err)
		} else if n > 0 {
			return identity.WithHint(fmt.Errorf("fleet: zone file: the zone file of this fleet is %s, and has %s of it; %s is not written", other, plural(n, "record"), path),
				"give --zone-file %s; to have another one from now on, move that one away", other)
		}
	}
	return nil
}

// recordsIn is how many records another file of the inventory has; 0 where it is gone, or somebody
// else's, or the same one by another path.
func (k *zoneKnown) recordsIn(other, path string) (int, error) {
	a, errA := os.Stat(other)
	b, errB := os.Stat(path)
	if errA == nil && errB == nil && os.SameFile(a, b) {
		return 0, nil
	}
	there, err := k.check(other)
	if _, isOthers := errors.AsType[*othersError](err); isOthers || !there && err == nil {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return countRecords(other)
}

// check returns whether a file is there, and an error where it is not the one that the inventory
// writes.
func (k *zoneKnown) check(path string) (there bool, err error) {
	info, err := os.Stat(path) // before it is opened: a pipe waits for who writes
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return true, notOurs(path, "is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // only read
	if info.Size() == 0 {
		return true, nil
	}
	line, err := bufio.NewReader(io.LimitReader(f, 1<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return true, err
	}
	switch {
	case k.mark != "" && line == zoneHead(k.mark):
		return true, nil
	case strings.HasPrefix(line, zoneMark):
		return true, notOurs(path, "is the zone file of another inventory")
	case k.written && !k.marked && endsInRecord(f, info.Size()): // of a version without marks
		return true, nil
	}
	return true, notOurs(path, "is there, and was not written by this inventory")
}

// othersError says that a file is not the inventory's.
type othersError struct{ path, why string }

func (e *othersError) Error() string { return e.path + " " + e.why + "; it stays as it is" }

// Hint says what to do.
func (e *othersError) Hint() string {
	return "name another file for --zone-file, which the zone has by $INCLUDE, or move this one away"
}

func notOurs(path, why string) error { return &othersError{path, why} }

// endsInRecord reports whether the last line of a file is a record as it is written here.
func endsInRecord(f *os.File, size int64) bool {
	part := make([]byte, min(size, maxLine))
	if _, err := f.ReadAt(part, size-int64(len(part))); err != nil {
		return false
	}
	part = bytes.TrimSuffix(part, []byte("\n"))
	return isRecordLine(part[bytes.LastIndexByte(part, '\n')+1:])
}

// isRecordLine reports whether a line of a zone file is one that is written here.
func isRecordLine(line []byte) bool {
	words := bytes.Fields(line)
	if len(words) != 8 || string(words[2]) != "IN" || string(words[3]) != "TLSA" && string(words[3]) != "SMIMEA" {
		return false
	}
	_, err := parseRecord(string(bytes.Join(words[4:], []byte(" "))))
	return err == nil
}

// countRecords is how many records of keys a zone file has, in the form that is written here,
// without those of the header; 0 where there is no file.
func countRecords(path string) (n int, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // only read
	in := bufio.NewReaderSize(f, 256<<10)
	for {
		line, err := in.ReadSlice('\n')
		if string(line) == zoneBegin {
			n = 0
		}
		if bytes.Contains(line, []byte(" IN TLSA ")) || bytes.Contains(line, []byte(" IN SMIMEA ")) {
			n++
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return 0, err
		}
	}
}

// CheckZoneFile returns an error, with a hint, where [Inventory.BeginZoneFile] would: a file is
// there that the inventory did not write, or another one has its records. The inventory need not be
// there yet. Other errors: a [*DamagedError]; what the file system returned.
func CheckZoneFile(inventory, path string) error {
	path, err := target(path)
	if err != nil {
		return zoneError(path, err)
	}
	inv, err := ReadInventory(inventory)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err = new(zoneKnown).check(path); err != nil {
			return zoneError(path, err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = inv.Close() }() // only read
	_, _, err = inv.mayWrite(path)
	return err
}

// Waiting is how many records of retired identities are still where they were brought: updates are
// those that a server or database accepted, listed those in the zone file that was written last,
// while it is there. Errors: a [*DamagedError]; what the file system returned.
func (inv *Inventory) Waiting() (updates, listed int, zoneFile string, err error) {
	x, err := inv.byName(func(e *Event, _ int, _ *index) error {
		if e.What == Written {
			zoneFile = e.File
		}
		return nil
	})
	if err != nil {
		return 0, 0, "", err
	}
	for _, s := range x.states {
		updates += btoi(s&isRetired != 0 && s&isPublished != 0 && s&isWithdrawn == 0)
		listed += btoi(s&isRetired != 0 && s&isListed != 0 && s&isUnlisted == 0)
	}
	if _, e := os.Stat(zoneFile); errors.Is(e, fs.ErrNotExist) {
		listed = 0
	}
	return updates, listed, zoneFile, nil
}
