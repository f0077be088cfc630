package certificate

import (
	"crypto/x509"
	"encoding/asn1"
	"math"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// UnreadableKeyUsage is the KeyUsage of a certificate whose keyUsage cannot be read, or names no
// usage (RFC 5280, Section 4.2.1.3: at least one). It is a bit that stands for no use.
const UnreadableKeyUsage x509.KeyUsage = 1 << 16

var (
	// RFC 5280, Section 4.2.1.3.
	oidKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 15}
	// RFC 5280, Section 4.2.1.12.
	oidExtKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// restrictUsage makes a usage extension without a usage what it is: one that allows nothing. The
// zero values say that there is no restriction.
func restrictUsage(cert *x509.Certificate) {
	none := cert.KeyUsage == 0
	noneExtended := len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) == 0
	if !none && !noneExtended {
		return
	}
	for _, e := range cert.Extensions {
		if none && e.Id.Equal(oidKeyUsage) {
			cert.KeyUsage = UnreadableKeyUsage
		}
		if noneExtended && e.Id.Equal(oidExtKeyUsage) {
			cert.UnknownExtKeyUsage = []asn1.ObjectIdentifier{oidExtKeyUsage}
		}
	}
}

// UnreadableExtKeyUsage reports whether extKeyUsage cannot be read, or names no purpose (RFC 5280,
// Section 4.2.1.12: at least one). Its UnknownExtKeyUsage is then the OID of the extension, which
// is no purpose.
func UnreadableExtKeyUsage(cert *x509.Certificate) bool {
	return slices.ContainsFunc(cert.UnknownExtKeyUsage, oidExtKeyUsage.Equal)
}

// restriction is what an extension allows, so that two of them can be put together.
type restriction[T any] interface {
	// and is what both allow.
	and(other T) T
	// der is the value of an extension that allows this.
	der() []byte
}

// strictest is the DER of what all values allow; false where one cannot be read.
func strictest[T restriction[T]](values [][]byte, read func(cryptobyte.String) (T, bool)) ([]byte, bool) {
	var sum T
	for i, v := range values {
		one, ok := read(v)
		switch {
		case !ok:
			return nil, false
		case i == 0:
			sum = one
		default:
			sum = sum.and(one)
		}
	}
	return sum.der(), true
}

// usage are the first nine bits of a KeyUsage, the first of them the highest.
type usage uint16

// readUsage reads RFC 5280, Section 4.2.1.3: KeyUsage ::= BIT STRING. Bits after the last that
// counts are ignored (X.690, Section 8.6.2.2).
func readUsage(s cryptobyte.String) (usage, bool) {
	var contents cryptobyte.String
	if !s.ReadASN1(&contents, cbasn1.BIT_STRING) || !s.Empty() || len(contents) == 0 || contents[0] > 7 || len(contents) == 1 && contents[0] > 0 {
		return 0, false
	}
	unused, octets := contents[0], slices.Clone([]byte(contents[1:]))
	if len(octets) > 0 {
		octets[len(octets)-1] &^= 1<<unused - 1
	}
	octets = append(octets, 0, 0)
	return usage(octets[0])<<8 | usage(octets[1]&0x80), true
}

func (u usage) and(other usage) usage { return u & other }

func (u usage) der() []byte { return []byte{byte(cbasn1.BIT_STRING), 3, 7, byte(u >> 8), byte(u)} }

// extendedUsage are the contents octets of OIDs.
type extendedUsage []string

// readExtendedUsage reads RFC 5280, Section 4.2.1.12: ExtKeyUsageSyntax ::= SEQUENCE SIZE (1..MAX)
// OF KeyPurposeId.
func readExtendedUsage(s cryptobyte.String) (extendedUsage, bool) {
	var list cryptobyte.String
	if !s.ReadASN1(&list, cbasn1.SEQUENCE) || !s.Empty() {
		return nil, false
	}
	out := extendedUsage{}
	for !list.Empty() {
		var element cryptobyte.String
		if !list.ReadASN1Element(&element, cbasn1.OBJECT_IDENTIFIER) || len(element) <= 2 {
			return nil, false
		}
		id, der := asn1.ObjectIdentifier{}, element
		if !element.ReadASN1ObjectIdentifier(&id) {
			der = cryptobyte.String("\x06\x01\x69") // oidLarge: a purpose that is not known
		}
		out = append(out, string(der))
	}
	return out, true
}

func (u extendedUsage) and(other extendedUsage) extendedUsage {
	return slices.DeleteFunc(slices.Clone(u), func(id string) bool { return !slices.Contains(other, id) })
}

func (u extendedUsage) der() []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, id := range u {
			b.AddBytes([]byte(id))
		}
	})
	return b.BytesOrPanic()
}

// authority is a BasicConstraints; pathLen is -1 where it is absent.
type authority struct {
	ca      bool
	pathLen int64
}

// readAuthority reads RFC 5280, Section 4.2.1.9:
//
//	BasicConstraints ::= SEQUENCE {
//	  cA                 BOOLEAN DEFAULT FALSE,
//	  pathLenConstraint  INTEGER (0..MAX) OPTIONAL }
func readAuthority(outer cryptobyte.String) (authority, bool) {
	var s cryptobyte.String
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() {
		return authority{}, false
	}
	a := authority{pathLen: -1}
	var ok bool
	if a.ca, ok = readBoolean(&s); !ok {
		return authority{}, false
	}
	if s.PeekASN1Tag(cbasn1.INTEGER) && (!s.ReadASN1Integer(&a.pathLen) || a.pathLen < 0 || a.pathLen > math.MaxInt) {
		return authority{}, false
	}
	return a, s.Empty()
}

func (a authority) and(b authority) authority {
	out := authority{ca: a.ca && b.ca, pathLen: min(a.pathLen, b.pathLen)}
	if out.pathLen < 0 {
		out.pathLen = max(a.pathLen, b.pathLen)
	}
	return out
}

func (a authority) der() []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if a.ca {
			b.AddASN1Boolean(true)
		}
		if a.pathLen >= 0 {
			b.AddASN1Int64(a.pathLen)
		}
	})
	return b.BytesOrPanic()
}
