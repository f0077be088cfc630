package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"strings"
	"testing"

	"dnseal/smime/certificate"
	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
)

// arcML is the arc of the signature algorithms of FIPS 204 and 205 and of others of NIST.
const arcML = "\x60\x86\x48\x01\x65\x03\x04\x03"

// TestReasons: what is not computed is named, and a number stands only for what has no name.
func TestReasons(t *testing.T) {
	t.Parallel()
	pss := func(hash, mask []byte, more ...[]byte) []byte {
		fields := [][]byte{ber.TLV(ber.TagContext0, hash), ber.TLV(ber.TagContext1, algorithmDER(oidMGF1, mask))}
		return algorithmDER(oidRSAPSS, ber.TLV(ber.TagSequence, append(fields, more...)...))
	}
	shake := ber.TLV(ber.TagContext1, algorithmDER("\x60\x86\x48\x01\x65\x03\x04\x02\x0b"))
	for _, tt := range []struct {
		key               string
		digest, signature []byte
		want              string
	}{
		{"p256", derSHA256, algorithmDER(arcML + "\x14"), "signature algorithm SLH-DSA-SHA2-128s"},
		{"p256", derSHA256, algorithmDER(arcML + "\x1a"), "signature algorithm SLH-DSA-SHAKE-128s"},
		{"p256", derSHA256, algorithmDER(arcML + "\x21"), "signature algorithm HashML-DSA-65 with SHA-512"},
		{"p256", derSHA256, algorithmDER("\x2b\x65\x71"), "signature algorithm Ed448"},
		{"p256", derSHA256, algorithmDER("\x04\x00\x7f\x00\x07\x01\x01\x04\x01\x03"), "signature algorithm PLAIN-ECDSA with SHA-256"},
		{"p256", algorithmDER("\x60\x86\x48\x01\x65\x03\x04\x02\x08"), derECDSA256, "digest algorithm SHA3-256"},
		{"p256", algorithmDER("\x60\x86\x48\x01\x65\x03\x04\x02\x06"), derECDSA256, "digest algorithm SHA-512/256"},
		{"p256", algorithmDER(oidSHA256, ber.TLV(ber.TagSequence)), derECDSA256, "digest algorithm SHA-256 with parameters"},
		{"p256", derSHA256, algorithmDER(oidECDSAWithSHA256, ber.TLV(ber.TagSequence)), "ECDSA with SHA-256 with parameters other than NULL"},
		{"p256", derSHA256, algorithmDER("\x2a\x03\x04"), "signature algorithm 1.2.3.4"},
		{"ed25519", algorithmDER(oidSHA512), algorithmDER(oidEd25519, ber.Null), "Ed25519 with parameters"},
		{"rsa2048", derSHA256, pss(derSHA256, algorithmDER(oidSHA1)), "RSASSA-PSS with MGF1 and SHA-1, of a digest by SHA-256: the two must be the same"},
		{"rsa2048", derSHA256, algorithmDER(oidRSAPSS, ber.TLV(ber.TagSequence, ber.TLV(ber.TagContext0, derSHA256))), "RSASSA-PSS with MGF1 and SHA-1, of a digest by SHA-256: the two must be the same"},
		{"rsa2048", derSHA256, pss(algorithmDER("\x60\x86\x48\x01\x65\x03\x04\x02\x08"), derSHA256), "RSASSA-PSS with SHA3-256"},
		{"rsa2048", derSHA256, algorithmDER(oidRSAPSS, ber.TLV(ber.TagSequence, ber.TLV(ber.TagContext0, derSHA256), shake)), "RSASSA-PSS with the mask generation function SHAKE128"},
		{"rsa2048", derSHA256, pss(derSHA256, derSHA256, ber.TLV(ber.TagContext3, integer(big.NewInt(2)))), "RSASSA-PSS with trailer field 2"},
		{"rsa2048", derSHA256, pss(derSHA256, derSHA256, ber.TLV(ber.TagContext2, integer(big.NewInt(4096)))), "RSASSA-PSS with a salt longer than any key"},
		{"rsa2048", derSHA256, pss(derSHA256, ber.Null), "RSASSA-PSS with parameters that cannot be read"},
		{"rsa2048", derSHA256, algorithmDER(oidRSAPSS), "RSASSA-PSS without parameters"},
		{"p256", derSHA256, algorithmDER(oidECDSAWithSHA384), "digest algorithm SHA-256 with ECDSA with SHA-384: the value is right, but the two must name the same digest"},
	} {
		key := testKey(t, tt.key)
		if got := reasonOf(t, key, func(s *forgedSigner) { s.digest, s.signature = tt.digest, tt.signature }); got != tt.want {
			t.Errorf("reason %q, want %q", got, tt.want)
		}
	}
	got := reasonOf(t, testKey(t, "ed25519"), func(s *forgedSigner) {
		s.attrs[1], s.digest = messageDigestOf(crypto.SHA256, testContent), derSHA256
	})
	if want := "SHA-256 with Ed25519: the value is right, but RFC 8419 allows only SHA-512"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

// reasonOf is why a signature that was changed does not count.
func reasonOf(t *testing.T, key crypto.Signer, change func(*forgedSigner)) string {
	t.Helper()
	cert := testCertificate(t, key, 1)
	s := forge(t, cert, key, testContent)
	change(s)
	f := forgery{digests: [][]byte{s.digest}, contentType: oidData, certs: []*x509.Certificate{cert}, infos: [][]byte{s.der(t, testContent)}}
	sd, err := Read(bytes.NewReader(f.der()), nil)
	if err != nil {
		t.Fatal(err)
	}
	d := sd.Digests()
	d.Write([]byte(testContent))
	failed, ok := errors.AsType[*SignatureError](sd.Signers[0].Verify(d, key.Public()))
	if !ok {
		t.Fatal("the signature counts")
	}
	return failed.Reason
}

// TestKeyNames: a key that is not computed with is named, and an RSA key that crypto/rsa refuses is
// not malformed.
func TestKeyNames(t *testing.T) {
	t.Parallel()
	spki := func(alg []byte, bits []byte) []byte {
		return ber.TLV(ber.TagSequence, alg, ber.TLV(ber.TagBitString, append([]byte{0}, bits...)))
	}
	modulus := new(big.Int).SetBit(big.NewInt(1), 2047, 1)
	rsaKey := func(n, e *big.Int) []byte {
		return spki(algorithmDER(oidRSA, ber.Null), ber.TLV(ber.TagSequence, integer(n), integer(e)))
	}
	two := big.NewInt(2)
	for _, tt := range []struct {
		spki        []byte
		unsupported bool
		want        string
	}{
		{spki(algorithmDER(arcML+"\x14"), make([]byte, 32)), true, "SLH-DSA-SHA2-128s"},
		{spki(algorithmDER(arcML+"\x12"), make([]byte, 1951)), false, "the ML-DSA key is malformed"},
		{spki(algorithmDER(arcML+"\x12", ber.Null), make([]byte, 1952)), true, "ML-DSA-65"},
		{spki(algorithmDER("\x2b\x65\x71"), make([]byte, 57)), true, "Ed448"},
		{spki(algorithmDER("\x2b\x65\x6f"), make([]byte, 56)), true, "X448"},
		{spki(algorithmDER("\x2a\x86\x48\xce\x38\x04\x01"), []byte{2, 1, 1}), true, "DSA"},
		{spki(algorithmDER("\x2a\x03\x04"), nil), true, "1.2.3.4"},
		{spki(algorithmDER(oidRSAPSS, ber.TLV(ber.TagSequence, ber.TLV(ber.TagContext0, derSHA256))), ber.TLV(ber.TagSequence, integer(modulus), integer(big.NewInt(65537)))), true, "RSASSA-PSS with MGF1 and SHA-1"},
		{rsaKey(modulus, new(big.Int).SetBit(big.NewInt(1), 33, 1)), false, "RSA exponent of 34 bits, at most 31 are computed with"},
		{rsaKey(modulus, new(big.Int).SetBit(big.NewInt(1), 64, 1)), false, "RSA exponent of 65 bits, at most 31"},
		{rsaKey(modulus, new(big.Int).SetBit(big.NewInt(1), 1024, 1)), false, "RSA exponent of 1025 bits, at most 31"},
		{rsaKey(modulus, big.NewInt(1)), false, "RSA exponent 1, which is below 3"},
		{rsaKey(modulus, new(big.Int)), false, "RSA exponent 0, which is below 3"},
		{rsaKey(modulus, two), false, "RSA exponent 2, which is even"},
		{rsaKey(modulus, big.NewInt(65536)), false, "RSA exponent 65536, which is even"},
		{rsaKey(new(big.Int).Add(modulus, big.NewInt(1)), big.NewInt(65537)), false, "RSA modulus that is even"},
		{rsaKey(new(big.Int).Lsh(modulus, 8192), big.NewInt(65537)), false, "RSA key of 10240 bits, at most 8192"},
	} {
		_, err := ParsePublicKey(tt.spki)
		if err == nil || errors.Is(err, ErrUnsupportedKey) != tt.unsupported || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParsePublicKey = %v, want %q", err, tt.want)
		}
	}
	if _, err := ParsePublicKey(rsaKey(modulus, new(big.Int).SetBit(big.NewInt(1), 64, 1))); !errors.As(err, new(*certificate.CostError)) {
		t.Errorf("a large exponent: %v", err)
	}
	if _, err := ParsePublicKey(rsaKey(modulus, two)); !errors.As(err, new(*certificate.RSAKeyError)) {
		t.Errorf("an even exponent: %v", err)
	}
}

// TestAlgorithmNames: every OID that this package computes with has a name, and no name is written
// as a number.
func TestAlgorithmNames(t *testing.T) {
	t.Parallel()
	var oids []string
	for _, row := range signatureTable {
		oids = append(oids, row.oid)
	}
	for _, row := range digestTable {
		oids = append(oids, row.OID)
	}
	for _, row := range keyTable {
		oids = append(oids, row.oid)
	}
	for n := byte(1); n <= 46; n++ {
		oids = append(oids, arcML+string(rune(n)))
	}
	for n := byte(1); n <= 12; n++ {
		oids = append(oids, oidNISTHash+string(rune(n)))
	}
	for _, oid := range append(oids, oidMD2, oidMD4, oidMD5, oidRIPEMD160, oidGOST94, oidStreebog256, oidStreebog512, oidSM3, oidMGF1) {
		if name := nameOf(oid); strings.HasPrefix(name, "1.") || strings.HasPrefix(name, "2.") || !knownName(name) {
			t.Errorf("% x has the name %q", oid, name)
		}
	}
	if got := AlgorithmName(asn1.ObjectIdentifier{1, 2, 3}); got != "1.2.3" {
		t.Errorf("an unknown OID has the name %q", got)
	}
	if got := AlgorithmName(nil); got != "" {
		t.Errorf("no OID has the name %q", got)
	}
}

func knownName(name string) bool {
	for _, n := range algorithm.Names {
		if n == name {
			return true
		}
	}
	return false
}
