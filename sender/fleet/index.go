package fleet

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/bits"
)

// state is what is known of an identity.
type state uint16

const (
	isThere     state = 1 << iota // the place is taken
	isEnrolled                    // it has a line in the inventory
	isPublished                   // its record is in the zone
	isRetired
	isWithdrawn // its record was removed after it was retired
	isMet       // a row of this run makes it
	isListed    // the zone file has it
	isUnlisted  // the zone file left it out after it was retired
	isVouched   // it was retired, and the record of a CA vouches for it all the same

	isOtherTTL // it was enrolled otherwise than somebody asks for now
	isOtherDays
	isOtherAlgorithm
	isOtherForm
	isOther = isOtherTTL | isOtherDays | isOtherAlgorithm | isOtherForm
)

type digest [16]byte

func digestOf(text string) digest {
	sum := sha256.Sum256([]byte(text))
	return digest(sum[:16])
}

// index knows identities by a digest, in 30 octets each and some room: no names are kept. Two of a
// million have the same digest with a probability of 2^-88.
type index struct {
	digests []digest
	rows    []uint64 // digests of the values that the name was made of
	lines   []uint32 // of the table
	states  []state
	used    int
}

// newIndex has room for n without growing.
func newIndex(n int) *index {
	x := new(index)
	x.make(max(n, 1000) / 4 * 5)
	return x
}

func (x *index) make(size int) {
	x.digests, x.rows, x.lines, x.states = make([]digest, size), make([]uint64, size), make([]uint32, size), make([]state, size)
}

// place is where a digest is, or would be.
func (x *index) place(d digest) int {
	// The digest is as good as random: its first octets choose the place.
	hi, _ := bits.Mul64(beginning(d), uint64(len(x.digests)))
	at := int(hi)
	for x.states[at] != 0 && !bytes.Equal(x.digests[at][:], d[:]) {
		if at++; at == len(x.digests) {
			at = 0
		}
	}
	return at
}

func beginning(d digest) (n uint64) {
	for _, b := range d[:8] {
		n = n<<8 | uint64(b)
	}
	return n
}

// find returns the place of a digest; ok is false where it is not there.
func (x *index) find(d digest) (at int, ok bool) {
	at = x.place(d)
	return at, x.states[at] != 0
}

// findBeginning is find by the first 64 bits alone.
func (x *index) findBeginning(n uint64) (at int, ok bool) {
	hi, _ := bits.Mul64(n, uint64(len(x.digests)))
	for at = int(hi); x.states[at] != 0 && beginning(x.digests[at]) != n; {
		if at++; at == len(x.digests) {
			at = 0
		}
	}
	return at, x.states[at] != 0
}

// add returns the place of a digest, which is new where its state is 0: the caller sets it.
func (x *index) add(d digest) int {
	if x.used >= len(x.digests)/8*7 {
		x.grow()
	}
	at := x.place(d)
	if x.states[at] == 0 {
		x.used++
		x.digests[at], x.states[at] = d, isThere
	}
	return at
}

func (x *index) grow() {
	old := *x
	x.make(len(old.digests) / 2 * 3)
	for i, s := range old.states {
		if s != 0 {
			at := x.place(old.digests[i])
			x.digests[at], x.rows[at], x.lines[at], x.states[at] = old.digests[i], old.rows[i], old.lines[i], s
		}
	}
}

// follows returns an error for an event that cannot come after those before it: a line is missing
// there, or this one is a copy.
func (x *index) follows(at int, e *Event) error {
	switch s := x.states[at]; {
	case e.What == Enrolled && s&isRetired != 0:
		return fmt.Errorf("it enrolls %s, which a line above retired", e.Name)
	case e.What != Enrolled && s&isEnrolled == 0:
		return fmt.Errorf("it is about %s, which no line above enrolled", e.Name)
	}
	return nil
}

// apply notes an event of the identity at a place.
func (x *index) apply(at int, what What) {
	switch what {
	case Enrolled:
		if x.states[at]&isRetired != 0 { // a row whose random name was retired, under another one
			x.states[at] &^= isRetired | isVouched | isPublished | isWithdrawn | isListed | isUnlisted
		}
		x.states[at] |= isEnrolled
	case Published:
		x.states[at] |= isPublished
	case Retire: // once more: its record was there again
		x.states[at] = x.states[at]&^(isVouched|isWithdrawn) | isRetired
	case Vouched:
		x.states[at] = x.states[at]&^isWithdrawn | isRetired | isVouched
	case Withdrawn:
		x.states[at] |= isWithdrawn
	case Written, Served, KeysIn, ZoneIn, MadeBy, Ran: // of many
	}
}

// isOut reports whether the records of a retired identity are in the zone no more.
func (s state) isOut() bool {
	return (s&isPublished == 0 || s&isWithdrawn != 0) && (s&isListed == 0 || s&isUnlisted != 0)
}

// written notes that a zone file has all that is enrolled and nothing that is retired.
func (x *index) written() {
	for at, s := range x.states {
		switch {
		case s&isRetired != 0:
			x.states[at] |= isUnlisted
		case s&isEnrolled != 0:
			x.states[at] |= isListed
		}
	}
}

// Each calls f for each identity that is enrolled and not retired, in the order of the inventory,
// with the line that enrolled it last. Errors: a [*DamagedError], that of f, what the file system
// returned.
func (inv *Inventory) Each(f func(Event) error) error {
	number := uint64(0)
	x, err := inv.byName(func(e *Event, at int, x *index) error {
		if number++; e.What == Enrolled {
			x.rows[at] = number
		}
		return nil
	})
	if err != nil {
		return err
	}
	number = 0
	return inv.scan(func(e *Event) error {
		if number++; e.What != Enrolled {
			return nil
		}
		at, _ := x.find(digestOf(e.Name))
		if x.rows[at] != number || x.states[at]&isRetired != 0 {
			return nil
		}
		return f(*e)
	})
}
