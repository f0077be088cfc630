//go:build cgo && pkcs11

package pkcs11

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/pkcs11"
)

// found is a token in a slot.
type found struct {
	slot uint
	id   tokenID
	info pkcs11.TokenInfo
}

// present returns the tokens that are there; module.turn is held.
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

// slotOf looks for a token that was there.
func (m *module) slotOf(id tokenID) (uint, pkcs11.TokenInfo, error) {
	all, err := m.present()
	if err != nil {
		return 0, pkcs11.TokenInfo{}, err
	}
	for _, f := range all {
		if f.id == id {
			return f.slot, f.info, nil
		}
	}
	return 0, pkcs11.TokenInfo{}, withHint(fmt.Errorf("pkcs11: %s is not there", id), "insert or start it; it is connected to again by itself")
}

// tokenOf returns the connection to the one token of a URI.
func (m *module) tokenOf(u URI) (*token, error) {
	all, err := m.present()
	if err != nil {
		return nil, err
	}
	those := slices.DeleteFunc(slices.Clone(all), func(f found) bool { return !m.matches(u, f) })
	switch len(those) {
	case 1:
	case 0:
		return nil, withHint(fmt.Errorf("pkcs11: there is no token of %s", u), "%s", presentTokens(m.path, all))
	default:
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
	return "there is " + listed(names) + "; some modules show a new token to new processes only"
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
