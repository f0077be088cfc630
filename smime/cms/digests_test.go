package cms

import (
	"bytes"
	"crypto"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"dnseal/smime/cms/internal/ber"
)

// TestLooksLikeAttributes: attributes are recognised in whatever encoding somebody may have signed
// them, and mail is not.
func TestLooksLikeAttributes(t *testing.T) {
	t.Parallel()
	digest := messageDigestOf(crypto.SHA256, testContent)
	many := bytes.Repeat(digest, 40)
	for _, tt := range []struct {
		name    string
		content []byte
		want    bool
	}{
		{"a set of attributes", ber.TLV(ber.TagSet, contentTypeIs(oidData), digest), true},
		{"a long one", ber.TLV(ber.TagSet, many), true},
		{"of indefinite length", append(append([]byte{ber.TagSet, 0x80}, many...), 0, 0), true},
		{"with a length longer than needed", append([]byte{ber.TagSet, 0x84, 0, 0, 0, byte(len(digest))}, digest...), true},
		{"with another in it of indefinite length", append([]byte{ber.TagSet, 6, ber.TagSequence, 0x80}, ber.TagOID, 0, 0, 0), true},
		{"octets behind it", append(ber.TLV(ber.TagSet, digest), 0), false},
		{"cut short", ber.TLV(ber.TagSet, digest)[:20], false},
		{"a set of something else", ber.TLV(ber.TagSet, ber.TLV(ber.TagSequence, ber.Null)), false},
		{"an empty set", ber.TLV(ber.TagSet), false},
		{"a sequence", ber.TLV(ber.TagSequence, digest), false},
		{"text", []byte(testContent), false},
		{"text that begins with the tag of a set", []byte("1: 0\r\n\r\n"), false},
		{"nothing", nil, false},
	} {
		var d Digests
		d.Write(tt.content)
		if got := d.looksLikeAttributes(); got != tt.want {
			t.Errorf("%s: looksLikeAttributes = %t", tt.name, got)
		}
	}
}

var allDigests = []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA1}

// TestDigestsPieces: it does not matter in which pieces content comes.
func TestDigestsPieces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "content")
		whole, pieces := newDigests(allDigests), newDigests(allDigests)
		whole.Write(content)
		for rest := content; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			pieces.Write(rest[:n])
			rest = rest[n:]
		}
		for _, h := range allDigests {
			if got := pieces.Sum(h); !bytes.Equal(got, whole.Sum(h)) || !bytes.Equal(got, hashOf(h, string(content))) {
				t.Fatalf("%s in pieces differs", h)
			}
		}
		held, ok := pieces.contents()
		if pieces.Size() != int64(len(content)) || pieces.prefix != whole.prefix || !ok || !bytes.Equal(held, content) {
			t.Fatal("size, first octets or content in pieces differ")
		}
	})
}

// TestVerifyConcurrently: full digests are only read, so that several signers may be judged at
// once.
func TestVerifyConcurrently(t *testing.T) {
	t.Parallel()
	var opts SignOptions
	for _, id := range identities[:MaxSigners] {
		opts.Signers = append(opts.Signers, Signer{Key: testKey(t, id.key), PSS: id.pss})
	}
	sd, err := Read(bytes.NewReader(sign(t, opts)), nil)
	if err != nil {
		t.Fatal(err)
	}
	d := sd.Digests()
	d.Write([]byte(testContent))
	var wg sync.WaitGroup
	for _, si := range sd.Signers {
		for _, s := range opts.Signers {
			wg.Go(func() {
				named := si.MatchKey(spkiOf(t, s.Key.Public())) == nil
				// The RSA key signs twice, once with PSS: either verifies under it.
				if good := si.Verify(d, s.Key.Public()) == nil; good != named {
					t.Errorf("%s: good %t under a key that is named: %t", si.Algorithm, good, named)
				}
			})
		}
	}
	wg.Wait()
}
