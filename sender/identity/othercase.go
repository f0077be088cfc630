package identity

import (
	"fmt"
	"io/fs"
	"strings"

	"dnseal/smime/message"
)

// OtherCaseError says that there is no identity of a name, but one whose local part differs from it
// in case only, and that is another mailbox (RFC 5321, Section 2.4). It is a [fs.ErrNotExist].
type OtherCaseError struct {
	// Name was asked for, and Other is there.
	Name, Other string
}

func (e *OtherCaseError) Error() string {
	return fmt.Sprintf("identity: there is no %s, only %s: local parts are compared letter by letter", e.Name, e.Other)
}

// Unwrap returns [fs.ErrNotExist].
func (e *OtherCaseError) Unwrap() error { return fs.ErrNotExist }

// InAnotherCase returns the error for the first of names that differs from the address name in the
// case of its local part alone, nil where there is none.
func InAnotherCase(name string, names []string) error {
	want, err := message.ParseAddress(name)
	if err != nil {
		return nil //nolint:nilerr // a device or service
	}
	for _, other := range names {
		// Most names are told apart without being parsed.
		if len(other) != len(name) || !strings.EqualFold(other, name) {
			continue
		}
		if a, err := message.ParseAddress(other); err == nil && a.Domain == want.Domain && a.Local != want.Local {
			return &OtherCaseError{Name: name, Other: other}
		}
	}
	return nil
}
