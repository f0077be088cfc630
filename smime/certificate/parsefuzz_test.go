package certificate

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"testing"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// FuzzParse: what crypto/x509 reads the tolerant reader reads in the same way, but for what it
// finds wrong; and nothing that it reads is longer than what is there.
func FuzzParse(f *testing.F) {
	key := testKey(f, elliptic.P256(), 7)
	r := newRaw(f, key.Public())
	f.Add(r.sign(f, key))
	r.extensions = append(r.extensions, ext(15, []byte{3, 2, 7, 0x80}), ext(19, []byte{0x30, 6, 1, 1, 0xff, 2, 1, 0}), ext(37, tlv(cbasn1.SEQUENCE, oid(1, 3, 6, 1, 5, 5, 7, 3, 4))),
		ext(14, []byte{4, 1, 1}), ext(35, []byte{0x30, 3, 0x80, 1, 1}), ext(32, tlv(cbasn1.SEQUENCE, tlv(cbasn1.SEQUENCE, oid(1, 2, 3)))), criticalExt(30, nameConstraints([]string{"email:example.org"}, nil)),
		ext(33, tlv(cbasn1.SEQUENCE, tlv(cbasn1.SEQUENCE, oid(1, 2), oid(1, 3)))), ext(36, []byte{0x30, 3, 0x80, 1, 0}), ext(54, []byte{2, 1, 0}), ext(31, []byte{0x30, 0}))
	f.Add(r.sign(f, key))
	r.serial, r.validity = []byte{2, 1, 0x80}, between("260101000000+0100", "3601010000Z")
	r.extensions = append(r.extensions, r.extensions...)
	f.Add(r.sign(f, key))
	f.Add(mldsaRaw(f, &mldsaSets[0]).signMLDSA(f, &mldsaSets[0]))
	f.Fuzz(func(t *testing.T, der []byte) {
		cert, err := parseTolerantly(der)
		whole, parseErr := Parse(der)
		theirs, theirErr := x509.ParseCertificate(der)
		if (parseErr == nil) != (err == nil || theirErr == nil) {
			t.Fatalf("%v, %v, %v", parseErr, err, theirErr)
		}
		if parseErr == nil {
			NamesOf(whole)
			whole.Subject.ToRDNSequence()
			_ = whole.Issuer.String() + whole.SerialNumber.Text(16)
			work := &Work{}
			if _, stopped := PossessionOf(t.Context(), whole, work); stopped != nil {
				t.Fatal(stopped)
			}
			work.factsOf(whole)
		}
		if err == nil && theirErr == nil {
			compareReadings(t, cert, theirs)
		}
	})
}

// compareReadings compares ours with that of crypto/x509.
func compareReadings(t *testing.T, cert, theirs *x509.Certificate) {
	t.Helper()
	restrictUsage(theirs)
	marked := func(number int) bool {
		return slices.ContainsFunc(cert.UnhandledCriticalExtensions, func(id asn1.ObjectIdentifier) bool { return arcExtension(id, number) })
	}
	same := bytes.Equal(cert.Raw, theirs.Raw) && bytes.Equal(cert.RawTBSCertificate, theirs.RawTBSCertificate) && bytes.Equal(cert.RawSubjectPublicKeyInfo, theirs.RawSubjectPublicKeyInfo) &&
		bytes.Equal(cert.RawIssuer, theirs.RawIssuer) && bytes.Equal(cert.RawSubject, theirs.RawSubject) && cert.SerialNumber.Cmp(theirs.SerialNumber) == 0 && cert.Version == theirs.Version
	if !same {
		t.Fatal("other octets, serial number or version")
	}
	if !cert.NotBefore.Equal(theirs.NotBefore) || !cert.NotAfter.Equal(theirs.NotAfter) {
		t.Fatalf("from %s to %s, not from %s to %s", cert.NotBefore, cert.NotAfter, theirs.NotBefore, theirs.NotAfter)
	}
	if k, ok := theirs.PublicKey.(interface{ Equal(any) bool }); ok && !k.Equal(cert.PublicKey) || theirs.PublicKey == nil && cert.PublicKey != nil {
		t.Fatalf("key %v, not %v", cert.PublicKey, theirs.PublicKey)
	}
	if !slices.Equal(cert.EmailAddresses, theirs.EmailAddresses) && !marked(17) || !slices.Equal(NamesOf(cert).Mail, NamesOf(theirs).Mail) {
		t.Fatalf("names %q, not %q", cert.EmailAddresses, theirs.EmailAddresses)
	}
	if cert.KeyUsage != theirs.KeyUsage && (!marked(15) || cert.KeyUsage != UnreadableKeyUsage) {
		t.Fatalf("key usage %b, not %b", cert.KeyUsage, theirs.KeyUsage)
	}
	if !slices.Equal(cert.ExtKeyUsage, theirs.ExtKeyUsage) && (!marked(37) || len(cert.ExtKeyUsage) > 0) {
		t.Fatalf("extended key usage %v, not %v", cert.ExtKeyUsage, theirs.ExtKeyUsage)
	}
	if (cert.IsCA != theirs.IsCA || cert.MaxPathLen != theirs.MaxPathLen) && (!marked(19) || cert.IsCA) {
		t.Fatalf("CA %t %d, not %t %d", cert.IsCA, cert.MaxPathLen, theirs.IsCA, theirs.MaxPathLen)
	}
	if cert.SignatureAlgorithm != theirs.SignatureAlgorithm && cert.SignatureAlgorithm != x509.UnknownSignatureAlgorithm {
		t.Fatalf("algorithm %v, not %v", cert.SignatureAlgorithm, theirs.SignatureAlgorithm)
	}
}
