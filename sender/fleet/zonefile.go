package fleet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"dnseal/sender/identity"
)

// ZoneFile is a zone file, or one that a zone file has by $INCLUDE, with the records of all
// identities that are enrolled and neither retired nor revoked (RFC 1035, Section 5.1). It is
// written beside the old one and takes its place when it is whole.
type ZoneFile struct {
	inv    *Inventory
	path   string
	file   *os.File
	out    *bufio.Writer
	serial uint32
	count  int
}

// serialWord, in a head, is where the serial of the SOA stands.
const serialWord = "{serial}"

// MaxZoneHead is the most octets of what stands before the records.
const MaxZoneHead = 1 << 20

// BeginZoneFile begins the file with a head, in which "{serial}" becomes the serial of the SOA: the
// seconds since 1970, and always more than that of the file before (RFC 1982). Without a head it is
// for $INCLUDE. Then come the records of what the inventory has. Errors: a [*DamagedError]; what
// the file system returned: nothing has changed then.
func (inv *Inventory) BeginZoneFile(path string, head []byte) (*ZoneFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("fleet: zone file: %w", err)
	}
	z := &ZoneFile{inv: inv, path: path}
	if z.file, err = os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644); err != nil { //nolint:gosec // a name server reads it
		return nil, fmt.Errorf("fleet: zone file: %w", err)
	}
	z.out = bufio.NewWriterSize(z.file, 256<<10)
	if err = z.begin(head); err != nil {
		z.Abort()
		return nil, err
	}
	return z, nil
}

func (z *ZoneFile) begin(head []byte) error {
	last := uint32(0)
	x, err := z.inv.byName(func(e *Event, _ int, _ *index) error {
		if e.What == Written && e.File == z.path {
			last = e.Serial
		}
		return nil
	})
	if err != nil {
		return err
	}
	z.serial = uint32(z.inv.now().Unix())
	if int32(z.serial-last) <= 0 && last != 0 {
		z.serial = last + 1
	}
	head = bytes.ReplaceAll(head, []byte(serialWord), strconv.AppendUint(nil, uint64(z.serial), 10))
	if len(head) > 0 && head[len(head)-1] != '\n' {
		head = append(head, '\n')
	}
	if _, err = z.out.Write(head); err != nil {
		return fmt.Errorf("fleet: zone file: %w", err)
	}
	return z.inv.scan(func(e *Event) error {
		if e.What != Enrolled {
			return nil
		}
		if at, ok := x.find(digestOf(e.Name)); !ok || x.states[at]&isRetired != 0 {
			return nil
		}
		if revoked, err := z.inv.present(e); revoked || err != nil {
			return err
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
		return fmt.Errorf("fleet: zone file: %w", err)
	}
	return nil
}

// Commit puts the file in its place, and notes it. It returns how many records it has. Errors: what
// the file system returned: the old file is there then.
func (z *ZoneFile) Commit() (int, error) {
	err := z.out.Flush()
	if err == nil {
		err = z.file.Sync()
	}
	if e := z.file.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(z.file.Name(), z.path)
	}
	if err == nil {
		err = identity.SyncDir(filepath.Dir(z.path))
	}
	if err != nil {
		_ = os.Remove(z.file.Name()) // half a file
		return 0, fmt.Errorf("fleet: zone file: %w", err)
	}
	return z.count, z.inv.note(Event{What: Written, File: z.path, Serial: z.serial, Count: z.count})
}

// Abort removes what there is of the new file. The old one stays.
func (z *ZoneFile) Abort() { _ = errors.Join(z.file.Close(), os.Remove(z.file.Name())) }
