package cms

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/mlkem"
	"crypto/rsa"

	"filippo.io/mldsa"

	"dnseal/smime/cms/internal/algorithm"
)

// The algorithms of this package are the rows of four tables; that of digests is in package
// algorithm, which encryption uses too. What reads and writes algorithm identifiers, chooses, names
// and announces algorithms, and computes digests, reads these rows.
//
// A new algorithm is rows. For ML-DSA-65 they are:
//
//   - its OID in oid.go;
//   - a family with a row in familyTable: name, pure, verify;
//   - a row in signatureTable and one in keyTable, with the function that recognises the key;
//   - a case in certificate.ParsePublicKey, while crypto/x509 does not read such keys, and one in
//     MarshalPublicKey;
//   - in sender/identity, a row that makes keys, and a case in parseKey as above.

// family is a kind of signature algorithm. The zero value is none.
type family uint8

const (
	familyNone family = iota
	familyRSA
	familyPSS
	familyECDSA
	familyEd25519
	familyMLDSA44
	familyMLDSA65
	familyMLDSA87
)

// familyTable has a row for each family.
var familyTable = [...]struct {
	name string // begins the names of its algorithms; pure ones have no digest in the name
	// pure says that the message itself is signed, not its digest.
	pure   bool
	verify func(s scheme, pub crypto.PublicKey, input, signature []byte) bool
	// size is that of every signature, in octets; 0: they differ.
	size int
	// leastDigest is the shortest digest of the content that is as strong as the signature over
	// signed attributes with it, in octets; 0: any that is strong itself.
	leastDigest int
	// postQuantum: a computer that breaks RSA and elliptic curves does not break it.
	postQuantum bool
}{
	familyRSA:     {name: "rsa", verify: verifyPKCS1},
	familyPSS:     {name: "rsa-pss", verify: verifyPSS},
	familyECDSA:   {name: "ecdsa", verify: verifyECDSA},
	familyEd25519: {name: "ed25519", pure: true, verify: verifyEd25519},
	// FIPS 204, Table 2. RFC 9882, Section 3.1: the pure mode. Section 3.3, Table 1: digests.
	familyMLDSA44: {name: "ml-dsa-44", pure: true, verify: verifyMLDSA, size: mldsa.MLDSA44SignatureSize, leastDigest: 32, postQuantum: true},
	familyMLDSA65: {name: "ml-dsa-65", pure: true, verify: verifyMLDSA, size: mldsa.MLDSA65SignatureSize, leastDigest: 48, postQuantum: true},
	familyMLDSA87: {name: "ml-dsa-87", pure: true, verify: verifyMLDSA, size: mldsa.MLDSA87SignatureSize, leastDigest: 64, postQuantum: true},
}

// algorithmIdentifier, digestRow and digestTable are shared with encryption.
type (
	algorithmIdentifier = algorithm.Identifier
	digestRow           = algorithm.Digest
)

var digestTable = &algorithm.Digests

// parameterRule says what the parameters of a signatureAlgorithm may be.
type parameterRule uint8

const (
	parametersAbsent  parameterRule = iota
	parametersNull                  // written as NULL; read also when absent
	parametersLeftOut               // not written; NULL is read
	parametersPSS                   // RSASSA-PSS-params
	parametersIgnored
)

// signatureTable has the values of signatureAlgorithm, those that are preferred first.
var signatureTable = [...]struct {
	oid    string
	family family
	// digest is what the OID names; 0 where the parameters or digestAlgorithm name it.
	digest     crypto.Hash
	parameters parameterRule
	signs      bool // it is written in signatures
	announced  bool // it is written in SMIMECapabilities
}{
	// RFC 5754, Section 3.3, wants no parameters. GnuPG 2.4 writes NULL, which says as little.
	{oidECDSAWithSHA256, familyECDSA, crypto.SHA256, parametersLeftOut, true, true},
	// RFC 8419, Section 3.1: with SHA-512. Section 2.3: parameters are absent.
	{oidEd25519, familyEd25519, crypto.SHA512, parametersAbsent, true, true},
	{oidECDSAWithSHA384, familyECDSA, crypto.SHA384, parametersLeftOut, true, true},
	{oidECDSAWithSHA512, familyECDSA, crypto.SHA512, parametersLeftOut, true, true},
	// RFC 5754, Section 3.2.
	{oidSHA256WithRSA, familyRSA, crypto.SHA256, parametersNull, false, true},
	// RFC 3370, Section 3.2; RFC 5754, Section 3.2: every implementation accepts rsaEncryption.
	{oidRSA, familyRSA, 0, parametersNull, true, false},
	// RFC 4056, Section 3.
	{oidRSAPSS, familyPSS, 0, parametersPSS, true, false},
	{oidSHA384WithRSA, familyRSA, crypto.SHA384, parametersNull, false, false},
	{oidSHA512WithRSA, familyRSA, crypto.SHA512, parametersNull, false, false},
	// RFC 3370, Sections 3.2 and 2.1: valid, and weak today.
	{oidSHA1WithRSA, familyRSA, crypto.SHA1, parametersNull, false, false},
	{oidECDSAWithSHA1, familyECDSA, crypto.SHA1, parametersLeftOut, false, false},
	// RFC 9882, Section 3.3: parameters are absent, and digestAlgorithm may be any.
	{oidMLDSA44, familyMLDSA44, 0, parametersAbsent, true, false},
	{oidMLDSA65, familyMLDSA65, 0, parametersAbsent, true, false},
	{oidMLDSA87, familyMLDSA87, 0, parametersAbsent, true, false},
	// RFC 5754, Section 3.3, does not allow this, but Windows names the algorithm of the key here.
	// What the parameters say is in the key too.
	{oidECPublicKey, familyECDSA, 0, parametersIgnored, false, false},
}

// keyRow is a kind of public key.
type keyRow struct {
	name string // "p256" in "ecdsa-p256-sha256"
	oid  string // in SubjectPublicKeyInfo
	// family of its signatures; none: no signature can be by such a key.
	family family
	// digest is what such a key signs with here; 0: it does not sign.
	digest crypto.Hash
	is     func(pub crypto.PublicKey) bool
	// check refuses keys that are too large or too weak to compute with; nil: there are none.
	check func(pub crypto.PublicKey) *SignatureError
}

// keyTable has the kinds of public keys.
var keyTable = [...]keyRow{
	// RFC 5480, Section 4: a digest as strong as the curve.
	{"p256", oidECPublicKey, familyECDSA, crypto.SHA256, onCurve(elliptic.P256()), nil},
	{"p384", oidECPublicKey, familyECDSA, crypto.SHA384, onCurve(elliptic.P384()), nil},
	{"p521", oidECPublicKey, familyECDSA, crypto.SHA512, onCurve(elliptic.P521()), nil},
	{"rsa", oidRSA, familyRSA, crypto.SHA256, isA[*rsa.PublicKey], checkRSA},
	// RFC 4055, Section 1.2: a key for RSASSA-PSS only.
	{"rsa-pss", oidRSAPSS, familyPSS, crypto.SHA256, isA[*PSSPublicKey], checkRSA},
	// RFC 8419, Section 3.1.
	{"ed25519", oidEd25519, familyEd25519, crypto.SHA512, isEd25519, checkEd25519},
	// RFC 9882, Section 3.3: SHA-512 is for all of them.
	{"ml-dsa-44", oidMLDSA44, familyMLDSA44, crypto.SHA512, isMLDSA(mldsa.MLDSA44()), nil},
	{"ml-dsa-65", oidMLDSA65, familyMLDSA65, crypto.SHA512, isMLDSA(mldsa.MLDSA65()), nil},
	{"ml-dsa-87", oidMLDSA87, familyMLDSA87, crypto.SHA512, isMLDSA(mldsa.MLDSA87()), nil},
	// RFC 8410, Section 3, and RFC 9935, Section 3: keys that can only be encrypted to.
	{"x25519", oidX25519, familyNone, 0, isX25519, nil},
	{"ml-kem-768", oidMLKEM768, familyNone, 0, isA[*mlkem.EncapsulationKey768], nil},
	{"ml-kem-1024", oidMLKEM1024, familyNone, 0, isA[*mlkem.EncapsulationKey1024], nil},
}

func onCurve(c elliptic.Curve) func(crypto.PublicKey) bool {
	return func(pub crypto.PublicKey) bool {
		key, ok := pub.(*ecdsa.PublicKey)
		return ok && key.Curve == c
	}
}

func isA[T crypto.PublicKey](pub crypto.PublicKey) bool {
	_, ok := pub.(T)
	return ok
}

// isEd25519 refuses a key of another length, which crypto/ed25519 would panic on.
func isEd25519(pub crypto.PublicKey) bool {
	key, ok := pub.(ed25519.PublicKey)
	return ok && len(key) == ed25519.PublicKeySize
}

func isX25519(pub crypto.PublicKey) bool {
	key, ok := pub.(*ecdh.PublicKey)
	return ok && key.Curve() == ecdh.X25519()
}

// kindOf returns the row of pub, nil for a key that is not supported.
func kindOf(pub crypto.PublicKey) *keyRow {
	for i := range keyTable {
		if keyTable[i].is(pub) {
			return &keyTable[i]
		}
	}
	return nil
}

func digestOf(oid []byte) (crypto.Hash, bool) { return algorithm.DigestOf(oid) }

func digest(h crypto.Hash, p []byte) []byte { return algorithm.Sum(h, p) }

func digestRowOf(h crypto.Hash) digestRow { return algorithm.RowOf(h) }

// Micalg is the name of a digest in the micalg parameter of multipart/signed (RFC 8551, Section
// 3.5.3.2): "sha-256", …; "unknown" for one that this package does not compute.
func Micalg(h crypto.Hash) string { return digestRowOf(h).Micalg }
