package receiver

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// Domain is a security domain ([[domain]] in the configuration): names a receiver trusts, what it
// asks of mail From them, and which devices may speak for them.
type Domain struct {
	// Names are the domains of From addresses: "bank.example", "*.bank.example".
	Names []string
	// Require is what mail From these names must have; "" is RequireNothing. Only a pass meets
	// it, whatever else the message holds: all other mail is of class no-signature as well. What
	// could not be told yet is deferred where no-signature is not accepted: a sender can come
	// again, and a forger gains nothing by waiting. Mail in which some reader may be shown an
	// author of these names is held to it too (message.Shown), as where From cannot be read and
	// one of them stands after an @ in it, or where the protected From is of these names and not
	// proven to be that of the signer, whose message a mailing list then wrote another From on.
	Require Requirement
	// Devices maps names of devices, services and hosts (stars allowed) to From addresses (stars
	// allowed) they may use. Only addresses within Names count, whatever is written here.
	Devices map[string][]string
	// On maps classes to actions for mail From these names. It can be stricter than Options.On,
	// never laxer: From is what a forger chooses.
	On map[Class]message.Action
	// ReplyTexts are like Options.ReplyTexts, and win over them, for mail From these names.
	ReplyTexts map[Class]string
}

// Requirement is what mail From a domain must have.
type Requirement string

// Requirements (require in the configuration).
const (
	RequireNothing   Requirement = "nothing"
	RequireSignature Requirement = "signature"
	// RequireProtected: a signature that protects header fields, From among them
	RequireProtected Requirement = "protected"
)

// domain is a parsed Domain.
type domain struct {
	names   []message.Pattern
	require Requirement
	devices []deviceRule
	on      map[Class]message.Action
	texts   map[Class]string
}

// deviceRule lets devices use addresses.
type deviceRule struct {
	device    message.Pattern
	addresses []message.Pattern
}

func parseDomain(d Domain) (*domain, error) {
	out := &domain{require: d.Require, texts: d.ReplyTexts}
	if len(d.Names) == 0 {
		return nil, errors.New("it has no names")
	}
	switch d.Require {
	case "", RequireNothing, RequireSignature, RequireProtected:
	default:
		return nil, fmt.Errorf("require %q: it is nothing, signature or protected", d.Require)
	}
	for _, s := range d.Names {
		p, err := parseName(s)
		if err != nil {
			return nil, err
		}
		out.names = append(out.names, p)
	}
	for device, addresses := range d.Devices {
		rule, err := out.parseDevice(device, addresses)
		if err != nil {
			return nil, fmt.Errorf("devices: %w", err)
		}
		out.devices = append(out.devices, rule)
	}
	if err := checkTexts(d.ReplyTexts); err != nil {
		return nil, err
	}
	var err error
	out.on, err = actions(map[Class]message.Action{}, d.On)
	return out, err
}

// parseName reads a pattern of DNS names.
func parseName(s string) (message.Pattern, error) {
	p, err := message.ParsePattern(s)
	if err == nil && p.IsAddress() {
		err = fmt.Errorf("%q is a mail address, and a domain or device name is wanted", s)
	}
	return p, err
}

func (d *domain) parseDevice(device string, addresses []string) (deviceRule, error) {
	name, err := parseName(device)
	if err != nil {
		return deviceRule{}, err
	}
	rule := deviceRule{device: name}
	for _, s := range addresses {
		p, err := message.ParsePattern(s)
		switch {
		case err != nil:
			return deviceRule{}, err
		case !p.IsAddress():
			return deviceRule{}, fmt.Errorf("%q is no mail address: write *@%s for all addresses of a domain", s, s)
		case !d.mayReach(s):
			return deviceRule{}, fmt.Errorf("%q is not within the names of its domain, so no device can be given it", s)
		}
		rule.addresses = append(rule.addresses, p)
	}
	return rule, nil
}

// mayReach reports whether an address pattern can name an address of the domain. One with a star in
// its domain is left to allows.
func (d *domain) mayReach(pattern string) bool {
	host := pattern[strings.LastIndexByte(pattern, '@')+1:]
	if strings.Contains(host, "*") {
		return true
	}
	a, err := message.ParseAddress("x@" + host)
	return err == nil && d.holds(a)
}

// holds reports whether the address is one of the domain.
func (d *domain) holds(a message.Address) bool {
	for _, p := range d.names {
		if p.MatchDomain(a) {
			return true
		}
	}
	return false
}

// holdsAny reports whether one of the addresses is of the domain.
func (d *domain) holdsAny(from []message.Address) bool {
	return slices.ContainsFunc(from, d.holds)
}

// mayHold reports whether some reader may be shown an author of the domain.
func (d *domain) mayHold(s message.Shown) bool {
	named := func(name string) bool {
		return slices.ContainsFunc(d.names, func(p message.Pattern) bool { return p.MatchName(name) })
	}
	return s.Cut || slices.ContainsFunc(s.Domains, named)
}

// allows reports whether the device may use the address (only addresses of the rule's own security
// domain).
// RFC 5321, Section 2.4: the case of a local part counts.
func (d *domain) allows(device string, from message.Address) bool {
	if !d.holds(from) {
		return false
	}
	for _, rule := range d.devices {
		if !rule.device.MatchName(device) {
			continue
		}
		for _, p := range rule.addresses {
			if p.MatchAddress(from) {
				return true
			}
		}
	}
	return false
}
