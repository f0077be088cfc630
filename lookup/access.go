package lookup

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Codes of results that no zone is to blame for. The other codes are those of package dnssec.
const (
	CodeDenied = "denied" // the allow or deny list forbids the lookup
	CodeBusy   = "busy"   // too many lookups are under way
	CodeClosed = "closed" // the client is closed
	// CodeDisagree: mode both: validated here, but the resolver does not say AD
	CodeDisagree = "resolver-disagree"
	// CodeStrips: every resolver that answers leaves out the signatures of DNSSEC.
	CodeStrips = "resolver-strips-dnssec"
)

// access is who may be looked up.
type access struct {
	allow, deny []string // absolute, lower case, A-labels
}

func newAccess(allow, deny []string) (a access, err error) {
	if a.allow, err = domains(allow); err != nil {
		return access{}, fmt.Errorf("allow list: %w", err)
	}
	if a.deny, err = domains(deny); err != nil {
		return access{}, fmt.Errorf("deny list: %w", err)
	}
	return a, nil
}

func domains(list []string) ([]string, error) {
	var out []string
	for _, d := range list {
		name, err := readDomain(d)
		if err != nil {
			return nil, fmt.Errorf("%w; write it without \"*.\", what is below it is meant too", err)
		}
		out = append(out, name)
	}
	return out, nil
}

// readDomain returns a name absolute, in lower case and A-labels. What is no domain could never
// match: a deny list would have a hole.
func readDomain(text string) (string, error) {
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

// ownerName returns a name absolute and in lower case, with every octet written in one way only
// ("\101" is "a"), so that nobody gets past a list, or into another place of the cache, by escapes.
// A name that is none stays as it is: the validator refuses it.
func ownerName(name string) string {
	name = dns.CanonicalName(name)
	if isPlain(name) {
		return name
	}
	var wire [255]byte
	n, err := dns.PackDomainName(name, wire[:], 0, nil, false)
	if err != nil {
		return name
	}
	plain, _, err := dns.UnpackDomainName(wire[:n], 0)
	if err != nil {
		return name
	}
	return dns.CanonicalName(plain)
}

// isPlain reports whether no octet of a lower-case name could be written in another way.
func isPlain(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '-', c == '_', c == '*':
		default:
			return false
		}
	}
	return true
}

// refuse says why an absolute, lower-case name may not be looked up; "" if it may. Deny is stronger
// than allow.
func (a *access) refuse(name string) string {
	for _, d := range a.deny {
		if within(name, d) {
			return fmt.Sprintf("%s is on the deny list", d)
		}
	}
	if len(a.allow) == 0 {
		return ""
	}
	for _, d := range a.allow {
		if within(name, d) {
			return ""
		}
	}
	return fmt.Sprintf("no entry of the allow list covers %s", name)
}

// deniedError ends a lookup at an alias that leads to where no lookup may go.
type deniedError string

func (e deniedError) Error() string { return string(e) }

// Code is that of the result.
func (deniedError) Code() string { return CodeDenied }

// mayFollow holds the target of an alias to the lists.
func (a *access) mayFollow(target string) error {
	if why := a.refuse(ownerName(target)); why != "" {
		return deniedError("an alias leads to " + target + ", and " + why)
	}
	return nil
}

// within reports whether name is domain or below it, label by label: an escaped dot separates none.
func within(name, domain string) bool { return dns.IsSubDomain(domain, name) }
