package enveloped

import (
	"bytes"
	"crypto/elliptic"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
	"dnseal/smime/cms/internal/keywrap"
)

// The cases of this file are of the kinds that Project Wycheproof has for ECDH and X25519, with
// values of our own. A point is the originator's; the message is encrypted under what the point and
// the recipient's key make by another program: for X25519 OpenSSL 3.0.19, for the NIST curves a
// calculation with whole numbers, which goes from the secret back to the point.

// agreeCase is one originator's key.
type agreeCase struct {
	kind, name string
	key        string // of the recipient
	point      string
	secret     string
	opens      bool // else it is refused
}

// fromFF are n octets of the bits 1, between two texts.
func fromFF(before string, n int, after string) string {
	return before + strings.Repeat("ff", n) + after
}

var x25519Cases = []agreeCase{
	{"Normal", "the base point", "x25519", "09" + zeros(31), "973ac258850f1ca00630b7aaa5cd9ab76ef29265eb81061618b7874cfa2ba156", true},
	{"Twist", "2", "x25519", "02" + zeros(31), "664bafc5a08403ffd0a4cec6fc8e0aa34a85a8f464a0ae5672a5d28cc0e55b76", true},
	{"Twist", "3", "x25519", "03" + zeros(31), "2178cd9d2b19c9ab75ea6020536ca19f2233aafe2f6a69f2c37f51fe27ea724a", true},
	{"SpecialPublicKey", "long rows of bits", "x25519", "ffffffffffffff00000000000000ffffffffffffff00000000000000ffffff7f", "e3422e851feaf4faa12e2395b2d91fadb4c7501a2cbf03ff52e7f72ec398d10b", true},
	{"SpecialPublicKey", "shorter rows of bits", "x25519", "00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffff7f", "2b2a3a9aa5db758a31fb193aff4cf830e1c24a383cb5a50252a9a652e7ef4c0d", true},
	{"NonCanonicalPublic", "2 and p", "x25519", fromFF("ef", 30, "7f"), "664bafc5a08403ffd0a4cec6fc8e0aa34a85a8f464a0ae5672a5d28cc0e55b76", true},
	{"NonCanonicalPublic", "18 and p", "x25519", fromFF("ff", 30, "7f"), "2d9b643ceacc1098b0348f6646fc6e39dc2d68cd6b07206440e986b2c484b41e", true},
	// RFC 7748, Section 5, masks the bit. Nobody sets it, and who did would change a message that
	// could still be read.
	{"NonCanonicalPublic", "the first bit", "x25519", "09" + zeros(30) + "80", "973ac258850f1ca00630b7aaa5cd9ab76ef29265eb81061618b7874cfa2ba156", false},
	{"ZeroSharedSecret", "0", "x25519", zeros(32), "", false},
	{"ZeroSharedSecret", "1", "x25519", "01" + zeros(31), "", false},
	{"LowOrderPublic", "of order 8", "x25519", smallOrderPoints[2], "", false},
	{"LowOrderPublic", "the other of order 8", "x25519", smallOrderPoints[3], "", false},
	{"LowOrderPublic", "p less 1", "x25519", fromFF("ec", 30, "7f"), "", false},
	{"LowOrderPublic", "p", "x25519", fromFF("ed", 30, "7f"), "", false},
	{"LowOrderPublic", "1 and p", "x25519", fromFF("ee", 30, "7f"), "", false},
	{"LowOrderPublic", "0 with the first bit", "x25519", zeros(31) + "80", "", false},
	{"InvalidEncoding", "nothing", "x25519", "", "", false},
	{"InvalidEncoding", "31 octets", "x25519", "09" + zeros(30), "", false},
	{"InvalidEncoding", "33 octets", "x25519", "09" + zeros(32), "", false},
	{"InvalidEncoding", "the tag of other curves in front", "x25519", "04" + "09" + zeros(31), "", false},
}

// zeros are n octets of zero.
func zeros(n int) string { return strings.Repeat("00", n) }

// ownX is the secret of the generator of P-256 and the recipient's key: x of his point.
const ownX = "a732a4e82c32d61fb6124c736dbd44744f26f234272f12f5d120082194480c54"

var ecdhCases = []agreeCase{
	{"EdgeCaseSharedSecret", "x is 0", "p256", "046ec27789bde109ba1e0fc0cc7b0534f96f18dac8331f7910a749f30446a9ff8309d4f47554d75a3099a5ef52e5f29e8aff1c88964c86c7496feb6641e5f0ae15", zeros(32), true},
	{"EdgeCaseSharedSecret", "x is small", "p256", "044c3772446e7980fedd15be3cc96be335d2ee072d382474f0e13488525e083a08117249f3ca63f81467e2240c02dcbbfefa25eea643b59de58f5702726c961a05", zeros(29) + "010000", true},
	{"EdgeCaseSharedSecret", "x begins with 0", "p256", "048eebe56ba271c88209d5e5bbbb8d3b212842c75db4b5cd4d4e865e904dbf2519e1c4ff2034f3087bfdb4b463ea4971b481b8b89a5717419252d7f466505fdb40", fromFF("00", 31, ""), true},
	{"EdgeCaseSharedSecret", "x is p less 3", "p256", "04c481098d04518c9fdc814d69d3b33ba980992340833af57fa5771824924292b520272ebc161b1fa1a8839a3958ef771fa68d17ecea9ed564c3463a1d97a2a151", "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc", true},
	{"EdgeCaseSharedSecret", "x is 0", "p384", "044764ac6e66cdd447d10b9b8b4fd690d8dd33a15e1a8688a24c208de0ce1e9f8d001d15ff7f6f22641ba853db1986e081997dda50fa89aa6e25a5f752bc1e7be5fa9f20542dd2491d2ba38b836c8c46276317c71236dc5163e46517ef08f67b4c", zeros(48), true},
	{"EdgeCaseSharedSecret", "x begins with 0", "p384", "04b01bd2a5964f892d25dc509fbc0574ee75aa9baf2a29a1483f932ae430803a6569273d37f7a2c7068f17f06878815d803a6de724b8a7674f7e90a6bcbf52ad77753026e3de1058c55f84a5253f4f6788e9c426011687ee4957522adf43b0d688", fromFF("00", 47, ""), true},
	{"EdgeCaseSharedSecret", "x is 0", "p521", "0401084515047e42a22177e9d78b51dc6daa61a0f0d30ba2680dc7d1d28cf5f54399f438fe5661290a2bb3687aae125d2b9b6fa4af6e43c9bc1ee202b82acacdc0b830011e7ebdd2f708a0ae7457fe78a9ed2578abfb43d3c0f02f7d43c3246bf9032eb99b5d24280e12ba49b95b53e1ec7e061a1aac8fd301701f5ed01176198a0dd2bf2e", zeros(66), true},
	{"EdgeCaseSharedSecret", "x begins with 0", "p521", "040014a240ef8d89047a7e17b2924ac990bcc5d95db8bbf9d67cb3089411c3b5ae92bf5ac7dc33a744c1eaad5181deafcfd7874fa96f8534c13a1684106f45b218bf5a016caef10f5549c1da641a5a57d4da1ed84a8e74906fdf2ea2770f3e65a34fd9a7dc87eed9e9352f48aae62b0ab8fedb9c6d28a0c8364622b12ad3da8e0a06490f94", fromFF("0000", 64, ""), true},
	{"EdgeCaseEphemeralKey", "x is 0", "p256", "04" + zeros(32) + "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4", "96f6584cfc962de171ed61a19800902c64997d655ce81340420772e201e8cca3", true},
	{"EdgeCaseEphemeralKey", "x is small", "p256", "04" + zeros(29) + "01000073ca30641acabe581170b4d5253f7a342b039a87ab2447badad08ece2cf19f52", "ccf9522dc2f0bb02831b09fd3fdf0ac8de487b59cebde65d8d3e9eec186fc2e7", true},
	{"EdgeCaseEphemeralKey", "x is p less 3", "p256", "04ffffffff00000001000000000000000000000000fffffffffffffffffffffffc19719bebf6aea13f25c96dfd7c71f5225d4c8fc09eb5a0ab9f39e9178e55c121", "7c62cd712ba572c0bc5095460a0e99f39046e277527b082bcb1e02e540e7be90", true},
	{"Normal", "the generator", "p256", uncompressed(elliptic.P256()), ownX, true},
	{"CompressedPublic", "the generator", "p256", compressed(elliptic.P256()), ownX, false},
	{"InvalidCompressedPublic", "no such x", "p256", "02" + zeros(31) + "04", "", false},
	{"InvalidCurveAttack", "0, 0", "p256", "04" + zeros(64), "", false},
	{"InvalidCurveAttack", "0, 1", "p256", "04" + zeros(63) + "01", "", false},
	{"InvalidCurveAttack", "x of the generator, y and 1", "p256", "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f6", "", false},
	{"InvalidCurveAttack", "x is p", "p256", fmt.Sprintf("04%064x%s", elliptic.P256().Params().P, "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4"), "", false},
	{"InvalidEncoding", "infinity", "p256", "00", "", false},
	{"InvalidEncoding", "infinity in full", "p256", zeros(65), "", false},
	{"InvalidEncoding", "the hybrid form of ANSI X9.62", "p256", strings.Replace(uncompressed(elliptic.P256()), "04", "07", 1), ownX, false},
	{"InvalidEncoding", "without its first octet", "p256", uncompressed(elliptic.P256())[2:], ownX, false},
	{"InvalidEncoding", "an octet less", "p256", uncompressed(elliptic.P256())[:128], ownX, false},
	{"InvalidEncoding", "an octet more", "p256", uncompressed(elliptic.P256()) + "00", ownX, false},
	{"InvalidEncoding", "nothing", "p256", "", "", false},
	{"WrongCurve", "a point of P-224", "p256", uncompressed(elliptic.P224()), "", false},
	{"WrongCurve", "a point of P-384", "p256", uncompressed(elliptic.P384()), "", false},
	{"WrongCurve", "a point of P-256", "p384", uncompressed(elliptic.P256()), "", false},
	{"WrongCurve", "a point of secp256k1", "p256", "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8", "", false},
}

func uncompressed(c elliptic.Curve) string {
	p := c.Params()
	size := (p.BitSize + 7) / 8 * 2
	return fmt.Sprintf("04%0*x%0*x", size, p.Gx, size, p.Gy)
}

func compressed(c elliptic.Curve) string { return "03" + uncompressed(c)[2:2+c.Params().BitSize/4] }

// TestAgreeCases: each case is opened, or refused by the one text; in EnvelopedData as well.
func TestAgreeCases(t *testing.T) {
	t.Parallel()
	people := map[string]person{}
	for i, name := range []string{"x25519", "p256", "p384", "p521"} {
		people[name] = newPerson(t, name, int64(i+1))
	}
	for _, tt := range slices.Concat(x25519Cases, ecdhCases) {
		t.Run(tt.kind+"/"+tt.key+", "+tt.name, func(t *testing.T) {
			t.Parallel()
			p := people[tt.key]
			for _, c := range []Cipher{AES128GCM, AES128CBC} {
				der := agreed(t, p, c, nil, unhex(t, tt.point), unhex(t, tt.secret))
				checkCase(t, der, p.Key, tt.opens)
			}
		})
	}
}

// TestOriginatorParameters: the kinds UnusedParam, UnnamedCurve and WrongCurve of the parameters
// that stand with the originator's key: whatever they say, the curve is that of the recipient.
func TestOriginatorParameters(t *testing.T) {
	t.Parallel()
	p := newPerson(t, "p256", 1)
	right := ecdhCases[0]
	for name, parameters := range map[string][]byte{
		"NULL":          ber.Null,
		"P-256":         ber.TLV(ber.TagOID, []byte("\x2a\x86\x48\xce\x3d\x03\x01\x07")),
		"P-384":         ber.TLV(ber.TagOID, []byte("\x2b\x81\x04\x00\x22")),
		"unnamed curve": ber.TLV(ber.TagSequence, []byte{ber.TagInteger, 1, 1}),
	} {
		der := agreed(t, p, AES128GCM, parameters, unhex(t, right.point), unhex(t, right.secret))
		t.Run(name, func(t *testing.T) { checkCase(t, der, p.Key, true) })
	}
	p384 := ber.TLV(ber.TagOID, []byte("\x2b\x81\x04\x00\x22"))
	wrong := agreed(t, p, AES128GCM, p384, unhex(t, uncompressed(elliptic.P384())), unhex(t, right.secret))
	checkCase(t, wrong, p.Key, false)
}

// checkCase decrypts der with key: the content comes out, or nothing and the text of ErrDecrypt.
func checkCase(t *testing.T, der []byte, key Key, opens bool) {
	t.Helper()
	var out strings.Builder
	_, err := Decrypt(bytes.NewReader(der), &out, DecryptOptions{Keys: []Key{key}})
	switch {
	case opens && (err != nil || out.String() != testContent):
		t.Errorf("%q, %v", out.String(), err)
	case !opens && (!errors.Is(err, ErrDecrypt) || err.Error() != ErrDecrypt.Error() || out.Len() > 0):
		t.Errorf("%q, %v, want nothing and %v", out.String(), err, ErrDecrypt)
	}
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// agreed is a message for p from the originator with this point and these parameters, whose secret
// with p is given; without one it is 32 octets of zero, which points of small order make.
func agreed(tb testing.TB, p person, c Cipher, parameters, point, secret []byte) []byte {
	tb.Helper()
	chosen, _ := newCipher(c)
	e := newEncryption(chosen)
	row := curveOf(p.exchanger().Curve())
	scheme, wrap := agreeOf(row.scheme), algorithm.Encode(e.wrap().oid, nil)
	if len(secret) == 0 {
		secret = make([]byte, 32)
	}
	keks, err := scheme.keks(secret, wrap, nil, e.wrap().kekSize)
	if err != nil {
		tb.Fatal(err)
	}
	encryptedKey, err := keywrap.Wrap(keks[0], e.contentKey)
	if err != nil {
		tb.Fatal(err)
	}
	id := recipientIdentifier{issuer: p.Certificate.RawIssuer, serial: integer(p.Certificate.SerialNumber)}
	key := ber.TLV(ber.TagContext1, algorithm.Encode(row.oid, parameters), ber.TLV(ber.TagBitString, []byte{0}, point))
	recipient := ber.TLV(ber.TagSequence, id.encodeKeyAgree(), ber.TLV(ber.TagOctetString, encryptedKey))
	e.note(3)
	info := ber.TLV(
		ber.TagContext1, []byte{ber.TagInteger, 1, 3}, ber.TLV(ber.TagContext0, key), algorithm.Encode(row.scheme, wrap), ber.TLV(ber.TagSequence, recipient),
	)
	return e.message(tb, ber.SetOf(ber.TagSet, [][]byte{info}))
}
