package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a flag that is a number of bytes with a least value, as [ParseSize] reads it.
type Size struct {
	Value *int64
	Least int64
}

// String implements [pflag.Value].
func (s *Size) String() string { return strconv.FormatInt(*s.Value, 10) }

// Type implements [pflag.Value].
func (*Size) Type() string { return "SIZE" }

// Set implements [pflag.Value].
func (s *Size) Set(text string) error {
	n, err := ParseSize(text)
	if err != nil || n < s.Least {
		return fmt.Errorf("want a size such as 4MB, %d bytes at least", s.Least)
	}
	*s.Value = n
	return nil
}

// sizeUnits are the units of sizes. A "K" is 1024 bytes in every way to write it, as in the
// settings of nginx.
var sizeUnits = map[string]int64{
	"": 1, "B": 1,
	"K": 1 << 10, "KB": 1 << 10, "KIB": 1 << 10,
	"M": 1 << 20, "MB": 1 << 20, "MIB": 1 << 20,
	"G": 1 << 30, "GB": 1 << 30, "GIB": 1 << 30,
}

var errSize = errors.New(`it is no size; write a number of bytes, or a number with its unit: "512K", "50MB", "1GiB" (1024 bytes to a K)`)

// ParseSize reads a number of bytes: digits alone, or with one of the units B, K, M and G right
// behind them, in any case; "50M", "50MB" and "50MiB" are the same. Errors: anything else, such as
// a space, a sign or a fraction, and more than an int64 holds.
func ParseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "KkMmGgIiBb")
	unit, known := sizeUnits[strings.ToUpper(text[len(digits):])]
	if !known {
		return 0, errSize
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && int64(n) > math.MaxInt64/unit:
		return 0, errors.New("it is too large a size")
	case err != nil:
		return 0, errSize
	}
	return int64(n) * unit, nil
}
