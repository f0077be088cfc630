//go:build cgo && pkcs11

package pkcs11

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"slices"

	"github.com/miekg/pkcs11"
)

// curve is one that mail can be signed with.
type curve struct {
	name string // of an algorithm of [Generate]
	ec   elliptic.Curve
	// parameters are the values of CKA_EC_PARAMS.
	parameters []string
}

var curves = []curve{
	{"p256", elliptic.P256(), []string{"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"}},
	{"p384", elliptic.P384(), []string{"\x06\x05\x2b\x81\x04\x00\x22"}},
	{"p521", elliptic.P521(), []string{"\x06\x05\x2b\x81\x04\x00\x23"}},
	// PKCS #11 3.0, Section 2.3.5, has the name of RFC 8032; the object identifier of RFC 8410 is
	// met too, and is what SoftHSM takes.
	{"ed25519", nil, []string{"\x06\x03\x2b\x65\x70", "\x13\x0cedwards25519"}},
}

// publicOf finds the public half, or says that it is nowhere.
func (r reader) publicOf(o object) (crypto.PublicKey, string) {
	if key := r.rsaPublic(o.handle); key != nil && o.kind == pkcs11.CKK_RSA {
		return key, ""
	}
	if key := ofKind(fromSPKI(r.value(o.handle, pkcs11.CKA_PUBLIC_KEY_INFO)), o.kind); key != nil {
		return key, ""
	}
	for _, h := range r.partners(o, pkcs11.CKO_PUBLIC_KEY) {
		if key := r.publicObject(o.kind, h); key != nil {
			return key, ""
		}
	}
	for _, h := range r.partners(o, pkcs11.CKO_CERTIFICATE) {
		if cert, err := x509.ParseCertificate(r.value(h, pkcs11.CKA_VALUE)); err == nil {
			if key := ofKind(cert.PublicKey, o.kind); key != nil {
				return key, ""
			}
		}
	}
	if key := r.publicObject(o.kind, o.handle); key != nil {
		return key, ""
	}
	if o.kind != pkcs11.CKK_RSA && curveOf(r.value(o.handle, pkcs11.CKA_EC_PARAMS)) == nil {
		return nil, "its curve is none of P-256, P-384, P-521 and Ed25519"
	}
	return nil, "its public half is nowhere on the token: store the public key or the certificate with the same id, with pkcs11-tool --write-object"
}

// partners are the objects of a class with the id of a private key, or its label where it has no
// id; those with the same label are first.
func (r reader) partners(o object, class uint) []pkcs11.ObjectHandle {
	template := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class)}
	switch {
	case len(o.id) > 0:
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_ID, o.id))
	case o.label != "":
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_LABEL, o.label))
	default:
		return nil
	}
	handles, err := r.find(template)
	if err != nil {
		return nil
	}
	var first, others []pkcs11.ObjectHandle
	for _, h := range handles {
		if string(r.value(h, pkcs11.CKA_LABEL)) == o.label {
			first = append(first, h)
		} else {
			others = append(others, h)
		}
	}
	return append(first, others...)
}

// publicObject reads the public key in the attributes of an object.
func (r reader) publicObject(kind uint, h pkcs11.ObjectHandle) crypto.PublicKey {
	if kind == pkcs11.CKK_RSA {
		if key := r.rsaPublic(h); key != nil {
			return key
		}
		return nil
	}
	c := curveOf(r.value(h, pkcs11.CKA_EC_PARAMS))
	if c == nil {
		return nil
	}
	return ofKind(c.point(r.value(h, pkcs11.CKA_EC_POINT)), kind)
}

// rsaPublic reads modulus and exponent, which private keys have too.
func (r reader) rsaPublic(h pkcs11.ObjectHandle) *rsa.PublicKey {
	n := new(big.Int).SetBytes(r.value(h, pkcs11.CKA_MODULUS))
	e := new(big.Int).SetBytes(r.value(h, pkcs11.CKA_PUBLIC_EXPONENT))
	if n.BitLen() < 512 || n.BitLen() > 16384 || n.Bit(0) == 0 || e.BitLen() < 2 || e.BitLen() > 31 || e.Bit(0) == 0 {
		return nil
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}
}

func curveOf(parameters []byte) *curve {
	for i, c := range curves {
		if slices.Contains(c.parameters, string(parameters)) {
			return &curves[i]
		}
	}
	return nil
}

// point reads CKA_EC_POINT: an OCTET STRING with the point, or, of some tokens, the point itself.
func (c *curve) point(value []byte) crypto.PublicKey {
	var inner []byte
	if rest, err := asn1.Unmarshal(value, &inner); err == nil && len(rest) == 0 {
		if key := c.rawPoint(inner); key != nil {
			return key
		}
	}
	return c.rawPoint(value)
}

func (c *curve) rawPoint(point []byte) crypto.PublicKey {
	if c.ec == nil {
		if len(point) != ed25519.PublicKeySize {
			return nil
		}
		return ed25519.PublicKey(bytes.Clone(point))
	}
	key, err := ecdsa.ParseUncompressedPublicKey(c.ec, point)
	if err != nil {
		return nil
	}
	return key
}

func fromSPKI(der []byte) crypto.PublicKey {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil
	}
	return key
}

// ofKind returns key where it is of a kind, CKK_…, and on one of the curves; else nil.
func ofKind(key crypto.PublicKey, kind uint) crypto.PublicKey {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if kind == pkcs11.CKK_RSA {
			return k
		}
	case *ecdsa.PublicKey:
		for _, c := range curves {
			if kind == pkcs11.CKK_EC && c.ec == k.Curve {
				return k
			}
		}
	case ed25519.PublicKey:
		if kind == keyEdwards {
			return k
		}
	}
	return nil
}
