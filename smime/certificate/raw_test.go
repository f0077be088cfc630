package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// tlv is the DER of an element whose contents are parts in a row.
func tlv(tag cbasn1.Tag, parts ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(parts...)) })
	return b.BytesOrPanic()
}

func oid(numbers ...int) []byte {
	var b cryptobyte.Builder
	b.AddASN1ObjectIdentifier(numbers)
	return b.BytesOrPanic()
}

// raw is a certificate whose fields can be anything. Each is a whole element.
type raw struct {
	version, serial, algorithm, issuer, validity, subject, spki []byte
	extensions                                                  [][]byte
	// outer is the algorithm outside the signed part; nil: the same. tail is after the extensions.
	outer, tail []byte
}

// newRaw is one that crypto/x509 reads, of a key.
func newRaw(tb testing.TB, pub crypto.PublicKey) raw {
	tb.Helper()
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		tb.Fatal(err)
	}
	return raw{
		version: tlv(constructed0, []byte{2, 1, 2}), serial: []byte{2, 2, 0x12, 0x67}, algorithm: tlv(cbasn1.SEQUENCE, oid(1, 2, 840, 10045, 4, 3, 2)),
		issuer: dn("Example"), validity: between("260101000000Z", "360101000000Z"), subject: dn("Example"), spki: spki,
		extensions: [][]byte{ext(17, altNames("email:alice@example.org"))},
	}
}

// between is a Validity of two UTCTimes.
func between(from, to string) []byte {
	return tlv(cbasn1.SEQUENCE, tlv(cbasn1.UTCTime, []byte(from)), tlv(cbasn1.UTCTime, []byte(to)))
}

// ext is an extension below id-ce.
func ext(number int, value []byte) []byte {
	return tlv(cbasn1.SEQUENCE, oid(2, 5, 29, number), tlv(cbasn1.OCTET_STRING, value))
}

func criticalExt(number int, value []byte) []byte {
	return tlv(cbasn1.SEQUENCE, oid(2, 5, 29, number), []byte{1, 1, 0xff}, tlv(cbasn1.OCTET_STRING, value))
}

func (r raw) tbs() []byte {
	var extensions []byte
	if r.extensions != nil {
		extensions = tlv(implicit(3).Constructed(), tlv(cbasn1.SEQUENCE, r.extensions...))
	}
	return tlv(cbasn1.SEQUENCE, r.version, r.serial, r.algorithm, r.issuer, r.validity, r.subject, r.spki, extensions, r.tail)
}

// sign is the certificate, signed by ECDSA with SHA-256.
func (r raw) sign(tb testing.TB, key *ecdsa.PrivateKey) []byte {
	tb.Helper()
	return r.envelope(tb, key, r.tbs())
}

// envelope is the certificate with this signed part.
func (r raw) envelope(tb testing.TB, key *ecdsa.PrivateKey, tbs []byte) []byte {
	tb.Helper()
	value, err := crypto.SignMessage(key, rand.Reader, tbs, crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	outer := r.outer
	if outer == nil {
		outer = r.algorithm
	}
	return tlv(cbasn1.SEQUENCE, tbs, outer, tlv(cbasn1.BIT_STRING, []byte{0}, value))
}

// testKey is the same in each run.
func testKey(tb testing.TB, curve elliptic.Curve, number int64) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.ParseRawPrivateKey(curve, big.NewInt(number).FillBytes(make([]byte, (curve.Params().BitSize+7)/8)))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// attributeOf is the DER of a Name with one attribute.
func attributeOf(id asn1.ObjectIdentifier, tag cbasn1.Tag, value string) []byte {
	return tlv(cbasn1.SEQUENCE, tlv(cbasn1.SET, tlv(cbasn1.SEQUENCE, oid(id...), tlv(tag, []byte(value)))))
}

// uuidOID is an OID whose last number has 128 bits.
var uuidOID = append([]byte{6, 20, 0x69}, append(slices.Repeat([]byte{0xff}, 18), 0x7f)...)
