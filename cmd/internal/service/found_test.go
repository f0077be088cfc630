package service

import (
	"errors"
	"maps"
	"testing"

	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// TestFound counts states and troubles; a folder that a command works in is no trouble.
func TestFound(t *testing.T) {
	t.Parallel()
	m := found([]*provision.Outcome{
		{Name: "a@example.org", Step: lifecycle.Step{Condition: lifecycle.Active}},
		{Name: "b@example.org", Step: lifecycle.Step{Condition: lifecycle.Active, Troubles: []lifecycle.Trouble{{Code: lifecycle.CodeBehind}}}},
		{Name: "c@example.org", Err: identity.ErrBusy},
		{Name: "d@example.org", Err: errors.New("no key")},
	}, nil, nil)
	if !maps.Equal(m.States, map[string]int{"active": 2}) || !maps.Equal(m.Troubles, map[string]int{"server-behind": 1, "error": 1}) {
		t.Errorf("%v, %v", m.States, m.Troubles)
	}
}
