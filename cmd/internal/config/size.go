package config

import (
	"fmt"
	"math"

	"dnseal/cmd/internal/cli"
)

// Size is a number of bytes in the file: a number, or a string with a unit, such as "50MB". Zero
// means the default.
type Size int64

// UnmarshalTOML implements [toml.Unmarshaler].
func (s *Size) UnmarshalTOML(value any) error {
	switch v := value.(type) {
	case int64:
		*s = Size(v)
		return nil
	case string:
		n, err := cli.ParseSize(v)
		if err != nil {
			return fmt.Errorf("%q: %w", v, err)
		}
		*s = Size(n)
		return nil
	}
	return fmt.Errorf("the value must be a size: a number of bytes, or one with its unit in quotes, such as \"50MB\"")
}

// int is the size where the machine's integers may be smaller.
func (s Size) int() int { return int(min(int64(s), math.MaxInt)) }
