package config

import (
	"fmt"
	"time"
)

// Duration is a time in the file: a string with units, such as "90s" or "1h30m". A bare number is
// refused, because its unit is not known. Zero means the default.
type Duration time.Duration

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is no time; write a number with its unit in quotes, such as \"90s\" or \"5m\"", text)
	}
	*d = Duration(v)
	return nil
}
