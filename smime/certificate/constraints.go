package certificate

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// ConstraintError says that an authority may not certify a name of a certificate in its path, or
// that this cannot be decided.
type ConstraintError struct {
	// Form of the name: "rfc822Name", "SmtpUTF8Mailbox", "dNSName", …
	Form string
	// Name in words; of a stranger.
	Name string
	// CA is the subject of the authority; of a stranger.
	CA string
	// Reason in words.
	Reason string
}

func (e *ConstraintError) Error() string {
	return fmt.Sprintf("name constraints of %q: %s %q: %s", e.CA, e.Form, e.Name, e.Reason)
}

var (
	errNotPermitted          = errors.New("is not among the names it may certify")
	errExcluded              = errors.New("is among the names it may not certify")
	errUnreadableName        = errors.New("cannot be read")
	errUnreadableConstraint  = errors.New("is constrained by what cannot be read")
	errUnsupportedConstraint = errors.New("is constrained in a way that is not supported")
)

// constraints are a NameConstraints extension. The zero value constrains nothing.
type constraints struct {
	permitted, excluded []subtree
	// unreadable says that there are some, of which not all can be read.
	unreadable bool
}

// constraintsOf reads the constraints of a certificate. Of two NameConstraints (RFC 5280, Section
// 4.2 allows one) each would permit what the other does not: they cannot be read.
func constraintsOf(cert *x509.Certificate) constraints {
	var out constraints
	found := false
	for _, ext := range cert.Extensions {
		if !ext.Id.Equal(oidNameConstraints) {
			continue
		}
		if found {
			return constraints{unreadable: true}
		}
		out, found = readConstraints(ext.Value), true
	}
	if found && !out.unreadable && slices.ContainsFunc(cert.UnhandledCriticalExtensions, oidNameConstraints.Equal) {
		out.unreadable = !standardReads(cert)
	}
	return out
}

// standardReads reports whether crypto/x509 reads the NameConstraints of a certificate that Parse
// found something in: one that constrains nothing, or a form of name that we would not look at.
func standardReads(cert *x509.Certificate) bool {
	r := extensionReader{algorithm: anyAlgorithm}
	for _, ext := range cert.Extensions {
		if ext.Id.Equal(oidNameConstraints) {
			return r.reads(extension{id: ext.Id, value: ext.Value})
		}
	}
	return true
}

// readConstraints reads RFC 5280, Section 4.2.1.10:
//
//	NameConstraints ::= SEQUENCE {
//	  permittedSubtrees  [0] GeneralSubtrees OPTIONAL,
//	  excludedSubtrees   [1] GeneralSubtrees OPTIONAL }
func readConstraints(der []byte) constraints {
	outer := cryptobyte.String(der)
	var s, permitted, excluded cryptobyte.String
	var has bool
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() ||
		!s.ReadOptionalASN1(&permitted, &has, constructed0) || !s.ReadOptionalASN1(&excluded, &has, constructed1) || !s.Empty() {
		return constraints{unreadable: true}
	}
	var out constraints
	var okPermitted, okExcluded bool
	out.permitted, okPermitted = readSubtrees(permitted)
	out.excluded, okExcluded = readSubtrees(excluded)
	out.unreadable = !okPermitted || !okExcluded
	return out
}

// readSubtrees reads RFC 5280, Section 4.2.1.10:
//
//	GeneralSubtree ::= SEQUENCE {
//	  base     GeneralName,
//	  minimum  [0] BaseDistance DEFAULT 0,
//	  maximum  [1] BaseDistance OPTIONAL }
func readSubtrees(list cryptobyte.String) (out []subtree, ok bool) {
	for !list.Empty() {
		var s, distance, unused cryptobyte.String
		var minimum, maximum bool
		if !list.ReadASN1(&s, cbasn1.SEQUENCE) {
			return out, false
		}
		n, ok := readGeneralName(&s)
		if !ok || !s.ReadOptionalASN1(&distance, &minimum, implicit(0)) || !s.ReadOptionalASN1(&unused, &maximum, implicit(1)) || !s.Empty() {
			return out, false
		}
		// RFC 5280, Section 4.2.1.10: minimum is 0, maximum is absent.
		zero := len(distance) == 1 && distance[0] == 0
		out = append(out, subtree{base: n, bounded: maximum || minimum && !zero})
	}
	return out, true
}

// empty reports whether nothing is constrained.
func (c constraints) empty() bool { return !c.unreadable && len(c.permitted)+len(c.excluded) == 0 }

// allow says why a name may not be certified (RFC 5280, Sections 4.2.1.10 and 6.1.3, (b) and (c)).
// Errors also: ErrWork, with which nothing is decided.
func (c constraints) allow(n generalName, w *Work) error {
	if c.unreadable {
		return errUnreadableConstraint
	}
	constrained, permitted, err := within(c.permitted, n, false, w)
	switch {
	case err != nil:
		return err
	// RFC 5280, Section 6.1.3, (b).
	case constrained && !permitted:
		return errNotPermitted
	}
	// RFC 5280, Section 6.1.3, (c).
	_, excluded, err := within(c.excluded, n, true, w)
	if err == nil && excluded {
		err = errExcluded
	}
	return err
}

// within reports whether some subtree applies to names of this form, and whether the name is in
// one.
func within(subtrees []subtree, n generalName, excluding bool, w *Work) (constrained, in bool, err error) {
	for _, t := range subtrees {
		if !t.covers(n.form) {
			if err = w.compare(0); err != nil {
				return false, false, err
			}
			continue
		}
		if err = w.compare(len(n.value) + len(t.base.value)); err != nil {
			return false, false, err
		}
		holds, err := t.holds(n, excluding)
		if err != nil {
			return false, false, err
		}
		constrained, in = true, in || holds
	}
	return constrained, in, nil
}
