package identity

import (
	"errors"
	"fmt"
)

// hinted is an error with advice.
type hinted struct {
	error
	hint string
}

// Hint says what to do about the error.
func (e *hinted) Hint() string { return e.hint }

func (e *hinted) Unwrap() error { return e.error }

// WithHint adds advice to err. Advice has no capital and no period.
func WithHint(err error, format string, args ...any) error {
	return &hinted{error: err, hint: fmt.Sprintf(format, args...)}
}

// Hint returns what err advises to do, or "" when it advises nothing.
func Hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
