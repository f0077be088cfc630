package cms

import (
	"crypto"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/ber"
)

func TestPSSParameters(t *testing.T) {
	t.Parallel()
	hash := func(oid string) []byte { return ber.TLV(ber.TagContext0, algorithmDER(oid)) }
	mask := func(oid string) []byte { return ber.TLV(ber.TagContext1, algorithmDER(oidMGF1, algorithmDER(oid))) }
	number := func(tag byte, n int64) []byte { return ber.TLV(tag, integer(big.NewInt(n))) }
	for _, tt := range []struct {
		name string
		der  []byte
		want pssParameters // zero: refused
	}{
		{"defaults", ber.TLV(ber.TagSequence), pssParameters{crypto.SHA1, 20}},
		{"SHA-256", ber.TLV(ber.TagSequence, hash(oidSHA256), mask(oidSHA256), number(ber.TagContext2, 32)), pssParameters{crypto.SHA256, 32}},
		{"maximum salt", ber.TLV(ber.TagSequence, hash(oidSHA256), mask(oidSHA256), number(ber.TagContext2, 222)), pssParameters{crypto.SHA256, 222}},
		{"trailer said", ber.TLV(ber.TagSequence, hash(oidSHA384), mask(oidSHA384), number(ber.TagContext2, 48), number(ber.TagContext3, 1)), pssParameters{crypto.SHA384, 48}},
		{"no salt", ber.TLV(ber.TagSequence, hash(oidSHA256), mask(oidSHA256), number(ber.TagContext2, 0)), pssParameters{crypto.SHA256, 0}},
		{"other trailer", ber.TLV(ber.TagSequence, hash(oidSHA256), mask(oidSHA256), number(ber.TagContext3, 2)), pssParameters{}},
		{"other mask", ber.TLV(ber.TagSequence, hash(oidSHA256), mask(oidSHA512)), pssParameters{}},
		{"default mask", ber.TLV(ber.TagSequence, hash(oidSHA256)), pssParameters{}},
		{"mask of no kind", ber.TLV(ber.TagSequence, hash(oidSHA256), ber.TLV(ber.TagContext1, algorithmDER(oidRSA))), pssParameters{}},
		{"unknown digest", ber.TLV(ber.TagSequence, hash("\x2a\x03"), mask("\x2a\x03")), pssParameters{}},
		{"negative salt", ber.TLV(ber.TagSequence, hash(oidSHA256), mask(oidSHA256), number(ber.TagContext2, -1)), pssParameters{}},
		{"salt longer than any key", ber.TLV(ber.TagSequence, hash(oidSHA256), mask(oidSHA256), number(ber.TagContext2, 1<<40)), pssParameters{}},
		{"something behind", ber.TLV(ber.TagSequence, hash(oidSHA256), mask(oidSHA256), ber.Null), pssParameters{}},
		{"NULL", ber.Null, pssParameters{}},
		{"nothing", nil, pssParameters{}},
	} {
		if got, why := parsePSS(tt.der); got != tt.want || (why == "") != (tt.want != pssParameters{}) {
			t.Errorf("%s: parsePSS = %v, %q, want %v", tt.name, got, why, tt.want)
		}
	}
}

func TestParsePublicKey(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"p256", "p384", "p521", "rsa2048", "ed25519"} {
		key := testKey(t, name).Public()
		got, err := ParsePublicKey(spkiOf(t, key))
		if err != nil || !got.(interface{ Equal(crypto.PublicKey) bool }).Equal(key) {
			t.Errorf("%s: ParsePublicKey = %v, %v", name, got, err)
		}
	}
	unknown := ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence, oidDER("\x2a\x03")), ber.TLV(ber.TagBitString, []byte{0, 1}))
	if _, err := ParsePublicKey(unknown); !errors.Is(err, ErrUnsupportedKey) {
		t.Errorf("ParsePublicKey of an unknown algorithm = %v", err)
	}
	for _, malformed := range [][]byte{nil, ber.Null, append(unknown, 0), ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence, oidDER(oidRSAPSS)), ber.TLV(ber.TagBitString, []byte{0, 1}))} {
		if _, err := ParsePublicKey(malformed); err == nil || errors.Is(err, ErrUnsupportedKey) {
			t.Errorf("ParsePublicKey(% x) = %v", malformed, err)
		}
	}
}

// TestSignRefuses what would not be worth a signature, before it reads any content.
func TestSignRefuses(t *testing.T) {
	t.Parallel()
	key := testKey(t, "p256")
	good := Signer{Key: key}
	other := testCertificate(t, testKey(t, "p256b"), 1)
	rsa := testKey(t, "rsa2048")
	long := scheme{family: familyPSS, hash: crypto.SHA256, saltLength: 64}
	for _, tt := range []struct {
		name string
		opts SignOptions
		want string
	}{
		{"no signer", SignOptions{Time: testTime}, "no signer"},
		{"no time", SignOptions{Signers: []Signer{good}}, "no signing time"},
		{"no key", SignOptions{Signers: []Signer{{}}, Time: testTime}, "without key"},
		{"too many", SignOptions{Signers: make([]Signer, MaxSigners+1), Time: testTime}, "limit of 8 for signers"},
		{"too many certificates", SignOptions{Signers: []Signer{good}, Certificates: make([]*x509.Certificate, MaxCertificates+1), Time: testTime}, "limit of 32 for certificates"},
		{"another's certificate", SignOptions{Signers: []Signer{{Key: key, Certificate: other}}, Time: testTime}, "not that of the key"},
		{"RSA of 1024 bits", SignOptions{Signers: []Signer{{Key: testKey(t, "rsa1024")}}, Time: testTime}, "RSA of 1024 bits"},
		{"PSS key without PSS", SignOptions{Signers: []Signer{{Key: rsa, Certificate: pssCertificate(t, rsa, nil)}}, Time: testTime}, "RSASSA-PSS"},
		{"PSS key with a longer salt", SignOptions{Signers: []Signer{{Key: rsa, PSS: true, Certificate: pssCertificate(t, rsa, long.pssParameters())}}, Time: testTime}, "RSASSA-PSS"},
	} {
		content := strings.NewReader(testContent)
		if _, err := Sign(content, tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Sign = %v, want %q in it", tt.name, err, tt.want)
		}
		var out strings.Builder
		if err := SignAttached(&out, content, content.Size(), tt.opts); err == nil || out.Len() != 0 || content.Len() != len(testContent) {
			t.Errorf("%s: SignAttached = %v, wrote %d octets", tt.name, err, out.Len())
		}
	}
}

// TestAlgorithmTables: a row of one table finds its rows in the others.
func TestAlgorithmTables(t *testing.T) {
	t.Parallel()
	for _, row := range signatureTable {
		if f := familyTable[row.family]; f.name == "" || f.verify == nil {
			t.Errorf("%x: its family has no row", row.oid)
		}
		if row.digest != 0 && digestRowOf(row.digest).OID == "" {
			t.Errorf("%x: its digest has no row", row.oid)
		}
	}
	for _, kind := range keyTable {
		if kind.digest == 0 {
			continue
		}
		// What a key of this kind writes is read as the same.
		s := scheme{family: kind.family, hash: kind.digest}
		var digest, signature algorithmIdentifier
		in := cryptobyte.String(slices.Concat(s.digestAlgorithm(), s.signatureAlgorithm()))
		if !readAlgorithm(&in, &digest, cbasn1.SEQUENCE) || !readAlgorithm(&in, &signature, cbasn1.SEQUENCE) || !in.Empty() {
			t.Errorf("%s: no algorithm identifiers are written", kind.name)
		}
		if got, err := schemeOf(digest, signature); err != nil || got != s {
			t.Errorf("%s: schemeOf = %v, %v, want %v", kind.name, got, err, s)
		}
	}
	for _, d := range digestTable {
		if hash, ok := digestOf([]byte(d.OID)); !ok || hash != d.Hash || digestRowOf(hash) != d || Micalg(hash) != d.Micalg {
			t.Errorf("%s is read as %v", d.Name, hash)
		}
	}
}
