package identity

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf8"

	"dnseal/lookup/dane"
	"dnseal/smime/message"
)

// ParseName returns the kind and canonical form of a name: a mail address as
// [message.Address] writes it, or a DNS name in lower-case A-labels without
// final dot. Every error means that name is neither, and has a [Hint].
// RFC 8162, Section 3.
func ParseName(name string) (Kind, string, error) {
	if !utf8.ValidString(name) {
		return "", "", nameError(name, errors.New("it is no UTF-8"))
	}
	if strings.Contains(name, "@") {
		return parseMailName(name)
	}
	owner, err := dane.TLSAName(name)
	if err != nil || !strings.Contains(strings.TrimSuffix(owner, "."), ".") {
		return "", "", nameError(name, err)
	}
	owner = strings.TrimSuffix(owner, ".")
	return dnsKind(owner), owner, nil
}

func parseMailName(name string) (Kind, string, error) {
	addr, err := message.ParseAddress(name)
	if err == nil && strings.HasPrefix(addr.Domain, "[") {
		err = errors.New("an address literal has no place in the DNS")
	}
	// RFC 5322, Section 3.2.4.
	if err == nil && addr.String()[0] == '"' && !strings.Contains(name, `"`) {
		err = fmt.Errorf("such a local part is written in quotation marks: %s", addr)
	}
	if err == nil {
		_, err = dane.SMIMEAName(addr.Local, addr.Domain)
	}
	if err != nil {
		return "", "", nameError(name, err)
	}
	return Mail, addr.String(), nil
}

// dnsKind distinguishes the three forms of TLSA client names.
// draft-ietf-dance-client-auth, Section 3: service, device, freeform.
func dnsKind(name string) Kind {
	if first, rest, _ := strings.Cut(name, "."); strings.HasPrefix(first, "_") && first != "_device" && rest != "" {
		return Service
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "_device" {
			return Device
		}
	}
	return Host
}

func nameError(name string, cause error) error {
	err := fmt.Errorf("identity: %q is neither a mail address nor a device, service or host name", clip(name))
	if cause != nil {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return WithHint(err, "write alice@example.org, sensor7._device.example.net, _smtp-client.relay1.example.net or device73.example.net")
}

// clip shortens what goes into an error.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// FolderName is the name of the folder of an identity, whose name is one that ParseName returns.
func FolderName(name string) string { return folderName(name) }

// folderName turns a canonical name into a folder's: ASCII letters, digits and
// "@._+=-" stand for themselves, all other bytes are percent-encoded (RFC 3986, Section 2.1).
// Encoding non-ASCII keeps file systems that normalise names from taking two for one.
func folderName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; isFolderByte(c) && (i > 0 || c != '.') {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func isFolderByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("@._+=-", c) >= 0
}

// nameOfFolder is the inverse of folderName for folders that hold a canonical name; ok is false for
// all others.
func nameOfFolder(folder string) (name string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(folder); i++ {
		c := folder[i]
		if c == '%' {
			var v byte
			if i+2 >= len(folder) {
				return "", false
			}
			if _, err := fmt.Sscanf(folder[i+1:i+3], "%02X", &v); err != nil {
				return "", false
			}
			c, i = v, i+2
		}
		b.WriteByte(c)
	}
	_, canonical, err := ParseName(b.String())
	if err != nil || folderName(canonical) != folder {
		return "", false
	}
	return canonical, true
}

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
