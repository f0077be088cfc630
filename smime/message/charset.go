//go:build !submit

package message

import "golang.org/x/text/encoding/htmlindex"

// Charset returns what decodes the charset that browsers, and so most readers, know by the label,
// and its name in the WHATWG Encoding Standard, Section 4. Octets that the charset does not have
// become U+FFFD. Under the build tag submit, for devices that sign and do not read, it knows UTF-8
// and windows-1252 (with ISO-8859-1 and US-ASCII, which that standard takes for it) and no other:
// the tables of all are 0.9 MB. Errors: one for a label that is unknown.
func Charset(label string) (decode func(octets string) (string, error), name string, err error) {
	e, err := htmlindex.Get(label)
	if err != nil {
		return nil, "", err
	}
	name, err = htmlindex.Name(e)
	return e.NewDecoder().String, name, err
}
