package recipient

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dnseal/lookup"
	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// Code is a stable word for why a recipient has no key. What could not be looked up has the code of
// package dnssec or chain ("timeout", "servfail", "busy", …), or one of these.
type Code string

// Codes.
const (
	CodeAddress   Code = "bad-address"      // no mail address, or one that can have no record
	CodeNoRecord  Code = "no-record"        // proven absent
	CodeUnusable  Code = "unusable-records" // records, and none that can be encrypted to
	CodeNoMLKEM   Code = "no-ml-kem-key"    // keys, but the profile wants ML-KEM
	CodeInsecure  Code = "insecure"         // the zone is not signed
	CodeBogus     Code = "bogus"            // what came does not validate
	CodeDenied    Code = "denied"           // the allow or deny list forbids the lookup
	CodeUndecided Code = "undecided"        // no time or work was left to judge the records
	codeUnknown   Code = "indeterminate"
)

// Error says why nothing can be encrypted to an address.
type Error struct {
	// Address as it was given.
	Address string
	Code    Code
	// Reason in words.
	Reason string
	// Hint says what may help; often empty.
	Hint string
	// Temporary says that it can be another time: a door defers. Else it refuses.
	Temporary bool
	// Absent says that it is proven that there is no key that can be trusted and used, or that
	// there can be none, so that a caller who may do so can send in clear. RFC 4035, Section 4.3.
	Absent bool
}

func (e *Error) Error() string {
	text := fmt.Sprintf("recipient: cannot encrypt to %s: %s", e.Address, e.Reason)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// unanswered says why an answer gives no records; nil where it is secure and has some. The four
// statuses of RFC 4033, Section 5, stay four.
func unanswered(res *lookup.Result) *Error {
	switch res.Status {
	case dnssec.Secure:
		switch res.Presence {
		case dane.Present:
			return nil
		case dane.Absent:
			return &Error{Code: CodeNoRecord, Reason: "no record is published at " + res.Name, Absent: true}
		case dane.Unknown:
		}
	case dnssec.Insecure:
		// RFC 8162, Section 6: an answer that is not validated is not used.
		return &Error{Code: CodeInsecure, Reason: whyInsecure(res), Absent: true}
	case dnssec.Bogus:
		return &Error{Code: CodeBogus, Reason: "the DNS data is bogus: " + res.Reason, Temporary: true}
	case dnssec.Indeterminate:
		if res.Code == chain.CodeDenied {
			// Asking again later would not help.
			return &Error{Code: CodeDenied, Reason: "its domain is not looked up here: " + res.Reason}
		}
	}
	return &Error{Code: cmp.Or(Code(res.Code), codeUnknown), Reason: "the record could not be looked up: " + cmp.Or(res.Reason, "no reason is known"), Temporary: true}
}

// whyInsecure names the zone that is not signed: an alias can lead to it from one that is.
func whyInsecure(res *lookup.Result) string {
	if zone := res.Zone(); res.Code == dnssec.CodeUnsigned && zone != "" {
		return fmt.Sprintf("the zone %s is not signed, so that no key in it can be trusted", zone)
	}
	return fmt.Sprintf("the records at %s prove nothing: %s", res.Name, cmp.Or(res.Reason, string(res.Code)))
}

// reasons puts together why records cannot be used, each reason once.
func reasons(unusable []Unusable) string {
	var out []string
	for _, u := range unusable {
		text := fmt.Sprintf("%d %d %d: %s", u.Record.Usage, u.Record.Selector, u.Record.MatchingType, u.Reason)
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if len(out) == 0 {
		return "they cannot be read"
	}
	return strings.Join(out, "; ")
}
