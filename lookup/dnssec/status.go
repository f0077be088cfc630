package dnssec

// Status is the outcome of a validation (RFC 4033, Section 5). The zero value is Indeterminate.
type Status uint8

// Outcomes.
const (
	Indeterminate Status = iota // could not tell: no answer, a limit, the clock
	Insecure                    // proven not to be signed (or with algorithms we do not support)
	Bogus                       // should be signed and is not, or wrongly
	Secure                      // validated up to a trust anchor
)

// String returns "indeterminate", "insecure", "bogus" or "secure".
func (s Status) String() string {
	switch s {
	case Insecure:
		return "insecure"
	case Bogus:
		return "bogus"
	case Secure:
		return "secure"
	case Indeterminate:
	}
	return "indeterminate"
}
