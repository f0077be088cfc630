package fleet

import (
	"fmt"
	"os"
	"path/filepath"
)

// named is a file, and the flag that names it.
type named struct{ flag, path string }

// apart returns an error where two flags name one file: what is written would take the place of
// what is read, or of other results.
func apart(files ...named) error {
	for i, a := range files {
		for _, b := range files[:i] {
			if a.path != "" && b.path != "" && isSame(a.path, b.path) {
				return fmt.Errorf("%s and %s name one file, %s", b.flag, a.flag, a.path)
			}
		}
	}
	return nil
}

// isSame reports whether two paths lead to one file, or would.
func isSame(a, b string) bool {
	if a == "-" || b == "-" {
		return false
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	if errX == nil && errY == nil {
		return x.Mode().IsRegular() && os.SameFile(x, y)
	}
	pathA, errA := filepath.Abs(a)
	pathB, errB := filepath.Abs(b)
	return errA == nil && errB == nil && pathA == pathB
}
