package lifecycle

import (
	"time"

	"dnseal/lookup/dane"
)

// Action is what a step does.
type Action string

// Actions.
const (
	// Nothing: all is as it should be, or a person must do something: see Troubles
	Nothing Action = "nothing"
	Publish Action = "publish"  // add Add, with TTL
	Wait    Action = "wait"     // look again at Until
	Switch  Action = "switch"   // make the next key the active one
	Remove  Action = "withdraw" // remove Remove
	// SettleOld: take the private part of the generation Settle away from where it could sign
	SettleOld Action = "settle"
)

// Condition is where an identity stands. The words never change.
type Condition string

// Conditions.
const (
	NoKey     Condition = "no-key"    // there is no key
	New       Condition = "new"       // the record is nowhere
	Published Condition = "published" // the record is there, and not yet in all caches
	Active    Condition = "active"    // the record is everywhere, and the key signs
	// ByCA: a record of its CA, at "_user" of the domain or of a wildcard, publishes the key that
	// signs, and the identity has none of its own
	ByCA          Condition = "by-ca"
	NextPublished Condition = "next-published" // as Active, and the next record is there
	// Switched: as Active, and the record of an earlier key waits to go
	Switched Condition = "switched"
	// Revoking: the key signs no more, and its record is still there, or in caches
	Revoking Condition = "revoking"
	Revoked  Condition = "revoked" // the key signs no more, and its record is gone
	Missing  Condition = "missing" // the record was there, and is not
	Unclear  Condition = "unclear" // it could not be looked up
)

// Step is what to do now. Memory is to be stored first; then comes the action.
type Step struct {
	Do Action
	// Add and Remove are records for [Publish] and [Remove]; TTL is for those of Add. Expect is
	// the RRset as all servers show it; nil: they differ.
	Add, Remove []dane.Record
	TTL         time.Duration
	Expect      []dane.Record
	// Settle is the ID of an earlier generation, for [SettleOld].
	Settle string
	// Folder is that of the keys which the step is about: of State, or of one of Beside.
	Folder string
	// Until is when something can change by itself: for [Wait], and for [Nothing] where a time
	// counts (a published record that is not in all caches yet); zero: not before somebody acts.
	Until time.Time
	// Why is a sentence for people about what is done or waited for.
	Why string
	// Condition is where the identity stands.
	Condition Condition
	// Troubles are all that is wrong; what can go on goes on.
	Troubles []Trouble
	// Memory replaces that of the state.
	Memory Memory
}
