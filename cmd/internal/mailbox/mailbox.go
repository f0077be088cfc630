// Package mailbox walks saved mail: the arguments of the commands that read messages.
//
// [Walk] finds the messages of a file or folder by its content, not by its name: single messages,
// mbox and MMDF files (mbox.go), Maildir folders with their subfolders, folders of files
// (folder.go), zip archives (zip.go), Apple's emlx, and all of these compressed by gzip, zstd or
// bzip2 (compressed.go). Forms that hold no message as it was sent are named, with what to do
// (notmail.go). [Read] reads one message as it is saved.
//
// No file is written but unlinked temporary ones, and names inside archives are never used as
// paths. Memory does not grow with the size of a file; what is compressed may not expand without
// limit.
//
// # Limitations
//
// Outlook files (.msg, .pst, .ost, .dbx), TNEF, xz, tar and the database forms of Dovecot (dbox)
// are named and not read. In an mbox a "From " line in a text that looks like a separator in every
// respect, the date and the header field after it included, is one, unless Content-Length says
// otherwise.
package mailbox

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Errors of Walk that are about the argument.
var (
	// ErrNoMail means that a folder or an archive holds no saved mail.
	ErrNoMail = errors.New("mailbox: no saved mail")
	// ErrNoSuchMessage means that FILE#N names no message of the file.
	ErrNoSuchMessage = errors.New("mailbox: no such message")
)

// Container is the form of the file that a message is saved in.
type Container string

// Containers: the file is the message; an mbox (RFC 4155 and its variants, between which nothing in
// the file decides); one that says in its first line that it is mboxrd, as public-inbox writes it;
// MMDF, in which some writers quote as in an mbox; a file of Apple Mail.
const (
	File   Container = ""
	Mbox   Container = "mbox"
	Mboxrd Container = "mboxrd"
	MMDF   Container = "mmdf"
	Emlx   Container = "emlx"
)

// Message is one saved message.
type Message struct {
	// Name is the file; of the n-th message of an mbox followed by "#n", of a file in an archive
	// by "#" and its name, to which " (2)" is added for the second of that name. It is an argument
	// that Walk accepts, and no other message of a walk has it.
	Name      string
	Container Container
	// Remark says how the message is saved badly, for people: the file ends in the middle of it.
	Remark string
	// Notice says that this is no message, and what it is, for people: data of the mail folder, or
	// files that were left out. Open is nil.
	Notice string
	// Open returns the message's bytes. It may be called from another goroutine, also after the
	// walk. It may be called again, except for a single message that WalkReader read.
	Open func() (io.ReadCloser, error)
}

// Walk calls each for every message at path, which is a file or a folder, or either with "#n" for
// its n-th message only (counted from 1), or an archive with "#" and the name of a file in it. A
// file or part of one that cannot be read is a Message whose Open returns the error, and the walk
// continues. Walk stops at the first error of each and returns it. Other errors: those of the file
// system about path itself, ErrNoMail, ErrNoSuchMessage, io.ErrUnexpectedEOF for compressed mail
// that ends early (after the messages before that place), a [KindError].
func Walk(path string, each func(Message) error) error {
	w := walker{each: each}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if file, rest, ok := selection(path); ok {
			return choose(path, rest, each, func(each func(Message) error) error { return Walk(file, each) })
		}
	}
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return w.argument(path)
	}
	return w.file(path)
}

// WalkReader is Walk for what is read from in; name is used as the name of the file. What holds
// more than one message is spooled to an unlinked temporary file: its messages may be opened after
// WalkReader has returned.
func WalkReader(in io.Reader, name string, each func(Message) error) error {
	w := walker{each: each}
	return w.source(source{name: name, once: in})
}

// selection splits FILE#WHICH where FILE exists.
func selection(path string) (file, which string, ok bool) {
	for i := range len(path) {
		if path[i] != '#' || i == 0 || i == len(path)-1 {
			continue
		}
		if _, err := os.Stat(path[:i]); err == nil {
			return path[:i], path[i+1:], true
		}
	}
	return "", "", false
}

// errFound ends a walk whose one message was found.
var errFound = errors.New("mailbox: found")

// choose walks on to the message called name, or to number which.
func choose(name, which string, each func(Message) error, walk func(func(Message) error) error) error {
	number, err := strconv.Atoi(which)
	byNumber := err == nil
	n := 0
	err = walk(func(m Message) error {
		if m.Open == nil && m.Name == strings.TrimSuffix(name, "#"+which) {
			return nil // about the whole file
		}
		n++
		if byNumber && n != number || !byNumber && m.Name != name {
			return nil
		}
		return cmp.Or(each(m), errFound)
	})
	switch {
	case errors.Is(err, errFound):
		return nil
	case err != nil:
		return err
	case byNumber:
		return fmt.Errorf("%w: %s holds %s", ErrNoSuchMessage, strings.TrimSuffix(name, "#"+which), count(n))
	}
	return fmt.Errorf("%w: %s holds %s, and none of this name", ErrNoSuchMessage, strings.TrimSuffix(name, "#"+which), count(n))
}

func count(n int) string {
	if n == 1 {
		return "1 message"
	}
	return strconv.Itoa(n) + " messages"
}

// walker is one walk.
type walker struct {
	each    func(Message) error
	emitted int
	stopped error // of each
}

func (w *walker) emit(m Message) error {
	w.emitted++
	w.stopped = w.each(m)
	return w.stopped
}

// notice says something that is no message.
func (w *walker) notice(name, text string) error {
	w.stopped = w.each(Message{Name: name, Notice: text})
	return w.stopped
}

// goOn makes err, with which part of a walk ended, a message that cannot be opened, unless each
// returned it.
func (w *walker) goOn(name string, err error) error {
	if err == nil || w.stopped != nil {
		return w.stopped
	}
	return w.emit(Message{Name: name, Open: func() (io.ReadCloser, error) { return nil, err }})
}
