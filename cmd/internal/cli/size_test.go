package cli

import (
	"math"
	"testing"
)

func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "52428800": 50 << 20, "7B": 7,
		"50M": 50 << 20, "50MB": 50 << 20, "50MiB": 50 << 20, "50m": 50 << 20, "50mb": 50 << 20,
		"512K": 512 << 10, "512KB": 512 << 10, "512KiB": 512 << 10, "2G": 2 << 30, "2GB": 2 << 30, "2GiB": 2 << 30,
		"9223372036854775807": math.MaxInt64, "8589934591GiB": 8589934591 << 30,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", " ", "M", "MB", "50 MB", " 50MB", "50MB ", "-1", "+1", "-1M", "1.5M", "1,5M", "50T", "50iB", "50BM", "50MBB", "50Mi", "0x10", "1_000", "1e6", "５M",
		"9223372036854775808", "8589934592G", "99999999999999999999999999M",
	} {
		if got, err := ParseSize(text); err == nil || got != 0 {
			t.Errorf("ParseSize(%q) = %d, %v, want an error", text, got, err)
		}
	}
}

// FuzzParseSize: no size is negative, and what is none has no value.
func FuzzParseSize(f *testing.F) {
	for _, text := range []string{"0", "50MB", "1GiB", "-1", "8589934592G", "5 0M"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseSize(text)
		if n < 0 || err != nil && n != 0 {
			t.Errorf("ParseSize(%q) = %d, %v", text, n, err)
		}
	})
}
