// Package header compares header fields with their protected copies as readers understand them
// (RFC 9788), and writes 8-bit text as encoded words (RFC 2047).
//
// subject.go has what mailing lists do to a Subject, mailbox.go compares addresses, value.go all
// other fields. Which fields count is decided by the caller (smime/headerstate.go).
//
// # Limitations
//
// Two values count as the same only where every reader shows the same: octets that a charset does
// not have, and charsets that readers know differently, are a difference.
package header
