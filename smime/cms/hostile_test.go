package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"slices"
	"testing"

	"dnseal/smime/cms/internal/ber"
)

// hostileCase is a message and what must become of it.
type hostileCase struct {
	name string
	// build makes the message from a right SignedData and its right signer, over testContent.
	build    func(tb testing.TB, f *forgery, s *forgedSigner)
	attached bool
	want     Code
}

// hostileCases are those on which the CMS implementations there are disagree, and some more.
var hostileCases = []hostileCase{
	{name: "control", build: nothing, want: "pass"},
	{name: "control, attached", build: nothing, attached: true, want: "pass"},
	{
		// draft-ietf-lamps-cms-euf-cma-signeddata: what was signed as attributes comes back as
		// content.
		name: "signed attributes as content", attached: true, want: CodeBadAttributes,
		build: func(_ testing.TB, f *forgery, s *forgedSigner) {
			set := string(ber.SetOf(ber.TagSet, slices.Clone(s.attrs)))
			f.content, s.attrs, s.signed = &set, nil, []byte(set)
		},
	},
	{name: "contentType differs", want: CodeBadAttributes, build: func(_ testing.TB, _ *forgery, s *forgedSigner) {
		s.attrs[0] = contentTypeIs(oidSignedData)
	}},
	{name: "contentType missing", want: CodeBadAttributes, build: func(_ testing.TB, _ *forgery, s *forgedSigner) {
		s.attrs = s.attrs[1:]
	}},
	{name: "messageDigest missing", want: CodeBadAttributes, build: func(_ testing.TB, _ *forgery, s *forgedSigner) {
		s.attrs = s.attrs[:1]
	}},
	{name: "two messageDigest attributes", want: CodeBadAttributes, build: func(_ testing.TB, _ *forgery, s *forgedSigner) {
		s.attrs = append(s.attrs, messageDigestOf(crypto.SHA256, "other"))
	}},
	{name: "messageDigest with two values", want: CodeBadAttributes, build: func(_ testing.TB, _ *forgery, s *forgedSigner) {
		right, wrong := hashOf(crypto.SHA256, testContent), hashOf(crypto.SHA256, "other")
		s.attrs[1] = ber.TLV(ber.TagSequence, oidDER(oidMessageDigest), ber.SetOf(ber.TagSet, [][]byte{ber.TLV(ber.TagOctetString, right), ber.TLV(ber.TagOctetString, wrong)}))
	}},
	{name: "no SignerInfo", want: "unsigned", build: unsigned},
	{name: "no SignerInfo, attached", attached: true, want: "unsigned", build: unsigned},
	{name: "second signer bad", want: "pass bad-digest", build: func(tb testing.TB, f *forgery, _ *forgedSigner) {
		tb.Helper()
		f.infos = append(f.infos, forge(tb, f.certs[0], testKey(tb, "p256"), "other").der(tb, "other"))
	}},
	{name: "no signed attributes in the set", want: CodeBadAttributes, build: func(_ testing.TB, _ *forgery, s *forgedSigner) {
		s.attrs = [][]byte{}
	}},
	{
		name: "no signed attributes, not id-data", attached: true, want: "not data bad-attributes",
		build: func(_ testing.TB, f *forgery, s *forgedSigner) {
			f.contentType, s.attrs = oidSignedData, nil
		},
	},
	{name: "content inside a detached signature", want: "attached", build: func(_ testing.TB, f *forgery, _ *forgedSigner) {
		content := testContent
		f.content = &content
	}},
	{name: "octets after the end", want: "malformed", build: func(_ testing.TB, f *forgery, _ *forgedSigner) {
		f.trailer = []byte{0, 0}
	}},
	{name: "SHA-1", want: CodeWeak, build: func(_ testing.TB, f *forgery, s *forgedSigner) {
		s.useDigest(f, crypto.SHA1, oidSHA1, oidECDSAWithSHA1)
	}},
	{name: "attributes unsorted, signed sorted", want: "pass", build: unsorted},
	{name: "attributes unsorted, signed so", want: "pass", build: func(tb testing.TB, f *forgery, s *forgedSigner) {
		tb.Helper()
		unsorted(tb, f, s)
		s.signed = ber.TLV(ber.TagSet, s.attrs...)
	}},
	{name: "signature over the [0]", want: CodeBadSignature, build: func(_ testing.TB, _ *forgery, s *forgedSigner) {
		s.signed = ber.SetOf(ber.TagContext0, slices.Clone(s.attrs))
	}},
	{name: "Ed25519, one bit flipped", want: CodeBadSignature, build: func(tb testing.TB, f *forgery, s *forgedSigner) {
		tb.Helper()
		ed := ed25519Signer(tb, f)
		*s = *ed
		s.value = contents(tb, lastElement(tb, contents(tb, ed.der(tb, testContent))))
		s.value[len(s.value)/2] ^= 1
	}},
	{name: "2,000 SignerInfos", want: "limit:signers", build: func(tb testing.TB, f *forgery, s *forgedSigner) {
		tb.Helper()
		f.infos = slices.Repeat([][]byte{s.der(tb, testContent)}, 2000)
	}},
}

func nothing(testing.TB, *forgery, *forgedSigner) {}

func unsigned(_ testing.TB, f *forgery, _ *forgedSigner) { f.infos = [][]byte{} }

func unsorted(_ testing.TB, _ *forgery, s *forgedSigner) {
	slices.SortFunc(s.attrs, func(a, b []byte) int { return bytes.Compare(b, a) })
}

// useDigest has the signer use another digest.
func (s *forgedSigner) useDigest(f *forgery, h crypto.Hash, digest, signature string) {
	s.scheme.hash = h
	s.digest, s.signature = ber.TLV(ber.TagSequence, oidDER(digest)), ber.TLV(ber.TagSequence, oidDER(signature))
	s.attrs[1] = messageDigestOf(h, testContent)
	f.digests = [][]byte{s.digest}
}

func ed25519Signer(tb testing.TB, f *forgery) *forgedSigner {
	tb.Helper()
	key := testKey(tb, "ed25519")
	cert := testCertificate(tb, key, 2)
	f.certs = append(f.certs, cert)
	s := forge(tb, cert, key, testContent)
	f.digests = append(f.digests, s.digest)
	return s
}

// lastElement returns the last of the elements in a row.
func lastElement(tb testing.TB, row []byte) []byte {
	tb.Helper()
	for {
		length, rest, ok := ber.CutHeader(row, row[0])
		if !ok {
			tb.Fatal("not DER")
		}
		if int64(len(rest)) == length {
			return row
		}
		row = rest[length:]
	}
}

// message builds the case.
func (c hostileCase) message(tb testing.TB) []byte {
	tb.Helper()
	key := testKey(tb, "p256")
	cert := testCertificate(tb, key, 1)
	s := forge(tb, cert, key, testContent)
	f := &forgery{digests: [][]byte{s.digest}, contentType: oidData, certs: []*x509.Certificate{cert}}
	if c.attached {
		content := testContent
		f.content = &content
	}
	c.build(tb, f, s)
	if f.infos == nil || c.name == "second signer bad" {
		f.infos = append([][]byte{s.der(tb, testContent)}, f.infos...)
	}
	return f.der()
}

func TestHostile(t *testing.T) {
	t.Parallel()
	for _, tt := range hostileCases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			content := testContent
			detached := &content
			if tt.attached {
				detached = nil
			}
			if got := verdictOf(tt.message(t), detached); got != tt.want {
				t.Errorf("judged %q, want %q", got, tt.want)
			}
		})
	}
}
