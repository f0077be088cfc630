package mailbox

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFolders is how deep folders are read. Symbolic links are not followed.
const maxFolders = 64

// argument walks the folder at path.
func (w *walker) argument(path string) error {
	var found listing
	if err := w.folder(path, &found, 0); err != nil {
		return err
	}
	return found.end(w, path)
}

// folder walks a Maildir or a folder of files, and the folders below it: those of Maildir++, whose
// names begin with a dot, and any others.
func (w *walker) folder(dir string, found *listing, depth int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	slices.SortStableFunc(entries, byNumber)
	maildir, err := w.maildir(dir, found)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir() && enters(path, e.Name(), maildir) && depth < maxFolders:
			err = w.folder(path, found, depth+1)
		case maildir, e.IsDir(), e.Name()[0] == '.', !found.wants(e.Name(), e.Type().IsRegular()):
			continue
		default:
			err = w.file(path)
		}
		if err = w.goOn(path, err); err != nil {
			return err
		}
	}
	return nil
}

// byNumber puts files in the order of their numbers, as MH has them: 2 before 10.
func byNumber(a, b fs.DirEntry) int {
	if isDigits(a.Name(), 1, 18) && isDigits(b.Name(), 1, 18) {
		return cmp.Or(cmp.Compare(len(a.Name()), len(b.Name())), cmp.Compare(a.Name(), b.Name()))
	}
	return cmp.Compare(a.Name(), b.Name())
}

// enters reports whether a folder below another is read.
func enters(path, name string, inMaildir bool) bool {
	switch {
	case inMaildir && (name == "cur" || name == "new" || name == "tmp"):
		return false
	case name[0] == '.':
		return isMaildir(path)
	}
	return true
}

func isMaildir(dir string) bool {
	for _, sub := range []string{"new", "cur"} {
		if info, err := os.Lstat(filepath.Join(dir, sub)); err == nil && info.IsDir() {
			return true
		}
	}
	return false
}

// maildir walks "new" and "cur", and reports whether there is one of them.
func (w *walker) maildir(dir string, found *listing) (is bool, err error) {
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("mailbox: %w", err)
		}
		is = true
		found.wanted++ // an empty Maildir is no mistake
		for _, e := range entries {
			if !e.Type().IsRegular() {
				continue
			}
			path := filepath.Join(dir, sub, e.Name())
			if err := w.emit(Message{Name: path, Open: func() (io.ReadCloser, error) { return openSaved(path) }}); err != nil {
				return true, err
			}
		}
	}
	return is, nil
}

// mailName reports whether files of this name hold mail, or are those of mail programs.
func mailName(name string) bool {
	name = strings.ToLower(name)
	for _, ext := range []string{".gz", ".zst", ".bz2"} {
		name = strings.TrimSuffix(name, ext)
	}
	if name == "table_of_contents" { // Apple Mail
		return false
	}
	if strings.Contains(name, ":2,") || name == "winmail.dat" { // loose files of a Maildir, TNEF
		return true
	}
	switch ext := strings.TrimPrefix(filepath.Ext(name), "."); ext {
	case "", "eml", "emlx", "mbox", "mbx", "mmdf", "msg", "mht", "mhtml", "zip", "pst", "ost", "dbx", "tnef":
		return true
	default: // of mailing lists and of MH: 2026-11.1
		return strings.Trim(ext, "0123456789") == ""
	}
}
