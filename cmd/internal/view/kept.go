package view

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
)

// kept is a file of evidence.
type kept struct {
	name string
	src  interface {
		io.ReaderAt
		io.Closer
	}
	size int64
	err  error // why it could not be opened; then src is nil
}

var errNoFile = errors.New("is no file")

// isEvidence goes by the name of a file, or by its first line.
func isEvidence(name string, src io.ReaderAt) bool {
	if strings.HasSuffix(name, evidence.Extension) {
		return true
	}
	var b [64]byte
	n, _ := src.ReadAt(b[:], 0) // a short file is none
	return bytes.HasPrefix(b[:n], []byte("{\"dnseal-evidence\""))
}

// errInside is about evidence in a zip archive, which cannot be used there.
var errInside = errors.New("evidence inside an archive is not read; take it out, and drop it with the messages")

// holdsEvidence reports whether a zip archive has a file of evidence.
func holdsEvidence(src io.ReaderAt, size int64) bool {
	var b [2]byte
	if n, _ := src.ReadAt(b[:], 0); string(b[:n]) != "PK" { // a message can end as an archive does
		return false
	}
	archive, err := zip.NewReader(src, size)
	return err == nil && slices.ContainsFunc(archive.File, func(f *zip.File) bool { return strings.HasSuffix(f.Name, evidence.Extension) })
}

// openKept adds a file of the command line to those of evidence, where it is one, or those of a
// folder. rest reports whether messages are to be looked for there too. A file of evidence that
// cannot be opened is one that cannot be used.
func (j *job) openKept(name string) (rest bool) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return !j.openFile(name)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), evidence.Extension) {
			j.openFile(filepath.Join(name, e.Name()))
		} else {
			rest = true
		}
	}
	return rest || len(entries) == 0
}

// openFile adds a file, and reports whether it is one of evidence.
func (j *job) openFile(name string) bool {
	byName := strings.HasSuffix(name, evidence.Extension)
	info, err := os.Stat(name) // before it is opened: that of a named pipe waits for a writer
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(name)
	}
	switch {
	case err != nil && byName:
		j.kept = append(j.kept, kept{name: name, err: fmt.Errorf("%s: %w", name, reason(err))})
		return true
	case err != nil:
		return false
	case !isEvidence(name, f):
		if holdsEvidence(f, info.Size()) {
			j.inside(name)
		}
		_ = f.Close() // only read from
		return false
	}
	j.kept = append(j.kept, kept{name: name, src: f, size: info.Size()})
	return true
}

// inside notes that an archive holds evidence: its messages are not judged by the DNS of today.
func (j *job) inside(name string) {
	j.kept = append(j.kept, kept{name: name, err: fmt.Errorf("%s: %w", name, errInside)})
}

// past judges the messages of a drop by the evidence that came with them. It is nil where none
// came: then the DNS is asked. Evidence that cannot be used is no way back to the DNS of today,
// whose verdict would be taken for the one of then.
func (s *Server) past(j job) func(context.Context, receiver.Digests) *receiver.Past {
	if len(j.kept) == 0 {
		return nil
	}
	archive := evidence.New(s.opts.Evidence)
	for _, k := range j.kept {
		err := k.err
		if err == nil {
			err = archive.Add(k.name, k.src, k.size)
		}
		if err != nil {
			archive.Lack(cli.Plain(err))
			n := failure(err)
			n.Failure, n.Hint = "Evidence not used", "The messages were not judged by it, nor by the DNS of today. For a verdict of today drop them without it."
			s.shelf.note(j.drop, n)
		}
	}
	for _, f := range archive.Files() {
		s.shelf.note(j.drop, note{Text: describe(f)})
	}
	if len(j.args) == 0 {
		s.shelf.note(j.drop, note{Text: "Evidence alone says nothing: drop the messages together with it."})
	}
	return archive.Past
}

// describe says what a file of evidence holds.
func describe(f evidence.Summary) string {
	text := fmt.Sprintf("%s: evidence of %s", f.Name, plural(f.Messages, "message"))
	if f.Sealed != nil {
		text += ", sealed " + f.Sealed.UTC().Format("2006-01-02 15:04:05 UTC")
	} else {
		text += ", not sealed"
	}
	if f.Cut {
		text += "; its last line is cut off"
	}
	return text
}
