// Package fleet keeps many identities, a million of them: it makes them of the rows of a table,
// writes or publishes their records, and retires them.
//
// [ParseTemplate] makes names of the columns of a row (template.go), [NewRows] reads the rows
// (rows.go). An [Inventory] (inventory.go) is a file of JSON lines that is only ever appended to:
// one event a line (event.go). [Inventory.Enroll] makes keys and certificates, or takes the public
// keys of a supplier, and notes each identity; it counts from its line on. A [ZoneFile]
// (zonefile.go) has the records of all that is enrolled, [Inventory.Publish] sends them by a
// [publish.Publisher], [Inventory.Retire] makes keys sign no more and has their records withdrawn,
// [Inventory.Status] counts.
//
// There is no second kind of identity: a folder that is made here is one of package identity.
// Where a run ends early, for whatever reason, the same run again goes on where it was.
//
// Standards: RFC 4180 (CSV), RFC 6116, Section 3.2 (names of digits), RFC 2104 (the keyed hash of
// pseudonyms), RFC 4648, Section 6 (its base32), RFC 1035, Section 5.1 (zone files).
//
// # Limitations
//
// One process at a time changes an inventory. A zone file has the record of one key of an
// identity, the one in its folder ([Inventory.Dir]): while a rollover is under way the record of
// the other is in the zone that the rollover published it in, and not in a zone file made here. A
// key without a folder counts as the inventory has it. Names that tell nothing
// hide the devices, not how many there are. The inventory holds the columns of each row, without
// the public key: who may read it learns which name is whose.
package fleet

import (
	"fmt"
)

// Code says what a failure is about. The words never change.
type Code string

// Codes.
const (
	BadRow      Code = "csv"         // the line is no row of the table
	BadValue    Code = "value"       // a column has what no name can have
	BadName     Code = "name"        // the name that the template makes is none
	Duplicate   Code = "duplicate"   // another row makes the same name
	Changed     Code = "changed"     // the row is enrolled, with another key or otherwise
	Retired     Code = "retired"     // the identity was retired
	BadKey      Code = "key"         // the key of the row, or of the folder, cannot be used
	Certificate Code = "certificate" // no certificate could be made
	Folder      Code = "folder"      // the folder cannot be used
	Refused     Code = "refused"     // the name server, or the database, refuses the record
	VouchedFor  Code = "ca-vouches"  // the key signs no more, and others accept it by its CA
	NotEnrolled Code = "unknown"     // there is no identity of this name
)

// Failure is one row, or name, that nothing became of.
type Failure struct {
	// Line is that of the table; 0: it is of no table.
	Line int
	// Name is that of the identity; empty: not known.
	Name string
	Code Code
	Err  error
}

func (f *Failure) Error() string {
	if f.Line == 0 {
		return fmt.Sprintf("fleet: %s: %v", f.Name, f.Err)
	}
	return fmt.Sprintf("fleet: line %d: %v", f.Line, f.Err)
}

// Unwrap is the cause.
func (f *Failure) Unwrap() error { return f.Err }

func failed(line int, code Code, format string, args ...any) *Failure {
	return &Failure{Line: line, Code: code, Err: fmt.Errorf(format, args...)}
}

// clip shortens what goes into an error.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
