package cms

import (
	"bytes"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
)

// A certificate that is known is handed out as it is; one that differs in its last octet is read like any other.
func TestReadKnown(t *testing.T) {
	t.Parallel()
	s := identities[0].signer(t)
	other := testCertificate(t, s.Key, 99)
	der := sign(t, SignOptions{Signers: []Signer{s}, Certificates: []*x509.Certificate{s.Certificate, other}})
	near := *s.Certificate
	near.Raw = bytes.Clone(near.Raw)
	near.Raw[len(near.Raw)-1] ^= 1
	want, err := Read(bytes.NewReader(der), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadKnown(bytes.NewReader(der), nil, []*x509.Certificate{&near, s.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(got.RawCertificates, want.RawCertificates, bytes.Equal) {
		t.Error("other certificates than Read finds")
	}
	if !slices.Contains(got.Certificates, s.Certificate) || slices.Contains(got.Certificates, &near) || len(got.Certificates) != 2 {
		t.Errorf("certificates %v", got.Certificates)
	}
}

// A known certificate does not get past the end of the element around it.
func TestReadKnownTooLong(t *testing.T) {
	t.Parallel()
	s := identities[0].signer(t)
	b := newBERReader(strings.NewReader(string(s.Certificate.Raw)))
	defer b.release()
	if err := b.enter(header{tag: tagSequence | bitConstructed, length: int64(len(s.Certificate.Raw)) - 1}); err != nil {
		t.Fatal(err)
	}
	sd := &SignedData{known: []*x509.Certificate{s.Certificate}}
	if sd.readKnown(b) || b.offset != 0 {
		t.Error("taken")
	}
}
