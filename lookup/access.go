package lookup

import (
	"fmt"
	"strings"
)

// Codes of results that no zone is to blame for. The other codes are those of package dnssec.
const (
	CodeDenied   = "denied"            // the allow or deny list forbids the lookup
	CodeBusy     = "busy"              // too many lookups are under way
	CodeClosed   = "closed"            // the client is closed
	CodeDisagree = "resolver-disagree" // mode both: validated here, but the resolver does not say AD
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
		ascii, err := aLabels(d)
		if err != nil {
			return nil, err
		}
		if ascii == "" {
			return nil, fmt.Errorf("%q is no domain", d)
		}
		out = append(out, ascii+".")
	}
	return out, nil
}

// refuse says why an absolute, lower-case name may not be looked up; "" if it may. Deny is stronger than allow.
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

// within reports whether name is domain or below it.
func within(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, domain) && name[len(name)-len(domain)-1] == '.'
}
