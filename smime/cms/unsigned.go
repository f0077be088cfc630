package cms

import (
	"crypto/x509"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// ownArc is the arc of our own object identifiers (see the package documentation).
const ownArc = "1.2.840.113556.1.8000.2554.21861.5220.32913.16599.36273.14217779.708875"

// Types of attributes of our own.
var (
	// OIDStaple is the type of the unsigned attribute with the signer's own DNSSEC chain.
	OIDStaple = ownOID(".1")
)

func ownOID(arc string) x509.OID {
	oid, err := x509.ParseOID(ownArc + arc)
	if err != nil {
		panic(err) // a constant of ours
	}
	return oid
}

// Attribute is an attribute (RFC 5652, Section 5.3) with one value.
type Attribute struct {
	Type x509.OID
	// Value is the DER of one element, at most MaxUnsignedSize octets. It is not looked into.
	Value []byte
}

// encodeUnsigned returns the DER of each element of
//
//	UnsignedAttributes ::= SET SIZE (1..MAX) OF Attribute
func encodeUnsigned(attrs []Attribute) ([][]byte, error) {
	var ders [][]byte
	size := 0
	for _, a := range attrs {
		der, err := a.encode()
		if err != nil {
			return nil, err
		}
		size += len(der)
		ders = append(ders, der)
	}
	if size > MaxUnsignedSize {
		return nil, limitUnsignedSize.Exceeded()
	}
	return ders, nil
}

func (a Attribute) encode() ([]byte, error) {
	oid, err := a.Type.MarshalBinary()
	if err != nil || len(oid) == 0 {
		return nil, errors.Join(errors.New("cms: an unsigned attribute without type"), err)
	}
	value := cryptobyte.String(a.Value)
	var element cryptobyte.String
	var tag cbasn1.Tag
	if !value.ReadAnyASN1Element(&element, &tag) || !value.Empty() {
		return nil, fmt.Errorf("cms: the value of the unsigned attribute %s is not one element of DER", a.Type)
	}
	return attribute(string(oid), a.Value), nil
}

// Unsigned returns the values of the unsigned attributes of a type (RFC 5652, Section 5.3), each
// the DER of one element, in the order received. No signature covers them: whoever forwards a
// message can add, change and remove them, and nothing about the signature follows from them.
//
// Errors: *SyntaxError where the unsigned attributes are malformed, *LimitError where those of this
// type are larger than MaxUnsignedSize together, or there are more than MaxAttributes.
func (si *SignerInfo) Unsigned(id x509.OID) ([][]byte, error) {
	oid, err := id.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("cms: unsigned attribute: %w", err)
	}
	var out [][]byte
	size := 0
	s := cryptobyte.String(si.rawUnsigned)
	for n := 0; !s.Empty(); n++ {
		if n == MaxAttributes {
			return nil, limitAttributes.Exceeded()
		}
		var attr, typ, values cryptobyte.String
		if !s.ReadASN1(&attr, cbasn1.SEQUENCE) || !attr.ReadASN1(&typ, cbasn1.OBJECT_IDENTIFIER) ||
			!attr.ReadASN1(&values, cbasn1.SET) || !attr.Empty() {
			return nil, si.malformedUnsigned()
		}
		if string(typ) != string(oid) {
			continue
		}
		if size += len(values); size > MaxUnsignedSize {
			return nil, limitUnsignedSize.Exceeded()
		}
		if out, err = si.unsignedValues(out, values); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// unsignedValues adds the values of one attribute.
func (si *SignerInfo) unsignedValues(out [][]byte, values cryptobyte.String) ([][]byte, error) {
	for !values.Empty() {
		var value cryptobyte.String
		var tag cbasn1.Tag
		if !values.ReadAnyASN1Element(&value, &tag) {
			return nil, si.malformedUnsigned()
		}
		if len(out) == MaxAttributes {
			return nil, limitAttributes.Exceeded()
		}
		out = append(out, value)
	}
	return out, nil
}

func (si *SignerInfo) malformedUnsigned() error {
	return &SyntaxError{Offset: si.offset, Reason: "SignerInfo: unsignedAttrs"}
}
