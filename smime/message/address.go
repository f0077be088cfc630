package message

// Address is a mail address in the form comparisons and owner names use:
// local part unquoted and, when non-ASCII, NFC (never case-folded); domain as
// lower-case A-labels (RFC 5321, 4.1.2; RFC 8162, 3; RFC 5891).
// Addresses are equal when their fields are.
type Address struct {
	Local, Domain string
}

// ParseAddress reads an addr-spec (no display name): "alice@example.org", `"a b"@example.org`, UTF-8 in both parts.
func ParseAddress(s string) (Address, error) { panic("unwritten") }

// ParseAddressList reads the value of a From, Sender or To field (RFC 5322, 3.4; groups too).
func ParseAddressList(value string) ([]Address, error) { panic("unwritten") }

// String returns the addr-spec, with the local part quoted where it must be.
func (a Address) String() string { panic("unwritten") }
