package evidence

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dnseal/receiver"
)

// File is a file of evidence that appears whole, or not at all: it has another name until it is
// complete. It is safe for concurrent use by several goroutines, as [Writer] is.
type File struct {
	*Writer
	out  *bufio.Writer
	file *os.File
	dir  string
	name string
}

// Create begins a file in dir, which is made where it is missing. writer names the program.
func Create(dir, writer string, now time.Time) (*File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	name := now.UTC().Format("20060102T150405Z-") + hex.EncodeToString(random[:]) + Extension
	file, err := os.OpenFile(filepath.Join(dir, "."+name+".new"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	f := &File{out: bufio.NewWriterSize(file, 64<<10), file: file, dir: dir, name: name}
	if f.Writer, err = NewWriter(f.out, writer, now); err != nil {
		f.Abort()
		return nil, err
	}
	return f, nil
}

// Add is [Writer.Add].
func (f *File) Add(r *receiver.Report, by Judged) error { return f.Writer.Add(r, by) }

// Abort removes what was written.
func (f *File) Abort() {
	_ = f.file.Close() // it goes
	_ = os.Remove(f.file.Name())
}

// Close seals the file, writes it to disk and gives it its name, which it returns; "" where no
// message was added, and there is no file. proof, where it is not nil, adds time stamp and
// signature to the seal. After an error there is no file.
func (f *File) Close(now time.Time, proof Proof) (path string, err error) {
	if f.Messages() == 0 {
		f.Abort()
		return "", nil
	}
	seal := Seal{Sealed: now}
	if err = f.out.Flush(); err == nil && proof != nil {
		err = proof(&seal, f.Digest(), f.file)
	}
	if err == nil {
		err = f.Seal(seal)
	}
	err = errors.Join(err, f.out.Flush())
	if err == nil {
		err = f.file.Sync()
	}
	path = filepath.Join(f.dir, f.name)
	if err == nil {
		err = os.Rename(f.file.Name(), path)
	}
	if err != nil {
		f.Abort()
		return "", fmt.Errorf("evidence: %w", err)
	}
	return path, errors.Join(f.file.Close(), syncDir(f.dir))
}

// syncDir writes the entries of a folder to disk, where that can be done.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	_ = d.Sync() // not everywhere allowed for folders
	return d.Close()
}
