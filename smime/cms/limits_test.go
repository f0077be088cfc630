package cms

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"testing"
)

// nested is n elements, each of indefinite length and in the one before.
func nested(tag byte, n int) []byte { return bytes.Repeat([]byte{tag, 0x80}, n) }

// openSignedData is the beginning of a message, up to encapContentInfo.
func openSignedData() []byte {
	return slices.Concat(
		nested(tagSequence, 1), oidDER(oidSignedData), nested(tagContext0, 1), nested(tagSequence, 1),
		[]byte{tagInteger, 1, 1}, tlv(tagSet),
	)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	const deep = 200_000
	key := testKey(t, "p256")
	cert := testCertificate(t, key, 1)
	encap := tlv(tagSequence, oidDER(oidData))
	behindContent := slices.Concat(openSignedData(), encap)
	message := func(change func(f *forgery, s *forgedSigner)) []byte {
		s := forge(t, cert, key, testContent)
		f := &forgery{digests: [][]byte{s.digest}, contentType: oidData}
		change(f, s)
		if f.infos == nil {
			f.infos = [][]byte{s.der(t, testContent)}
		}
		return f.der()
	}
	for _, tt := range []struct {
		name  string
		input []byte
		want  limit
	}{
		{"nested certificates", slices.Concat(behindContent, nested(tagContext0, 1), nested(tagSequence, deep)), limitDepth},
		{"nested revocation", slices.Concat(behindContent, nested(tagContext1, deep)), limitDepth},
		{"nested signers", slices.Concat(behindContent, nested(tagSet, 1), nested(tagSequence, deep)), limitDepth},
		{"nested octet strings", slices.Concat(behindContent, nested(tagContext0, 1), nested(tagOctetString|bitConstructed, deep)), limitDepth},
		{"nested content", slices.Concat(openSignedData(), nested(tagSequence, 1), oidDER(oidData), nested(tagContext0, 1), nested(tagOctetString|bitConstructed, deep)), limitDepth},
		{"certificates", message(func(f *forgery, _ *forgedSigner) {
			f.certs = slices.Repeat([]*x509.Certificate{cert}, MaxCertificates+1)
		}), limitCertificates},
		{"signers", message(func(f *forgery, s *forgedSigner) {
			f.infos = slices.Repeat([][]byte{s.der(t, testContent)}, MaxSigners+1)
		}), limitSigners},
		{"digest algorithms", message(func(f *forgery, _ *forgedSigner) {
			f.digests = slices.Repeat(f.digests, MaxDigestAlgorithms+1)
		}), limitDigests},
		{"attributes", message(func(_ *forgery, s *forgedSigner) {
			s.attrs = append(s.attrs, slices.Repeat([][]byte{attribute("\x2a\x03", derNull)}, MaxAttributes-1)...)
		}), limitAttributes},
		{"a large certificate", message(func(f *forgery, _ *forgedSigner) {
			f.certs = []*x509.Certificate{{Raw: tlv(tagSequence, make([]byte, MaxCertificateSize+1))}}
		}), limitCertificateSize},
		{"a certificate that says it is large", slices.Concat(behindContent, nested(tagContext0, 1), []byte{tagSequence, 0x84, 0x7f, 0xff, 0xff, 0xff}), limitCertificateSize},
		{"a large signer", message(func(f *forgery, s *forgedSigner) {
			s.unsigned = tlv(tagContext1, make([]byte, MaxSignerSize))
		}), limitSignerSize},
		{"large revocation lists", slices.Concat(behindContent, appendHeader(nil, tagContext1, MaxRevocationSize+1)), limitRevocationSize},
		{"a large version", slices.Concat(nested(tagSequence, 1), oidDER(oidSignedData), nested(tagContext0, 1), nested(tagSequence, 1), appendHeader(nil, tagInteger, 1<<20)), limitSmall},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Read(bytes.NewReader(tt.input), nil)
			got, ok := errors.AsType[*LimitError](err)
			if !ok || got.What != tt.want.what || got.Limit != tt.want.max {
				t.Errorf("Read = %v, want the limit for %s", err, tt.want.what)
			}
		})
	}
}

// TestRevocation: revocation lists are read past, whatever their form.
func TestRevocation(t *testing.T) {
	t.Parallel()
	content := testContent
	for _, crls := range [][]byte{tlv(tagContext1), tlv(tagContext1, tlv(tagSequence, tlv(tagOctetString, make([]byte, 100_000)))), append(nested(tagContext1, 1), 0, 0)} {
		s := identities[0].signer(t)
		der := sign(t, SignOptions{Signers: []Signer{s}, Certificates: []*x509.Certificate{s.Certificate}})
		info := lastElement(t, contents(t, contents(t, lastElement(t, contents(t, der)))))
		der = slices.Concat(der[:len(der)-len(info)], crls, info)
		// With definite lengths around it the message would be too long for them.
		der = openEnded(t, der)
		if got := judge(der, &content); got != "pass" {
			t.Errorf("with %d octets of crls: %q", len(crls), got)
		}
	}
}

// openEnded gives the three elements around a SignedData an indefinite length, whatever length they
// say they have.
func openEnded(tb testing.TB, der []byte) []byte {
	tb.Helper()
	open := func(tag byte) []byte {
		_, rest, ok := cutHeader(der, tag)
		if !ok {
			tb.Fatal("not a SignedData")
		}
		der = rest
		return []byte{tag, 0x80}
	}
	out := append(open(tagSequence), oidDER(oidSignedData)...)
	der = der[len(oidDER(oidSignedData)):]
	out = append(out, open(tagContext0)...)
	out = append(out, open(tagSequence)...)
	return append(append(out, der...), make([]byte, 6)...)
}

// endless gives the same octets again and again.
type endless struct {
	p   []byte
	off int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.p[e.off:])
	e.off = (e.off + n) % len(e.p)
	return n, nil
}

// emptyCertificate has the form of a certificate, and nothing in it.
var emptyCertificate = tlv(tagSequence, tlv(tagSequence, []byte{tagInteger, 1, 1}, bytes.Repeat(tlv(tagSequence), 5)), tlv(tagSequence), []byte{tagBitString, 1, 0})

// TestEndless: input that never ends ends at a limit, unless it is content.
func TestEndless(t *testing.T) {
	t.Parallel()
	encap := tlv(tagSequence, oidDER(oidData))
	key := testKey(t, "p256")
	info := forge(t, testCertificate(t, key, 1), key, testContent).der(t, testContent)
	for _, tt := range []struct {
		name  string
		start []byte
		again []byte
		want  limit
	}{
		{"certificates", append(encap, nested(tagContext0, 1)...), emptyCertificate, limitCertificates},
		{"one certificate", slices.Concat(encap, nested(tagContext0, 1), nested(tagSequence, 1)), tlv(tagNull), limitCertificateSize},
		{"revocation lists", append(encap, nested(tagContext1, 1)...), tlv(tagSequence, tlv(tagOctetString, make([]byte, 1000))), limitRevocationSize},
		{"signers", append(encap, nested(tagSet, 1)...), info, limitSigners},
	} {
		_, err := Read(io.MultiReader(bytes.NewReader(append(openSignedData(), tt.start...)), &endless{p: tt.again}), nil)
		if got, ok := errors.AsType[*LimitError](err); !ok || got.What != tt.want.what {
			t.Errorf("endless %s: Read = %v, want the limit for %s", tt.name, err, tt.want.what)
		}
	}
}
