//go:build cgo && pkcs11

package pkcs11

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/pkcs11"
)

// found is a token in a slot.
type found struct {
	slot uint
	id   tokenID
	info pkcs11.TokenInfo
}

// present returns the tokens that are there; turn is held.
func (m *module) present() ([]found, error) {
	slots, err := m.calls.GetSlotList(true)
	if is(err, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED) {
		if err = m.initialize(m.calls); err != nil {
			return nil, err
		}
		slots, err = m.calls.GetSlotList(true)
	}
	if err != nil {
		return nil, fmt.Errorf("pkcs11: the slots of %s: %w", m.path, plain(err))
	}
	var all []found
	for _, slot := range slots {
		info, err := m.calls.GetTokenInfo(slot)
		// A token can be removed between the two calls.
		if err != nil || info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
			continue
		}
		id := tokenID{padded(info.Label), padded(info.SerialNumber), padded(info.ManufacturerID), padded(info.Model)}
		all = append(all, found{slot, id, info})
	}
	return all, nil
}

// padded removes the spaces that fields of fixed length end with.
func padded(s string) string { return strings.TrimRight(s, " \x00") }

// find returns the tokens that are there and meant; turn is held. Where there is none, and no token
// of the module is connected to, it is restarted: SoftHSM, and others, show a token that was made
// or came back since only then.
func (m *module) find(meant func(found) bool) (those, all []found, err error) {
	for {
		if all, err = m.present(); err != nil {
			return nil, nil, err
		}
		those = slices.DeleteFunc(slices.Clone(all), func(f found) bool { return !meant(f) })
		if len(those) > 0 || !m.restart() {
			return those, all, nil
		}
	}
}

// restartPause is how long a module is not restarted after it was initialised.
const restartPause = 2 * time.Second

// restart finalises and initialises the module; turn is held. It returns false, and does nothing,
// where a call may run or a session of a token that is connected to would end.
func (m *module) restart() bool {
	if m.foreign || time.Since(m.started) < restartPause || !m.use.TryLock() {
		return false
	}
	defer m.use.Unlock()
	for _, t := range m.tokens {
		if t.isAlive() {
			return false
		}
	}
	return m.calls.Finalize() == nil && m.initialize(m.calls) == nil
}

// slotOf looks for a token that was there; turn is held.
func (m *module) slotOf(id tokenID) (uint, pkcs11.TokenInfo, error) {
	those, _, err := m.find(func(f found) bool { return f.id == id })
	if err != nil {
		return 0, pkcs11.TokenInfo{}, err
	}
	if len(those) == 0 {
		return 0, pkcs11.TokenInfo{}, withHint(fmt.Errorf("pkcs11: %s is not there", id), "insert or start it; it is connected to again by itself (a module that has other tokens too may need a restart of dnseal)")
	}
	return those[0].slot, those[0].info, nil
}

// tokenOf returns the connection to the one token of a URI.
func (m *module) tokenOf(ctx context.Context, u URI) (*token, error) {
	leave, err := m.turn.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if m.ended {
		return nil, m.errClosed()
	}
	those, all, err := m.find(func(f found) bool { return m.matches(u, f) })
	switch {
	case err != nil:
		return nil, err
	case len(those) == 0:
		return nil, withHint(fmt.Errorf("pkcs11: there is no token of %s", u), "%s", presentTokens(m.path, all))
	case len(those) > 1:
		return nil, withHint(fmt.Errorf("pkcs11: %d tokens are meant by %s", len(those), u), "add token=NAME or serial=NUMBER: %s", presentTokens(m.path, those))
	}
	f := those[0]
	t := m.tokens[f.id]
	if t == nil {
		t = newToken(m, f.id, f.info)
		m.tokens[f.id] = t
	}
	return t, nil
}

// presentTokens is for hints.
func presentTokens(path string, all []found) string {
	if len(all) == 0 {
		return fmt.Sprintf("no token is there that is initialised, by the module %s: pkcs11-tool --module FILE --list-slots", path)
	}
	var names []string
	for _, f := range all {
		names = append(names, f.id.String())
	}
	return "there is " + listed(names) + "; some modules show a new token only after a restart of dnseal"
}

// listed joins at most eight.
func listed(names []string) string {
	if n := len(names); n > 8 {
		names = append(names[:8:8], fmt.Sprintf("%d more", n-8))
	}
	return strings.Join(names, ", ")
}

// matches compares what the URI says about token, slot and library.
func (m *module) matches(u URI, f found) bool {
	is := func(attribute, have string) bool {
		want, ok := u.attrs[attribute]
		return !ok || want == have
	}
	return is(attrToken, f.id.label) && is(attrSerial, f.id.serial) && is(attrManufacturer, f.id.manufacturer) &&
		is(attrModel, f.id.model) && is(attrSlotID, strconv.FormatUint(uint64(f.slot), 10)) && m.matchesPlace(u, f.slot)
}

// matchesPlace compares slot and library, of which few URIs say anything.
func (m *module) matchesPlace(u URI, slot uint) bool {
	s, errSlot := m.calls.GetSlotInfo(slot)
	l, errLibrary := m.calls.GetInfo()
	have := map[string]string{
		"slot-description":     padded(s.SlotDescription),
		"slot-manufacturer":    padded(s.ManufacturerID),
		"library-description":  padded(l.LibraryDescription),
		"library-manufacturer": padded(l.ManufacturerID),
		"library-version":      fmt.Sprintf("%d.%d", l.LibraryVersion.Major, l.LibraryVersion.Minor),
	}
	for attribute, value := range have {
		want, ok := u.attrs[attribute]
		if ok && (want != value || errSlot != nil || errLibrary != nil) {
			return false
		}
	}
	return true
}
