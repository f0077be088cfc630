package message

// Edit is a set of changes to a message: the one output type of signing and
// verifying. The zero value and nil change nothing.
type Edit struct {
	// Changes are the header changes. Delete and Replace count occurrences in the message as it came,
	// so the order among changes does not matter, but that of inserted fields does: the first
	// Insert of the list ends up on top.
	Changes []Change
	// Body, when not nil, replaces everything after the empty line that ends the header.
	Body *Spool
}

// Op is the kind of a header change.
type Op uint8

// Operations. The zero value is not a valid operation.
const (
	Insert Op = iota + 1 // a new field above all others
	Append               // a new field below all others
	Delete               // remove the Index-th field called Name
)

// Change is one header change.
type Change struct {
	Op   Op
	Name string
	// Index counts fields of the same name (ASCII case-insensitive) from 1 at the top; for Delete only.
	Index int
	// Value is what stands after the colon, raw: usually with a leading space, folded with CRLF, without a final CRLF.
	Value string
}
