package view

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

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
}

// isEvidence goes by the name of a file, or by its first line.
func isEvidence(name string, src io.ReaderAt) bool {
	if strings.HasSuffix(name, evidence.Extension) {
		return true
	}
	var b [64]byte
	n, _ := src.ReadAt(b[:], 0) // a short file is none
	return bytes.HasPrefix(b[:n], []byte("{\"dnseal-evidence\""))
}

// openKept opens a file of the command line, where it is evidence.
func openKept(name string) (kept, bool) {
	f, err := os.Open(name)
	if err != nil {
		return kept{}, false
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || !isEvidence(name, f) {
		_ = f.Close() // only read from
		return kept{}, false
	}
	return kept{name, f, info.Size()}, true
}

// past reads the evidence of a drop. It is nil where there is none, or none that can be read: then
// the DNS is asked.
func (s *Server) past(j job) func(context.Context, receiver.Digests) *receiver.Past {
	archive := evidence.New(s.opts.Evidence)
	for _, k := range j.kept {
		if err := archive.Add(k.name, k.src, k.size); err != nil {
			s.shelf.note(j.drop, failure(err))
		}
	}
	files := archive.Files()
	if len(files) == 0 {
		return nil
	}
	for _, f := range files {
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
