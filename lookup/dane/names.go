package dane

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

const (
	maxLocal = 64  // octets of a local part (RFC 5321, Section 4.5.3.1.1)
	maxLabel = 63  // octets of a label (RFC 1035, Section 2.3.4)
	maxName  = 254 // octets of an absolute name in text form, its final dot included
)

// smimecert is the label below which the records of mail addresses are (RFC 8162, Section 3).
const smimecert = "_smimecert"

// SMIMEAName returns the absolute owner name for a mail address (RFC 8162, Section 3).
//
// local is the local part without quotes and quoting backslashes; it is never case-folded. When it
// is not ASCII it is brought to NFC. domain may hold U-labels and a final dot. Errors: a local part
// that is empty, longer than 64 octets or no UTF-8; a domain that is no host name, or too long.
func SMIMEAName(local, domain string) (string, error) {
	switch {
	case local == "":
		return "", fmt.Errorf("dane: the local part is empty")
	case !utf8.ValidString(local):
		return "", fmt.Errorf("dane: local part %q: no UTF-8", local)
	case len(local) > maxLocal:
		return "", fmt.Errorf("dane: local part %q: %d octets, at most %d", local, len(local), maxLocal)
	}
	host, err := hostName(domain)
	if err != nil {
		return "", err
	}
	// RFC 8162, Section 3: the first 28 octets of the hash. NFC leaves ASCII as it is.
	sum := sha256.Sum256([]byte(norm.NFC.String(local)))
	return checkLength(hex.EncodeToString(sum[:28]) + "." + smimecert + "." + host)
}

// UserName returns "_user.domain.", the owner of the TLSA records of a domain's own CA for its
// users (DANCE architecture, Example 7). Errors: a domain that is no host name, or too long.
func UserName(domain string) (string, error) {
	host, err := hostName(domain)
	if err != nil {
		return "", err
	}
	return checkLength("_user." + host)
}

// TLSAName checks a name that TLSA records identify and returns it absolute, lower case, in
// A-labels. Forms: a device ("sensor7._device.example.net"), a service
// ("_smtp-client.relay1.example.net", also "_25._tcp.mx.example.net") or a host
// ("device73.example.net"). Errors: a name of another form, or too long; a name below "_smimecert",
// whose records are SMIMEA.
func TLSAName(name string) (string, error) {
	ascii, err := aLabels(name)
	if err != nil {
		return "", err
	}
	labels := strings.Split(ascii, ".")
	leading := true
	for i, label := range labels {
		underscored := strings.HasPrefix(label, "_")
		switch {
		case label == smimecert:
			return "", fmt.Errorf("dane: %q is the name of an SMIMEA record: ask for the mail address", name)
		case !underscored:
			leading = false
		case i == len(labels)-1:
			return "", fmt.Errorf("dane: %q has no domain after %q", name, label)
		case leading && i > 1:
			return "", fmt.Errorf("dane: %q has too many labels with an underscore", name)
		case !leading && label != "_device":
			return "", fmt.Errorf("dane: %q: %q may only be the first label (a service), or _device", name, label)
		}
		if err := checkLabel(strings.TrimPrefix(label, "_")); err != nil {
			return "", fmt.Errorf("dane: %q: %w", name, err)
		}
	}
	return checkLength(ascii + ".")
}

// hostName returns a domain as A-labels with a final dot; no label may have an underscore.
func hostName(domain string) (string, error) {
	ascii, err := aLabels(domain)
	if err != nil {
		return "", err
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if err := checkLabel(label); err != nil {
			return "", fmt.Errorf("dane: domain %q: %w", domain, err)
		}
	}
	return checkLength(ascii + ".")
}

// Domain returns a name absolute, in lower case and A-labels. Its labels may begin with an
// underscore. Errors: it is no domain.
func Domain(text string) (string, error) {
	ascii, err := aLabels(text)
	if err != nil {
		return "", err
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if err := checkLabel(strings.TrimPrefix(label, "_")); err != nil {
			return "", fmt.Errorf("%q is no domain: %w", text, err)
		}
	}
	return ascii + ".", nil
}

// profile maps and checks internationalised names as a look-up does (RFC 5891, Section 5), but
// leaves the question of underscores to us.
var profile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.StrictDomainName(false))

// aLabels returns a name in lower case and A-labels, without its final dot.
func aLabels(name string) (string, error) {
	if len(name) > 4*maxName {
		return "", fmt.Errorf("dane: name of %d octets: too long", len(name))
	}
	if !utf8.ValidString(name) {
		return "", fmt.Errorf("dane: name %q: no UTF-8", name)
	}
	name = strings.TrimSuffix(name, ".")
	lower := strings.ToLower(name)
	// Plain names need no mapping, and the mapping would refuse some that are in use ("a--b").
	if isASCII(lower) && !strings.Contains(lower, "xn--") {
		return lower, nil
	}
	ascii, err := profile.ToASCII(name)
	if err != nil {
		return "", fmt.Errorf("dane: name %q: %w", name, err)
	}
	return strings.TrimSuffix(ascii, "."), nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// checkLabel wants letters, digits and inner hyphens (RFC 5321, Section 4.1.2; RFC 1123, Section
// 2.1).
func checkLabel(label string) error {
	if label == "" {
		return fmt.Errorf("empty label")
	}
	if len(label) > maxLabel {
		return fmt.Errorf("label of %d octets, at most %d", len(label), maxLabel)
	}
	if label[0] == '-' || label[len(label)-1] == '-' {
		return fmt.Errorf("label %q begins or ends with a hyphen", label)
	}
	for _, c := range []byte(label) {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return fmt.Errorf("label %q holds %q", label, c)
		}
	}
	return nil
}

// checkLength checks the length of an absolute name (RFC 1035, Section 2.3.4: 255 octets on the
// wire). A label with its underscore was measured without it.
func checkLength(name string) (string, error) {
	if len(name) > maxName {
		return "", fmt.Errorf("dane: name %q: %d octets, at most %d", name, len(name), maxName)
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > maxLabel {
			return "", fmt.Errorf("dane: name %q: label of %d octets, at most %d", name, len(label), maxLabel)
		}
	}
	return name, nil
}
