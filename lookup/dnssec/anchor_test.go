package dnssec_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// autotrust is a root key as unbound writes it into its auto-trust-anchor-file.
func autotrust(key string, state int, word string) string {
	return fmt.Sprintf("%s ;{id = 1 (ksk), size = 256b} ;;state=%d [%s] ;;count=0 ;;lastchange=1700000000 ;;Tue Nov 14 22:13:20 2023\n", key, state, word)
}

// TestAnchorStates: of the keys in unbound's own file only those count that it trusts (RFC 5011,
// Section 4.2).
func TestAnchorStates(t *testing.T) {
	t.Parallel()
	s := newServer(t, []lookuptest.Zone{{Text: other}}, lookuptest.Options{})
	key, _, _ := strings.Cut(s.Anchor(), "\n")
	const stranger = ". 300 IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="
	const head = "; autotrust trust anchor file\n;;id: . 1\n;;last_queried: 1700000000 ;;Tue Nov 14 22:13:20 2023\n"
	for _, tt := range []struct {
		name, text string
		status     dnssec.Status
		ignored    []string
	}{
		{"valid", head + autotrust(key, 2, "  VALID  "), dnssec.Secure, nil},
		{"missing", head + autotrust(key, 3, " MISSING "), dnssec.Secure, nil},
		{"valid next to one in its hold-down time", head + autotrust(key, 2, "  VALID  ") + autotrust(stranger, 1, " ADDPEND "), dnssec.Secure, []string{"ADDPEND"}},
		{"only another one valid", head + autotrust(stranger, 2, "  VALID  ") + autotrust(key, 1, " ADDPEND "), dnssec.Bogus, []string{"ADDPEND"}},
		{"no state, as in root.key", key + "\n", dnssec.Secure, nil},
		{"byte order mark", "\ufeff" + key + "\n", dnssec.Secure, nil},
	} {
		a, err := dnssec.ParseAnchors(tt.text, "auto")
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		v := dnssec.Validator{Exchanger: s, Anchors: a}
		if got := v.Resolve(t.Context(), "www.example.net", dns.TypeA); got.Status != tt.status {
			t.Errorf("%s: %v (%s), want %v", tt.name, got.Status, got.Reason, tt.status)
		}
		if got := a.Ignored(); len(got) != len(tt.ignored) || len(got) > 0 && !strings.HasSuffix(got[0], tt.ignored[0]) {
			t.Errorf("%s: ignored %q, want %q", tt.name, got, tt.ignored)
		}
	}
	for _, text := range []string{"state= 1", "STATE=1", "state = 1", "; state=01"} {
		if _, err := dnssec.ParseAnchors(key+" ;;"+text+" [ ADDPEND ]\n", "auto"); !errors.Is(err, dnssec.ErrKeyStates) {
			t.Errorf("%q: %v, want %v", text, err, dnssec.ErrKeyStates)
		}
	}
	for state, word := range []string{0: "  START  ", 1: " ADDPEND ", 4: " REVOKED ", 5: " REMOVED ", 6: ""} {
		if slices.Contains([]int{2, 3}, state) {
			continue
		}
		if _, err := dnssec.ParseAnchors(autotrust(key, state, word), "auto"); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(word)) {
			t.Errorf("state %d alone: %v, want an error with the state", state, err)
		}
	}
}
