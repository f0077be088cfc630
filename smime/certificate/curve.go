package certificate

import (
	"crypto/elliptic"
	"encoding/asn1"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// curves are those whose keys are read.
var curves = map[string]elliptic.Curve{"P-224": elliptic.P224(), "P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

// curveNames are the curves that certificates of people are on, by their OIDs, those among them
// that cannot be computed with here.
var curveNames = map[string]string{
	// RFC 5480, Section 2.1.1.1.
	"1.2.840.10045.3.1.1": "P-192", "1.3.132.0.33": "P-224", "1.2.840.10045.3.1.7": "P-256", "1.3.132.0.34": "P-384", "1.3.132.0.35": "P-521",
	"1.3.132.0.1": "sect163k1", "1.3.132.0.15": "sect163r2", "1.3.132.0.26": "sect233k1", "1.3.132.0.27": "sect233r1", "1.3.132.0.16": "sect283k1",
	"1.3.132.0.17": "sect283r1", "1.3.132.0.36": "sect409k1", "1.3.132.0.37": "sect409r1", "1.3.132.0.38": "sect571k1", "1.3.132.0.39": "sect571r1",
	// SEC 2, Section 2.
	"1.3.132.0.9": "secp160k1", "1.3.132.0.8": "secp160r1", "1.3.132.0.30": "secp160r2", "1.3.132.0.31": "secp192k1", "1.3.132.0.32": "secp224k1", "1.3.132.0.10": "secp256k1",
	// RFC 5639, Section 4.1.
	"1.3.36.3.3.2.8.1.1.1": "brainpoolP160r1", "1.3.36.3.3.2.8.1.1.2": "brainpoolP160t1", "1.3.36.3.3.2.8.1.1.3": "brainpoolP192r1", "1.3.36.3.3.2.8.1.1.4": "brainpoolP192t1",
	"1.3.36.3.3.2.8.1.1.5": "brainpoolP224r1", "1.3.36.3.3.2.8.1.1.6": "brainpoolP224t1", "1.3.36.3.3.2.8.1.1.7": "brainpoolP256r1", "1.3.36.3.3.2.8.1.1.8": "brainpoolP256t1",
	"1.3.36.3.3.2.8.1.1.9": "brainpoolP320r1", "1.3.36.3.3.2.8.1.1.10": "brainpoolP320t1", "1.3.36.3.3.2.8.1.1.11": "brainpoolP384r1", "1.3.36.3.3.2.8.1.1.12": "brainpoolP384t1",
	"1.3.36.3.3.2.8.1.1.13": "brainpoolP512r1", "1.3.36.3.3.2.8.1.1.14": "brainpoolP512t1",
	// National ones: China, France, Russia.
	"1.2.156.10197.1.301": "SM2", "1.2.250.1.223.101.256.1": "FRP256v1",
	"1.2.643.2.2.35.1": "GOST R 34.10-2001 A", "1.2.643.2.2.35.2": "GOST R 34.10-2001 B", "1.2.643.2.2.35.3": "GOST R 34.10-2001 C",
	"1.2.643.7.1.2.1.1.1": "GOST R 34.10-2012 256 A", "1.2.643.7.1.2.1.2.1": "GOST R 34.10-2012 512 A",
}

// CurveName is the name of the curve in the parameters of an elliptic curve key, a DER
// ECParameters: "brainpoolP256r1"; of an unknown one its dotted OID. A curve that is written out in
// numbers (RFC 3279, Section 2.3.5) has the name of the one whose numbers they are, else none that
// could be said.
func CurveName(parameters []byte) string {
	s := cryptobyte.String(parameters)
	if s.PeekASN1Tag(cbasn1.SEQUENCE) {
		for name, curve := range curves {
			if writtenOut(parameters, curve.Params()) {
				return name
			}
		}
		return "a curve that is none of the known ones"
	}
	var id asn1.ObjectIdentifier
	if !s.ReadASN1ObjectIdentifier(&id) || !s.Empty() {
		return "a curve that cannot be read"
	}
	if name, ok := curveNames[id.String()]; ok {
		return name
	}
	return id.String()
}

// writtenOut reports whether the DER ECParameters are those of the curve, all of them: with another
// generator anyone can make a private key for another's public key. RFC 3279, Section 2.3.5:
//
//	ECParameters ::= SEQUENCE {
//	  version   INTEGER { ecpVer1(1) } (ecpVer1),
//	  fieldID   SEQUENCE { prime-field, p INTEGER },
//	  curve     SEQUENCE { a OCTET STRING, b OCTET STRING, seed BIT STRING OPTIONAL },
//	  base      OCTET STRING,
//	  order     INTEGER,
//	  cofactor  INTEGER OPTIONAL }
//
// The seed says how b was chosen, and changes nothing.
func writtenOut(parameters []byte, c *elliptic.CurveParams) bool {
	outer := cryptobyte.String(parameters)
	var s, field, equation, a, b, base cryptobyte.String
	var version int
	var id asn1.ObjectIdentifier
	p, order, cofactor := new(big.Int), new(big.Int), big.NewInt(1)
	ok := outer.ReadASN1(&s, cbasn1.SEQUENCE) && outer.Empty() && s.ReadASN1Integer(&version) && version >= 1 && version <= 3 &&
		s.ReadASN1(&field, cbasn1.SEQUENCE) && field.ReadASN1ObjectIdentifier(&id) && field.ReadASN1Integer(p) && field.Empty() &&
		s.ReadASN1(&equation, cbasn1.SEQUENCE) && equation.ReadASN1(&a, cbasn1.OCTET_STRING) && equation.ReadASN1(&b, cbasn1.OCTET_STRING) &&
		equation.SkipOptionalASN1(cbasn1.BIT_STRING) && equation.Empty() && s.ReadASN1(&base, cbasn1.OCTET_STRING) && s.ReadASN1Integer(order)
	if ok && !s.Empty() {
		ok = s.ReadASN1Integer(cofactor) && s.Empty()
	}
	if !ok || !id.Equal(oidPrimeField) || p.Cmp(c.P) != 0 || order.Cmp(c.N) != 0 || cofactor.Cmp(big.NewInt(1)) != 0 {
		return false
	}
	// FIPS 186-4, Section D.1.2: a is -3 on all curves over prime fields.
	minusThree := new(big.Int).Sub(c.P, big.NewInt(3))
	if new(big.Int).SetBytes(a).Cmp(minusThree) != 0 || new(big.Int).SetBytes(b).Cmp(c.B) != 0 {
		return false
	}
	x, y, ok := coordinates(curves[c.Name], base)
	return ok && x.Cmp(c.Gx) == 0 && y.Cmp(c.Gy) == 0
}

// ANSI X9.62, Section 6.4.
var oidPrimeField = asn1.ObjectIdentifier{1, 2, 840, 10045, 1, 1}

// coordinates reads a point in one of the forms of SEC 1, Section 2.3.4, or the hybrid one of ANSI
// X9.62, Section 4.3.6. It does not check that the last two are on the curve.
func coordinates(curve elliptic.Curve, point []byte) (x, y *big.Int, ok bool) {
	size := (curve.Params().BitSize + 7) / 8
	if len(point) == 1+size && (point[0] == 2 || point[0] == 3) {
		x, y = elliptic.UnmarshalCompressed(curve, point)
		return x, y, x != nil
	}
	if len(point) != 1+2*size {
		return nil, nil, false
	}
	x, y = new(big.Int).SetBytes(point[1:1+size]), new(big.Int).SetBytes(point[1+size:])
	switch point[0] {
	case 4:
		return x, y, true
	case 6, 7:
		return x, y, uint(point[0]&1) == y.Bit(0)
	}
	return nil, nil, false
}
