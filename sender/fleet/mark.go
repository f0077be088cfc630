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
	"strings"

	"dnseal/sender/identity"
)

// zoneMark begins the first line of a zone file that is written here; the mark of the inventory
// follows it.
const zoneMark = "; dnseal fleet: written whole by the inventory "

// zoneHead is the first line.
func zoneHead(mark string) string { return zoneMark + mark + "; do not edit\n" }

// zoneKnown is what an inventory says of a zone file.
type zoneKnown struct {
	mark    string // of the inventory; empty: it has none yet
	marked  bool   // the file has its mark
	written bool
	serial  uint32 // of the file that was written last
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

// check returns whether a file is there, and an error where it is not the one that the inventory
// writes.
func (k *zoneKnown) check(path string) (there bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("fleet: zone file: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("fleet: zone file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return true, notOurs(path, "is no regular file")
	}
	if info.Size() == 0 {
		return true, nil
	}
	line, err := bufio.NewReader(io.LimitReader(f, 1<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return true, fmt.Errorf("fleet: zone file: %w", err)
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

func notOurs(path, why string) error {
	return identity.WithHint(fmt.Errorf("fleet: zone file: %s %s; it stays as it is", path, why), "name another file for --zone-file, which the zone has by $INCLUDE, or move this one away")
}

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

// countRecords is how many records of keys a zone file has, in the form that is written here; 0
// where there is no file.
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

// CheckZoneFile returns an error, with a hint, where a file is there that no zone file of an
// inventory may replace: one that it did not write. The inventory need not be there yet. Other
// errors: a [*DamagedError]; what the file system returned.
func CheckZoneFile(inventory, path string) error {
	path, err := absolute(path)
	if err != nil {
		return err
	}
	inv, err := ReadInventory(inventory)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = new(zoneKnown).check(path)
		return err
	}
	if err != nil {
		return err
	}
	defer func() { _ = inv.Close() }() // only read
	k, err := inv.zoneFile(path)
	if err == nil {
		_, err = k.check(path)
	}
	return err
}
