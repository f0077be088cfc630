package fleet

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// newPseudonym is what {random} makes: 130 random bits.
func newPseudonym() string {
	var bits [17]byte
	_, _ = rand.Read(bits[:]) // crypto/rand never fails
	return lowerBase32.EncodeToString(bits[:])[:pseudonymLength]
}

// digests are that by which a row is known, and that of the values which its name is made of: of
// random names all values, because the name does not tell the row.
func (e *enrolling) digests(name string, values []string) (digest, uint64) {
	sum := sha256.New()
	for _, at := range e.columns {
		addValue(sum, values[at])
	}
	var of [sha256.Size]byte
	sum.Sum(of[:0])
	row := binary.BigEndian.Uint64(of[16:])
	if e.Template.IsRandom() {
		return digest(of[:16]), row
	}
	return digestOf(name), row
}

// addValue adds a value of a column to a digest. Names are the same in either case.
func addValue(sum io.Writer, value string) {
	value = strings.ToLower(value)
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(value)))
	_, _ = sum.Write(length[:]) // it never fails
	_, _ = io.WriteString(sum, value)
}
