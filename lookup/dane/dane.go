// Package dane holds what DANE says of keys without asking the DNS: the owner names of records, the
// records themselves, and whether one matches a certificate or key (RFC 6698, 7671 and 8162).
//
// Start at [Match] (match.go). Usages 0 to 2 want a certified path (path.go). Owner names are made
// by [SMIMEAName], [UserName] and [TLSAName] (names.go).
//
// # Limitations
//
// The package does not know whether records are authentic: only match records of a secure answer.
// It checks no revocation lists, and leaves the purpose of the end-entity certificate, and for
// usage 3 its name and dates, to the caller.
package dane

import "fmt"

// Type is a DNS record type that can bind a key to a name.
type Type uint16

// Record types (RFC 6698, Section 7.1; RFC 8162, Section 8). TXT is none of DANE's, and holds no
// [Record]: it binds the key of a DKIM selector to a name (RFC 6376, Section 3.6.2).
const (
	TXT    Type = 16
	TLSA   Type = 52
	SMIMEA Type = 53
)

// Presence says whether records are there. The zero value is Unknown.
type Presence uint8

// Presences.
const (
	Unknown Presence = iota // not known (indeterminate or bogus answer)
	// Absent: proven absent when the status is secure; said to be absent when insecure
	Absent
	Present
)

// Record is the data of one SMIMEA or TLSA record (RFC 6698, Section 2.1).
type Record struct {
	Usage        uint8
	Selector     uint8
	MatchingType uint8
	Data         []byte
}

// NeedsCertificate reports whether the record names the certificate of a CA (usages 0 and 2) by a
// digest, so that it proves nothing about a message that does not bring that certificate (RFC 7671,
// Section 5.2.2).
func (r Record) NeedsCertificate() bool {
	return (r.Usage == PKIXTA || r.Usage == DANETA) && (r.MatchingType == SHA256 || r.MatchingType == SHA512)
}

// String is the type's name: "TLSA", "SMIMEA" or "TXT".
func (t Type) String() string {
	switch t {
	case TXT:
		return "TXT"
	case TLSA:
		return "TLSA"
	case SMIMEA:
		return "SMIMEA"
	}
	return fmt.Sprintf("TYPE%d", uint16(t))
}

// String returns "present", "absent" or "unknown".
func (p Presence) String() string {
	switch p {
	case Present:
		return "present"
	case Absent:
		return "absent"
	case Unknown:
	}
	return "unknown"
}
