package cms

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"testing"

	"dnseal/smime/cms/internal/ber"
)

// nested is n elements, each of indefinite length and in the one before.
func nested(tag byte, n int) []byte { return bytes.Repeat([]byte{tag, 0x80}, n) }

// openSignedData is the beginning of a message, up to encapContentInfo.
func openSignedData() []byte {
	return slices.Concat(
		nested(ber.TagSequence, 1), oidDER(oidSignedData), nested(ber.TagContext0, 1), nested(ber.TagSequence, 1),
		[]byte{ber.TagInteger, 1, 1}, ber.TLV(ber.TagSet),
	)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	const deep = 200_000
	key := testKey(t, "p256")
	cert := testCertificate(t, key, 1)
	encap := ber.TLV(ber.TagSequence, oidDER(oidData))
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
		want  ber.Limit
	}{
		{"nested certificates", slices.Concat(behindContent, nested(ber.TagContext0, 1), nested(ber.TagSequence, deep)), ber.LimitDepth},
		{"nested revocation", slices.Concat(behindContent, nested(ber.TagContext1, deep)), ber.LimitDepth},
		{"nested signers", slices.Concat(behindContent, nested(ber.TagSet, 1), nested(ber.TagSequence, deep)), ber.LimitDepth},
		{"nested octet strings", slices.Concat(behindContent, nested(ber.TagContext0, 1), nested(ber.TagOctetString|ber.Constructed, deep)), ber.LimitDepth},
		{"nested content", slices.Concat(openSignedData(), nested(ber.TagSequence, 1), oidDER(oidData), nested(ber.TagContext0, 1), nested(ber.TagOctetString|ber.Constructed, deep)), ber.LimitDepth},
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
			s.attrs = append(s.attrs, slices.Repeat([][]byte{attribute("\x2a\x03", ber.Null)}, MaxAttributes-1)...)
		}), limitAttributes},
		{"a large certificate", message(func(f *forgery, _ *forgedSigner) {
			f.certs = []*x509.Certificate{{Raw: ber.TLV(ber.TagSequence, make([]byte, MaxCertificateSize+1))}}
		}), limitCertificateSize},
		{"a certificate that says it is large", slices.Concat(behindContent, nested(ber.TagContext0, 1), []byte{ber.TagSequence, 0x84, 0x7f, 0xff, 0xff, 0xff}), limitCertificateSize},
		{"a large signer", message(func(f *forgery, s *forgedSigner) {
			s.unsigned = ber.TLV(ber.TagContext1, make([]byte, MaxSignerSize))
		}), limitSignerSize},
		{"large revocation lists", slices.Concat(behindContent, ber.AppendHeader(nil, ber.TagContext1, MaxRevocationSize+1)), limitRevocationSize},
		{"a large version", slices.Concat(nested(ber.TagSequence, 1), oidDER(oidSignedData), nested(ber.TagContext0, 1), nested(ber.TagSequence, 1), ber.AppendHeader(nil, ber.TagInteger, 1<<20)), ber.LimitElement},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Read(bytes.NewReader(tt.input), nil)
			got, ok := errors.AsType[*LimitError](err)
			if !ok || got.What != tt.want.What || got.Limit != tt.want.Max {
				t.Errorf("Read = %v, want the limit for %s", err, tt.want.What)
			}
		})
	}
}

// TestRevocation: revocation lists are read past, whatever their form.
func TestRevocation(t *testing.T) {
	t.Parallel()
	content := testContent
	for _, crls := range [][]byte{ber.TLV(ber.TagContext1), ber.TLV(ber.TagContext1, ber.TLV(ber.TagSequence, ber.TLV(ber.TagOctetString, make([]byte, 100_000)))), append(nested(ber.TagContext1, 1), 0, 0)} {
		s := identities[0].signer(t)
		der := sign(t, SignOptions{Signers: []Signer{s}, Certificates: []*x509.Certificate{s.Certificate}})
		info := lastElement(t, contents(t, contents(t, lastElement(t, contents(t, der)))))
		der = slices.Concat(der[:len(der)-len(info)], crls, info)
		// With definite lengths around it the message would be too long for them.
		der = openEnded(t, der)
		if got := verdictOf(der, &content); got != "pass" {
			t.Errorf("with %d octets of crls: %q", len(crls), got)
		}
	}
}

// openEnded gives the three elements around a SignedData an indefinite length, whatever length they
// say they have.
func openEnded(tb testing.TB, der []byte) []byte {
	tb.Helper()
	open := func(tag byte) []byte {
		_, rest, ok := ber.CutHeader(der, tag)
		if !ok {
			tb.Fatal("not a SignedData")
		}
		der = rest
		return []byte{tag, 0x80}
	}
	out := append(open(ber.TagSequence), oidDER(oidSignedData)...)
	der = der[len(oidDER(oidSignedData)):]
	out = append(out, open(ber.TagContext0)...)
	out = append(out, open(ber.TagSequence)...)
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
var emptyCertificate = ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence, []byte{ber.TagInteger, 1, 1}, bytes.Repeat(ber.TLV(ber.TagSequence), 5)), ber.TLV(ber.TagSequence), []byte{ber.TagBitString, 1, 0})

// TestEndless: input that never ends ends at a limit, unless it is content.
func TestEndless(t *testing.T) {
	t.Parallel()
	encap := ber.TLV(ber.TagSequence, oidDER(oidData))
	key := testKey(t, "p256")
	info := forge(t, testCertificate(t, key, 1), key, testContent).der(t, testContent)
	for _, tt := range []struct {
		name  string
		start []byte
		again []byte
		want  ber.Limit
	}{
		{"certificates", append(encap, nested(ber.TagContext0, 1)...), emptyCertificate, limitCertificates},
		{"one certificate", slices.Concat(encap, nested(ber.TagContext0, 1), nested(ber.TagSequence, 1)), ber.TLV(ber.TagNull), limitCertificateSize},
		{"revocation lists", append(encap, nested(ber.TagContext1, 1)...), ber.TLV(ber.TagSequence, ber.TLV(ber.TagOctetString, make([]byte, 1000))), limitRevocationSize},
		{"signers", append(encap, nested(ber.TagSet, 1)...), info, limitSigners},
	} {
		_, err := Read(io.MultiReader(bytes.NewReader(append(openSignedData(), tt.start...)), &endless{p: tt.again}), nil)
		if got, ok := errors.AsType[*LimitError](err); !ok || got.What != tt.want.What {
			t.Errorf("endless %s: Read = %v, want the limit for %s", tt.name, err, tt.want.What)
		}
	}
}
