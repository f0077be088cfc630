//go:build submit

package message

import (
	"errors"
	"strings"
)

var errCharset = errors.New("message: a charset that this build does not know")

// Charset is that of charset.go for the charsets in which devices write mail.
func Charset(label string) (decode func(octets string) (string, error), name string, err error) {
	switch strings.ToLower(strings.TrimSpace(label)) {
	case "utf-8", "utf8":
		return func(octets string) (string, error) { return string([]rune(octets)), nil }, "utf-8", nil
	case "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252":
		return windows1252, "windows-1252", nil
	}
	return nil, "", errCharset
}

// upper1252 are the characters 80 to 9F of Windows code page 1252; five it does not have.
var upper1252 = [32]rune{
	0x20ac, 0xfffd, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0xfffd, 0x17d, 0xfffd,
	0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0xfffd, 0x17e, 0x178,
}

func windows1252(octets string) (string, error) {
	var out strings.Builder
	for i := range len(octets) {
		r := rune(octets[i])
		if 0x80 <= r && r < 0xa0 {
			r = upper1252[r-0x80]
		}
		out.WriteRune(r)
	}
	return out.String(), nil
}
